// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of GPU memory, and its faults.
 *
 * Invariant: a page table entry is made only for memory that exists, that is
 * ready, that may be accessed and that is not poisoned, and goes away before any of
 * that ends (poison: as soon as it is known).
 *
 * vm_pgoff stays as the user gave it: vfio-pci-core finds the mappings by it when
 * it revokes all BARs.
 */
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>

#include "nvgpu.h"
#include "trace.h"

#define NVGPU_PGOFF_SHIFT	(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)
#define NVGPU_PGOFF_MASK	((1UL << NVGPU_PGOFF_SHIFT) - 1)

/*
 * How many pages a fault maps at once where the mapping cannot have huge pages.
 * One page table at 4K: more would allocate tables that may not be needed.
 */
#define NVGPU_FAULT_AROUND	512UL

/* Page in its region that @addr of @vma shows. */
static unsigned long nvgpu_vma_page(const struct vm_area_struct *vma,
				    unsigned long addr)
{
	return (vma->vm_pgoff & NVGPU_PGOFF_MASK) +
	       ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/**
 * struct nvgpu_around - a page that was just mapped, whose neighbours are mapped too
 * @nvdev: device
 * @addr: where it is mapped
 * @pfn: which page it is
 * @entry: its page table entry
 */
struct nvgpu_around {
	struct nvgpu_device *nvdev;
	unsigned long addr;
	unsigned long pfn;
	pte_t entry;
};

/*
 * Called with the lock of the page table, so that a page is either seen to be
 * poisoned here or unmapped by who found that. @addr comes first; it is gone if that
 * page was.
 */
static int nvgpu_map_neighbour(pte_t *pte, unsigned long at, void *data)
{
	struct nvgpu_around *around = data;
	unsigned long nr = (at >> PAGE_SHIFT) - (around->addr >> PAGE_SHIFT);

	if (!nr) {
		around->entry = ptep_get(pte);
		return pte_none(around->entry) ? -ENOENT : 0;
	}
	if (pte_none(ptep_get(pte)) &&
	    nvgpu_poison_clean(around->nvdev, around->pfn + nr, 1))
		set_pte(pte, pte_advance_pfn(around->entry, nr));
	return 0;
}

/*
 * Map the neighbours of a page that was just mapped. One fault for each page is
 * the cost that makes an unaligned mapping slow. Failure to map a neighbour is
 * no failure: it will fault itself. A poisoned one is left to do so.
 *
 * The neighbours get copies of the entry that vmf_insert_pfn() made, with the next
 * page numbers: to call it for each finds and locks the same page table each time,
 * which is most of the cost that is left (tools/bench/README). The table is there,
 * since a page of it was just mapped, and stays while the VMA does.
 *
 * set_pte_at() would be the function for this, but it is not for modules where
 * DEBUG_VM is set on arm64. It does more only where memory has struct pages
 * (page_table_check), so there each page has its own fault.
 */
static void nvgpu_fault_around(struct nvgpu_device *nvdev,
			       struct vm_fault *vmf, unsigned long pfn)
{
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE);
	unsigned long window = PAGE_SIZE * NVGPU_FAULT_AROUND;
	unsigned long start = max(ALIGN_DOWN(addr, window), vmf->vma->vm_start);
	unsigned long end = min(ALIGN_DOWN(addr, window) + window,
				vmf->vma->vm_end);
	struct nvgpu_around around = {
		.nvdev = nvdev,
		.addr = addr,
		.pfn = pfn,
	};
	struct mm_struct *mm = vmf->vma->vm_mm;

	if (pfn_valid(pfn))
		return;
	if (apply_to_page_range(mm, addr, end - addr, nvgpu_map_neighbour,
				&around))
		return;
	if (start < addr)
		apply_to_page_range(mm, start, addr - start,
				    nvgpu_map_neighbour, &around);
}

/*
 * Is the page in a part of the mapping that one huge entry can show? There both
 * kinds of entries are made, small ones while a page of it is poisoned.
 */
static bool nvgpu_fault_may_be_huge(struct vm_fault *vmf, unsigned long pfn,
				    unsigned int order)
{
	unsigned long addr = ALIGN_DOWN(vmf->address, PMD_SIZE);
	unsigned long nr = (vmf->address - addr) >> PAGE_SHIFT;

	return order ||
	       is_aligned_for_order(vmf->vma, addr, pfn - nr, PMD_ORDER);
}

/* A huge entry with a poisoned page in it falls back to small ones. */
static vm_fault_t nvgpu_fault_insert_entry(struct nvgpu_device *nvdev,
					   struct vm_fault *vmf,
					   unsigned long pfn,
					   unsigned int order)
{
	vm_fault_t ret;

	if (nvgpu_poison_clean(nvdev, pfn, 1UL << order) < 1UL << order)
		return order ? VM_FAULT_FALLBACK : VM_FAULT_HWPOISON;

	/* Another thread found the page clean again and made a huge entry. */
	if (!order && pmd_leaf(pmdp_get_lockless(vmf->pmd)))
		return VM_FAULT_NOPAGE;

	ret = vfio_pci_vmf_insert_pfn(&nvdev->vdev, vmf, pfn, order);
	if (!order && ret == VM_FAULT_NOPAGE)
		nvgpu_fault_around(nvdev, vmf, pfn);
	return ret;
}

/*
 * A fault that fell back for poison, was overtaken by a reset and now finds the page
 * clean competes with faults that make a huge entry there. With DEBUG_VM the kernel
 * does not survive vmf_insert_pfn() where a huge entry is (walk_to_pmd()), and
 * without it the process is told that there is no memory, so none may come between
 * the look for one and that call.
 */
static vm_fault_t nvgpu_fault_insert_locked(struct nvgpu_device *nvdev,
					    struct vm_fault *vmf,
					    unsigned long pfn,
					    unsigned int order)
{
	vm_fault_t ret;

	lockdep_assert_held_read(&nvdev->access_lock);

	if (!nvgpu_fault_may_be_huge(vmf, pfn, order))
		return nvgpu_fault_insert_entry(nvdev, vmf, pfn, order);

	if (mutex_lock_killable(&nvdev->huge_lock))
		return VM_FAULT_SIGBUS;
	ret = nvgpu_fault_insert_entry(nvdev, vmf, pfn, order);
	mutex_unlock(&nvdev->huge_lock);
	return ret;
}

/* Returns false with nothing in @ret if readiness must be waited for. */
static bool nvgpu_fault_insert(struct nvgpu_device *nvdev, struct vm_fault *vmf,
			       unsigned long pfn, unsigned int order,
			       vm_fault_t *ret)
{
	struct vfio_pci_core_device *vdev = &nvdev->vdev;
	int usable;

	*ret = VM_FAULT_SIGBUS;
	if (down_read_killable(&vdev->memory_lock))
		return true;
	if (down_read_killable(&nvdev->access_lock)) {
		up_read(&vdev->memory_lock);
		return true;
	}

	usable = nvgpu_ready_usable_locked(nvdev);
	if (!usable)
		*ret = nvgpu_fault_insert_locked(nvdev, vmf, pfn, order);

	up_read(&nvdev->access_lock);
	up_read(&vdev->memory_lock);
	return usable != -EAGAIN;
}

/*
 * Wait for readiness, without mm locks if the fault allows to drop them. The file
 * keeps the device open meanwhile.
 *
 * Returns 0 to go on with the fault or what to end it with. After VM_FAULT_RETRY
 * neither the VMA nor the device may be touched: they may be gone.
 */
static vm_fault_t nvgpu_fault_wait(struct nvgpu_device *nvdev,
				   struct vm_fault *vmf)
{
	struct file *file;
	int ret;

	ret = nvgpu_ready_try(nvdev);
	if (!ret)
		return 0;
	if (ret != -EAGAIN)
		return VM_FAULT_SIGBUS;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return nvgpu_ready_wait(nvdev) ? VM_FAULT_SIGBUS : 0;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	nvgpu_ready_wait(nvdev);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t nvgpu_mmap_huge_fault(struct vm_fault *vmf,
					unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgpu_device *nvdev = vma->vm_private_data;
	unsigned int index = vma->vm_pgoff >> NVGPU_PGOFF_SHIFT;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	struct pci_dev *pdev = nvdev->vdev.pdev;
	struct nvgpu_region *region;
	vm_fault_t ret;
	unsigned long pfn;

	region = nvgpu_geometry_region(nvdev, index);
	if (WARN_ON_ONCE(!region))
		return VM_FAULT_SIGBUS;

	pfn = PHYS_PFN(region->mem_base) + nvgpu_vma_page(vma, addr);
	if (!is_aligned_for_order(vma, addr, pfn, order))
		return VM_FAULT_FALLBACK;

	while (!nvgpu_fault_insert(nvdev, vmf, pfn, order, &ret)) {
		ret = nvgpu_fault_wait(nvdev, vmf);
		if (ret == VM_FAULT_RETRY)
			return ret;
		if (ret)
			break;
	}

	trace_nvgpu_fault(pdev, pfn, order, ret);
	return ret;
}

static vm_fault_t nvgpu_mmap_fault(struct vm_fault *vmf)
{
	return nvgpu_mmap_huge_fault(vmf, 0);
}

const struct vm_operations_struct nvgpu_mmap_ops = {
	.fault = nvgpu_mmap_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = nvgpu_mmap_huge_fault,
#endif
};

/**
 * nvgpu_mmap() - Map a part of a region
 * @nvdev: device
 * @region: one of its regions
 * @vma: the mapping; must be shared and lie within the memory that exists
 *
 * A private mapping is refused: copy-on-write of pages without struct page is a
 * BUG() in the fault path. Mappings are filled by faults only.
 *
 * Return: 0 or -EINVAL.
 */
int nvgpu_mmap(struct nvgpu_device *nvdev, struct nvgpu_region *region,
	       struct vm_area_struct *vma)
{
	unsigned long nr_pages = region->mem_len >> PAGE_SHIFT;
	unsigned long first = vma->vm_pgoff & NVGPU_PGOFF_MASK;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (first >= nr_pages || vma_pages(vma) > nr_pages - first)
		return -EINVAL;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);

	/*
	 * resmem is NORMAL_NC for the host, and VM_ALLOW_ANY_UNCACHED lets KVM give
	 * it to guests as such. Safe on this hardware, where no access to it ends
	 * in an uncontained error.
	 */
	if (region == &nvdev->region[NVGPU_RESMEM]) {
		vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED);
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	}

	vma->vm_private_data = nvdev;
	vma->vm_ops = &nvgpu_mmap_ops;
	return 0;
}

/**
 * nvgpu_mmap_zap() - Revoke all mappings of the memory
 * @nvdev: device; faults must not succeed any more
 *
 * Context: may sleep; takes mapping locks.
 */
void nvgpu_mmap_zap(struct nvgpu_device *nvdev)
{
	struct address_space *mapping = nvdev->vdev.vdev.inode->i_mapping;
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_region *region = &nvdev->region[i];
		loff_t start = VFIO_PCI_INDEX_TO_OFFSET(region->bar_index);

		if (region->mem_len)
			unmap_mapping_range(mapping, start, region->mem_len,
					    true);
	}
}
