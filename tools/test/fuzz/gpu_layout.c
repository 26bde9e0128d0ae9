// SPDX-License-Identifier: GPL-2.0-only
/*
 * What device this must be: from what the simulated hardware was told to be, and from
 * the design of the memory BARs. The device itself tells only where its capabilities
 * are.
 */
#include <string.h>
#include <unistd.h>

#include "gpu_target.h"

/* Linux never resets the bus of these NVIDIA devices. */
#define NO_BUS_RESET_MASK	0xffc0
#define NO_BUS_RESET_ID		0x2340

#define CXL_VENDOR		0x1e98
#define CXL_DEVICE_DVSEC	0

static void set_bar(struct bar *bar, __u64 size, __u64 mem_len, bool is_memory)
{
	bar->size = size;
	bar->mem_len = mem_len;
	bar->is_memory = is_memory;
}

static void set_memory(struct layout *layout)
{
	struct model model;

	model_from_sim(&model);
	set_bar(&layout->bar[2], model.usemem.bar_size, model.usemem.mem_len, true);
	if (model.resmem.mem_len)
		set_bar(&layout->bar[1], model.resmem.bar_size, model.resmem.mem_len, true);
}

static bool has_memory(struct gpu *gpu)
{
	char properties[64];

	sim_read("properties", properties, sizeof(properties));
	return driver_is_ours(gpu->bdf) && strcmp(properties, "none");
}

/* CXL r3.1, 8.1.3: the DVSEC of vendor 1e98 with the id 0. */
static void set_extended(struct gpu *gpu, struct layout *layout)
{
	unsigned int pos = PCI_CFG_SPACE_SIZE;
	__u32 header;

	for (; pos; pos = PCI_EXT_CAP_NEXT(header)) {
		header = config_read32(gpu, pos);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ERR)
			layout->aer = pos;
		if (PCI_EXT_CAP_ID(header) != PCI_EXT_CAP_ID_DVSEC ||
		    config_read16(gpu, pos + PCI_DVSEC_HEADER1) != CXL_VENDOR ||
		    config_read16(gpu, pos + PCI_DVSEC_HEADER2) != CXL_DEVICE_DVSEC)
			continue;
		layout->cxl = pos;
		layout->cxl_len = config_read16(gpu, pos + PCI_DVSEC_HEADER1 + 2) >> 4;
	}
}

/* A bus reset would hit the other function as well, which its owner has not asked for. */
static void set_resets(struct layout *layout)
{
	char methods[64], *method, *save;

	layout->has_bus_reset = sim_read_u64("functions") == 1 &&
		(sim_read_u64("device_id") & NO_BUS_RESET_MASK) != NO_BUS_RESET_ID;
	sim_read("reset_methods", methods, sizeof(methods));
	for (method = strtok_r(methods, " ", &save); method;
	     method = strtok_r(NULL, " ", &save)) {
		layout->has_flr |= !strcmp(method, "flr");
		layout->has_af_flr |= !strcmp(method, "af_flr");
		layout->has_pm_reset |= !strcmp(method, "pm");
		if (!strcmp(method, "none"))
			layout->has_bus_reset = false;
	}
}

/**
 * gpu_layout() - work out what to expect of a GPU
 * @gpu: open
 * @layout: set
 */
void gpu_layout(struct gpu *gpu, struct layout *layout)
{
	static const char * const size[BARS] = { "bar0_size", "bar2_size", "bar4_size" };
	__u64 len;
	int i;

	for (i = 0; i < BARS; i++) {
		len = sim_read_u64(size[i]);
		set_bar(&layout->bar[i], len, len, false);
	}
	layout->is_strict = has_memory(gpu);
	if (layout->is_strict)
		set_memory(layout);
	layout->soft_reset = !sim_read_u64("no_soft_reset");
	set_resets(layout);
	layout->pm = config_find_cap(gpu, PCI_CAP_ID_PM);
	layout->exp = config_find_cap(gpu, PCI_CAP_ID_EXP);
	layout->af = config_find_cap(gpu, PCI_CAP_ID_AF);
	set_extended(gpu, layout);
	layout->page = (unsigned int)sysconf(_SC_PAGESIZE);
	layout->huge = (unsigned int)pmd_size();
}
