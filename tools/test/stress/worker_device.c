// SPDX-License-Identifier: GPL-2.0-only
/* What a worker does with the device: config space, resets, power, DMA, features. */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio_variant.h>

#include "stress.h"

#define DMA_LEN		(4 * SZ_1M)
#define DMA_STRIDE	SZ_1G
#define FIRST_IOVA	(4 * SZ_1G)

static int done_all(ssize_t done, size_t len)
{
	if (done < 0)
		return (int)done;
	return (size_t)done == len ? 0 : -EIO;
}

static int config_get16(struct gpu *gpu, unsigned int pos, __u16 *val)
{
	return done_all(__config_read(gpu, pos, val, sizeof(*val)), sizeof(*val));
}

static int config_set16(struct gpu *gpu, unsigned int pos, __u16 val)
{
	return done_all(__config_write(gpu, pos, &val, sizeof(val)), sizeof(val));
}

/* Changes the bits of @mask to @val, in a register of 16 bits. */
static int config_change(struct gpu *gpu, unsigned int pos, __u16 mask, __u16 val)
{
	__u16 old;
	int ret = config_get16(gpu, pos, &old);

	return ret ? ret : config_set16(gpu, pos, (__u16)((old & ~mask) | val));
}

int memory_on(struct gpu *gpu)
{
	return config_change(gpu, PCI_COMMAND, PCI_COMMAND_MEMORY, PCI_COMMAND_MEMORY);
}

/* Return: 0 with the offset of the capability in @pos, -errno. */
static int find_cap(struct gpu *gpu, __u8 id, unsigned int *pos)
{
	unsigned int left = 48;
	__u16 header;
	int ret;

	ret = config_get16(gpu, PCI_CAPABILITY_LIST, &header);
	for (*pos = header & 0xfc; !ret && *pos && left--; *pos = header >> 8 & 0xfc) {
		ret = config_get16(gpu, *pos, &header);
		if (!ret && (header & 0xff) == id)
			return 0;
	}
	return ret ? ret : -ENOENT;
}

int act_region_info(struct actor *actor)
{
	struct gpu_region region;

	return __gpu_region(actor->dev, (__u32)random_below(actor, VFIO_PCI_NUM_REGIONS),
			    &region);
}

int act_config_read(struct actor *actor)
{
	unsigned int pos = (unsigned int)random_below(actor, 4000);
	size_t len = 1 + random_below(actor, 64);
	__u8 buf[64];

	return done_all(__config_read(actor->dev, pos, buf, len), len);
}

/* On and around the BARs. */
int act_config_write(struct actor *actor)
{
	unsigned int pos = PCI_BASE_ADDRESS_0 + (unsigned int)random_below(actor, 28);
	size_t len = 1ULL << random_below(actor, 4);
	__u64 val = random_below(actor, ~0ULL);

	return done_all(__config_write(actor->dev, pos, &val, len), len);
}

int act_memory_toggle(struct actor *actor)
{
	int ret = config_change(actor->dev, PCI_COMMAND, PCI_COMMAND_MEMORY, 0);

	usleep((useconds_t)random_below(actor, 2000));
	return memory_on(actor->dev) ? -EIO : ret;
}

int act_power(struct actor *actor)
{
	unsigned int pm;
	int ret = find_cap(actor->dev, PCI_CAP_ID_PM, &pm);

	if (ret)
		return ret;
	ret = config_change(actor->dev, pm + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 3);
	usleep((useconds_t)random_below(actor, 2000));
	if (config_change(actor->dev, pm + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 0))
		return -EIO;
	return memory_on(actor->dev) ? -EIO : ret;
}

int act_low_power(struct actor *actor)
{
	int ret = __gpu_low_power(actor->dev, true);

	if (ret)
		return ret;
	usleep((useconds_t)random_below(actor, 2000));
	return __gpu_low_power(actor->dev, false);
}

/* Refused with EAGAIN while the operator resets. */
static int insist(int (*reset)(struct gpu *gpu), struct gpu *gpu)
{
	int tries = 50, ret;

	while ((ret = reset(gpu)) == -EAGAIN && --tries)
		usleep(10000);
	return ret;
}

int act_reset(struct actor *actor)
{
	int ret = insist(__gpu_reset, actor->dev);

	memory_on(actor->dev);
	return ret;
}

/* With a device opened by its cdev, the ownership of the iommufd is the proof. */
static int hot_reset_by_cdev(struct gpu *gpu)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	return ioctl(gpu->device, VFIO_DEVICE_PCI_HOT_RESET, &reset) ? -errno : 0;
}

int act_hot_reset(struct actor *actor)
{
	struct gpu *gpu = actor->dev;
	int ret = insist(gpu->group < 0 ? hot_reset_by_cdev : __gpu_hot_reset, gpu);

	memory_on(gpu);
	return ret;
}

int act_flr(struct actor *actor)
{
	unsigned int cap;
	int ret = find_cap(actor->dev, PCI_CAP_ID_EXP, &cap);

	if (ret)
		return ret;
	ret = config_change(actor->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR,
			    PCI_EXP_DEVCTL_BCR_FLR);
	memory_on(actor->dev);
	return ret;
}

int act_af_flr(struct actor *actor)
{
	__u8 val = PCI_AF_CTRL_FLR;
	unsigned int cap;
	int ret = find_cap(actor->dev, PCI_CAP_ID_AF, &cap);

	if (ret)
		return ret;
	ret = done_all(__config_write(actor->dev, cap + PCI_AF_CTRL, &val, sizeof(val)),
		       sizeof(val));
	memory_on(actor->dev);
	return ret;
}

static int map_ioas(struct gpu *gpu, void *p, __u64 iova)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = gpu->ioas,
		.user_va = (__u64)(uintptr_t)p,
		.length = DMA_LEN,
		.iova = iova,
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = gpu->ioas,
		.iova = iova,
		.length = DMA_LEN,
	};

	if (ioctl(gpu->iommufd, IOMMU_IOAS_MAP, &map))
		return -errno;
	return ioctl(gpu->iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

static int map_type1(struct gpu *gpu, void *p, __u64 iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = DMA_LEN,
	};
	int ret = __dma_map(gpu, p, iova, DMA_LEN);

	if (ret)
		return ret;
	return ioctl(gpu->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

/* iommufd takes memory with struct page only; type1 takes the GPU's. */
int act_dma_map(struct actor *actor)
{
	__u64 iova = FIRST_IOVA + (__u64)(actor->slot - shared->slot) * DMA_STRIDE;
	bool is_type1 = actor->dev->iommufd < 0;
	void *p;
	int ret;

	if (is_type1)
		p = __gpu_map(actor->dev, actor->region, GUARD_LEN, DMA_LEN,
			      PROT_READ | PROT_WRITE, MAP_SHARED, NULL);
	else
		p = mmap(NULL, DMA_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	ret = (is_type1 ? map_type1 : map_ioas)(actor->dev, p, iova);
	munmap(p, DMA_LEN);
	return ret;
}

int act_dmabuf(struct actor *actor)
{
	struct vfio_region_dma_range range = { .offset = GUARD_LEN, .length = SZ_2M };
	int fd = __gpu_dmabuf(actor->dev, actor->region->index, 1, &range);

	if (fd == -ENOTTY)
		return not_here(actor, "this kernel's vfio-pci has no dma-buf export");
	if (fd < 0)
		return fd;
	usleep((useconds_t)random_below(actor, 2000));
	close(fd);
	return 0;
}

int act_feature(struct actor *actor)
{
	struct vfio_device_feature_variant_driver answer;

	return __gpu_feature(actor->dev, VFIO_DEVICE_FEATURE_GET |
			     VFIO_DEVICE_FEATURE_VARIANT_DRIVER, &answer, sizeof(answer));
}
