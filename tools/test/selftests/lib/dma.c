// SPDX-License-Identifier: GPL-2.0-only
/* DMA mappings of the type1 container. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "gpu.h"

int __dma_map(struct gpu *gpu, void *vaddr, __u64 iova, __u64 len)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = len,
	};

	return ioctl(gpu->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

void dma_map(struct gpu *gpu, void *vaddr, __u64 iova, __u64 len)
{
	int ret = __dma_map(gpu, vaddr, iova, len);

	if (ret)
		die("DMA map of 0x%llx bytes at iova 0x%llx: %s", len, iova,
		    strerror(-ret));
}

void dma_unmap(struct gpu *gpu, __u64 iova, __u64 len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = len,
	};

	if (ioctl(gpu->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		die("DMA unmap of 0x%llx bytes at iova 0x%llx: %s", len, iova,
		    strerror(errno));
	if (unmap.size != len)
		die("DMA unmap at iova 0x%llx: 0x%llx bytes were mapped, expected 0x%llx",
		    iova, (__u64)unmap.size, len);
}
