// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the endpoint functions. Function 0 is the GPU. The optional
 * function 1 is a plain sibling with a BAR0 and the GPU's reset methods, which a
 * bus reset resets as well.
 */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "sim.h"

#define CAP_PM			0x40
#define CAP_AF			0xb4

/* nvgrace-gpu reads a word at +0xa of vendor 10de, id 3: bit 0 is "MIG fixed" */
#define GPU_DVSEC_ID		3
#define GPU_DVSEC_LENGTH	0x10
#define GPU_DVSEC_CTRL		0xa
#define GPU_DVSEC_MIG_FIXED	BIT(0)

/* CXL r4.0 8.1.3, the CXL device DVSEC; older kernels lack these names */
#define CXL_DVSEC_LENGTH	0x3c
#define CXL_DVSEC_CAP		0xa
#define CXL_CAP_MEM_ONE_RANGE	(BIT(2) | BIT(4))
#define CXL_DVSEC_SIZE_HIGH	0x18
#define CXL_DVSEC_SIZE_LOW	0x1c
#define CXL_DVSEC_BASE_HIGH	0x20
#define CXL_DVSEC_BASE_LOW	0x24
#define CXL_MEM_INFO_VALID	BIT(0)
#define CXL_MEM_ACTIVE		BIT(1)
#define CXL_ACTIVE_TIMEOUT	GENMASK(15, 13)
#define CXL_LOW_ADDRESS		GENMASK(31, 28)

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
	sim_config_define(fn, PCI_CAPABILITY_LIST, 1, CAP_PM, 0, 0);
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

static void define_pm(struct sim_function *fn)
{
	u16 ctrl = fn->gpu->identity.no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0;

	sim_config_define(fn, CAP_PM, 1, PCI_CAP_ID_PM, 0, 0);
	sim_config_define(fn, CAP_PM + 1, 1, fn->index ? SIM_CAP_EXP : SIM_CAP_MSI, 0, 0);
	sim_config_define(fn, CAP_PM + PCI_PM_PMC, 2, 3, 0, 0);
	sim_config_define(fn, CAP_PM + PCI_PM_CTRL, 2, ctrl, PCI_PM_CTRL_STATE_MASK, 0);
}

/* FLR through the PCI Advanced Features capability, instead of PCI Express FLR. */
static void define_af(struct sim_function *fn)
{
	sim_config_define(fn, SIM_CAP_EXP + 1, 1, CAP_AF, 0, 0);
	sim_config_define(fn, CAP_AF, 1, PCI_CAP_ID_AF, 0, 0);
	sim_config_define(fn, CAP_AF + PCI_AF_LENGTH, 1, PCI_CAP_AF_SIZEOF, 0, 0);
	sim_config_define(fn, CAP_AF + PCI_AF_CAP, 1, PCI_AF_CAP_TP | PCI_AF_CAP_FLR, 0, 0);
}

static void define_exp(struct sim_function *fn)
{
	u32 devcap = PCI_EXP_DEVCAP_RBER | 1;

	if (fn->gpu->identity.reset_methods & SIM_RESET_FLR)
		devcap |= PCI_EXP_DEVCAP_FLR;
	sim_config_define(fn, SIM_CAP_EXP, 1, PCI_CAP_ID_EXP, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_DEVCAP, 4, devcap, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN |
			  PCI_EXP_DEVCTL_NOSNOOP_EN, 0x7fff, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_DEVSTA, 2, 0, 0, 0xf);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_LNKCAP, 4,
			  PCI_EXP_LNKCAP_SLS_32_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_CCC |
			  PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_ES, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_LNKSTA, 2,
			  PCI_EXP_LNKSTA_CLS_32_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_DEVCAP2, 4,
			  PCI_EXP_DEVCAP2_COMP_TMOUT_DIS, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_DEVCTL2, 2, 0, 0x1f, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_LNKCAP2, 4, 0x3e, 0, 0);
	sim_config_define(fn, SIM_CAP_EXP + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_32_0GT,
			  PCI_EXP_LNKCTL2_TLS, 0);
}

static void define_dvsec(struct sim_function *fn, unsigned int where, unsigned int next,
			 u16 vendor, u16 id, unsigned int length)
{
	sim_config_define(fn, where, 4, PCI_EXT_CAP_ID_DVSEC | 1 << 16 | next << 20, 0, 0);
	sim_config_define(fn, where + PCI_DVSEC_HEADER1, 4, vendor | length << 20, 0, 0);
	sim_config_define(fn, where + PCI_DVSEC_HEADER2, 2, id, 0, 0);
}

static void define_cxl(struct sim_function *fn)
{
	const struct sim_gpu *gpu = fn->gpu;
	u64 size = gpu->identity.memory_size;
	u64 base = gpu->memory_base;

	define_dvsec(fn, SIM_ECAP_CXL, gpu->identity.aer ? SIM_ECAP_AER : 0, PCI_VENDOR_ID_CXL, 0,
		     CXL_DVSEC_LENGTH);
	sim_config_define(fn, SIM_ECAP_CXL + CXL_DVSEC_CAP, 2, CXL_CAP_MEM_ONE_RANGE, 0, 0);
	sim_config_define(fn, SIM_ECAP_CXL + CXL_DVSEC_SIZE_HIGH, 4, upper_32_bits(size), 0, 0);
	sim_config_define(fn, SIM_ECAP_CXL + CXL_DVSEC_SIZE_LOW, 4,
			  (lower_32_bits(size) & CXL_LOW_ADDRESS) | CXL_MEM_INFO_VALID |
			  FIELD_PREP(CXL_ACTIVE_TIMEOUT, gpu->identity.cxl_timeout), 0, 0);
	sim_config_define(fn, SIM_ECAP_CXL + CXL_DVSEC_BASE_HIGH, 4, upper_32_bits(base),
			  U32_MAX, 0);
	sim_config_define(fn, SIM_ECAP_CXL + CXL_DVSEC_BASE_LOW, 4,
			  lower_32_bits(base) & CXL_LOW_ADDRESS, CXL_LOW_ADDRESS, 0);
}

static void define_gpu_dvsec(struct sim_function *fn)
{
	const struct sim_identity *id = &fn->gpu->identity;
	unsigned int next = id->cxl ? SIM_ECAP_CXL : id->aer ? SIM_ECAP_AER : 0;

	define_dvsec(fn, SIM_ECAP_FIRST, next, SIM_VENDOR_ID, GPU_DVSEC_ID, GPU_DVSEC_LENGTH);
	sim_config_define(fn, SIM_ECAP_FIRST + GPU_DVSEC_CTRL, 2,
			  id->mig_fixed ? GPU_DVSEC_MIG_FIXED : 0, 0, 0);
	if (id->cxl)
		define_cxl(fn);
	if (id->aer)
		sim_aer_define(fn);
}

/* PCI PM 5.4: leaving D3hot resets a function without No_Soft_Reset. */
static void power_state_written(struct sim_function *fn)
{
	u16 state = sim_config_get(fn, CAP_PM + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK;
	bool was_in_d3hot = fn->in_d3hot;

	fn->in_d3hot = state == PCI_PM_CTRL_STATE_MASK;
	if (was_in_d3hot && !fn->in_d3hot && !fn->gpu->identity.no_soft_reset)
		sim_power_reset_locked(fn, SIM_LOG_PM_RESET);
}

static void endpoint_written(struct sim_function *fn, unsigned int where, u32 bits)
{
	switch (where) {
	case CAP_PM + PCI_PM_CTRL:
		power_state_written(fn);
		break;
	case SIM_CAP_EXP + PCI_EXP_DEVCTL:
		if (bits & PCI_EXP_DEVCTL_BCR_FLR &&
		    fn->gpu->identity.reset_methods & SIM_RESET_FLR)
			sim_power_reset_locked(fn, SIM_LOG_FLR);
		break;
	case CAP_AF + PCI_AF_CTRL:
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
	define_pm(fn);
	define_exp(fn);
	if (gpu->identity.reset_methods & SIM_RESET_AF)
		define_af(fn);
	if (!index) {
		sim_msi_define(fn, SIM_CAP_EXP);
		define_gpu_dvsec(fn);
	}
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

/**
 * sim_endpoint_show_active - set Memory_Active in the CXL DVSEC
 * @fn: function 0
 * @active: the value
 */
void sim_endpoint_show_active(struct sim_function *fn, bool active)
{
	u32 low;

	if (!fn->gpu->identity.cxl)
		return;
	low = sim_config_get(fn, SIM_ECAP_CXL + CXL_DVSEC_SIZE_LOW, 4) & ~CXL_MEM_ACTIVE;
	sim_config_set(fn, SIM_ECAP_CXL + CXL_DVSEC_SIZE_LOW, 4,
		       active ? low | CXL_MEM_ACTIVE : low);
}
