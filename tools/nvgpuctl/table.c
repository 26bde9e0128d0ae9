// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of GPUs: the columns, and printing by libsmartcols.
 */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <strings.h>
#include <unistd.h>

#include "nvgpuctl.h"

static void col_id(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%04x:%04x", gpu->vendor, gpu->device);
}

static void col_base(const struct gpu *gpu, char *buf, size_t len)
{
	if (gpu->has_base)
		snprintf(buf, len, "0x%llx", gpu->mem_base);
}

static void col_source(const struct gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%s", memory_source_name(gpu->source));
}

static void col_vm(const struct gpu *gpu, char *buf, size_t len)
{
	struct users users;
	unsigned int i;
	size_t used = 0;

	if (users_load(gpu, &users) < 0)
		snprintf(buf, len, "?");
	for (i = 0; i < users.nr && used < len; i++)
		used += snprintf(buf + used, len - used, "%s%s", i ? "," : "", users.v[i].name);
	users_free(&users);
}

#define FIELD(field) offsetof(struct gpu, field)

const struct column gpu_columns[] = {
	{ "BDF", "PCI address", COLUMN_TEXT, FIELD(bdf), NULL },
	{ "ID", "vendor and device", COLUMN_TEXT, 0, col_id },
	{ "NAME", "name, \"unknown\" without one", COLUMN_TEXT, FIELD(name), NULL },
	{ "DRIVER", "bound driver", COLUMN_TEXT, FIELD(driver), NULL },
	{ "OVERRIDE", "driver_override", COLUMN_TEXT, FIELD(override), NULL },
	{ "PERSISTED", "driver to bind at boot, from /etc/driverctl.d", COLUMN_TEXT,
	  FIELD(persisted), NULL },
	{ "GROUP", "IOMMU group", COLUMN_NUMBER, FIELD(group), NULL },
	{ "IOMMU", "IOMMU that serves it", COLUMN_TEXT, FIELD(iommu), NULL },
	{ "NODE", "NUMA node", COLUMN_NUMBER, FIELD(node), NULL },
	{ "MEMORY", "size of its memory", COLUMN_SIZE, FIELD(mem_size), NULL },
	{ "BASE", "physical address of its memory", COLUMN_TEXT, 0, col_base },
	{ "USEMEM", "cacheable part of it", COLUMN_SIZE, FIELD(usemem.size), NULL },
	{ "RESMEM", "write-combining part of it", COLUMN_SIZE, FIELD(resmem.size), NULL },
	{ "SOURCE", "source of the size: driver, firmware, acpi-heuristic", COLUMN_TEXT, 0,
	  col_source },
	{ "READY", "state of the memory, while bound to nvgpu-vfio-pci", COLUMN_TEXT,
	  FIELD(ready), NULL },
	{ "RESETS", "resets since it was bound", COLUMN_COUNT, FIELD(resets), NULL },
	{ "POISONED", "hwpoisoned pages since the last reset", COLUMN_COUNT, FIELD(poisoned),
	  NULL },
	{ "VFIO", "its vfio device", COLUMN_TEXT, FIELD(vfio_dev), NULL },
	{ "VM", "VM or program that uses it, \"?\" if only root can tell", COLUMN_TEXT, 0,
	  col_vm },
};

/**
 * column_text() - Write a cell
 * @column: its column
 * @gpu: its line
 * @buf: gets the text, "-" if there is none
 * @len: of @buf
 */
void column_text(const struct column *column, const struct gpu *gpu, char *buf, size_t len)
{
	const void *field = (const char *)gpu + column->offset;

	buf[0] = '\0';
	if (column->text)
		column->text(gpu, buf, len);
	else if (column->type == COLUMN_TEXT)
		snprintf(buf, len, "%s", (const char *)field);
	else if (column->type == COLUMN_NUMBER && *(const int *)field >= 0)
		snprintf(buf, len, "%d", *(const int *)field);
	else if (column->type == COLUMN_SIZE && *(const __u64 *)field &&
		 opts.table == TABLE_HUMAN)
		format_size(buf, len, *(const __u64 *)field);
	else if (column->type == COLUMN_SIZE ? *(const __u64 *)field :
		 column->type == COLUMN_COUNT && gpu->source == MEM_DRIVER)
		snprintf(buf, len, "%llu", *(const __u64 *)field);
	if (!buf[0])
		snprintf(buf, len, "-");
}

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
	scols_table_enable_raw(table, opts.table == TABLE_RAW);
	scols_table_enable_export(table, opts.table == TABLE_PAIRS);
	if (isatty(STDOUT_FILENO) && opts.table == TABLE_HUMAN) {
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
