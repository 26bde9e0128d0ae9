// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of a region, and its faults.
 *
 * Invariant: an entry is made only for memory of a region that is there, and never for
 * a bad block. It goes away before the region does and soon after a block fails.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "egm.h"

static vm_fault_t egm_insert(struct vm_fault *vmf, unsigned long pfn,
			     unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, pfn, false);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, pfn, false);
#endif
	return VM_FAULT_FALLBACK;
}

/*
 * Bad blocks are added with the lock write-held and never removed. So a range that
 * once needed small entries always does, and faults agree on it.
 */
static vm_fault_t egm_mmap_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct egm_region *region = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	u64 offset;

	if (addr < vma->vm_start || addr + size > vma->vm_end)
		return VM_FAULT_FALLBACK;
	offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + addr - vma->vm_start;
	if (!IS_ALIGNED(region->props.base + offset, size))
		return VM_FAULT_FALLBACK;

	guard(rwsem_read)(&region->lock);

	if (region->revoked)
		return VM_FAULT_SIGBUS;
	if (egm_retired_next(region->bad, offset, offset + size) < offset + size)
		return order ? VM_FAULT_FALLBACK : VM_FAULT_HWPOISON;
	return egm_insert(vmf, PHYS_PFN(region->props.base + offset), order);
}

static vm_fault_t egm_mmap_fault(struct vm_fault *vmf)
{
	return egm_mmap_huge_fault(vmf, 0);
}

const struct vm_operations_struct egm_mmap_ops = {
	.fault = egm_mmap_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = egm_mmap_huge_fault,
#endif
};

int egm_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct egm_region *region = file->private_data;
	unsigned long nr_pages = PHYS_PFN(region->props.size);

	if (READ_ONCE(region->revoked))
		return -ENODEV;
	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff >= nr_pages ||
	    vma_pages(vma) > nr_pages - vma->vm_pgoff)
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = region;
	vma->vm_ops = &egm_mmap_ops;
	return 0;
}
