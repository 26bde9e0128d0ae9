// SPDX-License-Identifier: GPL-2.0-only
/*
 * Location of GPU memory and its BARs: from the driver if it is bound, else from the
 * firmware node, else from a search of the ACPI tables.
 */
#include <endian.h>
#include <errno.h>

#include "nvgpuctl.h"

/* The same split as in the driver, geometry.c: ABI with the firmware of the GPU. */
#define MEMBLK (512 * SZ_M)
#define RESMEM_MIN SZ_G

#define MAX_GPUS 64

static void load_part(struct part *part, const char *bdf, const char *name)
{
	__u64 bar = 0;

	root_read_u64(&part->size, "/sys/bus/pci/devices/%s/coherent_memory/%s_size", bdf, name);
	root_read_u64(&bar, "/sys/bus/pci/devices/%s/coherent_memory/%s_bar", bdf, name);
	root_read_u64(&part->bar_size, "/sys/bus/pci/devices/%s/coherent_memory/%s_bar_size",
		      bdf, name);
	part->bar = bar;
}

static bool load_from_driver(struct gpu *gpu)
{
	if (root_read_u64(&gpu->mem_size, "/sys/bus/pci/devices/%s/coherent_memory/size",
			  gpu->bdf))
		return false;
	gpu->source = MEM_DRIVER;
	gpu->has_size = true;
	gpu->has_base = !root_read_u64(&gpu->mem_base,
				       "/sys/bus/pci/devices/%s/coherent_memory/base", gpu->bdf);
	load_part(&gpu->usemem, gpu->bdf, "usemem");
	load_part(&gpu->resmem, gpu->bdf, "resmem");
	root_read(gpu->ready, sizeof(gpu->ready), "/sys/bus/pci/devices/%s/coherent_memory/ready",
		  gpu->bdf);
	root_read_u64(&gpu->resets, "/sys/bus/pci/devices/%s/coherent_memory/resets", gpu->bdf);
	root_read_u64(&gpu->poisoned, "/sys/bus/pci/devices/%s/coherent_memory/poisoned_pages",
		      gpu->bdf);
	return true;
}

/* The properties of a device tree: 64 bits, big-endian. */
static bool load_property(__u64 *value, const char *bdf, const char *name)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/sys/bus/pci/devices/%s/of_node/%s", bdf, name);

	if (len != sizeof(*value))
		return false;
	memcpy(value, data, sizeof(*value));
	*value = be64toh(*value);
	return true;
}

static bool load_from_node(struct gpu *gpu)
{
	gpu->has_base = load_property(&gpu->mem_base, gpu->bdf, "nvidia,gpu-mem-base-pa");
	gpu->has_size = load_property(&gpu->mem_size, gpu->bdf, "nvidia,gpu-mem-size");
	if (!gpu->has_base && !gpu->has_size)
		return false;
	gpu->source = MEM_FIRMWARE_NODE;
	return true;
}

static void predict_parts(struct gpu *gpu)
{
	__u64 size = gpu->mem_size;

	if (!gpu->has_size || !size || !gpu->has_config)
		return;
	if (!gpu->mig_fixed) {
		if (size < RESMEM_MIN + MEMBLK)
			return;
		gpu->usemem.size = (size - RESMEM_MIN) / MEMBLK * MEMBLK;
		gpu->resmem = (struct part) { size - gpu->usemem.size, 2,
					      pow2_ceil(size - gpu->usemem.size) };
		size = gpu->usemem.size;
	}
	gpu->usemem = (struct part) { size, 4, pow2_ceil(size) };
}

/* DSDT and SSDTs, in the kernel's order; @is_hidden if one cannot be read. */
static unsigned int search_tables(struct acpi_memory *found, bool *is_hidden)
{
	unsigned int i, nr = 0;
	struct names names;

	if (root_names(&names, "/sys/firmware/acpi/tables"))
		return 0;
	for (i = 0; i < names.nr; i++) {
		char *aml __free(pointer) = NULL;
		ssize_t len;

		if (strncmp(names.name[i], "DSDT", 4) && strncmp(names.name[i], "SSDT", 4))
			continue;
		len = root_load(&aml, "/sys/firmware/acpi/tables/%s", names.name[i]);
		*is_hidden |= len < 0;
		if (len > 0)
			nr += acpi_find_memory((__u8 *)aml, len, found + nr, MAX_GPUS - nr);
	}
	names_free(&names);
	return nr;
}

/* Firmware does not describe VFs. */
static bool may_be_described(const struct gpu *gpu)
{
	return gpu->class == CLASS_3D && !root_exists("/sys/bus/pci/devices/%s/physfn", gpu->bdf);
}

static void take_acpi(struct gpu *gpu, const struct acpi_memory *from)
{
	gpu->source = MEM_ACPI;
	gpu->has_base = from->has_base;
	gpu->has_size = from->has_size;
	gpu->is_computed = from->is_computed;
	gpu->mem_base = from->base;
	gpu->mem_size = from->size;
}

/*
 * Only an AML interpreter can relate the tables to devices. If there are as many
 * descriptions as GPUs, match them in order; else only their existence is known.
 */
static void load_from_acpi(struct gpus *gpus)
{
	const struct acpi_memory unknown = { .is_computed = true };
	struct acpi_memory found[MAX_GPUS];
	bool is_hidden = false;
	unsigned int i, j = 0, described = 0, nr = search_tables(found, &is_hidden);

	for (i = 0; i < gpus->nr; i++) {
		described += may_be_described(&gpus->v[i]);
		gpus->v[i].is_hidden = is_hidden;
	}
	for (i = 0; nr && i < gpus->nr; i++) {
		if (!may_be_described(&gpus->v[i]))
			continue;
		if (gpus->v[i].source == MEM_UNKNOWN)
			take_acpi(&gpus->v[i], nr == described && !is_hidden ? &found[j] :
									       &unknown);
		j++;
	}
}

/**
 * memory_load() - Find the memory of GPUs
 * @gpus: all GPUs of the machine, sorted
 */
void memory_load(struct gpus *gpus)
{
	bool is_complete = true;
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		if (!load_from_driver(&gpus->v[i]) && !load_from_node(&gpus->v[i]))
			is_complete = false;
	if (!is_complete)
		load_from_acpi(gpus);
	for (i = 0; i < gpus->nr; i++)
		if (gpus->v[i].source != MEM_DRIVER)
			predict_parts(&gpus->v[i]);
}

const char *memory_source_name(enum memory_source source)
{
	static const char *const name[] = {
		[MEM_UNKNOWN] = "unknown",
		[MEM_DRIVER] = "driver",
		[MEM_FIRMWARE_NODE] = "firmware",
		[MEM_ACPI] = "acpi-heuristic",
	};

	return name[source];
}
