// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl list: a table of the GPUs, or a tree by IOMMU and group.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "nvgpuctl.h"

#define DEFAULT_COLUMNS "bdf,id,name,driver,group,node,memory,ready,vm"
#define MAX_COLUMNS 32

static void print_help(void)
{
	unsigned int i;

	puts("usage: nvgpuctl list [OPTION...] [GPU...]\n"
	     "Lists the Grace GPUs of this machine, or the given ones.\n"
	     "\n"
	     "  --tree      by IOMMU and IOMMU group, with all members of each group\n"
	     "  --help      this text; options for every command: nvgpuctl --help\n"
	     "\n"
	     "Columns for -o (default: " DEFAULT_COLUMNS "):\n");
	for (i = 0; i < nr_gpu_columns; i++)
		printf("  %-10s  %s\n", gpu_columns[i].name, gpu_columns[i].help);
	puts("\nExit status: 0 listed, 2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static void fill_line(struct libscols_line *line, const struct gpu *gpu,
		      const struct column **column, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		char text[128];

		column_text(column[i], gpu, text, sizeof(text));
		scols_line_set_data(line, i, text);
	}
}

static enum status print_table(const struct gpus *gpus)
{
	const struct column *column[MAX_COLUMNS];
	struct libscols_table *table;
	unsigned int i;
	int nr;

	nr = columns_choose(opts.columns ? opts.columns : DEFAULT_COLUMNS, column, MAX_COLUMNS);
	if (nr < 0)
		return ST_USAGE;
	table = table_new();
	for (i = 0; i < (unsigned int)nr; i++)
		scols_table_new_column(table, column[i]->name, 0.1,
				       (strstr("NAME VM", column[i]->name) ? SCOLS_FL_TRUNC : 0) |
				       (column[i]->type != COLUMN_TEXT ? SCOLS_FL_RIGHT : 0));
	for (i = 0; i < gpus->nr; i++)
		fill_line(scols_table_new_line(table, NULL), &gpus->v[i], column, nr);
	return table_print(table) ? ST_FAILED : ST_OK;
}

static struct libscols_line *new_branch(struct libscols_table *table,
					struct libscols_line *parent, const char *what)
{
	struct libscols_line *line = scols_table_new_line(table, parent);

	scols_line_set_data(line, 0, what);
	return line;
}

static const char *role(const struct gpus *gpus, const struct member *member)
{
	if (gpus_have(gpus, member->bdf))
		return "GPU";
	if (member->is_bridge)
		return "bridge";
	return member->blocks ? "makes the group not viable" : "";
}

static void add_group(struct libscols_table *table, struct libscols_line *parent,
		      const struct gpus *gpus, const struct gpu *gpu)
{
	struct libscols_line *branch, *leaf;
	struct group group;
	char text[32];
	unsigned int i;

	snprintf(text, sizeof(text), "group %d", gpu->group);
	branch = new_branch(table, parent, gpu->group < 0 ? "no group" : text);
	if (group_load(gpu->group, &group)) {
		leaf = new_branch(table, branch, gpu->bdf);
		scols_line_set_data(leaf, 1, gpu->driver);
		return;
	}
	for (i = 0; i < group.nr; i++) {
		leaf = new_branch(table, branch, group.v[i].bdf);
		scols_line_set_data(leaf, 1, group.v[i].driver);
		scols_line_set_data(leaf, 2, role(gpus, &group.v[i]));
	}
	group_free(&group);
}

/* Does an earlier GPU have the same IOMMU, or the same group? */
static bool seen(const struct gpus *gpus, unsigned int nr, bool by_group)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (strcmp(gpus->v[i].iommu, gpus->v[nr].iommu))
			continue;
		if (!by_group || (gpus->v[i].group >= 0 &&
				  gpus->v[i].group == gpus->v[nr].group))
			return true;
	}
	return false;
}

static enum status print_tree(const struct gpus *gpus)
{
	struct libscols_table *table = table_new();
	struct libscols_line *branch;
	unsigned int i, j;

	scols_table_new_column(table, "IOMMU/GROUP/FUNCTION", 0.4, SCOLS_FL_TREE);
	scols_table_new_column(table, "DRIVER", 0.2, 0);
	scols_table_new_column(table, "ROLE", 0.3, 0);
	for (i = 0; i < gpus->nr; i++) {
		if (seen(gpus, i, false))
			continue;
		branch = new_branch(table, NULL, gpus->v[i].iommu[0] ? gpus->v[i].iommu :
						 "unknown IOMMU");
		for (j = i; j < gpus->nr; j++)
			if (!strcmp(gpus->v[j].iommu, gpus->v[i].iommu) && !seen(gpus, j, true))
				add_group(table, branch, gpus, &gpus->v[j]);
	}
	return table_print(table) ? ST_FAILED : ST_OK;
}

static struct json_object *members_json(const struct gpu *gpu)
{
	struct json_object *array = json_object_new_array(), *json;
	struct group group;
	unsigned int i;

	if (gpu->group < 0 || group_load(gpu->group, &group))
		return array;
	for (i = 0; i < group.nr; i++) {
		json = json_object_new_object();
		json_add_string(json, "bdf", group.v[i].bdf);
		json_add_string(json, "driver", group.v[i].driver);
		json_add_bool(json, "is_bridge", group.v[i].is_bridge);
		json_add_bool(json, "blocks", group.v[i].blocks);
		json_object_array_add(array, json);
	}
	group_free(&group);
	return array;
}

static struct json_object *list_json(const struct gpu *gpu)
{
	struct json_object *json = gpu_json(gpu);

	json_object_object_add(json, "group_members", members_json(gpu));
	return json;
}

enum status cmd_list(int argc, char **argv)
{
	bool tree = false;
	const struct setting own[] = { { "tree", NULL, no_argument, set_flag, &tree }, { } };
	struct gpus *all, *chosen;
	enum status status;

	if (!settings_parse(own, argc, argv, print_help))
		return ST_USAGE;
	status = load_and_select(argc, argv, &all, &chosen);
	if (status != ST_OK)
		return status;
	if (opts.json)
		return json_put_gpus("nvgpu.list/1", chosen, list_json);
	return tree ? print_tree(chosen) : print_table(chosen);
}
