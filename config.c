// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synthetic BARs: their registers and region info, every size a guest is told.
 *
 * Invariant: sizing by config space, the value read back and region info agree.
 *
 * vfio-pci-core cannot hold these registers: its vconfig is compared with, and
 * restored to, real hardware, and vfio_bar_fixup() clears the bytes of BARs that
 * the hardware lacks. So they are an overlay. An access goes to the core as a
 * whole and then to each synthetic BAR that it touches, byte by byte. One that
 * touches a single synthetic BAR and nothing else is not the core's business.
 *
 * The BAR registers are about no vendor and no device: all that is known of a BAR
 * is struct nvgpu_bar.
 */
#include <kunit/visibility.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "nvgpu.h"
#include "trace.h"

/* All six BAR registers: an image of this size holds any synthetic BAR. */
#define NVGPU_REGS_START	PCI_BASE_ADDRESS_0
#define NVGPU_REGS_LEN		(PCI_STD_NUM_BARS * sizeof(u32))
#define NVGPU_REGS_END		(NVGPU_REGS_START + NVGPU_REGS_LEN)

#define NVGPU_BAR_FLAGS		(PCI_BASE_ADDRESS_SPACE_MEMORY | \
				 PCI_BASE_ADDRESS_MEM_TYPE_64 | \
				 PCI_BASE_ADDRESS_MEM_PREFETCH)

/* Where the register pair of @bar lies in an image of the BAR registers. */
static size_t nvgpu_bar_start(const struct nvgpu_bar *bar)
{
	return bar->index * sizeof(u32);
}

/* Address bits below the size are hardwired to 0; sizing relies on it. */
static u64 nvgpu_bar_read(const struct nvgpu_bar *bar)
{
	return (bar->val & ~(bar->size - 1)) | NVGPU_BAR_FLAGS;
}

/* Latch those of the bytes [@first, @end) of a register image that are @bar's. */
static void nvgpu_bar_write(struct nvgpu_bar *bar, const u8 *regs, size_t first,
			    size_t end)
{
	size_t start = nvgpu_bar_start(bar);
	size_t from = max(first, start);
	size_t to = min(end, start + sizeof(u64));
	u8 val[sizeof(u64)];

	if (!bar->size || from >= to)
		return;
	put_unaligned_le64(bar->val, val);
	memcpy(val + from - start, regs + from, to - from);
	bar->val = get_unaligned_le64(val);
}

/**
 * nvgpu_config_init() - Derive the synthetic BARs from the memory
 * @bars: the BARs
 * @region: array of NVGPU_NR_REGIONS, as nvgpu_geometry_split() left it
 */
void nvgpu_config_init(struct nvgpu_bars *bars,
		       const struct nvgpu_region *region)
{
	int i;

	spin_lock_init(&bars->lock);
	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		bars->bar[i].size = region[i].bar_size;
		bars->bar[i].mem_len = region[i].mem_len;
		bars->bar[i].index = region[i].bar_index;
	}
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_init);

/**
 * nvgpu_config_reset() - Give the BAR registers their reset value, 0
 * @bars: the BARs
 * @can_undo: the reset may yet turn out to have failed
 *
 * Context: any process context, see the lock map in nvgpu.h.
 */
void nvgpu_config_reset(struct nvgpu_bars *bars, bool can_undo)
{
	int i;

	spin_lock(&bars->lock);
	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		bars->bar[i].undo_val = bars->bar[i].val;
		bars->bar[i].val = 0;
	}
	bars->resets++;
	bars->can_undo = can_undo;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_reset);

/**
 * nvgpu_config_commit_reset() - All resets up to now have happened
 * @bars: the BARs
 */
void nvgpu_config_commit_reset(struct nvgpu_bars *bars)
{
	spin_lock(&bars->lock);
	bars->can_undo = false;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_commit_reset);

/**
 * nvgpu_config_undo_reset() - Take back a reset since the last commit
 * @bars: the BARs
 *
 * It turned out to have failed: the registers are put back, unless they were
 * written in between.
 */
void nvgpu_config_undo_reset(struct nvgpu_bars *bars)
{
	int i;

	spin_lock(&bars->lock);
	for (i = 0; bars->can_undo && i < NVGPU_NR_REGIONS; i++)
		bars->bar[i].val = bars->bar[i].undo_val;
	bars->can_undo = false;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_undo_reset);

/**
 * nvgpu_config_overlaps() - Does an access touch a synthetic BAR
 * @bars: the BARs
 * @pos: offset in config space
 * @count: length of the access in bytes
 *
 * Return: true if any byte of a synthetic BAR is in the range.
 */
bool nvgpu_config_overlaps(const struct nvgpu_bars *bars, u64 pos,
			   size_t count)
{
	int i;

	if (pos >= NVGPU_REGS_END ||
	    (pos < NVGPU_REGS_START && count <= NVGPU_REGS_START - pos))
		return false;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_bar *bar = &bars->bar[i];
		u64 start = NVGPU_REGS_START + nvgpu_bar_start(bar);

		if (bar->size && pos < start + sizeof(u64) &&
		    count > 0 && (pos >= start || count > start - pos))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_overlaps);

/*
 * Is an access to one synthetic BAR and to nothing else? Such a one needs nothing of
 * the core: what the core would do with these bytes is never seen. It is what guests
 * and VMMs use, and costs less than with a real BAR.
 */
static bool nvgpu_config_covers(const struct nvgpu_bars *bars, u64 pos,
				size_t count)
{
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_bar *bar = &bars->bar[i];
		u64 start = NVGPU_REGS_START + nvgpu_bar_start(bar);

		if (bar->size && pos >= start && pos < start + sizeof(u64))
			return count <= start + sizeof(u64) - pos;
	}
	return false;
}

/**
 * nvgpu_config_load() - Overlay the synthetic registers on a register image
 * @bars: the BARs
 * @regs: image of the six BAR registers as a read returns them, little endian;
 *	bytes that belong to no synthetic BAR are left alone
 *
 * All registers are of one moment.
 *
 * Return: how many resets there were until then, for nvgpu_config_store().
 */
unsigned int nvgpu_config_load(struct nvgpu_bars *bars, u8 *regs)
{
	unsigned int resets;
	int i;

	spin_lock(&bars->lock);
	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_bar *bar = &bars->bar[i];

		if (bar->size)
			put_unaligned_le64(nvgpu_bar_read(bar),
					   regs + nvgpu_bar_start(bar));
	}
	resets = bars->resets;
	spin_unlock(&bars->lock);
	return resets;
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_load);

/**
 * nvgpu_config_store() - Write to the synthetic registers
 * @bars: the BARs
 * @regs: image of the six BAR registers, of which only [@first, @end) is
 *	written
 * @first: first byte written
 * @end: byte after the last one written
 * @resets: what nvgpu_config_load() returned before the write began
 *
 * The write is atomic: no reader sees half of it. It is lost if a reset came
 * after it began, for the reset was later.
 */
void nvgpu_config_store(struct nvgpu_bars *bars, const u8 *regs, size_t first,
			size_t end, unsigned int resets)
{
	int i;

	spin_lock(&bars->lock);
	for (i = 0; bars->resets == resets && i < NVGPU_NR_REGIONS; i++)
		nvgpu_bar_write(&bars->bar[i], regs, first, end);
	if (bars->resets == resets)
		bars->can_undo = false;
	spin_unlock(&bars->lock);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_store);

/* The part of [pos, pos + count) that lies in the BAR registers. */
static void nvgpu_config_clip(u64 pos, size_t count, size_t *first, size_t *end)
{
	*first = max_t(u64, pos, NVGPU_REGS_START) - NVGPU_REGS_START;
	*end = min_t(u64, pos + count, NVGPU_REGS_END) - NVGPU_REGS_START;
}

/* Copy the synthetic bytes of the image, and no others, to a user buffer. */
static int nvgpu_config_overlay(struct nvgpu_bars *bars, char __user *buf,
				u64 pos, size_t count)
{
	u8 regs[NVGPU_REGS_LEN];
	size_t first, end;
	int i;

	nvgpu_config_clip(pos, count, &first, &end);
	nvgpu_config_load(bars, regs);

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_bar *bar = &bars->bar[i];
		size_t start = nvgpu_bar_start(bar);
		size_t from = max(first, start);
		size_t to = min(end, start + sizeof(u64));

		if (!bar->size || from >= to)
			continue;
		if (copy_to_user(buf + (NVGPU_REGS_START + from - pos),
				 regs + from, to - from))
			return -EFAULT;
	}
	return 0;
}

/**
 * nvgpu_config_read() - Read config space with the synthetic BARs in it
 * @nvdev: device
 * @buf: user buffer
 * @count: bytes to read
 * @ppos: file position, advanced by what was read
 *
 * Context: process context, takes no lock over user copies.
 * Return: as vfio_pci_core_read().
 */
ssize_t nvgpu_config_read(struct nvgpu_device *nvdev, char __user *buf,
			  size_t count, loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	loff_t start = *ppos;
	ssize_t done = count;

	if (!nvgpu_config_overlaps(&nvdev->bars, pos, count))
		return vfio_pci_core_read(&nvdev->vdev.vdev, buf, count, ppos);

	if (!nvgpu_config_covers(&nvdev->bars, pos, count)) {
		done = vfio_pci_core_read(&nvdev->vdev.vdev, buf, count, ppos);
		if (done <= 0 ||
		    !nvgpu_config_overlaps(&nvdev->bars, pos, done))
			return done;
	}

	if (nvgpu_config_overlay(&nvdev->bars, buf, pos, done)) {
		*ppos = start;
		return -EFAULT;
	}
	*ppos = start + done;
	return done;
}

/* The core takes such an access in one step, so that it fails as a whole. */
static bool nvgpu_config_is_one_step(u64 pos, size_t count)
{
	return is_power_of_2(count) && count <= sizeof(u32) &&
	       IS_ALIGNED(pos, count);
}

/**
 * nvgpu_config_write() - Write config space with the synthetic BARs in it
 * @nvdev: device
 * @buf: user buffer
 * @count: bytes to write
 * @ppos: file position, advanced by what was written
 *
 * A buffer that is not readable throughout changes nothing: the core would write
 * register by register up to the hole. The synthetic bytes are latched last, once
 * the core has taken its own, unless one of those started a reset. The copy of them
 * that the core keeps is never read.
 *
 * Context: process context, takes no lock over user copies.
 * Return: as vfio_pci_core_write().
 */
ssize_t nvgpu_config_write(struct nvgpu_device *nvdev, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 regs[NVGPU_REGS_LEN];
	unsigned int resets;
	size_t first, end;
	ssize_t done = count;

	if (count > PCI_CFG_SPACE_EXP_SIZE)
		return -EFAULT;
	if (!nvgpu_config_is_one_step(pos, count) &&
	    fault_in_readable(buf, count))
		return -EFAULT;
	if (!nvgpu_config_overlaps(&nvdev->bars, pos, count))
		return vfio_pci_core_write(&nvdev->vdev.vdev, buf, count, ppos);

	nvgpu_config_clip(pos, count, &first, &end);
	resets = nvgpu_config_load(&nvdev->bars, regs);
	if (copy_from_user(regs + first, buf + (NVGPU_REGS_START + first - pos),
			   end - first))
		return -EFAULT;

	if (nvgpu_config_covers(&nvdev->bars, pos, count))
		*ppos += count;
	else
		done = vfio_pci_core_write(&nvdev->vdev.vdev, buf, count, ppos);
	if (done <= 0)
		return done;

	nvgpu_config_store(&nvdev->bars, regs, first, end, resets);
	trace_nvgpu_bar_write(nvdev->vdev.pdev, NVGPU_REGS_START + first,
			      end - first, regs + first);
	return done;
}

/*
 * Two areas where mem_len is no multiple of PMD_SIZE: user space aligns a mapping
 * to its size's lowest bit (QEMU: hw/vfio/region.c), so an odd tail in one common
 * area would cost all of it its huge pages.
 */
static int nvgpu_config_sparse_cap(const struct nvgpu_bar *bar,
				   struct vfio_info_cap *caps)
{
	u64 huge_len = round_down(bar->mem_len, PMD_SIZE);
	struct vfio_region_info_cap_sparse_mmap *sparse;
	u32 nr = 0;
	int ret;

	sparse = kzalloc(struct_size(sparse, areas, 2), GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;

	if (huge_len)
		sparse->areas[nr++].size = huge_len;
	if (huge_len < bar->mem_len) {
		sparse->areas[nr].offset = huge_len;
		sparse->areas[nr++].size = bar->mem_len - huge_len;
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
 * @bar: the BAR
 * @info: filled with offset, size and flags
 * @caps: gains the areas that can be mapped, exactly the memory that exists
 *
 * Return: 0 or -ENOMEM.
 */
int nvgpu_config_region_info(const struct nvgpu_bar *bar,
			     struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(bar->index);
	info->size = bar->size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;

	return nvgpu_config_sparse_cap(bar, caps);
}
EXPORT_SYMBOL_IF_KUNIT(nvgpu_config_region_info);
