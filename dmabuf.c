// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf export of GPU memory: which physical ranges a region consists of.
 */
#include <linux/pci-p2pdma.h>

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
 * nvgpu_dmabuf_init() - Let user space export the memory as dma-buf
 * @nvdev: device, not yet registered
 */
void nvgpu_dmabuf_init(struct nvgpu_device *nvdev)
{
	nvdev->vdev.pci_ops = &nvgpu_dmabuf_ops;
}
