/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGPU_SIM_COMPAT_IOMMU_PASID_H
#define NVGPU_SIM_COMPAT_IOMMU_PASID_H

#include <uapi/linux/iommufd.h>

/*
 * An operation for PASIDs, as a line of an initializer. Kernels without a domain
 * for them have no ioctl of vfio to attach one either: the simulator does without.
 */
#ifdef SIM_HAVE_PASID
#define SIM_PASID_OP(_op, _function)	._op = (_function),
#else
#define SIM_PASID_OP(_op, _function)
#define IOMMU_HWPT_ALLOC_PASID		0
#endif

#endif
