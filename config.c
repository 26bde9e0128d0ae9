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
 * Reads of the Resizable BAR entries of hidden BARs are overlaid as well: the core
 * shows those of the hardware, and drops writes. It does not show the other capabilities
 * with sizes of BARs, Enhanced Allocation and VF Resizable BAR. The VF BARs of SR-IOV are
 * those of other functions. The MSI-X capability tells the BAR of the hardware that has
 * the table; that it is none of the hidden ones is assumed, not known of every GPU.
 *
 * Nothing here depends on the vendor or on the rest of this driver: a BAR is a
 * struct nvgpu_region in a struct nvgpu_bars.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvgpu.h"
#include "trace.h"

#define NVGPU_BAR_FLAGS		(PCI_BASE_ADDRESS_SPACE_MEMORY | \
				 PCI_BASE_ADDRESS_MEM_TYPE_64 | \
				 PCI_BASE_ADDRESS_MEM_PREFETCH)

/* PCIe r6.0, 7.8.6.2: bit 4 of the capability register stands for 1 MiB. */
#define NVGPU_REBAR_CAP_SHIFT	4

/**
 * struct nvgpu_span - the bytes of a register pair in an access to config space
 * @buf: offset of the first in the access's buffer
 * @reg: offset of the first in the register pair
 * @len: how many
 */
struct nvgpu_span {
	loff_t buf;
	size_t reg;
	size_t len;
};

static bool nvgpu_config_span(u64 pair, u64 pos, size_t count,
			      struct nvgpu_span *span)
{
	return vfio_pci_core_range_intersect_range(pos, count, pair,
						   sizeof(u64), &span->buf,
						   &span->len, &span->reg);
}

static u64 nvgpu_config_bar(const struct nvgpu_region *region)
{
	return PCI_BASE_ADDRESS_0 + region->bar_index * sizeof(u32);
}

/* Most accesses are to other registers, of which all is the core's. */
static bool nvgpu_config_is_bar(u64 pos, size_t count)
{
	return pos < PCI_BASE_ADDRESS_5 + sizeof(u32) &&
	       pos + count > PCI_BASE_ADDRESS_0;
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
 * nvgpu_config_rebar_entry() - Describe a BAR as not resizable
 * @bar_size: its size
 * @ctrl: control register of the BAR that it hides
 *
 * Sizes begin at 1 MiB: a smaller BAR is described as one of 1 MiB.
 *
 * Return: capability and control register, the latter in the upper half.
 */
u64 nvgpu_config_rebar_entry(u64 bar_size, u32 ctrl)
{
	unsigned int size = pci_rebar_bytes_to_size(bar_size);

	ctrl &= PCI_REBAR_CTRL_BAR_IDX | PCI_REBAR_CTRL_NBAR_MASK;
	ctrl |= FIELD_PREP(PCI_REBAR_CTRL_BAR_SIZE, size);
	return (u64)ctrl << 32 | BIT(size + NVGPU_REBAR_CAP_SHIFT);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_rebar_entry);

/**
 * nvgpu_config_init() - Find the Resizable BAR entries of the hidden BARs
 * @pdev: device
 * @bars: its synthetic BARs
 *
 * Context: probe, may sleep.
 */
void nvgpu_config_init(struct pci_dev *pdev, struct nvgpu_bars *bars)
{
	u16 pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_REBAR);
	struct nvgpu_region *region;
	unsigned int i, nr = 1;
	u32 ctrl;

	for (i = 0; pos && i < nr; i++, pos += sizeof(u64)) {
		pci_read_config_dword(pdev, pos + PCI_REBAR_CTRL, &ctrl);
		if (!i)
			nr = FIELD_GET(PCI_REBAR_CTRL_NBAR_MASK, ctrl);
		region = nvgpu_config_region(bars, FIELD_GET(PCI_REBAR_CTRL_BAR_IDX,
							     ctrl));
		if (!region)
			continue;
		region->rebar = pos + PCI_REBAR_CAP;
		region->rebar_val = nvgpu_config_rebar_entry(region->bar_size,
							     ctrl);
	}
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
 * nvgpu_config_load() - Read the register pair of a synthetic BAR
 * @bars: the BARs
 * @region: one of theirs
 *
 * Address bits below the size are hardwired to 0; sizing relies on it.
 *
 * Return: the value of both registers at one moment.
 */
u64 nvgpu_config_load(struct nvgpu_bars *bars, const struct nvgpu_region *region)
{
	u64 val;

	spin_lock(&bars->lock);
	val = region->bar_val;
	spin_unlock(&bars->lock);
	return (val & ~(region->bar_size - 1)) | NVGPU_BAR_FLAGS;
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_load);

/**
 * nvgpu_config_store() - Write bytes of the register pair of a synthetic BAR
 * @bars: the BARs
 * @region: one of theirs
 * @reg: offset of the first byte in the pair
 * @len: number of bytes, 1 to 8 - @reg
 * @data: their value; bytes from @len on are 0
 *
 * The write is atomic: no reader sees half of it.
 */
void nvgpu_config_store(struct nvgpu_bars *bars, struct nvgpu_region *region,
			size_t reg, size_t len, u64 data)
{
	unsigned int shift = reg * BITS_PER_BYTE;
	u64 mask = GENMASK_ULL(shift + len * BITS_PER_BYTE - 1, shift);

	spin_lock(&bars->lock);
	region->bar_val = (region->bar_val & ~mask) | data << shift;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_store);

/* Put the bytes of a register pair that an access covers into its buffer. */
static int nvgpu_config_overlay(char __user *buf, u64 pos, size_t count,
				u64 pair, u64 val)
{
	struct nvgpu_span span;
	__le64 data;

	if (!nvgpu_config_span(pair, pos, count, &span))
		return 0;
	data = cpu_to_le64(val >> (span.reg * BITS_PER_BYTE));
	return copy_to_user(buf + span.buf, &data, span.len) ? -EFAULT : 0;
}

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
	unsigned int i;
	ssize_t done;
	int ret = 0;

	done = vfio_pci_core_read(&vdev->vdev, buf, count, ppos);
	if (done <= 0)
		return done;

	for (i = 0; i < bars->nr && !ret; i++) {
		const struct nvgpu_region *region = &bars->region[i];

		if (nvgpu_config_is_bar(pos, done))
			ret = nvgpu_config_overlay(buf, pos, done,
						   nvgpu_config_bar(region),
						   nvgpu_config_load(bars, region));
		if (region->rebar && !ret)
			ret = nvgpu_config_overlay(buf, pos, done, region->rebar,
						   region->rebar_val);
	}
	if (ret) {
		*ppos -= done;
		return ret;
	}
	return done;
}

/* Latch the bytes of synthetic BARs. */
static int nvgpu_config_latch(struct vfio_pci_core_device *vdev,
			      struct nvgpu_bars *bars, const char __user *buf,
			      u64 pos, size_t count)
{
	struct nvgpu_span span;
	unsigned int i;

	for (i = 0; i < bars->nr; i++) {
		struct nvgpu_region *region = &bars->region[i];
		__le64 data = 0;

		if (!nvgpu_config_span(nvgpu_config_bar(region), pos, count, &span))
			continue;
		if (copy_from_user(&data, buf + span.buf, span.len))
			return -EFAULT;
		nvgpu_config_store(bars, region, span.reg, span.len,
				   le64_to_cpu(data));
		trace_nvgpu_bar_write(vdev->pdev, pos + span.buf, span.len,
				      le64_to_cpu(data));
	}
	return 0;
}

/* The core takes such an access in one step, so that it fails as a whole. */
static bool nvgpu_config_is_one_step(u64 pos, size_t count)
{
	return is_power_of_2(count) && count <= sizeof(u32) &&
	       IS_ALIGNED(pos, count);
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

	if (!count)
		return 0;
	if (pos + count > vdev->pdev->cfg_size)
		return -EFAULT;
	if (!nvgpu_config_is_one_step(pos, count) &&
	    fault_in_readable(buf, count))
		return -EFAULT;
	if (nvgpu_config_is_bar(pos, count) &&
	    nvgpu_config_latch(vdev, bars, buf, pos, count))
		return -EFAULT;
	return vfio_pci_core_write(&vdev->vdev, buf, count, ppos);
}

/*
 * One area where the core exports dma-bufs: QEMU from 11 on makes one dma-buf of all
 * areas of a region, and iommufd maps none that has more than one range. Else two where
 * mem_len is no multiple of PMD_SIZE: QEMU up to 10 aligns each area to the lowest set
 * bit of its size, so an odd tail would cost a common area its huge pages
 * (hw/vfio/region.c).
 */
static int nvgpu_config_sparse_cap(const struct nvgpu_region *region,
				   struct vfio_info_cap *caps)
{
	u64 first_len = IS_ENABLED(CONFIG_VFIO_PCI_DMABUF) ? region->mem_len :
			round_down(region->mem_len, PMD_SIZE);
	struct vfio_region_info_cap_sparse_mmap *sparse;
	u32 nr = 0;
	int ret;

	sparse = kzalloc(struct_size(sparse, areas, 2), GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;

	if (first_len)
		sparse->areas[nr++].size = first_len;
	if (first_len < region->mem_len) {
		sparse->areas[nr].offset = first_len;
		sparse->areas[nr++].size = region->mem_len - first_len;
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
