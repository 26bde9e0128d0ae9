// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl show: details of a GPU.
 */
#include <getopt.h>

#include "nvgpuctl.h"

#define INDENT 18
#define HIDDEN "unknown: reading all of its config space needs root"

static void print_help(void)
{
	puts("usage: nvgpuctl show [OPTION...] [GPU...]\n"
	     "Shows details of the GPUs, or of the given ones: address, driver, IOMMU group,\n"
	     "memory and the source of its size, BARs of the hardware and of the driver.\n"
	     "\n"
	     "  --prometheus   metrics for the textfile collector of node_exporter\n"
	     "  --help         this text; options for every command: nvgpuctl --help\n"
	     "\n"
	     "Exit status: 0 shown, 2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static void line(const char *key, const char *value)
{
	printf("  %-*s", INDENT - 2, key);
	out_wrapped(value && *value ? value : "none", INDENT);
}

static void show_part(const char *key, const struct part *part, const char *kind)
{
	char text[160], size[32], bar[32];

	if (!part->size)
		return;
	format_size(size, sizeof(size), part->size);
	format_size(bar, sizeof(bar), part->bar_size);
	snprintf(text, sizeof(text), "%s %s in BAR%d/%d, which reports %s", size, kind, part->bar,
		 part->bar + 1, bar);
	line(key, text);
}

static const char *source_text(const struct gpu *gpu)
{
	switch (gpu->source) {
	case MEM_DRIVER:
		return "from the driver";
	case MEM_FIRMWARE_NODE:
		return "from the firmware node";
	case MEM_ACPI:
		if (gpu->is_computed)
			return "computed by firmware, or of another GPU: bind it to see the values";
		return "heuristic: found by searching the ACPI tables";
	default:
		return gpu->is_hidden ? "unknown: reading ACPI tables needs root" :
					"no properties found, and not bound";
	}
}

static void show_memory(const struct gpu *gpu)
{
	char text[160], size[32];

	if (gpu->has_size && gpu->has_base)
		snprintf(text, sizeof(text), "%s at 0x%llx",
			 format_size(size, sizeof(size), gpu->mem_size), gpu->mem_base);
	else if (gpu->has_size)
		format_size(text, sizeof(text), gpu->mem_size);
	else
		snprintf(text, sizeof(text), "size unknown");
	line("memory", text);
	line("", source_text(gpu));
	show_part("usemem", &gpu->usemem, "cacheable");
	show_part("resmem", &gpu->resmem, "write-combining");
	if (gpu->source != MEM_DRIVER)
		return;
	line("ready", gpu->ready);
	snprintf(text, sizeof(text), "%llu", gpu->resets);
	line("resets", text);
	snprintf(text, sizeof(text), "%llu", gpu->poisoned);
	line("poisoned pages", text);
}

static void show_place(const struct gpu *gpu)
{
	char text[512];

	snprintf(text, sizeof(text), "%d", gpu->group);
	line("IOMMU group", gpu->group < 0 ? NULL : text);
	line("IOMMU", gpu->iommu);
	snprintf(text, sizeof(text), "%d", gpu->node);
	line("NUMA node", gpu->node < 0 ? NULL : text);
	line("vfio device", gpu->vfio_dev);
	line("used by", users_of_gpu(gpu, text, sizeof(text)) < 0 ?
	     "unknown: only root can see processes of other users" : text);
}

static void show_bars(const struct gpu *gpu)
{
	char text[160] = "", size[32];
	size_t used = 0;
	int i;

	for (i = 0; i < NR_BARS; i++)
		if (gpu->bar_size[i] && used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, "%sBAR%d %s",
					 used ? ", " : "", i,
					 format_size(size, sizeof(size), gpu->bar_size[i]));
	line("hardware BARs", text);
}

static void show(const struct gpu *gpu)
{
	printf("%s%s%s %04x:%04x %s\n", paint(PAINT_BOLD), gpu->bdf, paint(PAINT_OFF), gpu->vendor,
	       gpu->device, gpu->name);
	line("driver", gpu->driver);
	line("driver_override", gpu->override);
	line("persisted", gpu->persisted);
	show_place(gpu);
	line("MIG bug", !gpu->has_config ? HIDDEN :
	     gpu->mig_fixed ? "fixed in this hardware: no resmem" :
			      "present: the last GiB or more is resmem");
	line("readiness by", !gpu->has_config ? HIDDEN :
	     gpu->cxl_dvsec ? "CXL device DVSEC" : "registers in BAR0");
	show_bars(gpu);
	show_memory(gpu);
}

/* A label and its value, in which Prometheus reserves three characters. */
static void put_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value; value++)
		if (*value == '\n')
			fputs("\\n", stdout);
		else
			printf("%s%c", strchr("\"\\", *value) ? "\\" : "", *value);
	putchar('"');
}

enum metric {
	INFO,
	MEMORY_BYTES,
	READY,
	RESETS,
	POISONED,
};

static const struct {
	const char *name, *type, *help;
} metrics[] = {
	[INFO] = { "info", "gauge", "A GPU and its driver." },
	[MEMORY_BYTES] = { "memory_bytes", "gauge", "Size of its memory." },
	[READY] = { "ready", "gauge", "Its memory: 1 is ready, 0 is failed." },
	[RESETS] = { "resets_total", "counter", "Resets since it was bound." },
	[POISONED] = { "hwpoisoned_pages", "gauge", "Hwpoisoned pages since its last reset." },
};

/* False if it is unknown. */
static bool metric_value(const struct gpu *gpu, enum metric metric, __u64 *value)
{
	switch (metric) {
	case INFO:
		*value = 1;
		return true;
	case MEMORY_BYTES:
		*value = gpu->mem_size;
		return gpu->has_size;
	case READY:
		*value = !strcmp(gpu->ready, "ready");
		return *value || !strcmp(gpu->ready, "failed");
	default:
		*value = metric == RESETS ? gpu->resets : gpu->poisoned;
		return gpu->source == MEM_DRIVER;
	}
}

static void print_metric(const struct gpu *gpu, enum metric metric)
{
	char id[16];
	__u64 value;

	if (!metric_value(gpu, metric, &value))
		return;
	printf("nvgpu_%s{", metrics[metric].name);
	put_label("bdf", gpu->bdf);
	if (metric == INFO) {
		snprintf(id, sizeof(id), "%04x:%04x", gpu->vendor, gpu->device);
		put_label(",id", id);
		put_label(",name", gpu->name);
		put_label(",driver", gpu->driver);
	}
	printf("} %llu\n", value);
}

static void print_prometheus(const struct gpus *gpus)
{
	unsigned int i, j;

	for (i = 0; i < NR_ITEMS(metrics); i++) {
		printf("# HELP nvgpu_%s %s\n# TYPE nvgpu_%s %s\n", metrics[i].name,
		       metrics[i].help, metrics[i].name, metrics[i].type);
		for (j = 0; j < gpus->nr; j++)
			print_metric(&gpus->v[j], i);
	}
}

enum status cmd_show(int argc, char **argv)
{
	bool prometheus = false;
	const struct setting own[] = {
		{ "prometheus", NULL, no_argument, set_flag, &prometheus }, { }
	};
	struct gpus *all, *chosen;
	enum status status;
	unsigned int i;

	if (!settings_parse(own, argc, argv, print_help))
		return ST_USAGE;
	status = load_and_select(argc, argv, &all, &chosen);
	if (status != ST_OK)
		return status;
	if (prometheus)
		print_prometheus(chosen);
	else if (opts.json)
		return json_put_gpus("nvgpu.show/1", chosen, gpu_json);
	for (i = 0; !prometheus && i < chosen->nr; i++) {
		if (i)
			putchar('\n');
		show(&chosen->v[i]);
	}
	return status;
}
