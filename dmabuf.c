// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf export of GPU memory: which physical ranges a region consists of.
 */
#include <linux/pci-p2pdma.h>
#include <linux/uaccess.h>

#include "nvgpu.h"

/*
 * To other devices the memory is as far away as BAR0 is, so its peer-to-peer
 * provider serves. The import maps physical addresses; cacheability is the
 * CPU's affair and not part of it.
 */
static int nvgpu_dmabuf_get_phys(struct vfio_pci_core_device *vdev,
				 struct p2pdma_provider **provider,
				 unsigned int region_index,
				 struct phys_vec *phys_vec,
				 struct vfio_region_dma_range *dma_ranges,
				 size_t nr_ranges)
{
	struct nvgpu_region *region;

	region = nvgpu_config_region(&nvgpu_from_vdev(vdev)->bars, region_index);
	if (!region)
		return vfio_pci_core_get_dmabuf_phys(vdev, provider,
						     region_index, phys_vec,
						     dma_ranges, nr_ranges);

	*provider = pcim_p2pdma_provider(vdev->pdev, 0);
	if (!*provider)
		return -EINVAL;

	return vfio_pci_core_fill_phys_vec(phys_vec, dma_ranges, nr_ranges,
					   region->mem_base, region->mem_len);
}

static const struct vfio_pci_device_ops nvgpu_dmabuf_ops = {
	.get_dmabuf_phys = nvgpu_dmabuf_get_phys,
};

/**
 * nvgpu_dmabuf_feature_result() - Say that a region has no dma-buf export
 * @nvdev: device
 * @flags: feature and operation
 * @arg: user's payload
 * @ret: what vfio_pci_core_ioctl_feature() returned for it
 *
 * The core (7.3) exports a BAR only if the hardware has one of that number, which a
 * synthetic BAR may lack. User space takes its -ENODEV for an error, and -ENOTTY for a
 * kernel without dma-buf export (QEMU: hw/vfio/region.c).
 *
 * Return: @ret or -ENOTTY.
 */
int nvgpu_dmabuf_feature_result(struct nvgpu_device *nvdev, u32 flags,
				void __user *arg, int ret)
{
	struct vfio_device_feature_dma_buf __user *get = arg;
	u32 index;

	if (ret != -ENODEV ||
	    (flags & VFIO_DEVICE_FEATURE_MASK) != VFIO_DEVICE_FEATURE_DMA_BUF ||
	    get_user(index, &get->region_index) ||
	    !nvgpu_config_region(&nvdev->bars, index))
		return ret;
	return -ENOTTY;
}

/**
 * nvgpu_dmabuf_init() - Let user space export the memory as dma-buf
 * @nvdev: device, not yet registered
 */
void nvgpu_dmabuf_init(struct nvgpu_device *nvdev)
{
	nvdev->vdev.pci_ops = &nvgpu_dmabuf_ops;
}
