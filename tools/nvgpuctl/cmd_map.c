// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl map: a GPU's memory as firmware describes it, and as a guest sees it.
 */
#include <getopt.h>
#include <json-c/json.h>

#include "draw.h"
#include "nvgpuctl.h"

#define MAX_BOXES 3

static void print_help(void)
{
	puts("usage: nvgpuctl map [OPTION...] [GPU...]\n"
	     "Draws the memory of the GPUs: host physical addresses, and the BARs in a guest.\n"
	     "For an unbound GPU it draws the BARs that the driver would present.\n"
	     "\n"
	     "  --svg FILE   one GPU, as an SVG document; \"-\" is the standard output\n"
	     "  --help       this text; --ascii and others: nvgpuctl --help\n"
	     "\n"
	     "Exit status: 0 drawn, 1 the memory is unknown or FILE cannot be written,\n"
	     "2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static void add_part(struct box *box, const char *name, __u64 size, const char *note)
{
	if (size)
		box->part[box->nr++] = (struct box_part) {
			.name = name, .size = size, .note = note,
			.is_cached = !strcmp(name, "usemem"), .is_empty = !strcmp(name, "nothing"),
		};
}

static void bar_box(struct box *box, const struct part *part, const char *name, const char *note)
{
	char size[32];

	snprintf(box->title, sizeof(box->title), "BAR%d/%d as a guest sees it: 64-bit, %s",
		 part->bar, part->bar + 1, format_size(size, sizeof(size), part->bar_size));
	add_part(box, name, part->size, note);
	add_part(box, "nothing", part->bar_size - part->size, "reads ~0, drops writes");
}

/* Fills up to MAX_BOXES; returns 0 if the memory is unknown. */
static unsigned int make_boxes(const struct gpu *gpu, struct box *box)
{
	unsigned int nr = 0;

	if (!gpu->usemem.size)
		return 0;
	snprintf(box[nr].title, sizeof(box[nr].title), "%s, physical addresses of the host%s",
		 gpu->bdf, gpu->source == MEM_DRIVER ? "" : " (not bound)");
	box[nr].address = gpu->mem_base;
	add_part(&box[nr],
		 "usemem",
		 gpu->usemem.size, gpu->resmem.size ? "BAR4/5" : "BAR4/5, all of it");
	add_part(&box[nr++], "resmem", gpu->resmem.size, "BAR2/3");
	bar_box(&box[nr++], &gpu->usemem, "usemem", "cacheable");
	if (gpu->resmem.size)
		bar_box(&box[nr++], &gpu->resmem, "resmem", "write-combining");
	return nr;
}

static enum status complain_of_memory(const struct gpu *gpu)
{
	complain_of(gpu->bdf, "its memory is unknown: bind it, or run this as root");
	return ST_FAILED;
}

/* All boxes have one scale, also those of several GPUs. */
static enum status map_text(const struct gpus *gpus)
{
	struct box *box __free(pointer) = calloc(gpus->nr, MAX_BOXES * sizeof(*box));
	unsigned int i, nr = 0, made;
	enum status status = ST_OK;
	__u64 scale;

	for (i = 0; i < gpus->nr; i++) {
		made = make_boxes(&gpus->v[i], box + nr);
		if (!made)
			status = complain_of_memory(&gpus->v[i]);
		nr += made;
	}
	scale = draw_scale(box, nr);
	for (i = 0; i < nr; i++)
		draw_text(&box[i], scale);
	return status;
}

static enum status map_svg(const struct gpu *gpu, const char *name)
{
	struct box box[MAX_BOXES] = {};
	unsigned int nr = make_boxes(gpu, box);

	if (!nr)
		return complain_of_memory(gpu);
	if (!out_redirect(name))
		return ST_FAILED;
	draw_svg(stdout, box, nr);
	return ST_OK;
}

static struct json_object *box_json(const struct box *box)
{
	struct json_object *json = json_object_new_object(), *array = json_object_new_array();
	struct json_object *part;
	__u64 address = box->address;
	unsigned int i;

	json_add_string(json, "title", box->title);
	for (i = 0; i < box->nr; i++) {
		part = json_object_new_object();
		json_add_string(part, "name", box->part[i].name);
		json_add_hex(part, "address", address);
		json_add_u64(part, "size", box->part[i].size);
		json_object_array_add(array, part);
		address += box->part[i].size;
	}
	json_object_object_add(json, "parts", array);
	return json;
}

static struct json_object *map_json(const struct gpu *gpu)
{
	struct json_object *json = json_object_new_object(), *boxes = json_object_new_array();
	struct box box[MAX_BOXES] = {};
	unsigned int i, nr = make_boxes(gpu, box);

	for (i = 0; i < nr; i++)
		json_object_array_add(boxes, box_json(&box[i]));
	json_add_string(json, "bdf", gpu->bdf);
	json_object_object_add(json, "boxes", boxes);
	return json;
}

static enum status run(const struct gpus *gpus, const char *svg)
{
	if (svg && gpus->nr != 1) {
		complain("--svg draws one GPU, not %u: name one", gpus->nr);
		return ST_USAGE;
	}
	if (svg)
		return map_svg(&gpus->v[0], svg);
	return opts.json ? json_put_gpus("nvgpu.map/1", gpus, map_json) : map_text(gpus);
}

enum status cmd_map(int argc, char **argv)
{
	const char *svg = NULL;
	const struct setting own[] = {
		{ "svg", "a file", required_argument, set_text, &svg }, { }
	};
	struct gpus *all, *chosen;
	enum status status;

	if (!settings_parse(own, argc, argv, print_help))
		return ST_USAGE;
	status = load_and_select(argc, argv, &all, &chosen);
	if (status == ST_OK)
		status = run(chosen, svg);
	return status;
}
