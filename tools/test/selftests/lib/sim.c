// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the simulator knows: where the memory is and what DMA was mapped. The
 * expected layout is worked out here from the firmware's numbers and the
 * words of the design, independent of the driver's code.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

/* Firmware ABI: usemem is a multiple of this block, the guest's memory block. */
#define MEMBLK		(512 * SZ_1M)
#define RESMEM_MIN	SZ_1G

static FILE *open_attr(const char *attr)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", env_or_skip("NVGPU_SIM"), attr);
	f = fopen(path, "re");
	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

void sim_read(const char *attr, char *buf, size_t len)
{
	FILE *f = open_attr(attr);

	if (!fgets(buf, (int)len, f))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

__u64 sim_read_u64(const char *attr)
{
	char buf[64], *end;
	__u64 val;

	sim_read(attr, buf, sizeof(buf));
	val = strtoull(buf, &end, 0);
	if (end == buf)
		die("simulator attribute %s: \"%s\" is not a number", attr, buf);
	return val;
}

int __sim_write_text(const char *attr, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", env_or_skip("NVGPU_SIM"), attr);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f) ? -errno : 0;
}

void sim_write_text(const char *attr, const char *text)
{
	int ret = __sim_write_text(attr, text);

	if (ret)
		die("writing \"%s\" to simulator attribute %s: %s", text, attr,
		    strerror(-ret));
}

int __sim_write(const char *attr, __u64 val)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", val);
	return __sim_write_text(attr, text);
}

void sim_write(const char *attr, __u64 val)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", val);
	sim_write_text(attr, text);
}

/* Each line of dma_map is "iova pa size page", in hex; empty lines pad it. */
bool sim_dma_lookup(__u64 iova, __u64 *phys)
{
	FILE *f = open_attr("dma_map");
	__u64 start, pa, size;
	bool found = false;
	char line[128];

	while (!found && fgets(line, sizeof(line), f)) {
		if (line[0] == '\n')
			continue;
		if (sscanf(line, "%llx %llx %llx", &start, &pa, &size) != 3)
			die("simulator attribute dma_map: cannot read \"%s\"", line);
		if (iova < start || iova - start >= size)
			continue;
		*phys = pa + (iova - start);
		found = true;
	}
	fclose(f);
	return found;
}

static __u64 round_up_pow2(__u64 val)
{
	__u64 pow = 1;

	while (pow < val)
		pow <<= 1;
	return pow;
}

void model_from_sim(struct model *model)
{
	__u64 start, last, size, usemem;
	bool has_resmem;
	char buf[64];

	sim_read("memory_range", buf, sizeof(buf));
	if (sscanf(buf, "%llx-%llx", &start, &last) != 2)
		die("simulator attribute memory_range: cannot read \"%s\"", buf);
	size = last - start + 1;
	has_resmem = !sim_read_u64("mig_fixed");
	usemem = has_resmem ? (size - RESMEM_MIN) / MEMBLK * MEMBLK : size;

	model->usemem = (struct model_region) {
		.name = "usemem",
		.index = VFIO_PCI_BAR4_REGION_INDEX,
		.phys = start,
		.mem_len = usemem,
		.bar_size = round_up_pow2(usemem),
	};
	model->resmem = (struct model_region) {
		.name = "resmem",
		.index = VFIO_PCI_BAR2_REGION_INDEX,
		.phys = start + usemem,
		.mem_len = size - usemem,
		.bar_size = has_resmem ? round_up_pow2(size - usemem) : 0,
	};
}

/* What the 64-bit register reads after all ones were written to it. */
__u64 model_bar_mask(const struct model_region *region)
{
	return ~(region->bar_size - 1) | PCI_BASE_ADDRESS_MEM_TYPE_64 |
	       PCI_BASE_ADDRESS_MEM_PREFETCH;
}
