// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl alias: the driver that libvirt would pick, and why.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "nvgpuctl.h"

static void print_help(void)
{
	puts("usage: nvgpuctl alias [OPTION...] [GPU...]\n"
	     "Shows the vfio driver that libvirt (and Kubernetes' go-nvlib) would pick for a\n"
	     "GPU: the matching \"vfio_pci:\" alias in modules.alias with the fewest wildcards,\n"
	     "the first of equals. modprobe.d is ignored. To override the choice, write\n"
	     "<driver model='nvgpu_vfio_pci'/> into the domain, as \"gen libvirt\" does.\n"
	     "\n"
	     "Exit status: 0 shown, 1 modules.alias cannot be read, 2 wrong usage, 3 no such\n"
	     "GPU, 77 no Grace GPU.");
}

static const char *why(const struct candidates *found, unsigned int i)
{
	const struct candidate *best = &found->v[found->best];

	if ((int)i == found->best)
		return "chosen";
	if (found->v[i].wildcards > best->wildcards)
		return "more wildcards";
	return "as many wildcards, later line";
}

static struct json_object *candidates_json(const struct candidates *found)
{
	struct json_object *array = json_object_new_array(), *json;
	unsigned int i;

	for (i = 0; i < found->nr; i++) {
		json = json_object_new_object();
		json_add_string(json, "module", found->v[i].module);
		json_add_string(json, "alias", found->v[i].pattern);
		json_add_int(json, "wildcards", found->v[i].wildcards);
		json_add_int(json, "line", found->v[i].line);
		json_add_string(json, "why", why(found, i));
		json_object_array_add(array, json);
	}
	return array;
}

static void print_candidates(const struct candidates *found)
{
	struct libscols_table *table = table_new();
	struct libscols_line *line;
	char number[16];
	unsigned int i;

	scols_table_new_column(table, "MODULE", 0.3, 0);
	scols_table_new_column(table, "WILDCARDS", 0.1, SCOLS_FL_RIGHT);
	scols_table_new_column(table, "LINE", 0.1, SCOLS_FL_RIGHT);
	scols_table_new_column(table, "WHY", 0.3, 0);
	for (i = 0; i < found->nr; i++) {
		line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, found->v[i].module);
		snprintf(number, sizeof(number), "%u", found->v[i].wildcards);
		scols_line_set_data(line, 1, number);
		snprintf(number, sizeof(number), "%u", found->v[i].line);
		scols_line_set_data(line, 2, number);
		scols_line_set_data(line, 3, why(found, i));
	}
	table_print(table);
}

static void print_one(const struct gpu *gpu, const struct candidates *found)
{
	char text[400];

	if (!alias_is_claimed(found))
		snprintf(text, sizeof(text),
			 "no variant driver matches, so libvirt takes vfio-pci, without GPU memory: install nvgpu-vfio-pci for kernel %s and run depmod",
			 kernel_release());
	else if (same_module(found->v[found->best].module, DRIVER_NAME))
		snprintf(text, sizeof(text), "libvirt picks %s", found->v[found->best].module);
	else
		snprintf(text, sizeof(text),
			 "libvirt picks %s: for nvgpu_vfio_pci, write <driver model='nvgpu_vfio_pci'/> into the hostdev, or use \"nvgpuctl bind\" and managed='no'",
			 found->v[found->best].module);
	printf("%s%s%s  ", paint(PAINT_BOLD), gpu->bdf, paint(PAINT_OFF));
	out_wrapped(text, 14);
	if (found->nr)
		print_candidates(found);
}

static struct json_object *one_json(const struct gpu *gpu, const struct candidates *found)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "bdf", gpu->bdf);
	json_add_string(json, "modalias", gpu->modalias);
	json_add_string(json, "chosen", found->nr ? found->v[found->best].module : "vfio_pci");
	json_object_object_add(json, "candidates", candidates_json(found));
	return json;
}

static enum status print_all(const struct gpus *gpus)
{
	char *data __free(pointer) = NULL;
	struct json_object *document = json_document("nvgpu.alias/1");
	struct json_object *array = json_object_new_array();
	struct candidates found;
	unsigned int i;
	ssize_t len;

	len = root_load(&data, "/lib/modules/%s/modules.alias", kernel_release());
	json_object_object_add(document, "gpus", array);
	for (i = 0; len >= 0 && i < gpus->nr; i++) {
		alias_search(data, gpus->v[i].modalias, &found);
		json_object_array_add(array, one_json(&gpus->v[i], &found));
		if (!opts.json)
			print_one(&gpus->v[i], &found);
		candidates_free(&found);
	}
	if (len < 0)
		complain("/lib/modules/%s/modules.alias: %s; run depmod", kernel_release(),
			 strerror(-len));
	if (len >= 0 && opts.json)
		json_put_out(document);
	else
		json_object_put(document);
	return len < 0 ? ST_FAILED : ST_OK;
}

enum status cmd_alias(int argc, char **argv)
{
	struct gpus *all, *chosen;
	enum status status;

	if (next_option(argc, argv, NULL, print_help) != -1)
		return ST_USAGE;
	status = load_and_select(argc, argv, &all, &chosen);
	if (status == ST_OK)
		status = print_all(chosen);
	return status;
}
