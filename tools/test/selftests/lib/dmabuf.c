// SPDX-License-Identifier: GPL-2.0-only
/* dma-buf export of parts of a region. */
#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/ioctl.h>

#include "gpu.h"

#define MAX_RANGES	4

/* Does the kernel's vfio-pci export dma-bufs? */
bool gpu_has_dmabuf(struct gpu *gpu)
{
	return !__gpu_feature(gpu, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			      VFIO_DEVICE_FEATURE_DMA_BUF, NULL, 0);
}

/* Return: a file descriptor or -errno, -E2BIG for more than four ranges. */
int __gpu_dmabuf(struct gpu *gpu, __u32 index, unsigned int nr,
		 const struct vfio_region_dma_range *ranges)
{
	alignas(8) char buf[sizeof(struct vfio_device_feature) +
			    sizeof(struct vfio_device_feature_dma_buf) +
			    MAX_RANGES * sizeof(*ranges)] = "";
	struct vfio_device_feature *feature = (void *)buf;
	struct vfio_device_feature_dma_buf *get = (void *)feature->data;
	int fd;

	if (nr > MAX_RANGES)
		return -E2BIG;
	feature->argsz = sizeof(buf);
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	get->region_index = index;
	get->nr_ranges = nr;
	memcpy(get->dma_ranges, ranges, nr * sizeof(*ranges));
	fd = ioctl(gpu->device, VFIO_DEVICE_FEATURE, feature);
	return fd < 0 ? -errno : fd;
}
