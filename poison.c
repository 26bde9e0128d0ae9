// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the GPU memory that hardware reported as corrupted.
 *
 * The memory has no struct page to mark, so each page is noted here until the
 * driver is unbound, with the reset generation in which it failed:
 *
 *  - A page that failed since the last reset is not mapped. A reset is taken to
 *    heal it for mappings, whose users can handle another failure.
 *  - Huge entries never cover a noted page, healed or not. So the choice between
 *    a huge and small entries for a range never goes back, and faults need no lock
 *    to agree on it.
 *  - read() and write() refuse a noted page, healed or not: the kernel does not
 *    survive to consume poison where it has no machine-check-safe copy (arm64).
 *
 * A new note is pending until the work item has settled it under access_lock, when
 * no fault is between its check and its entry. Until then it does not decide about
 * huge entries. tools/test/model checks this.
 *
 * The driver learns of a page only when memory-failure looks for the processes to
 * tell: for mappings of the process that consumed the page and of those that asked
 * to be told early (PR_MCE_KILL_EARLY, vm.memory_failure_early_kill).
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "nvgpu.h"

#define NVGPU_POISON_SETTLED	XA_MARK_0

static pgoff_t nvgpu_region_pgoff(const struct nvgpu_region *region,
				  unsigned long pfn)
{
	return (VFIO_PCI_INDEX_TO_OFFSET(region->bar_index) >> PAGE_SHIFT) +
	       pfn - PHYS_PFN(region->mem_base);
}

static struct nvgpu_region *nvgpu_poison_region(struct nvgpu_device *nvdev,
						unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < nvdev->bars.nr; i++) {
		struct nvgpu_region *region = &nvdev->bars.region[i];
		unsigned long first = PHYS_PFN(region->mem_base);

		if (pfn >= first && pfn - first < PHYS_PFN(region->mem_len))
			return region;
	}
	return NULL;
}

/* A work item because memory-failure calls with the mapping locked. */
static void nvgpu_poison_settle(struct work_struct *work)
{
	struct nvgpu_device *nvdev = container_of(work, struct nvgpu_device,
						  poison.work);
	struct address_space *mapping = nvdev->vdev.vdev.inode->i_mapping;
	struct xarray *pfns = &nvdev->poison.pfns;
	unsigned long pfn;
	void *entry;
	loff_t pos;

	guard(rwsem_write)(&nvdev->access_lock);

	xa_for_each(pfns, pfn, entry) {
		xa_set_mark(pfns, pfn, NVGPU_POISON_SETTLED);
		pos = nvgpu_region_pgoff(nvgpu_poison_region(nvdev, pfn), pfn);
		unmap_mapping_range(mapping, pos << PAGE_SHIFT, PAGE_SIZE, true);
	}
}

/* Without memory for the note the page is reported but not kept out. */
static void nvgpu_poison_note(struct nvgpu_device *nvdev, unsigned long pfn)
{
	/* Keeps the mark of a page that was noted before. */
	xa_store(&nvdev->poison.pfns, pfn,
		 xa_mk_value(READ_ONCE(nvdev->resets)),
		 GFP_ATOMIC | __GFP_NOWARN);
	schedule_work(&nvdev->poison.work);
}

/*
 * Tells at which file offset a VMA shows a page. memory-failure kills the process
 * for an offset that the VMA does not cover, so such a VMA must be refused.
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
 * nvgpu_poison_init() - Prepare the notes of hwpoisoned pages
 * @nvdev: device, not yet registered
 */
void nvgpu_poison_init(struct nvgpu_device *nvdev)
{
	xa_init(&nvdev->poison.pfns);
	INIT_WORK(&nvdev->poison.work, nvgpu_poison_settle);
}

/**
 * nvgpu_poison_destroy() - Drop all notes
 * @nvdev: device, unregistered
 */
void nvgpu_poison_destroy(struct nvgpu_device *nvdev)
{
	xa_destroy(&nvdev->poison.pfns);
}

static int nvgpu_poison_register(struct nvgpu_device *nvdev, unsigned int i)
{
	const struct nvgpu_region *region = &nvdev->bars.region[i];
	struct pfn_address_space *space = &nvdev->poison.space[i];
	int ret;

	space->node.start = PHYS_PFN(region->mem_base);
	space->node.last = space->node.start + PHYS_PFN(region->mem_len) - 1;
	space->mapping = nvdev->vdev.vdev.inode->i_mapping;
	space->pfn_to_vma_pgoff = nvgpu_poison_pgoff;

	ret = register_pfn_address_space(space);
	if (!ret)
		nvdev->poison.registered |= BIT(i);
	return ret == -EOPNOTSUPP ? 0 : ret;
}

/**
 * nvgpu_poison_open() - Start to learn of memory failures
 * @nvdev: device, being opened
 *
 * Return: 0, also where the kernel does not report failures, or -EBUSY.
 */
int nvgpu_poison_open(struct nvgpu_device *nvdev)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nvdev->bars.nr; i++) {
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
 * Only what was registered is unregistered: memory-failure would remove any node
 * whose range intersects. Pending notes are settled before the next open maps.
 */
void nvgpu_poison_close(struct nvgpu_device *nvdev)
{
	unsigned int i;

	for (i = 0; i < nvdev->bars.nr; i++)
		if (nvdev->poison.registered & BIT(i))
			unregister_pfn_address_space(&nvdev->poison.space[i]);
	nvdev->poison.registered = 0;
	flush_work(&nvdev->poison.work);
}

/**
 * nvgpu_poison_is_current() - Has a page failed since the last reset
 * @nvdev: device
 * @pfn: the page
 *
 * Return: true if so.
 */
bool nvgpu_poison_is_current(struct nvgpu_device *nvdev, unsigned long pfn)
{
	return xa_load(&nvdev->poison.pfns, pfn) ==
	       xa_mk_value(READ_ONCE(nvdev->resets));
}

/**
 * nvgpu_poison_in_range() - Has a page of a range ever failed
 * @nvdev: device
 * @pfn: first page
 * @nr: number of pages
 *
 * Context: access_lock held for read.
 * Return: true if there is a settled note of any of the pages. Never true first
 * and false later.
 */
bool nvgpu_poison_in_range(struct nvgpu_device *nvdev, unsigned long pfn,
			   unsigned long nr)
{
	struct xarray *pfns = &nvdev->poison.pfns;

	lockdep_assert_held_read(&nvdev->access_lock);

	return xa_marked(pfns, NVGPU_POISON_SETTLED) &&
	       xa_find(pfns, &pfn, pfn + nr - 1, NVGPU_POISON_SETTLED);
}

/**
 * nvgpu_poison_free_run() - Count the pages before the first noted one
 * @nvdev: device
 * @pfn: first page
 * @nr: number of pages
 *
 * Return: how many pages from @pfn on, at most @nr, never failed. Pending notes
 * count.
 */
unsigned long nvgpu_poison_free_run(struct nvgpu_device *nvdev,
				    unsigned long pfn, unsigned long nr)
{
	unsigned long noted = pfn;

	if (xa_empty(&nvdev->poison.pfns) ||
	    !xa_find(&nvdev->poison.pfns, &noted, pfn + nr - 1, XA_PRESENT))
		return nr;
	return noted - pfn;
}

/**
 * nvgpu_poison_count() - Count the pages that failed since the last reset
 * @nvdev: device
 *
 * Return: their number.
 */
unsigned long nvgpu_poison_count(struct nvgpu_device *nvdev)
{
	void *current_entry = xa_mk_value(READ_ONCE(nvdev->resets));
	unsigned long pfn, nr = 0;
	void *entry;

	xa_for_each(&nvdev->poison.pfns, pfn, entry)
		if (entry == current_entry)
			nr++;
	return nr;
}
