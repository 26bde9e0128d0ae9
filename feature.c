// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device feature that says which variant driver serves a device, and its
 * version.
 */
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_variant.h>

#include "nvgpu.h"

static int nvgpu_feature_variant_driver(struct vfio_device *core_vdev,
					u32 flags, void __user *arg,
					size_t argsz)
{
	struct vfio_device_feature_variant_driver answer = {};
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(answer));
	if (ret != 1)
		return ret;

	strscpy(answer.name, "nvgpu-vfio-pci");
	strscpy(answer.version, NVGPU_VERSION);
	return copy_to_user(arg, &answer, sizeof(answer)) ? -EFAULT : 0;
}

/**
 * nvgpu_feature() - VFIO_DEVICE_FEATURE
 * @core_vdev: device, with or without described memory
 * @flags: feature and operation
 * @arg: user's payload
 * @argsz: its size in bytes
 *
 * Return: as vfio_pci_core_ioctl_feature() and struct
 * vfio_device_feature_variant_driver say.
 */
int nvgpu_feature(struct vfio_device *core_vdev, u32 flags, void __user *arg,
		  size_t argsz)
{
	if ((flags & VFIO_DEVICE_FEATURE_MASK) ==
	    VFIO_DEVICE_FEATURE_VARIANT_DRIVER)
		return nvgpu_feature_variant_driver(core_vdev, flags, arg,
						    argsz);
	return vfio_pci_core_ioctl_feature(core_vdev, flags, arg, argsz);
}
