// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of GPUs: the columns, and printing by libsmartcols.
 */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <strings.h>
#include <unistd.h>

#include "nvgpuctl.h"

static void col_bdf(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->bdf);
}

static void col_id(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%04x:%04x", gpu->vendor, gpu->device);
}

static void col_name(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->name);
}

static void col_driver(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->driver);
}

static void col_override(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->override);
}

static void col_persisted(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->persisted);
}

static void number(int value, char *buf, size_t len)
{
	if (value >= 0)
		snprintf(buf, len, "%d", value);
}

static void col_group(const struct gpu *gpu, char *buf, size_t len)
{
	number(gpu->group, buf, len);
}

static void col_node(const struct gpu *gpu, char *buf, size_t len)
{
	number(gpu->node, buf, len);
}

static void col_iommu(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->iommu);
}

static void size_or_nothing(__u64 size, char *buf, size_t len)
{
	if (size)
		format_size(buf, len, size);
}

static void col_memory(const struct gpu *gpu, char *buf, size_t len)
{
	size_or_nothing(gpu->mem_size, buf, len);
}

static void col_base(const struct gpu *gpu, char *buf, size_t len)
{
	if (gpu->has_base)
		snprintf(buf, len, "0x%llx", gpu->mem_base);
}

static void col_usemem(const struct gpu *gpu, char *buf, size_t len)
{
	size_or_nothing(gpu->usemem.size, buf, len);
}

static void col_resmem(const struct gpu *gpu, char *buf, size_t len)
{
	size_or_nothing(gpu->resmem.size, buf, len);
}

static void col_source(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", memory_source_name(gpu->source));
}

static void col_ready(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->ready);
}

static void col_resets(const struct gpu *gpu, char *buf, size_t len)
{
	if (gpu->source == MEM_DRIVER)
		snprintf(buf, len, "%llu", gpu->resets);
}

static void col_poisoned(const struct gpu *gpu, char *buf, size_t len)
{
	if (gpu->source == MEM_DRIVER)
		snprintf(buf, len, "%llu", gpu->poisoned);
}

static void col_vfio(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", gpu->vfio_dev);
}

const struct column gpu_columns[] = {
	{ "BDF", "PCI address", false, col_bdf },
	{ "ID", "vendor and device", false, col_id },
	{ "NAME", "name, \"unknown\" without one", false, col_name },
	{ "DRIVER", "bound driver", false, col_driver },
	{ "OVERRIDE", "driver_override", false, col_override },
	{ "PERSISTED", "driver to bind at boot, from /etc/driverctl.d", false, col_persisted },
	{ "GROUP", "IOMMU group", true, col_group },
	{ "IOMMU", "IOMMU that serves it", false, col_iommu },
	{ "NODE", "NUMA node", true, col_node },
	{ "MEMORY", "size of its memory", true, col_memory },
	{ "BASE", "physical address of its memory", false, col_base },
	{ "USEMEM", "cacheable part of it", true, col_usemem },
	{ "RESMEM", "write-combining part of it", true, col_resmem },
	{ "SOURCE", "source of the size: driver, firmware, acpi-heuristic", false, col_source },
	{ "READY", "state of the memory, while bound to nvgpu-vfio-pci", false, col_ready },
	{ "RESETS", "resets since it was bound", true, col_resets },
	{ "POISONED", "hwpoisoned pages since the last reset", true, col_poisoned },
	{ "VFIO", "its vfio device", false, col_vfio },
};

const unsigned int nr_gpu_columns = NR_ITEMS(gpu_columns);

static const struct column *column_named(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr_gpu_columns; i++)
		if (strlen(gpu_columns[i].name) == len &&
		    !strncasecmp(gpu_columns[i].name, name, len))
			return &gpu_columns[i];
	return NULL;
}

/**
 * columns_choose() - Parse a list of column names
 * @list: names separated by commas
 * @chosen: gets the columns
 * @max: size of @chosen
 *
 * Return: how many, or -EINVAL after a message.
 */
int columns_choose(const char *list, const struct column **chosen, unsigned int max)
{
	unsigned int nr = 0;
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (nr == max) {
			complain("-o: more than %u columns", max);
			return -EINVAL;
		}
		chosen[nr] = column_named(list, len);
		if (!chosen[nr++]) {
			complain("unknown column \"%.*s\": see nvgpuctl list --help",
				 (int)len, list);
			return -EINVAL;
		}
		if (!list[len])
			return nr;
	}
}

/* Truncate to the width on a terminal only: programs need the whole text. */
struct libscols_table *table_new(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		abort();
	scols_table_enable_noheadings(table, opts.no_headings);
	scols_table_enable_ascii(table, opts.ascii);
	scols_table_enable_colors(table, opts.colour);
	if (isatty(STDOUT_FILENO)) {
		scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
		scols_table_set_termwidth(table, opts.width);
	} else {
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	}
	return table;
}

int table_print(struct libscols_table *table)
{
	int ret = scols_print_table(table);

	scols_unref_table(table);
	return ret;
}
