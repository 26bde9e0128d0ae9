// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of GPU memory, and its faults.
 *
 * Invariant: a page table entry is made only for memory that exists, that is
 * ready, that may be accessed and that did not fail since the last reset. It goes
 * away before any of that ends (hwpoison: as soon as it is reported).
 *
 * vm_pgoff stays as the user gave it: vfio-pci-core finds the mappings by it when
 * it revokes all BARs.
 */
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "nvgpu.h"
#include "trace.h"

#define NVGPU_PGOFF_SHIFT	(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)
#define NVGPU_PGOFF_MASK	((1UL << NVGPU_PGOFF_SHIFT) - 1)

/*
 * A fault that maps one page maps those behind it up to the next multiple of this,
 * which is within the same page table. tools/bench/README has figures for others.
 */
#define NVGPU_FAULT_AROUND	(64UL << PAGE_SHIFT)

/* Page in its region that @addr of @vma shows. */
static unsigned long nvgpu_vma_page(const struct vm_area_struct *vma,
				    unsigned long addr)
{
	return (vma->vm_pgoff & NVGPU_PGOFF_MASK) +
	       ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/*
 * Map the pages behind the one that was just mapped. One fault for each page is what
 * makes an unaligned mapping slow. A page that cannot be mapped here faults itself.
 */
static void nvgpu_fault_around(struct nvgpu_device *nvdev,
			       struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE);
	unsigned long end = min(ALIGN(addr + 1, NVGPU_FAULT_AROUND),
				vma->vm_end);
	unsigned long nr = nvgpu_poison_free_run(nvdev, pfn,
						 (end - addr) >> PAGE_SHIFT);
	unsigned long i;

	for (i = 1; i < nr; i++)
		if (vmf_insert_pfn(vma, addr + (i << PAGE_SHIFT), pfn + i) !=
		    VM_FAULT_NOPAGE)
			break;
}

static vm_fault_t nvgpu_fault_insert_locked(struct nvgpu_device *nvdev,
					    struct vm_fault *vmf,
					    unsigned long pfn,
					    unsigned int order)
{
	vm_fault_t ret;

	lockdep_assert_held_read(&nvdev->access_lock);

	if (order && nvgpu_poison_in_range(nvdev, pfn, 1UL << order))
		return VM_FAULT_FALLBACK;
	if (!order && nvgpu_poison_is_current(nvdev, pfn))
		return VM_FAULT_HWPOISON;

	ret = vfio_pci_vmf_insert_pfn(&nvdev->vdev, vmf, pfn, order);
	if (!order && ret == VM_FAULT_NOPAGE)
		nvgpu_fault_around(nvdev, vmf, pfn);
	return ret;
}

/* Returns VM_FAULT_RETRY if the memory is not known to be ready. */
static vm_fault_t nvgpu_fault_insert(struct nvgpu_device *nvdev,
				     struct vm_fault *vmf, unsigned long pfn,
				     unsigned int order)
{
	vm_fault_t ret = VM_FAULT_RETRY;

	if (nvgpu_access_begin(nvdev))
		return VM_FAULT_SIGBUS;
	if (nvgpu_ready_is_known(nvdev))
		ret = nvgpu_fault_insert_locked(nvdev, vmf, pfn, order);
	nvgpu_access_end(nvdev);
	return ret;
}

/*
 * Wait for readiness without mm locks. The file keeps the device open meanwhile. A
 * fault that may not drop its lock does not wait: it would hold up every mmap() and
 * munmap() of the process.
 *
 * Other signals than fatal ones end the wait only where the retry returns to user
 * mode: a fault of the kernel is retried at once, and would not sleep again.
 *
 * Returns 0 to go on with the fault or what to end it with. After VM_FAULT_RETRY
 * neither the VMA nor the device may be touched: they may be gone.
 */
static vm_fault_t nvgpu_fault_wait(struct nvgpu_device *nvdev,
				   struct vm_fault *vmf)
{
	const unsigned int interruptible = FAULT_FLAG_INTERRUPTIBLE |
					   FAULT_FLAG_USER;
	unsigned int state = TASK_KILLABLE;
	struct file *file;
	int ret;

	ret = nvgpu_ready_query(nvdev);
	if (!ret)
		return 0;
	if (ret != -EAGAIN || !(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return VM_FAULT_SIGBUS;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	if ((vmf->flags & interruptible) == interruptible)
		state = TASK_INTERRUPTIBLE;
	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	nvgpu_ready_wait(nvdev, state);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t nvgpu_mmap_huge_fault(struct vm_fault *vmf,
					unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgpu_device *nvdev = vma->vm_private_data;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	struct pci_dev *pdev = nvdev->vdev.pdev;
	struct nvgpu_region *region;
	unsigned long pfn;
	vm_fault_t ret;

	region = nvgpu_config_region(&nvdev->bars,
				     vma->vm_pgoff >> NVGPU_PGOFF_SHIFT);
	if (WARN_ON_ONCE(!region))
		return VM_FAULT_SIGBUS;

	pfn = PHYS_PFN(region->mem_base) + nvgpu_vma_page(vma, addr);
	if (!is_aligned_for_order(vma, addr, pfn, order))
		return VM_FAULT_FALLBACK;

	for (;;) {
		ret = nvgpu_fault_insert(nvdev, vmf, pfn, order);
		if (ret != VM_FAULT_RETRY)
			break;
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
	unsigned long nr_pages = PHYS_PFN(region->mem_len);
	unsigned long first = vma->vm_pgoff & NVGPU_PGOFF_MASK;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (first >= nr_pages || vma_pages(vma) > nr_pages - first)
		return -EINVAL;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);

	/*
	 * NORMAL_NC for the host, and VM_ALLOW_ANY_UNCACHED lets KVM give it to guests
	 * as such. Safe on this hardware, where no access to the memory ends in an
	 * uncontained error.
	 */
	if (region->wc) {
		vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED);
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	}

	vma->vm_private_data = nvdev;
	vma->vm_ops = &nvgpu_mmap_ops;
	return 0;
}

/**
 * nvgpu_mmap_zap() - Revoke all mappings of the memory
 * @nvdev: device; new faults must fail from here on
 *
 * Context: access_lock held for write; takes i_mmap_rwsem.
 */
void nvgpu_mmap_zap(struct nvgpu_device *nvdev)
{
	struct address_space *mapping = nvdev->vdev.vdev.inode->i_mapping;
	unsigned int i;

	lockdep_assert_held_write(&nvdev->access_lock);

	for (i = 0; i < nvdev->bars.nr; i++) {
		const struct nvgpu_region *region = &nvdev->bars.region[i];

		unmap_mapping_range(mapping,
				    VFIO_PCI_INDEX_TO_OFFSET(region->bar_index),
				    region->mem_len, true);
	}
}
