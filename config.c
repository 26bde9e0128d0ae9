// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synthetic BARs: their registers and region info, every size a guest is told.
 *
 * Invariant: sizing by config space, the value read back and region info agree.
 *
 * vfio-pci-core cannot hold these registers: its vconfig is compared with, and
 * restored to, real hardware, and vfio_bar_fixup() clears the bytes of BARs that
 * the hardware lacks. So they are an overlay: each access goes to the core as a
 * whole, and the bytes of synthetic BARs are read and written here besides.
 *
 * Nothing here depends on the vendor or on the rest of this driver: a BAR is a
 * struct nvgpu_region in a struct nvgpu_bars.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "nvgpu.h"
#include "trace.h"

/* An image of all six BAR registers holds any synthetic BAR. */
#define NVGPU_REGS_LEN		(PCI_STD_NUM_BARS * sizeof(u32))

#define NVGPU_BAR_FLAGS		(PCI_BASE_ADDRESS_SPACE_MEMORY | \
				 PCI_BASE_ADDRESS_MEM_TYPE_64 | \
				 PCI_BASE_ADDRESS_MEM_PREFETCH)

/**
 * struct nvgpu_span - the bytes of one synthetic BAR in an access to config space
 * @buf: offset of the first in the access's buffer
 * @reg: offset of the first in the register pair
 * @image: offset of the first in an image of the BAR registers
 * @len: how many
 */
struct nvgpu_span {
	loff_t buf;
	size_t reg;
	size_t image;
	size_t len;
};

static bool nvgpu_config_span(const struct nvgpu_region *region, u64 pos,
			      size_t count, struct nvgpu_span *span)
{
	size_t start = region->bar_index * sizeof(u32);

	if (!vfio_pci_core_range_intersect_range(pos, count,
						 PCI_BASE_ADDRESS_0 + start,
						 sizeof(u64), &span->buf,
						 &span->len, &span->reg))
		return false;
	span->image = start + span->reg;
	return true;
}

/**
 * nvgpu_config_region() - Find the region that a BAR presents
 * @bars: the BARs
 * @index: vfio region index, any value
 *
 * Return: the region, or NULL if @index is not a synthetic BAR.
 */
struct nvgpu_region *nvgpu_config_region(struct nvgpu_bars *bars,
					 unsigned int index)
{
	unsigned int i;

	for (i = 0; i < bars->nr; i++)
		if (bars->region[i].bar_index == index)
			return &bars->region[i];
	return NULL;
}

/**
 * nvgpu_config_reset() - Give the BAR registers their reset value, 0
 * @bars: the BARs
 *
 * Context: any process context, see the lock map in nvgpu.h.
 */
void nvgpu_config_reset(struct nvgpu_bars *bars)
{
	unsigned int i;

	spin_lock(&bars->lock);
	for (i = 0; i < bars->nr; i++)
		bars->region[i].bar_val = 0;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_reset);

/**
 * nvgpu_config_load() - Read the synthetic registers
 * @bars: the BARs
 * @regs: image of the six BAR registers as a read returns them, little endian;
 *	bytes that belong to no synthetic BAR are left alone
 *
 * All registers are of one moment. Address bits below the size are hardwired to 0;
 * sizing relies on it.
 */
void nvgpu_config_load(struct nvgpu_bars *bars, u8 *regs)
{
	unsigned int i;

	spin_lock(&bars->lock);
	for (i = 0; i < bars->nr; i++) {
		const struct nvgpu_region *region = &bars->region[i];
		u64 val = region->bar_val & ~(region->bar_size - 1);

		put_unaligned_le64(val | NVGPU_BAR_FLAGS,
				   regs + region->bar_index * sizeof(u32));
	}
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_load);

/**
 * nvgpu_config_store() - Write to the synthetic registers
 * @bars: the BARs
 * @regs: image of the six BAR registers
 * @pos: offset in config space of the first byte that is written
 * @count: bytes that are written
 *
 * The write is atomic: no reader sees half of it.
 */
void nvgpu_config_store(struct nvgpu_bars *bars, const u8 *regs, u64 pos,
			size_t count)
{
	u8 val[sizeof(u64)];
	unsigned int i;

	spin_lock(&bars->lock);
	for (i = 0; i < bars->nr; i++) {
		struct nvgpu_region *region = &bars->region[i];
		struct nvgpu_span span;

		if (!nvgpu_config_span(region, pos, count, &span))
			continue;
		put_unaligned_le64(region->bar_val, val);
		memcpy(val + span.reg, regs + span.image, span.len);
		region->bar_val = get_unaligned_le64(val);
	}
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_store);

/**
 * nvgpu_config_read() - Read config space with the synthetic BARs in it
 * @vdev: device
 * @bars: its synthetic BARs
 * @buf: user buffer
 * @count: bytes to read
 * @ppos: file position, advanced by what was read
 *
 * Context: process context, takes no lock over user copies.
 * Return: as vfio_pci_core_read().
 */
ssize_t nvgpu_config_read(struct vfio_pci_core_device *vdev,
			  struct nvgpu_bars *bars, char __user *buf,
			  size_t count, loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 regs[NVGPU_REGS_LEN];
	struct nvgpu_span span;
	unsigned int i;
	ssize_t done;

	done = vfio_pci_core_read(&vdev->vdev, buf, count, ppos);
	if (done <= 0)
		return done;

	nvgpu_config_load(bars, regs);
	for (i = 0; i < bars->nr; i++) {
		if (!nvgpu_config_span(&bars->region[i], pos, done, &span))
			continue;
		if (copy_to_user(buf + span.buf, regs + span.image, span.len)) {
			*ppos -= done;
			return -EFAULT;
		}
	}
	return done;
}

/* Copy the bytes of synthetic BARs, and no others, from a user buffer. */
static int nvgpu_config_fetch(struct nvgpu_bars *bars, u8 *regs,
			      const char __user *buf, u64 pos, size_t count)
{
	struct nvgpu_span span;
	unsigned int i;

	for (i = 0; i < bars->nr; i++) {
		if (!nvgpu_config_span(&bars->region[i], pos, count, &span))
			continue;
		if (copy_from_user(regs + span.image, buf + span.buf, span.len))
			return -EFAULT;
	}
	return 0;
}

/**
 * nvgpu_config_write() - Write config space with the synthetic BARs in it
 * @vdev: device
 * @bars: its synthetic BARs
 * @buf: user buffer
 * @count: bytes to write
 * @ppos: file position, advanced by what was written
 *
 * The synthetic bytes are latched first: a reset that the same access starts then
 * clears them. What the core refuses is refused before, so that it changes nothing;
 * so is a buffer that cannot be read throughout, which the core would write register
 * by register up to the hole.
 *
 * Context: process context, takes no lock over user copies.
 * Return: as vfio_pci_core_write().
 */
ssize_t nvgpu_config_write(struct vfio_pci_core_device *vdev,
			   struct nvgpu_bars *bars, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u64 end = vdev->pdev->cfg_size;
	u8 regs[NVGPU_REGS_LEN];
	struct nvgpu_span span;
	unsigned int i;

	if (!count)
		return 0;
	if (pos + count > end || fault_in_readable(buf, count) ||
	    nvgpu_config_fetch(bars, regs, buf, pos, count))
		return -EFAULT;

	nvgpu_config_store(bars, regs, pos, count);
	for (i = 0; i < bars->nr; i++)
		if (nvgpu_config_span(&bars->region[i], pos, count, &span))
			trace_nvgpu_bar_write(vdev->pdev, pos + span.buf,
					      span.len, regs + span.image);

	return vfio_pci_core_write(&vdev->vdev, buf, count, ppos);
}

/*
 * Two areas where mem_len is no multiple of PMD_SIZE: user space aligns a mapping
 * to its size's lowest bit (QEMU: hw/vfio/region.c), so an odd tail in one common
 * area would cost all of it its huge pages.
 */
static int nvgpu_config_sparse_cap(const struct nvgpu_region *region,
				   struct vfio_info_cap *caps)
{
	u64 huge_len = round_down(region->mem_len, PMD_SIZE);
	struct vfio_region_info_cap_sparse_mmap *sparse;
	u32 nr = 0;
	int ret;

	sparse = kzalloc(struct_size(sparse, areas, 2), GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;

	if (huge_len)
		sparse->areas[nr++].size = huge_len;
	if (huge_len < region->mem_len) {
		sparse->areas[nr].offset = huge_len;
		sparse->areas[nr++].size = region->mem_len - huge_len;
	}
	sparse->nr_areas = nr;
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;

	ret = vfio_info_add_capability(caps, &sparse->header,
				       struct_size(sparse, areas, nr));
	kfree(sparse);
	return ret;
}

/**
 * nvgpu_config_region_info() - Describe a synthetic BAR to user space
 * @region: the memory that it presents
 * @info: filled with offset, size and flags
 * @caps: gains the areas that can be mapped, exactly the memory that exists
 *
 * Return: 0 or -ENOMEM.
 */
int nvgpu_config_region_info(const struct nvgpu_region *region,
			     struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(region->bar_index);
	info->size = region->bar_size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;

	return nvgpu_config_sparse_cap(region, caps);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_region_info);
