// SPDX-License-Identifier: GPL-2.0-only
/*
 * gpu-layout - show how a GPU's memory is presented as BARs
 *
 * Everything comes from region info, the BAR registers and /proc/iomem; nvgpuctl draws it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../nvgpuctl/draw.h"
#include "gpu.h"

#define NR_BARS		6
#define MAX_PARTS	3

static const char usage_text[] =
	"usage: gpu-layout [--ascii | --plain] BDF\n"
	"Shows how the memory of the GPU at this PCI address, which must be bound to\n"
	"a vfio driver, is presented as BARs.\n"
	"\n"
	"  --ascii  draw without Unicode (also without a UTF-8 locale)\n"
	"  --plain  print KEY=VALUE lines, sizes in bytes, for programs\n"
	"  --help   this text\n"
	"\n"
	"Exit status: 0 shown, 1 the device cannot be opened, 2 wrong usage.\n";

static const char *region_name(const struct gpu_region *region)
{
	return region->index == VFIO_PCI_BAR4_REGION_INDEX ? "usemem" : "resmem";
}

/* The physical range that the driver claimed for this function. */
static bool find_claim(const char *bdf, __u64 *start, __u64 *last)
{
	FILE *f = fopen("/proc/iomem", "re");
	char line[256], want[64];
	bool found = false;

	snprintf(want, sizeof(want), "nvgpu %s\n", bdf);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, want) &&
			sscanf(line, " %llx-%llx", start, last) == 2;
	if (f)
		fclose(f);
	return found;
}

static void driver_name(const char *bdf, char *buf, size_t len)
{
	char path[128], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	snprintf(buf, len, "%s", n > 0 ? strrchr(link, '/') + 1 : "none");
}

static void add_part(struct box *box, const char *name, __u64 size, const char *note)
{
	box->part[box->nr++] = (struct box_part) {
		.name = name, .size = size, .note = note,
		.is_cached = !strcmp(name, "usemem"), .is_empty = !strcmp(name, "nothing"),
	};
}

static void draw_memory(const char *bdf, const struct gpu_region *regions, unsigned int nr)
{
	char notes[MAX_PARTS][16], size[32];
	struct box box = {};
	unsigned int i;
	__u64 last;

	if (!find_claim(bdf, &box.address, &last)) {
		puts("  No driver has claimed GPU memory in /proc/iomem.");
		return;
	}
	snprintf(box.title, sizeof(box.title), "GPU memory, physical addresses, %s",
		 format_size(size, sizeof(size), last - box.address + 1));
	for (i = 0; i < nr; i++) {
		snprintf(notes[i], sizeof(notes[i]), "BAR%u/%u", regions[i].index,
			 regions[i].index + 1);
		add_part(&box, region_name(&regions[i]), regions[i].mem_len, notes[i]);
	}
	draw_text(&box, draw_scale(&box, 1));
}

static void draw_bar(struct gpu *gpu, const struct gpu_region *region)
{
	__u8 bits = config_read8(gpu, PCI_BASE_ADDRESS_0 + 4 * region->index) & 0xf;
	struct box box = {};
	char size[32];

	snprintf(box.title, sizeof(box.title), "BAR%u/%u as a guest sees it: %s%s, reports %s",
		 region->index, region->index + 1,
		 bits & PCI_BASE_ADDRESS_MEM_TYPE_64 ? "64-bit" : "32-bit",
		 bits & PCI_BASE_ADDRESS_MEM_PREFETCH ? " prefetchable" : "",
		 format_size(size, sizeof(size), region->size));
	add_part(&box, region_name(region), region->mem_len, "read, write, mmap");
	if (region->size > region->mem_len)
		add_part(&box, "nothing", region->size - region->mem_len,
			 "reads ~0, drops writes, no mmap");
	putchar('\n');
	draw_text(&box, draw_scale(&box, 1));
}

static void print_plain(struct gpu *gpu)
{
	struct gpu_region region;
	char driver[64];
	__u32 bar;

	driver_name(gpu->bdf, driver, sizeof(driver));
	printf("driver=%s\n", driver);
	for (bar = 0; bar < NR_BARS; bar++) {
		gpu_region(gpu, bar, &region);
		printf("bar%u.size=%llu\n", bar, region.size);
		printf("bar%u.memory=%llu\n", bar, region.is_sparse ? region.mem_len : 0);
		printf("bar%u.areas=%u\n", bar, region.nr_areas);
	}
}

static void draw(struct gpu *gpu)
{
	struct gpu_region regions[MAX_PARTS], region;
	char driver[64], size[32];
	unsigned int nr = 0, i;
	int bar;

	driver_name(gpu->bdf, driver, sizeof(driver));
	printf("  %s, driver %s\n", gpu->bdf, driver);
	for (bar = NR_BARS - 1; bar >= 0; bar--) {
		gpu_region(gpu, (__u32)bar, &region);
		if (region.is_sparse && nr < MAX_PARTS) {
			regions[nr++] = region;
		} else if (region.size) {
			printf("  BAR%d/%d is a BAR of the hardware, %s\n", bar, bar + 1,
			       format_size(size, sizeof(size), region.size));
		}
	}
	putchar('\n');
	draw_memory(gpu->bdf, regions, nr);
	for (i = 0; i < nr; i++)
		draw_bar(gpu, &regions[i]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ascii", no_argument, NULL, 'a' },
		{ "plain", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool is_plain = false;
	struct gpu gpu;
	int opt;

	out_init(COLOUR_AUTO);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage_text, stdout);
			return 0;
		} else if (opt == 'a') {
			opts.ascii = true;
		} else if (opt == 'p') {
			is_plain = true;
		} else {
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage_text, stderr);
		return 2;
	}

	setenv("NVGPU_BDF", argv[optind], 1);
	gpu_open(&gpu);
	if (is_plain)
		print_plain(&gpu);
	else
		draw(&gpu);
	gpu_close(&gpu);
	return 0;
}
