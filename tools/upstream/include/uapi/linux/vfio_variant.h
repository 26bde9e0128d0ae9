/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO device feature: which variant driver serves a device.
 *
 * Experimental: the feature number is a placeholder, far above those that linux/vfio.h
 * has given out. It changes when this becomes a part of the kernel's uAPI.
 */
#ifndef _UAPI_LINUX_VFIO_VARIANT_H
#define _UAPI_LINUX_VFIO_VARIANT_H

#include <linux/types.h>

#define VFIO_DEVICE_FEATURE_VARIANT_DRIVER	0xe000

#define VFIO_VARIANT_DRIVER_NAME_LEN		64
#define VFIO_VARIANT_DRIVER_VERSION_LEN		64

/**
 * struct vfio_device_feature_variant_driver - answer to VFIO_DEVICE_FEATURE_GET
 * @name: name of the driver as in the vfio ops, NUL-terminated
 * @version: its version, in the driver's own terms, NUL-terminated
 *
 * GET and PROBE of VFIO_DEVICE_FEATURE_VARIANT_DRIVER succeed where the driver that
 * serves the device answers for itself, and fail with ENOTTY for any other driver,
 * plain vfio-pci included. SET fails with EINVAL, and so does GET into fewer bytes
 * than this structure has. It is information for people and logs: a VMM needs none of
 * it to use the device, whose regions and capabilities describe it completely.
 */
struct vfio_device_feature_variant_driver {
	__u8	name[VFIO_VARIANT_DRIVER_NAME_LEN];
	__u8	version[VFIO_VARIANT_DRIVER_VERSION_LEN];
};

#endif /* _UAPI_LINUX_VFIO_VARIANT_H */
