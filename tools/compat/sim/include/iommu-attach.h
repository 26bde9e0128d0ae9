/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGPU_SIM_COMPAT_IOMMU_ATTACH_H
#define NVGPU_SIM_COMPAT_IOMMU_ATTACH_H

/*
 * SIM_IOMMU_ATTACH_OP - define an iommu_domain_ops::attach_dev
 *
 * Newer kernels pass the domain that is being replaced as well; the simulator
 * has no use for it.
 */
#ifdef SIM_HAVE_ATTACH_OLD
#define SIM_IOMMU_ATTACH_OP(name, attach)				\
static int name(struct iommu_domain *domain, struct device *dev,	\
		struct iommu_domain *old)				\
{									\
	return attach(domain, dev);					\
}
#else
#define SIM_IOMMU_ATTACH_OP(name, attach)				\
static int name(struct iommu_domain *domain, struct device *dev)	\
{									\
	return attach(domain, dev);					\
}
#endif

#endif
