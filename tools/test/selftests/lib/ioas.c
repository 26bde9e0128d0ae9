// SPDX-License-Identifier: GPL-2.0-only
/* I/O address spaces and page tables of iommufd, for a GPU opened by its cdev. */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>

#include "gpu.h"

/* Newer than the headers of some cross compilers. */
#ifndef IOMMU_IOAS_MAP_FILE
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};
#endif

#define HWPT_FOR_PASID	0x8	/* IOMMU_HWPT_ALLOC_PASID, newer as well */

#define MAP_FLAGS	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
			 IOMMU_IOAS_MAP_WRITEABLE)

int __ioas_alloc(struct gpu *gpu, __u32 *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(gpu->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	*ioas = alloc.out_ioas_id;
	return 0;
}

int __ioas_map(struct gpu *gpu, __u32 ioas, void *vaddr, __u64 iova, __u64 len)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas,
		.user_va = (uintptr_t)vaddr,
		.length = len,
		.iova = iova,
	};

	return ioctl(gpu->iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

int __ioas_map_dmabuf(struct gpu *gpu, __u32 ioas, int fd, __u64 iova, __u64 len)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas,
		.fd = fd,
		.length = len,
		.iova = iova,
	};

	return ioctl(gpu->iommufd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0;
}

/**
 * __hwpt_alloc() - make a page table for the GPU
 * @gpu: the GPU
 * @ioas: address space that it translates
 * @for_pasid: whether a PASID can be attached to it
 * @hwpt: receives its number
 *
 * Return: 0, -EOPNOTSUPP if the IOMMU, or the kernel, has none for PASIDs, or what
 * else failed.
 */
int __hwpt_alloc(struct gpu *gpu, __u32 ioas, bool for_pasid, __u32 *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = for_pasid ? HWPT_FOR_PASID : 0,
		.dev_id = gpu->iommufd_id,
		.pt_id = ioas,
	};

	if (ioctl(gpu->iommufd, IOMMU_HWPT_ALLOC, &alloc))
		return -errno;
	*hwpt = alloc.out_hwpt_id;
	return 0;
}

/* Return: 0, -EBUSY while something is attached to it, or what else failed. */
int __iommufd_destroy(struct gpu *gpu, __u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return ioctl(gpu->iommufd, IOMMU_DESTROY, &destroy) ? -errno : 0;
}
