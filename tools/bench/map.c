// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of usemem: first touch of each page, faults, page tables, DMA map and
 * unmap, by the alignment of the mapping. The limit of a touch is a touch of what
 * is mapped already, that of a DMA map one of the same mapping when it is populated.
 *
 * With an argument, the whole of the memory, one touch for each 2 MiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

/**
 * struct mapping - how a mapping is aligned, and how it is used
 * @name: of the alignment
 * @skew: distance of its first byte from a multiple of 1 GiB
 * @len: bytes
 * @stride: distance of the words that are touched
 */
struct mapping {
	const char *name;
	__u64 skew;
	__u64 len;
	__u64 stride;
};

static const struct mapping mappings[] = {
	{ "1G", 0, SZ_1G, SZ_4K },
	{ "2M", SZ_2M, SZ_1G, SZ_4K },
	{ "64K", 64 * SZ_1K, 256 * SZ_1M, SZ_4K },
	{ "4K", SZ_4K, 256 * SZ_1M, SZ_4K },
};

static void touch(const struct work *work)
{
	const char *at = work->map, *end = at + work->len;

	for (; at < end; at += work->offset)
		load32(at);
}

static void map_dma(const struct work *work)
{
	dma_map(work->gpu, work->map, SZ_1G * 64, work->len);
}

static void unmap_dma(const struct work *work)
{
	dma_unmap(work->gpu, SZ_1G * 64, work->len);
}

/* One mapping is created, used once, and goes away; figures are per GiB. */
static double per_gib(const struct work *work, double value)
{
	return value * (double)SZ_1G / (double)work->len;
}

static void print(const struct mapping *mapping, const struct work *work,
		  const char *what, const char *unit, double value,
		  const char *limit_name, double limit)
{
	char name[80];

	snprintf(name, sizeof(name), "map/%s/%s/%s", what, size_name(mapping->len),
		 mapping->name);
	print_figure(name, unit, per_gib(work, value), limit_name,
		     per_gib(work, limit));
}

static void create(struct work *work, const struct mapping *mapping)
{
	work->len = mapping->len;
	work->offset = mapping->stride;
	work->map = gpu_map_aligned(work->gpu, work->region, 0, mapping->len, SZ_1G,
				    mapping->skew);
}

/* Page faults would end the zero-th time it runs: the clock starts before. */
static double run_once(struct work *work, void (*run)(const struct work *work))
{
	work->run = run;
	return time_once(work);
}

static void measure_touch(struct work *work, const struct mapping *mapping)
{
	double huge = (double)(mapping->len / pmd_size());
	__u64 tables = page_table_bytes();
	long faults = minor_faults();
	double first, again;

	create(work, mapping);
	first = run_once(work, touch);
	faults = minor_faults() - faults;
	tables = page_table_bytes() - tables;
	again = run_once(work, touch);
	print(mapping, work, "touch", "ns/GiB", first, "mapped", again);
	print(mapping, work, "faults", "/GiB", (double)faults, "huge pages", huge);
	print(mapping, work, "tables", "bytes/GiB", (double)tables, NULL, 0);
	munmap(work->map, work->len);
}

static void measure_dma(struct work *work, const struct mapping *mapping)
{
	double first, again, unmap;

	create(work, mapping);
	first = run_once(work, map_dma);
	unmap = run_once(work, unmap_dma);
	again = run_once(work, map_dma);
	run_once(work, unmap_dma);
	print(mapping, work, "dma-map", "ns/GiB", first, "populated", again);
	print(mapping, work, "dma-unmap", "ns/GiB", unmap, NULL, 0);
	munmap(work->map, work->len);
}

static void measure_all_memory(struct work *work)
{
	struct mapping all = { "1G", 0, work->region->mem_len, SZ_2M };

	measure_touch(work, &all);
	measure_dma(work, &all);
	all.name = "2M";
	all.skew = SZ_2M;
	measure_touch(work, &all);
	measure_dma(work, &all);
}

int main(int argc, char **argv)
{
	struct gpu_region region;
	struct work work = { .region = &region };
	struct mapping mapping;
	struct gpu gpu;
	unsigned int i;

	gpu_open(&gpu);
	config_set_memory(&gpu, true);
	gpu_region(&gpu, VFIO_PCI_BAR4_REGION_INDEX, &region);
	work.gpu = &gpu;
	if (argc > 1) {
		measure_all_memory(&work);
	} else {
		for (i = 0; i < ARRAY_SIZE(mappings); i++) {
			mapping = mappings[i];
			if (is_quick())
				mapping.len = 16 * SZ_1M;
			measure_touch(&work, &mapping);
			measure_dma(&work, &mapping);
		}
	}
	gpu_close(&gpu);
	return 0;
}
