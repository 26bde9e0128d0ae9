// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a GPU through group and type1 container, and resetting it. All that
 * knows of groups is here and in dma.c; cdev.c opens a device without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gpu.h"

#define MAX_RESET_DEVICES	8

static int group_of(const char *bdf, unsigned int *group_id)
{
	char path[128], link[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -errno;
	link[len] = '\0';
	*group_id = strtoul(strrchr(link, '/') + 1, NULL, 10);
	return 0;
}

static int open_group(struct gpu *gpu)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%u", gpu->group_id);
	gpu->group = open(path, O_RDWR | O_CLOEXEC);
	if (gpu->group < 0)
		return -errno;
	if (ioctl(gpu->group, VFIO_GROUP_GET_STATUS, &status))
		return -errno;
	return status.flags & VFIO_GROUP_FLAGS_VIABLE ? 0 : -EPERM;
}

static int open_container(struct gpu *gpu)
{
	gpu->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (gpu->container < 0)
		return -errno;
	if (ioctl(gpu->group, VFIO_GROUP_SET_CONTAINER, &gpu->container))
		return -errno;
	if (ioctl(gpu->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	return 0;
}

/* A device that is not open: gpu_close() may be called from here on. */
void gpu_init(struct gpu *gpu, const char *bdf)
{
	memset(gpu, 0, sizeof(*gpu));
	gpu->container = -1;
	gpu->group = -1;
	gpu->device = -1;
	gpu->iommufd = -1;
	snprintf(gpu->bdf, sizeof(gpu->bdf), "%s", bdf);
}

int __gpu_open(struct gpu *gpu, const char *bdf)
{
	int ret;

	gpu_init(gpu, bdf);
	ret = group_of(bdf, &gpu->group_id);
	if (!ret)
		ret = open_group(gpu);
	if (!ret)
		ret = open_container(gpu);
	if (!ret) {
		gpu->device = ioctl(gpu->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
		ret = gpu->device < 0 ? -errno : 0;
	}
	if (ret)
		gpu_close(gpu);
	return ret;
}

void gpu_open(struct gpu *gpu)
{
	const char *bdf = env_or_skip("NVGPU_BDF");
	int ret = __gpu_open(gpu, bdf);

	if (ret)
		die("%s: cannot open the vfio device: %s; is it bound to a vfio driver?",
		    bdf, strerror(-ret));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void gpu_close(struct gpu *gpu)
{
	close_fd(&gpu->device);
	close_fd(&gpu->group);
	close_fd(&gpu->container);
	close_fd(&gpu->iommufd);
}

int __gpu_reset(struct gpu *gpu)
{
	return ioctl(gpu->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

void gpu_reset(struct gpu *gpu)
{
	int ret = __gpu_reset(gpu);

	if (ret)
		die("%s: VFIO_DEVICE_RESET: %s", gpu->bdf, strerror(-ret));
}

static int hot_reset_is_ours(struct gpu *gpu)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device devices[MAX_RESET_DEVICES];
	} reset = { .info.argsz = sizeof(reset) };
	__u32 i;

	if (ioctl(gpu->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset))
		return -errno;
	for (i = 0; i < reset.info.count; i++)
		if (reset.devices[i].group_id != gpu->group_id)
			return -EPERM;
	return 0;
}

/* Resets the bus of a GPU whose affected functions are all in its own group. */
int __gpu_hot_reset(struct gpu *gpu)
{
	struct {
		struct vfio_pci_hot_reset reset;
		__s32 group_fd;
	} req = {
		.reset.argsz = sizeof(req),
		.reset.count = 1,
		.group_fd = gpu->group,
	};
	int ret = hot_reset_is_ours(gpu);

	if (ret)
		return ret;
	return ioctl(gpu->device, VFIO_DEVICE_PCI_HOT_RESET, &req) ? -errno : 0;
}

int __gpu_set_event(struct gpu *gpu, __u32 index, int event)
{
	struct {
		struct vfio_irq_set set;
		__s32 fd;
	} req = {
		.set.argsz = sizeof(req),
		.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.set.index = index,
		.set.count = 1,
		.fd = event,
	};

	return ioctl(gpu->device, VFIO_DEVICE_SET_IRQS, &req) ? -errno : 0;
}

/* Linux forbids a bus reset of these NVIDIA GPUs (quirk_nvidia_no_bus_reset). */
bool gpu_has_bus_reset(struct gpu *gpu)
{
	return (config_read16(gpu, PCI_DEVICE_ID) & 0xffc0) != 0x2340;
}

/* VFIO_DEVICE_FEATURE with @len bytes of payload at @data, both ways. */
int __gpu_feature(struct gpu *gpu, __u32 flags, void *data, size_t len)
{
	struct vfio_device_feature *feature;
	int ret;

	feature = calloc(1, sizeof(*feature) + len);
	if (!feature)
		return -ENOMEM;
	feature->argsz = (__u32)(sizeof(*feature) + len);
	feature->flags = flags;
	if (len)
		memcpy(feature->data, data, len);
	ret = ioctl(gpu->device, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
	if (!ret && len)
		memcpy(data, feature->data, len);
	free(feature);
	return ret;
}

int __gpu_low_power(struct gpu *gpu, bool enter)
{
	__u32 feature = enter ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
				VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;

	return __gpu_feature(gpu, VFIO_DEVICE_FEATURE_SET | feature, NULL, 0);
}
