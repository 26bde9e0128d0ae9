/* SPDX-License-Identifier: GPL-2.0-only */
/* Page frame numbers of older kernels have a type for huge entries. */
#ifndef NVGPU_COMPAT_MM_H
#define NVGPU_COMPAT_MM_H

#include_next <linux/mm.h>

#ifndef NVGPU_LACKS_PFN_T
#include <linux/pfn_t.h>

#define vmf_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#define vmf_insert_pfn_pud(vmf, pfn, write) \
	vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#endif

#endif
