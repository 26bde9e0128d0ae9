// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a GPU by its character device, attached to an I/O address space of
 * iommufd. Needs CONFIG_VFIO_DEVICE_CDEV, which not every distribution sets.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "gpu.h"

/*
 * Where the kernel has cdevs, vfio has a range of device numbers. That the vfio device has
 * none in sysfs would tell as well, but not of a device that goes away at this moment.
 * Errors are the caller's: fail_nth lets each of these calls fail.
 */
static int need_cdevs(void)
{
	int ret = -EOPNOTSUPP;
	char line[128];
	FILE *file;

	file = fopen("/proc/devices", "re");
	if (!file)
		return -errno;
	while (ret && fgets(line, sizeof(line), file)) {
		if (strstr(line, " vfio-dev\n"))
			ret = 0;
	}
	if (ferror(file))
		ret = -errno;
	fclose(file);
	return ret;
}

static int find_cdev(const char *bdf, char *path, size_t len)
{
	char name[128];
	struct dirent *entry;
	DIR *dir;
	int ret;

	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(name);
	if (!dir)
		return -errno;
	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && strncmp(entry->d_name, "vfio", 4));
	ret = entry ? 0 : errno ? -errno : -ENOENT;
	if (!ret)
		snprintf(path, len, "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
	return ret ? ret : need_cdevs();
}

/* The ioctls' arguments as of Linux 6.18; older headers lack token and PASIDs. */
struct bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
	__aligned_u64 token;
};

struct attach_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
	__u32 pasid;
};

struct detach_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pasid;
};

#define FLAG_PASID	0x1
#define FLAG_TOKEN	0x1

/**
 * __gpu_attach() - attach a GPU, or a PASID of it, or replace what it is attached to
 * @gpu: opened by its cdev
 * @pasid: the PASID, 0 for all DMA without one
 * @pt_id: I/O address space or page table of @gpu->iommufd
 *
 * Return: 0 or -errno.
 */
int __gpu_attach(struct gpu *gpu, __u32 pasid, __u32 pt_id)
{
	struct attach_pt pt = {
		.argsz = sizeof(pt),
		.flags = pasid ? FLAG_PASID : 0,
		.pt_id = pt_id,
		.pasid = pasid,
	};

	return ioctl(gpu->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &pt) ? -errno : 0;
}

int __gpu_detach(struct gpu *gpu, __u32 pasid)
{
	struct detach_pt pt = {
		.argsz = sizeof(pt),
		.flags = pasid ? FLAG_PASID : 0,
		.pasid = pasid,
	};

	return ioctl(gpu->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &pt) ? -errno : 0;
}

static int bind_and_attach(struct gpu *gpu, const void *token)
{
	struct bind_iommufd bind = {
		.argsz = token ? sizeof(bind) : offsetof(struct bind_iommufd, token),
		.flags = token ? FLAG_TOKEN : 0,
		.iommufd = gpu->iommufd,
		.token = (uintptr_t)token,
	};
	int ret;

	if (ioctl(gpu->device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return -errno;
	gpu->iommufd_id = bind.out_devid;
	ret = __ioas_alloc(gpu, &gpu->ioas);
	return ret ? ret : __gpu_attach(gpu, 0, gpu->ioas);
}

/**
 * __gpu_open_cdev_token() - open a GPU without its group, with a token
 * @gpu: filled; has neither group nor container
 * @bdf: PCI address
 * @token: 16 bytes that VF and PF of SR-IOV share, or NULL
 *
 * Return: 0, -EOPNOTSUPP where the kernel has no cdevs, -ENOENT without a vfio
 * driver, or what else failed.
 */
int __gpu_open_cdev_token(struct gpu *gpu, const char *bdf, const void *token)
{
	char path[300];
	int ret;

	gpu_init(gpu, bdf);
	ret = find_cdev(bdf, path, sizeof(path));
	if (ret)
		return ret;

	gpu->device = open(path, O_RDWR | O_CLOEXEC);
	if (gpu->device < 0)
		return -errno;
	gpu->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ret = gpu->iommufd < 0 ? -errno : bind_and_attach(gpu, token);
	if (ret)
		gpu_close(gpu);
	return ret;
}

int __gpu_open_cdev(struct gpu *gpu, const char *bdf)
{
	return __gpu_open_cdev_token(gpu, bdf, NULL);
}
