// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities of the endpoint functions: a table in the order of the two chains.
 */
#include <linux/bitfield.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "sim.h"

#define ECAP_CXL		0x310

#define VENDOR_CAP_LENGTH	0x14

#define VSEC_ID			1
#define VSEC_REVISION		1
#define VSEC_LENGTH		0x14

/* PCIe r6.0, 7.8.6: bit 4 is 1 MiB, and so on; the kernel's PCI_REBAR_* */
#define REBAR_ENTRY_LENGTH	8
#define REBAR_CAP_SHIFT		4
#define REBAR_BAR2_MIN		SZ_64M

#define LTR_LATENCIES		0x1fff1fff

#define SERIAL_NUMBER_HIGH	0x48b02d00	/* an OUI of NVIDIA */
#define SERIAL_NUMBER_LOW	0x00000001

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

#define PASID_WIDTH		20

#define SRIOV_VFS		4
#define SRIOV_VF_OFFSET		4
#define SRIOV_PAGE_SIZES	0x553		/* 4K to 4M */
#define SRIOV_VF_BAR0_SIZE	SZ_256K

/**
 * struct sim_cap - a capability
 * @where: offset; an extended one from PCI_CFG_SPACE_SIZE on
 * @id: its number
 * @version: of an extended one
 * @sibling: function 1 has it as well
 * @define: builds what follows the header, returns false if the function lacks the
 *	capability; NULL if it is all 0
 */
struct sim_cap {
	u16 where;
	u16 id;
	u8 version;
	bool sibling;
	bool (*define)(struct sim_function *fn, unsigned int where);
};

static bool define_pm(struct sim_function *fn, unsigned int where)
{
	u16 ctrl = fn->gpu->identity.no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0;

	sim_config_define(fn, where + PCI_PM_PMC, 2, 3, 0, 0);
	sim_config_define(fn, where + PCI_PM_CTRL, 2, ctrl, PCI_PM_CTRL_STATE_MASK, 0);
	return true;
}

static bool define_exp(struct sim_function *fn, unsigned int where)
{
	u32 devcap = PCI_EXP_DEVCAP_RBER | 1;

	if (fn->gpu->identity.reset_methods & SIM_RESET_FLR)
		devcap |= PCI_EXP_DEVCAP_FLR;
	sim_config_define(fn, where + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0, 0);
	sim_config_define(fn, where + PCI_EXP_DEVCAP, 4, devcap, 0, 0);
	sim_config_define(fn, where + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN |
			  PCI_EXP_DEVCTL_NOSNOOP_EN, 0x7fff, 0);
	sim_config_define(fn, where + PCI_EXP_DEVSTA, 2, 0, 0, 0xf);
	sim_config_define(fn, where + PCI_EXP_LNKCAP, 4,
			  PCI_EXP_LNKCAP_SLS_32_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(fn, where + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_CCC |
			  PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_ES, 0);
	sim_config_define(fn, where + PCI_EXP_LNKSTA, 2,
			  PCI_EXP_LNKSTA_CLS_32_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(fn, where + PCI_EXP_DEVCAP2, 4, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS, 0, 0);
	sim_config_define(fn, where + PCI_EXP_DEVCTL2, 2, 0, 0x1f, 0);
	sim_config_define(fn, where + PCI_EXP_LNKCAP2, 4, 0x3e, 0, 0);
	sim_config_define(fn, where + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_32_0GT,
			  PCI_EXP_LNKCTL2_TLS, 0);
	return true;
}

static bool define_vendor(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + PCI_CAP_FLAGS, 1, VENDOR_CAP_LENGTH, 0, 0);
	return true;
}

/* FLR through the PCI Advanced Features capability, instead of PCI Express FLR. */
static bool define_af(struct sim_function *fn, unsigned int where)
{
	if (!(fn->gpu->identity.reset_methods & SIM_RESET_AF))
		return false;
	sim_config_define(fn, where + PCI_AF_LENGTH, 1, PCI_CAP_AF_SIZEOF, 0, 0);
	sim_config_define(fn, where + PCI_AF_CAP, 1, PCI_AF_CAP_TP | PCI_AF_CAP_FLR, 0, 0);
	return true;
}

static bool define_ltr(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + PCI_LTR_MAX_SNOOP_LAT, 4, 0, LTR_LATENCIES, 0);
	return true;
}

/*
 * An entry for each BAR of at least 1 MiB; BAR2 could have been smaller. The control
 * register latches another size, but the BAR does not change.
 */
static bool define_rebar(struct sim_function *fn, unsigned int where)
{
	unsigned int bar, nr = 0;

	for (bar = 0; bar < SIM_BARS; bar++) {
		u64 size = fn->gpu->identity.bar_size[bar];
		u64 min = bar == 1 ? min_t(u64, size, REBAR_BAR2_MIN) : size;
		unsigned int entry = where + nr * REBAR_ENTRY_LENGTH;

		if (size < SZ_1M)
			continue;
		sim_config_define(fn, entry + PCI_REBAR_CAP, 4,
				  GENMASK(ilog2(size / SZ_1M), ilog2(min / SZ_1M)) <<
				  REBAR_CAP_SHIFT, 0, 0);
		sim_config_define(fn, entry + PCI_REBAR_CTRL, 4, 2 * bar |
				  FIELD_PREP(PCI_REBAR_CTRL_BAR_SIZE, ilog2(size / SZ_1M)),
				  PCI_REBAR_CTRL_BAR_SIZE, 0);
		nr++;
	}
	sim_config_set(fn, where + PCI_REBAR_CTRL, 1,
		       sim_config_get(fn, where + PCI_REBAR_CTRL, 1) |
		       FIELD_PREP(PCI_REBAR_CTRL_NBAR_MASK, nr));
	return nr;
}

static bool define_vsec(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + PCI_VNDR_HEADER, 4,
			  VSEC_ID | VSEC_REVISION << 16 | VSEC_LENGTH << 20, 0, 0);
	return true;
}

static bool define_serial(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + 4, 4, SERIAL_NUMBER_LOW, 0, 0);
	sim_config_define(fn, where + 8, 4, SERIAL_NUMBER_HIGH, 0, 0);
	return true;
}

static void define_dvsec(struct sim_function *fn, unsigned int where, u16 vendor, u16 id,
			 unsigned int length)
{
	sim_config_define(fn, where + PCI_DVSEC_HEADER1, 4, vendor | length << 20, 0, 0);
	sim_config_define(fn, where + PCI_DVSEC_HEADER2, 2, id, 0, 0);
}

static bool define_gpu_dvsec(struct sim_function *fn, unsigned int where)
{
	define_dvsec(fn, where, SIM_VENDOR_ID, GPU_DVSEC_ID, GPU_DVSEC_LENGTH);
	sim_config_define(fn, where + GPU_DVSEC_CTRL, 2,
			  fn->gpu->identity.mig_fixed ? GPU_DVSEC_MIG_FIXED : 0, 0, 0);
	return true;
}

static bool define_cxl(struct sim_function *fn, unsigned int where)
{
	const struct sim_gpu *gpu = fn->gpu;
	u64 size = gpu->identity.memory_size;
	u64 base = gpu->memory_base;

	if (!gpu->identity.cxl)
		return false;
	define_dvsec(fn, where, PCI_VENDOR_ID_CXL, 0, CXL_DVSEC_LENGTH);
	sim_config_define(fn, where + CXL_DVSEC_CAP, 2, CXL_CAP_MEM_ONE_RANGE, 0, 0);
	sim_config_define(fn, where + CXL_DVSEC_SIZE_HIGH, 4, upper_32_bits(size), 0, 0);
	sim_config_define(fn, where + CXL_DVSEC_SIZE_LOW, 4,
			  (lower_32_bits(size) & CXL_LOW_ADDRESS) | CXL_MEM_INFO_VALID |
			  FIELD_PREP(CXL_ACTIVE_TIMEOUT, gpu->identity.cxl_timeout), 0, 0);
	sim_config_define(fn, where + CXL_DVSEC_BASE_HIGH, 4, upper_32_bits(base), U32_MAX, 0);
	sim_config_define(fn, where + CXL_DVSEC_BASE_LOW, 4,
			  lower_32_bits(base) & CXL_LOW_ADDRESS, CXL_LOW_ADDRESS, 0);
	return true;
}

static bool define_ats(struct sim_function *fn, unsigned int where)
{
	if (!fn->gpu->identity.more_caps)
		return false;
	sim_config_define(fn, where + PCI_ATS_CTRL, 2, 0,
			  PCI_ATS_CTRL_ENABLE | PCI_ATS_CTRL_STU(~0), 0);
	return true;
}

static bool define_pasid(struct sim_function *fn, unsigned int where)
{
	if (!fn->gpu->identity.more_caps)
		return false;
	sim_config_define(fn, where + PCI_PASID_CAP, 2, PASID_WIDTH << 8, 0, 0);
	sim_config_define(fn, where + PCI_PASID_CTRL, 2, 0, PCI_PASID_CTRL_ENABLE, 0);
	return true;
}

static bool define_sriov(struct sim_function *fn, unsigned int where)
{
	if (!fn->gpu->identity.more_caps)
		return false;
	sim_config_define(fn, where + PCI_SRIOV_CTRL, 2, 0,
			  PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE | PCI_SRIOV_CTRL_ARI, 0);
	sim_config_define(fn, where + PCI_SRIOV_INITIAL_VF, 2, SRIOV_VFS, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_TOTAL_VF, 2, SRIOV_VFS, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_NUM_VF, 2, 0, U16_MAX, 0);
	sim_config_define(fn, where + PCI_SRIOV_VF_OFFSET, 2, SRIOV_VF_OFFSET, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_VF_STRIDE, 2, 1, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_VF_DID, 2, fn->gpu->identity.device_id, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_SUP_PGSIZE, 4, SRIOV_PAGE_SIZES, 0, 0);
	sim_config_define(fn, where + PCI_SRIOV_SYS_PGSIZE, 4, 1, SRIOV_PAGE_SIZES, 0);
	sim_config_define(fn, where + PCI_SRIOV_BAR, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 |
			  PCI_BASE_ADDRESS_MEM_PREFETCH, -SRIOV_VF_BAR0_SIZE, 0);
	sim_config_define(fn, where + PCI_SRIOV_BAR + 4, 4, 0, U32_MAX, 0);
	return true;
}

/*
 * As in public dumps of the chip on PCI Express cards (H100 10de:2331, H20 10de:2329), from PM
 * to the serial number, with the Null capability that begins the extended ones. Where the
 * DVSECs and the rest are is not known.
 */
static const struct sim_cap caps[] = {
	{ SIM_CAP_PM, PCI_CAP_ID_PM, 0, true, define_pm },
	{ SIM_CAP_MSI, PCI_CAP_ID_MSI, 0, false, sim_msi_define },
	{ SIM_CAP_EXP, PCI_CAP_ID_EXP, 0, true, define_exp },
	{ 0x9c, PCI_CAP_ID_VNDR, 0, false, define_vendor },
	{ SIM_CAP_MSIX, PCI_CAP_ID_MSIX, 0, false, sim_msi_define_msix },
	{ SIM_CAP_AF, PCI_CAP_ID_AF, 0, true, define_af },
	{ 0x100, 0, 0, false, NULL },
	{ 0x12c, PCI_EXT_CAP_ID_LTR, 1, false, define_ltr },
	{ 0x134, PCI_EXT_CAP_ID_REBAR, 1, false, define_rebar },
	{ SIM_ECAP_AER, PCI_EXT_CAP_ID_ERR, SIM_AER_VERSION, false, sim_aer_define },
	{ 0x2a4, PCI_EXT_CAP_ID_VNDR, 1, false, define_vsec },
	{ 0x2b8, PCI_EXT_CAP_ID_PWR, 1, false, NULL },
	{ 0x2f0, PCI_EXT_CAP_ID_DSN, 1, false, define_serial },
	{ 0x300, PCI_EXT_CAP_ID_DVSEC, 1, false, define_gpu_dvsec },
	{ ECAP_CXL, PCI_EXT_CAP_ID_DVSEC, 1, false, define_cxl },
	{ 0x350, PCI_EXT_CAP_ID_ATS, 1, false, define_ats },
	{ 0x358, PCI_EXT_CAP_ID_PASID, 1, false, define_pasid },
	{ 0x360, PCI_EXT_CAP_ID_SRIOV, 1, false, define_sriov },
};

static void define_header(struct sim_function *fn, const struct sim_cap *cap)
{
	if (cap->where < PCI_CFG_SPACE_SIZE)
		sim_config_define(fn, cap->where, 1, cap->id, 0, 0);
	else
		sim_config_define(fn, cap->where, 4, cap->id | cap->version << 16, 0, 0);
}

/* Have the capability at @last, 0 for the header of the function, point to the next. */
static void link(struct sim_function *fn, unsigned int last, unsigned int next)
{
	if (next < PCI_CFG_SPACE_SIZE)
		sim_config_set(fn, last ? last + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST, 1, next);
	else if (last >= PCI_CFG_SPACE_SIZE)
		sim_config_set(fn, last, 4, sim_config_get(fn, last, 4) | next << 20);
}

/**
 * sim_caps_define - build the capabilities
 * @fn: the function, its config space otherwise empty from the end of the header on
 */
void sim_caps_define(struct sim_function *fn)
{
	unsigned int last = 0, i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		const struct sim_cap *cap = &caps[i];

		if (fn->index && !cap->sibling)
			continue;
		if (cap->define && !cap->define(fn, cap->where))
			continue;
		define_header(fn, cap);
		link(fn, last, cap->where);
		last = cap->where;
	}
}

/**
 * sim_caps_show_active - set Memory_Active in the CXL DVSEC
 * @fn: function 0
 * @active: the value
 */
void sim_caps_show_active(struct sim_function *fn, bool active)
{
	u32 low;

	if (!fn->gpu->identity.cxl)
		return;
	low = sim_config_get(fn, ECAP_CXL + CXL_DVSEC_SIZE_LOW, 4) & ~CXL_MEM_ACTIVE;
	sim_config_set(fn, ECAP_CXL + CXL_DVSEC_SIZE_LOW, 4,
		       active ? low | CXL_MEM_ACTIVE : low);
}
