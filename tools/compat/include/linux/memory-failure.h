/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory failure of pages without struct page: older kernels do not report it. */
#ifndef NVGPU_LACKS_PFN_ADDRESS_SPACE
#include_next <linux/memory-failure.h>
#else

#ifndef NVGPU_COMPAT_MEMORY_FAILURE_H
#define NVGPU_COMPAT_MEMORY_FAILURE_H

#include <linux/errno.h>
#include <linux/interval_tree.h>
#include <linux/mm_types.h>

struct pfn_address_space {
	struct interval_tree_node node;
	struct address_space *mapping;
	int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma, unsigned long pfn,
				pgoff_t *pgoff);
};

static inline int
register_pfn_address_space(struct pfn_address_space *pfn_space)
{
	return -EOPNOTSUPP;
}

static inline void
unregister_pfn_address_space(struct pfn_address_space *pfn_space)
{
}

#endif
#endif
