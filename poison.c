// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the GPU memory that hardware reported as corrupted.
 *
 * Invariant: from when a poisoned page is noted until the function is reset, the
 * page is neither read nor mapped; a work item ends what is mapped already.
 *
 * The memory has no struct page to note this in, so each page is noted here. The
 * report comes by a callback with which memory-failure looks for processes to tell:
 * it is made for mappings of the process that consumed the page and of those that
 * asked to be told early (PR_MCE_KILL_EARLY, vm.memory_failure_early_kill). A page
 * that a scrubber finds while nobody asked is not heard of until it is consumed.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "nvgpu.h"

static bool nvgpu_region_has_pfn(const struct nvgpu_region *region,
				 unsigned long pfn)
{
	unsigned long first = PHYS_PFN(region->mem_base);

	return pfn >= first && pfn - first < region->mem_len >> PAGE_SHIFT;
}

static pgoff_t nvgpu_region_pgoff(const struct nvgpu_region *region,
				  unsigned long pfn)
{
	return (VFIO_PCI_INDEX_TO_OFFSET(region->bar_index) >> PAGE_SHIFT) +
	       pfn - PHYS_PFN(region->mem_base);
}

static struct nvgpu_region *nvgpu_poison_region(struct nvgpu_device *nvdev,
						unsigned long pfn)
{
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++)
		if (nvgpu_region_has_pfn(&nvdev->region[i], pfn))
			return &nvdev->region[i];
	return NULL;
}

/*
 * Revoke what is mapped of poisoned pages. From a work item: the callback runs with
 * the mapping locked. Taking access_lock lets faults finish that did not yet see the
 * page noted.
 */
static void nvgpu_poison_zap(struct work_struct *work)
{
	struct nvgpu_device *nvdev = container_of(work, struct nvgpu_device,
						  poison.zap_work);
	struct address_space *mapping = nvdev->vdev.vdev.inode->i_mapping;
	const struct nvgpu_region *region;
	unsigned long pfn;
	void *entry;

	down_write(&nvdev->access_lock);
	up_write(&nvdev->access_lock);

	xa_for_each(&nvdev->poison.pfns, pfn, entry) {
		region = nvgpu_poison_region(nvdev, pfn);
		unmap_mapping_range(mapping, (loff_t)
				    nvgpu_region_pgoff(region, pfn) << PAGE_SHIFT,
				    PAGE_SIZE, true);
	}
}

/* Really drop what a reset has made good. */
static void nvgpu_poison_drop_locked(struct nvgpu_poison *poison)
{
	lockdep_assert_held(&poison->lock);

	if (!poison->forgotten)
		return;
	xa_destroy(&poison->pfns);
	WRITE_ONCE(poison->forgotten, false);
}

/* May fail for want of memory: then the page is told about but not kept out. */
static void nvgpu_poison_note(struct nvgpu_device *nvdev, unsigned long pfn)
{
	struct nvgpu_poison *poison = &nvdev->poison;

	spin_lock(&poison->lock);
	nvgpu_poison_drop_locked(poison);
	xa_store(&poison->pfns, pfn, xa_mk_value(1),
		 GFP_ATOMIC | __GFP_NOWARN);
	spin_unlock(&poison->lock);

	schedule_work(&poison->zap_work);
}

/*
 * Says at which file offset a VMA shows a page. An offset that the VMA does not
 * cover would make memory-failure kill its process, so such a VMA must be refused.
 */
static int nvgpu_poison_pgoff(struct vm_area_struct *vma, unsigned long pfn,
			      pgoff_t *pgoff)
{
	struct nvgpu_device *nvdev = vma->vm_private_data;
	struct nvgpu_region *region;
	pgoff_t at;

	if (vma->vm_ops != &nvgpu_mmap_ops)
		return -ENOENT;

	region = nvgpu_poison_region(nvdev, pfn);
	if (!region)
		return -EFAULT;
	nvgpu_poison_note(nvdev, pfn);

	at = nvgpu_region_pgoff(region, pfn);
	if (at < vma->vm_pgoff || at - vma->vm_pgoff >= vma_pages(vma))
		return -EFAULT;

	*pgoff = at;
	return 0;
}

/**
 * nvgpu_poison_init() - Prepare the note of poisoned pages
 * @nvdev: device, not yet registered
 */
void nvgpu_poison_init(struct nvgpu_device *nvdev)
{
	xa_init(&nvdev->poison.pfns);
	spin_lock_init(&nvdev->poison.lock);
	INIT_WORK(&nvdev->poison.zap_work, nvgpu_poison_zap);
}

static int nvgpu_poison_register(struct nvgpu_device *nvdev, int i)
{
	const struct nvgpu_region *region = &nvdev->region[i];
	struct pfn_address_space *space = &nvdev->poison.space[i];
	int ret;

	if (!region->mem_len)
		return 0;

	space->node.start = PHYS_PFN(region->mem_base);
	space->node.last = space->node.start +
			   (region->mem_len >> PAGE_SHIFT) - 1;
	space->mapping = nvdev->vdev.vdev.inode->i_mapping;
	space->pfn_to_vma_pgoff = nvgpu_poison_pgoff;

	ret = register_pfn_address_space(space);
	if (!ret)
		nvdev->poison.registered |= BIT(i);
	return ret == -EOPNOTSUPP ? 0 : ret;
}

/**
 * nvgpu_poison_open() - Start to hear of memory failures
 * @nvdev: device, being opened
 *
 * Return: 0, also where the kernel does not report failures, or -EBUSY.
 */
int nvgpu_poison_open(struct nvgpu_device *nvdev)
{
	int i, ret;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		ret = nvgpu_poison_register(nvdev, i);
		if (ret) {
			nvgpu_poison_close(nvdev);
			return ret;
		}
	}
	return 0;
}

/**
 * nvgpu_poison_close() - Undo nvgpu_poison_open()
 * @nvdev: device, being closed
 *
 * Only what was registered is unregistered: memory-failure would remove a node that
 * is not in its tree if any other covers its range.
 */
void nvgpu_poison_close(struct nvgpu_device *nvdev)
{
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++)
		if (nvdev->poison.registered & BIT(i))
			unregister_pfn_address_space(&nvdev->poison.space[i]);
	nvdev->poison.registered = 0;
	cancel_work_sync(&nvdev->poison.zap_work);
}

/**
 * nvgpu_poison_reset() - The function was reset: the memory is good again
 * @nvdev: device
 * @can_undo: the reset may yet turn out to have failed
 *
 * Context: process context, see the lock map in nvgpu.h.
 */
void nvgpu_poison_reset(struct nvgpu_device *nvdev, bool can_undo)
{
	spin_lock(&nvdev->poison.lock);
	WRITE_ONCE(nvdev->poison.forgotten, true);
	if (!can_undo)
		nvgpu_poison_drop_locked(&nvdev->poison);
	spin_unlock(&nvdev->poison.lock);
}

/**
 * nvgpu_poison_commit_reset() - All resets up to now have happened
 * @nvdev: device
 */
void nvgpu_poison_commit_reset(struct nvgpu_device *nvdev)
{
	spin_lock(&nvdev->poison.lock);
	nvgpu_poison_drop_locked(&nvdev->poison);
	spin_unlock(&nvdev->poison.lock);
}

/**
 * nvgpu_poison_undo_reset() - Take back a reset since the last commit
 * @nvdev: device
 *
 * It turned out to have failed: the pages are as bad as before, and may have been
 * mapped while they seemed to be good.
 *
 * Context: an ioctl of the open device, or its open, when nothing is mapped yet.
 */
void nvgpu_poison_undo_reset(struct nvgpu_device *nvdev)
{
	spin_lock(&nvdev->poison.lock);
	WRITE_ONCE(nvdev->poison.forgotten, false);
	spin_unlock(&nvdev->poison.lock);

	if (nvdev->poison.registered)
		schedule_work(&nvdev->poison.zap_work);
}

/**
 * nvgpu_poison_clean() - How far is memory free of poison
 * @nvdev: device
 * @pfn: first page
 * @nr: number of pages
 *
 * Return: how many of the pages, from the first on, come before a poisoned one.
 */
unsigned long nvgpu_poison_clean(struct nvgpu_device *nvdev, unsigned long pfn,
				 unsigned long nr)
{
	unsigned long bad = pfn;

	if (xa_empty(&nvdev->poison.pfns) ||
	    READ_ONCE(nvdev->poison.forgotten) ||
	    !xa_find(&nvdev->poison.pfns, &bad, pfn + nr - 1, XA_PRESENT))
		return nr;
	return bad - pfn;
}

/**
 * nvgpu_poison_count() - Count the poisoned pages
 * @nvdev: device
 *
 * Return: how many pages are known to be poisoned.
 */
unsigned long nvgpu_poison_count(struct nvgpu_device *nvdev)
{
	unsigned long pfn, nr = 0;
	void *entry;

	if (READ_ONCE(nvdev->poison.forgotten))
		return 0;
	xa_for_each(&nvdev->poison.pfns, pfn, entry)
		nr++;
	return nr;
}
