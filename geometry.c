// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the GPU memory is: from firmware properties to usemem and resmem.
 *
 * Invariant: the regions are disjoint, page aligned, lie inside what firmware
 * described and inside a range of the physical address space that this driver
 * alone has claimed. Nothing here changes after probe.
 *
 *   mem_base                                             mem_base + mem_size
 *   |<------------ usemem, n * 512 MiB ------------>|<--- resmem, >= 1 GiB --->|
 */
#include <kunit/visibility.h>
#include <linux/ioport.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/property.h>
#include <linux/sizes.h>

#include "nvgpu.h"

#define NVGPU_PROP_BASE		"nvidia,gpu-mem-base-pa"
#define NVGPU_PROP_SIZE		"nvidia,gpu-mem-size"

/* usemem is a multiple of this where resmem exists: ABI with the GPU firmware. */
#define NVGPU_MEMBLK		SZ_512M
#define NVGPU_RESMEM_MIN	SZ_1G

/* GPU DVSEC: bit 0 of this word says that MIG works with cached memory. */
#define NVGPU_DVSEC_ID		3
#define NVGPU_DVSEC_MIG		0xa
#define NVGPU_DVSEC_MIG_FIXED	BIT(0)

/* A BAR must fit the window that vfio's file offsets give to a region. */
#define NVGPU_BAR_MAX		(VFIO_PCI_OFFSET_MASK + 1)

static int nvgpu_geometry_reject(const char **rule, const char *text, int err)
{
	*rule = text;
	return err;
}

static int nvgpu_geometry_check(u64 base, u64 len, const char **rule)
{
	u64 last;

	if (!len)
		return nvgpu_geometry_reject(rule,
			"size is 0, the C2C link is down", -ENODEV);
	if (!PAGE_ALIGNED(base))
		return nvgpu_geometry_reject(rule,
			"base must be a multiple of the page size", -EINVAL);
	if (!PAGE_ALIGNED(len))
		return nvgpu_geometry_reject(rule,
			"size must be a multiple of the page size", -EINVAL);
	if (check_add_overflow(base, len - 1, &last) ||
	    last >> MAX_PHYSMEM_BITS)
		return nvgpu_geometry_reject(rule,
			"base + size exceeds the physical address space",
			-EINVAL);
	return 0;
}

static int nvgpu_geometry_add(struct nvgpu_bars *bars, u64 base, u64 len,
			      unsigned int bar_index, bool wc,
			      const char **rule)
{
	if (len > NVGPU_BAR_MAX)
		return nvgpu_geometry_reject(rule,
			"a BAR for it exceeds vfio's region window of 1 TiB",
			-E2BIG);

	bars->region[bars->nr++] = (struct nvgpu_region) {
		.mem_base = base,
		.mem_len = len,
		.bar_size = roundup_pow_of_two(len),
		.bar_index = bar_index,
		.wc = wc,
	};
	return 0;
}

/**
 * nvgpu_geometry_split() - Divide the GPU memory into regions
 * @base: physical base address
 * @len: size in bytes
 * @has_resmem: the GPU has the MIG bug and needs resmem
 * @bars: without regions; gains usemem and, where needed, resmem
 * @rule: set to the rule that was broken, on failure
 *
 * Pure arithmetic.
 *
 * Return: 0, or -ENODEV (no memory), -EINVAL (misaligned, overflow, too small),
 * -E2BIG (more than a region can hold).
 */
int nvgpu_geometry_split(u64 base, u64 len, bool has_resmem,
			 struct nvgpu_bars *bars, const char **rule)
{
	u64 usemem_len = len;
	int ret;

	ret = nvgpu_geometry_check(base, len, rule);
	if (ret)
		return ret;

	if (has_resmem) {
		if (len < NVGPU_RESMEM_MIN + NVGPU_MEMBLK)
			return nvgpu_geometry_reject(rule,
				"size must be at least 1.5 GiB, for resmem and one block of usemem",
				-EINVAL);
		usemem_len = round_down(len - NVGPU_RESMEM_MIN, NVGPU_MEMBLK);
	}

	ret = nvgpu_geometry_add(bars, base, usemem_len,
				 VFIO_PCI_BAR4_REGION_INDEX, false, rule);
	if (ret || !has_resmem)
		return ret;
	return nvgpu_geometry_add(bars, base + usemem_len, len - usemem_len,
				  VFIO_PCI_BAR2_REGION_INDEX, true, rule);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_geometry_split);

static int nvgpu_geometry_read(struct pci_dev *pdev, const char *prop, u64 *val)
{
	int ret = device_property_read_u64(&pdev->dev, prop, val);

	if (!ret)
		return 0;
	pci_err(pdev, "firmware property %s is missing or no 64-bit integer (%pe) although %s exists: update the firmware\n",
		prop, ERR_PTR(ret), strcmp(prop, NVGPU_PROP_BASE) ?
				    NVGPU_PROP_BASE : NVGPU_PROP_SIZE);
	return -ENODEV;
}

/*
 * The system RAM test is only there for its message: a host driver that has
 * onlined the memory is the usual reason. It is the claim that keeps RAM out,
 * also RAM that is hot-added later.
 */
static int nvgpu_geometry_claim(struct pci_dev *pdev, u64 base, u64 len)
{
	const char *name;

	if (region_intersects(base, len, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pci_err(pdev, "memory %#llx-%#llx overlaps System RAM: unbind the driver that onlined it, see /proc/iomem\n",
			base, base + len - 1);
		return -EBUSY;
	}

	name = devm_kasprintf(&pdev->dev, GFP_KERNEL, "nvgpu %s",
			      pci_name(pdev));
	if (!name)
		return -ENOMEM;

	if (!devm_request_mem_region(&pdev->dev, base, len, name)) {
		pci_err(pdev, "memory %#llx-%#llx is already claimed: see /proc/iomem for the owner\n",
			base, base + len - 1);
		return -EBUSY;
	}

	return 0;
}

static bool nvgpu_geometry_needs_resmem(struct pci_dev *pdev)
{
	u16 dvsec, word;

	pdev = pci_physfn(pdev);	/* VFs have no DVSEC of their own */
	dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_NVIDIA,
					  NVGPU_DVSEC_ID);
	if (!dvsec)
		return true;

	pci_read_config_word(pdev, dvsec + NVGPU_DVSEC_MIG, &word);
	return !(word & NVGPU_DVSEC_MIG_FIXED);
}

/*
 * A synthetic BAR takes two registers. The physical BARs under them are hidden,
 * which is only possible where they are one 64-bit BAR or none.
 */
static int nvgpu_geometry_check_bars(struct pci_dev *pdev,
				     const struct nvgpu_bars *bars)
{
	unsigned int i, index;

	for (i = 0; i < bars->nr; i++) {
		index = bars->region[i].bar_index;
		if (!pci_resource_len(pdev, index + 1))
			continue;
		pci_err(pdev, "BAR%u is a BAR of its own, no room for a 64-bit BAR%u/%u: hardware that this driver does not know\n",
			index + 1, index, index + 1);
		return -EINVAL;
	}
	return 0;
}

static void nvgpu_geometry_announce(struct pci_dev *pdev, u64 base, u64 len,
				    const struct nvgpu_bars *bars)
{
	const struct nvgpu_region *usemem = &bars->region[NVGPU_USEMEM];
	const struct nvgpu_region *resmem = &bars->region[NVGPU_RESMEM];

	if (bars->nr > NVGPU_RESMEM)
		pci_info(pdev, "memory %#llx-%#llx: usemem %llu MiB cached in BAR%u of %llu MiB, resmem %llu MiB write-combining in BAR%u of %llu MiB\n",
			 base, base + len - 1, usemem->mem_len >> 20,
			 usemem->bar_index, usemem->bar_size >> 20,
			 resmem->mem_len >> 20, resmem->bar_index,
			 resmem->bar_size >> 20);
	else
		pci_info(pdev, "memory %#llx-%#llx: usemem %llu MiB cached in BAR%u of %llu MiB, no resmem\n",
			 base, base + len - 1, usemem->mem_len >> 20,
			 usemem->bar_index, usemem->bar_size >> 20);
}

/**
 * nvgpu_geometry_present() - Does firmware describe GPU memory
 * @pdev: the GPU
 *
 * Return: true if any of the two properties exists.
 */
bool nvgpu_geometry_present(struct pci_dev *pdev)
{
	return device_property_present(&pdev->dev, NVGPU_PROP_BASE) ||
	       device_property_present(&pdev->dev, NVGPU_PROP_SIZE);
}

/**
 * nvgpu_geometry_init() - Read, check and claim the GPU memory
 * @nvdev: device, not yet registered
 *
 * The claim is device managed. Failures say in the log which value broke which
 * rule; success says how the memory is presented.
 *
 * Context: probe, may sleep.
 * Return: 0, -ENODEV, -EINVAL, -E2BIG as nvgpu_geometry_split(), -EBUSY if the
 * memory is in use, -ENOMEM.
 */
int nvgpu_geometry_init(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	const char *rule;
	u64 base, len;
	int ret;

	ret = nvgpu_geometry_read(pdev, NVGPU_PROP_BASE, &base);
	if (ret)
		return ret;
	ret = nvgpu_geometry_read(pdev, NVGPU_PROP_SIZE, &len);
	if (ret)
		return ret;

	ret = nvgpu_geometry_split(base, len, nvgpu_geometry_needs_resmem(pdev),
				   &nvdev->bars, &rule);
	if (ret) {
		pci_err(pdev, "%s %#llx, %s %#llx: %s\n", NVGPU_PROP_BASE, base,
			NVGPU_PROP_SIZE, len, rule);
		return ret;
	}

	ret = nvgpu_geometry_check_bars(pdev, &nvdev->bars);
	if (ret)
		return ret;

	ret = nvgpu_geometry_claim(pdev, base, len);
	if (ret)
		return ret;

	nvgpu_geometry_announce(pdev, base, len, &nvdev->bars);
	return 0;
}
