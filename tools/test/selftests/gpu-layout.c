// SPDX-License-Identifier: GPL-2.0-only
/*
 * gpu-layout - show how a GPU's memory is presented as BARs
 *
 * Everything comes from region info, the BAR registers and /proc/iomem.
 */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

#define NR_BARS		6
#define BOX_ROWS	6	/* rows between the lids of a box */
#define BOX_WIDTH	30
#define MAX_PARTS	3

struct style {
	const char *top[2], *middle[2], *bottom[2];	/* corners */
	const char *line, *side, *fill, *arrow;
};

static const struct style unicode = {
	.top = { "┌", "┐" }, .middle = { "├", "┤" }, .bottom = { "└", "┘" },
	.line = "─", .side = "│", .fill = "░", .arrow = "──▶",
};

static const struct style ascii = {
	.top = { "+", "+" }, .middle = { "+", "+" }, .bottom = { "+", "+" },
	.line = "-", .side = "|", .fill = ".", .arrow = "-->",
};

/* A stretch of a box. */
struct part {
	const char *name;
	__u64 size;
	const char *note;
	bool is_empty;
};

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

static void format_size(char *buf, size_t len, __u64 size)
{
	static const char * const units[] = { "KiB", "MiB", "GiB", "TiB" };
	unsigned int i = 0;
	double val = (double)size / SZ_1K;

	while (val >= 1024 && i < 3) {
		val /= 1024;
		i++;
	}
	snprintf(buf, len, "%.4g %s", val, units[i]);
}

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

static void draw_lid(const struct style *style, const char * const corner[2],
		     __u64 addr)
{
	int i;

	printf("  %12s0x%09llx %s", "", addr, corner[0]);
	for (i = 0; i < BOX_WIDTH; i++)
		fputs(style->line, stdout);
	printf("%s\n", corner[1]);
}

/* @row 0 has the text; an empty part is filled. */
static void draw_row(const struct style *style, const struct part *part, int row)
{
	char text[BOX_WIDTH + 1] = "", size[32];
	int i;

	if (!row) {
		format_size(size, sizeof(size), part->size);
		snprintf(text, sizeof(text), " %-10.10s %12.12s ", part->name, size);
	}
	printf("  %24s%s%s", "", style->side, text);
	for (i = (int)strlen(text); i < BOX_WIDTH; i++)
		fputs(part->is_empty ? style->fill : " ", stdout);
	fputs(style->side, stdout);
	if (!row && part->note)
		printf(" %s", part->note);
	putchar('\n');
}

/* Parts of a box have heights in proportion to their sizes, at least one row. */
static void draw_box(const struct style *style, const struct part *parts,
		     unsigned int nr, __u64 addr)
{
	__u64 total = 0;
	unsigned int i;
	int row, rows;

	for (i = 0; i < nr; i++)
		total += parts[i].size;
	draw_lid(style, style->top, addr);
	for (i = 0; i < nr; i++) {
		rows = (int)((parts[i].size * BOX_ROWS + total / 2) / total);
		for (row = 0; row < rows || !row; row++)
			draw_row(style, &parts[i], row);
		addr += parts[i].size;
		draw_lid(style, i + 1 < nr ? style->middle : style->bottom, addr);
	}
}

static void draw_memory(const struct style *style, const char *bdf,
			const struct gpu_region *regions, unsigned int nr)
{
	struct part parts[MAX_PARTS] = {};
	char notes[MAX_PARTS][32], size[32];
	__u64 start, last;
	unsigned int i;

	if (!find_claim(bdf, &start, &last)) {
		puts("  No driver has claimed GPU memory in /proc/iomem.");
		return;
	}
	format_size(size, sizeof(size), last - start + 1);
	printf("  GPU memory, physical addresses, %s\n", size);
	for (i = 0; i < nr; i++) {
		snprintf(notes[i], sizeof(notes[i]), "%s BAR%u/%u", style->arrow,
			 regions[i].index, regions[i].index + 1);
		parts[i] = (struct part) {
			region_name(&regions[i]), regions[i].mem_len, notes[i], false
		};
	}
	draw_box(style, parts, nr, start);
}

static void draw_bar(const struct style *style, struct gpu *gpu,
		     const struct gpu_region *region)
{
	__u8 bits = config_read8(gpu, PCI_BASE_ADDRESS_0 + 4 * region->index) & 0xf;
	struct part parts[2] = {
		{ region_name(region), region->mem_len, "read, write, mmap", false },
		{ "nothing", region->size - region->mem_len,
		  "reads ~0, writes dropped, no mmap", true },
	};
	char size[32];

	format_size(size, sizeof(size), region->size);
	printf("\n  BAR%u/%u as a guest sees it: %s%s, reports %s\n", region->index,
	       region->index + 1,
	       bits & PCI_BASE_ADDRESS_MEM_TYPE_64 ? "64-bit" : "32-bit",
	       bits & PCI_BASE_ADDRESS_MEM_PREFETCH ? " prefetchable" : "", size);
	draw_box(style, parts, parts[1].size ? 2 : 1, 0);
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

static void draw(const struct style *style, struct gpu *gpu)
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
			format_size(size, sizeof(size), region.size);
			printf("  BAR%d/%d is a BAR of the hardware, %s\n", bar, bar + 1,
			       size);
		}
	}
	putchar('\n');
	draw_memory(style, gpu->bdf, regions, nr);
	for (i = 0; i < nr; i++)
		draw_bar(style, gpu, &regions[i]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ascii", no_argument, NULL, 'a' },
		{ "plain", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const struct style *style;
	bool is_plain = false;
	struct gpu gpu;
	int opt;

	setlocale(LC_CTYPE, "");
	style = strcmp(nl_langinfo(CODESET), "UTF-8") ? &ascii : &unicode;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage_text, stdout);
			return 0;
		} else if (opt == 'a') {
			style = &ascii;
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
		draw(style, &gpu);
	gpu_close(&gpu);
	return 0;
}
