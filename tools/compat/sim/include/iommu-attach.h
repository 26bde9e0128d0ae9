/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGPU_SIM_COMPAT_IOMMU_ATTACH_H
#define NVGPU_SIM_COMPAT_IOMMU_ATTACH_H

/*
 * Arguments of iommu_domain_ops::attach_dev. Newer kernels pass the domain that
 * is being replaced as well; the simulator has no use for it.
 */
#ifdef SIM_HAVE_ATTACH_OLD
#define SIM_ATTACH_DEV_ARGS \
	struct iommu_domain *domain, struct device *dev, struct iommu_domain *old
#else
#define SIM_ATTACH_DEV_ARGS \
	struct iommu_domain *domain, struct device *dev
#endif

#endif
