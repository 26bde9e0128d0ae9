// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the endpoint functions. Function 0 is the GPU. The optional
 * function 1 is a plain sibling with a BAR0 and the GPU's reset methods, which a
 * bus reset resets as well.
 */
#include <linux/mm.h>
#include <linux/sizes.h>

#include "sim.h"

#define SIBLING_DEVICE_ID	0xfffe
#define SIBLING_BAR0_SIZE	SZ_64K

/*
 * The PCI core reads this register of every NVIDIA display function and enables
 * the HDA function if bit 25 is clear (quirk_nvidia_hda).
 */
#define NVIDIA_HDA_ENABLE	0x488
#define NVIDIA_HDA_ENABLED	BIT(25)

/**
 * sim_endpoint_bar_size - size of a physical BAR
 * @gpu: the GPU
 * @index: function
 * @bar: 0 to 2, for BAR0, BAR2 and BAR4
 *
 * Return: bytes, 0 if the function has no such BAR.
 */
u64 sim_endpoint_bar_size(const struct sim_gpu *gpu, unsigned int index, unsigned int bar)
{
	if (!index)
		return gpu->identity.bar_size[bar];
	return bar ? 0 : SIBLING_BAR0_SIZE;
}

static void define_header(struct sim_function *fn)
{
	const struct sim_identity *id = &fn->gpu->identity;
	u16 device = fn->index ? SIBLING_DEVICE_ID : id->device_id;
	u16 class = fn->index ? PCI_CLASS_SYSTEM_OTHER : PCI_CLASS_DISPLAY_3D;
	u8 type = PCI_HEADER_TYPE_NORMAL;

	if (id->functions > 1)
		type |= PCI_HEADER_TYPE_MFD;
	sim_config_define(fn, PCI_VENDOR_ID, 2, SIM_VENDOR_ID, 0, 0);
	sim_config_define(fn, PCI_DEVICE_ID, 2, device, 0, 0);
	sim_config_define(fn, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			  PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
			  PCI_COMMAND_INTX_DISABLE, 0);
	sim_config_define(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0,
			  PCI_STATUS_ERROR_BITS);
	sim_config_define(fn, PCI_CLASS_REVISION, 1, 0xa1, 0, 0);
	sim_config_define(fn, PCI_CLASS_DEVICE, 2, class, 0, 0);
	sim_config_define(fn, PCI_CACHE_LINE_SIZE, 1, 0, 0xff, 0);
	sim_config_define(fn, PCI_HEADER_TYPE, 1, type, 0, 0);
	sim_config_define(fn, PCI_SUBSYSTEM_VENDOR_ID, 2, SIM_VENDOR_ID, 0, 0);
	sim_config_define(fn, PCI_SUBSYSTEM_ID, 2, id->subsystem_id, 0, 0);
	sim_config_define(fn, PCI_INTERRUPT_LINE, 1, 0, 0xff, 0);
	if (!fn->index)
		sim_config_define(fn, NVIDIA_HDA_ENABLE, 4, NVIDIA_HDA_ENABLED, 0, 0);
}

static void define_bars(struct sim_function *fn)
{
	unsigned int bar;

	for (bar = 0; bar < SIM_BARS; bar++) {
		unsigned int where = PCI_BASE_ADDRESS_0 + bar * 8;
		u64 size = sim_endpoint_bar_size(fn->gpu, fn->index, bar);
		u64 writable = -size;

		if (!size)
			continue;
		sim_config_define(fn, where, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 |
				  PCI_BASE_ADDRESS_MEM_PREFETCH,
				  lower_32_bits(writable) & PCI_BASE_ADDRESS_MEM_MASK, 0);
		sim_config_define(fn, where + 4, 4, 0, upper_32_bits(writable), 0);
	}
}

/* PCI PM 5.4: leaving D3hot resets a function without No_Soft_Reset. */
static void power_state_written(struct sim_function *fn)
{
	u16 state = sim_config_get(fn, SIM_CAP_PM + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK;
	bool was_in_d3hot = fn->in_d3hot;

	fn->in_d3hot = state == PCI_PM_CTRL_STATE_MASK;
	if (was_in_d3hot && !fn->in_d3hot && !fn->gpu->identity.no_soft_reset)
		sim_power_reset_locked(fn, SIM_LOG_PM_RESET);
}

static void endpoint_written(struct sim_function *fn, unsigned int where, u32 bits)
{
	switch (where) {
	case SIM_CAP_PM + PCI_PM_CTRL:
		power_state_written(fn);
		break;
	case SIM_CAP_EXP + PCI_EXP_DEVCTL:
		if (bits & PCI_EXP_DEVCTL_BCR_FLR &&
		    fn->gpu->identity.reset_methods & SIM_RESET_FLR)
			sim_power_reset_locked(fn, SIM_LOG_FLR);
		break;
	case SIM_CAP_AF + PCI_AF_CTRL:
		if (bits & PCI_AF_CTRL_FLR && fn->gpu->identity.reset_methods & SIM_RESET_AF)
			sim_power_reset_locked(fn, SIM_LOG_AF_FLR);
		break;
	}
}

/**
 * sim_endpoint_create - build the config space of a function
 * @gpu: the GPU, its memory in place
 * @index: 0 for the GPU, 1 for its sibling
 *
 * Return: the function as after power on, BARs still 0; NULL if out of memory.
 */
struct sim_function *sim_endpoint_create(struct sim_gpu *gpu, unsigned int index)
{
	struct sim_function *fn = kvzalloc(sizeof(*fn), GFP_KERNEL);

	if (!fn)
		return NULL;
	fn->gpu = gpu;
	fn->index = index;
	fn->written = endpoint_written;
	define_header(fn);
	define_bars(fn);
	sim_caps_define(fn);
	sim_config_seal(fn);
	return fn;
}

/**
 * sim_endpoint_place_bars - program the BARs as firmware would
 * @fn: the function
 */
void sim_endpoint_place_bars(struct sim_function *fn)
{
	unsigned int bar;

	for (bar = 0; bar < SIM_BARS; bar++) {
		unsigned int where = PCI_BASE_ADDRESS_0 + bar * 8;
		u64 addr = fn->gpu->bar_addr[fn->index][bar];

		if (!addr)
			continue;
		sim_config_write(fn, where, 4, lower_32_bits(addr));
		sim_config_write(fn, where + 4, 4, upper_32_bits(addr));
	}
}
