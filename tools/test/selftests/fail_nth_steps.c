// SPDX-License-Identifier: GPL-2.0-only
/* The calls that fail_nth.c sweeps, and what each must have done or left alone. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio_variant.h>

#include "fail_nth.h"

#define XFER_LEN	(80 * SZ_1K)	/* more than one chunk of the driver */
#define MAP_LEN		(4 * SZ_2M)
#define IOVA		(4 * SZ_1G)
#define BAR4_BEFORE	0x1100000000000000ULL
#define BAR4_AFTER	0x2200000000000000ULL

void open_device(struct sweep *s)
{
	gpu_open(&s->gpu);
	config_set_memory(&s->gpu, true);
	gpu_region(&s->gpu, s->model.usemem.index, &s->region);
}

static void close_device(struct sweep *s, int ret)
{
	gpu_close(&s->gpu);
}

/* bind and unbind */

static int bind_driver(struct sweep *s)
{
	char file[128];

	snprintf(file, sizeof(file), "subsystem/drivers/%s/bind", s->driver);
	return __sysfs_write(s->gpu.bdf, file, s->gpu.bdf);
}

static int unbind_driver(struct sweep *s)
{
	return __sysfs_write(s->gpu.bdf, "driver/unbind", s->gpu.bdf);
}

static bool is_bound(struct sweep *s)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", s->gpu.bdf);
	return !access(path, F_OK);
}

static void must_unbind(struct sweep *s)
{
	if (is_bound(s) && unbind_driver(s))
		die("%s: cannot unbind: %s", s->gpu.bdf, strerror(errno));
}

void must_bind(struct sweep *s)
{
	int ret = is_bound(s) ? 0 : bind_driver(s);

	if (ret)
		die("%s: cannot bind: %s", s->gpu.bdf, strerror(-ret));
}

static const char *bind_wrong(struct sweep *s, int ret)
{
	if (!ret != is_bound(s))
		return ret ? "failed and is bound" : "succeeded and is not bound";
	return NULL;
}

static void unbind_undo(struct sweep *s, int ret)
{
	must_bind(s);
}

/*
 * vfio_create_group() puts its half-made group on failure, and the release of a
 * group warns of one that still has its IOMMU group: so with each vfio driver
 * (drivers/vfio/group.c of 7.3.4).
 */
const struct step step_bind = {
	.spare = "vfio_create_group",
	.prepare = must_unbind,
	.call = bind_driver,
	.wrong = bind_wrong,
};

const struct step step_unbind = {
	.prepare = must_bind,
	.call = unbind_driver,
	.undo = unbind_undo,
};

/* open and close */

static int open_by_group(struct sweep *s)
{
	return __gpu_open(&s->gpu, env_or_skip("NVGPU_BDF"));
}

int open_by_cdev(struct sweep *s)
{
	return __gpu_open_cdev(&s->gpu, env_or_skip("NVGPU_BDF"));
}

static void close_prepare(struct sweep *s)
{
	static __u8 buf[64];

	open_device(s);
	store32(gpu_map(&s->gpu, &s->region, 0, SZ_2M), 1);
	gpu_pread(&s->gpu, &s->region, buf, sizeof(buf), 0);
}

static int close_call(struct sweep *s)
{
	gpu_close(&s->gpu);
	return 0;
}

const struct step step_open = {
	.call = open_by_group,
	.undo = close_device,
};

const struct step step_open_cdev = {
	.call = open_by_cdev,
	.undo = close_device,
};

const struct step step_close = {
	.nothing_fails = true,
	.prepare = close_prepare,
	.call = close_call,
};

/* ioctls */

static int region_info(struct sweep *s)
{
	struct gpu_region region;

	return __gpu_region(&s->gpu, s->model.usemem.index, &region);
}

static int feature(struct sweep *s)
{
	struct vfio_device_feature_variant_driver answer;

	return __gpu_feature(&s->gpu, VFIO_DEVICE_FEATURE_GET |
			     VFIO_DEVICE_FEATURE_VARIANT_DRIVER, &answer, sizeof(answer));
}

static void set_bar4(struct sweep *s)
{
	config_write64(&s->gpu, PCI_BASE_ADDRESS_4, BAR4_BEFORE);
	s->bar4 = config_read64(&s->gpu, PCI_BASE_ADDRESS_4);
}

/* A reset zeroes the address, one that fails may have come so far. */
static const char *reset_wrong(struct sweep *s, int ret)
{
	__u64 bar4 = config_read64(&s->gpu, PCI_BASE_ADDRESS_4);

	config_set_memory(&s->gpu, true);
	if (ret && bar4 == s->bar4)
		return NULL;
	return bar4 & ~0xfULL ? "has left in BAR4 what is not 0" : NULL;
}

static int reset(struct sweep *s)
{
	return __gpu_reset(&s->gpu);
}

static int hot_reset(struct sweep *s)
{
	return __gpu_hot_reset(&s->gpu);
}

static int dmabuf(struct sweep *s)
{
	struct vfio_region_dma_range range = { .length = SZ_2M };

	s->fd = __gpu_dmabuf(&s->gpu, s->region.index, 1, &range);
	return s->fd < 0 ? s->fd : 0;
}

static void dmabuf_undo(struct sweep *s, int ret)
{
	if (!ret)
		close(s->fd);
}

const struct step step_region_info = {
	.is_open = true,
	.call = region_info,
};

const struct step step_feature = {
	.is_open = true,
	.call = feature,
};

const struct step step_reset = {
	.is_open = true,
	.nothing_fails = true,
	.prepare = set_bar4,
	.call = reset,
	.wrong = reset_wrong,
};

const struct step step_hot_reset = {
	.is_open = true,
	.prepare = set_bar4,
	.call = hot_reset,
	.wrong = reset_wrong,
};

const struct step step_dmabuf = {
	.is_open = true,
	.call = dmabuf,
	.undo = dmabuf_undo,
};

/* mappings, read and write */

/* Aligned for huge pages in its first half, not in its second. */
static int map_and_touch(struct sweep *s)
{
	__u32 val;
	int i;

	s->map = __gpu_map(&s->gpu, &s->region, SZ_4K * 16, MAP_LEN,
			   PROT_READ | PROT_WRITE, MAP_SHARED, NULL);
	if (s->map == MAP_FAILED)
		return -errno;
	for (i = 0; i < 8; i++)
		if (touch_read(s->map + i * (MAP_LEN / 8), &val))
			return -EFAULT;
	return 0;
}

static void map_undo(struct sweep *s, int ret)
{
	if (s->map != MAP_FAILED)
		munmap(s->map, MAP_LEN);
}

/* A fresh buffer: its pages are brought in by the call. */
static void buf_prepare(struct sweep *s)
{
	s->buf = mmap(NULL, XFER_LEN, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->buf == MAP_FAILED)
		die("no memory for a buffer");
}

static void buf_undo(struct sweep *s, int ret)
{
	munmap(s->buf, XFER_LEN);
}

static int whole(ssize_t done, size_t len)
{
	if (done < 0)
		return (int)done;
	return (size_t)done == len ? 0 : 1;
}

/* What is there before the call, whose first access makes the kernel's mapping. */
static void seed_memory(struct sweep *s, const __u8 *seed)
{
	gpu_pwrite(&s->gpu, &s->region, seed, XFER_LEN, 0);
	gpu_close(&s->gpu);
	open_device(s);
}

static void read_prepare(struct sweep *s)
{
	static __u8 seed[XFER_LEN];

	buf_prepare(s);
	pattern_fill(seed, XFER_LEN, 1);
	seed_memory(s, seed);
}

static int read_call(struct sweep *s)
{
	return whole(__gpu_pread(&s->gpu, &s->region, s->buf, XFER_LEN, 0), XFER_LEN);
}

static const char *read_wrong(struct sweep *s, int ret)
{
	if (!ret && pattern_check(s->buf, XFER_LEN, 1) != XFER_LEN)
		return "succeeded and has not read what is there";
	return NULL;
}

static void write_prepare(struct sweep *s)
{
	buf_prepare(s);
	memset(s->buf, 0, XFER_LEN);
	seed_memory(s, s->buf);
	pattern_fill(s->buf, XFER_LEN, 2);
}

static int write_call(struct sweep *s)
{
	return whole(__gpu_pwrite(&s->gpu, &s->region, s->buf, XFER_LEN, 0), XFER_LEN);
}

static const char *write_wrong(struct sweep *s, int ret)
{
	gpu_pread(&s->gpu, &s->region, s->buf, XFER_LEN, 0);
	if (!ret && pattern_check(s->buf, XFER_LEN, 2) != XFER_LEN)
		return "succeeded and has not written what it was given";
	return NULL;
}

const struct step step_mmap = {
	.is_open = true,
	.call = map_and_touch,
	.undo = map_undo,
};

const struct step step_read = {
	.is_open = true,
	.prepare = read_prepare,
	.call = read_call,
	.wrong = read_wrong,
	.undo = buf_undo,
};

const struct step step_write = {
	.is_open = true,
	.prepare = write_prepare,
	.call = write_call,
	.wrong = write_wrong,
	.undo = buf_undo,
};

/* config space and DMA */

static int config_call(struct sweep *s)
{
	__u64 bar4 = htole64(BAR4_AFTER);

	return whole(__config_write(&s->gpu, PCI_BASE_ADDRESS_4, &bar4, sizeof(bar4)),
		     sizeof(bar4));
}

/*
 * The core copies the bytes again, when they are latched. That copy fails only if the page
 * goes meanwhile, or as here.
 */
static const char *config_wrong(struct sweep *s, int ret)
{
	__u64 bar4 = config_read64(&s->gpu, PCI_BASE_ADDRESS_4);

	if ((bar4 & ~0xfULL) == BAR4_AFTER)
		return NULL;
	if (ret)
		return bar4 == s->bar4 ? NULL : "failed and BAR4 is neither old nor new";
	return "succeeded and BAR4 is not changed";
}

static void dma_prepare(struct sweep *s)
{
	s->map = gpu_map(&s->gpu, &s->region, 0, MAP_LEN);
}

static int dma_call(struct sweep *s)
{
	return __dma_map(&s->gpu, s->map, IOVA, MAP_LEN);
}

static void dma_undo(struct sweep *s, int ret)
{
	if (!ret)
		dma_unmap(&s->gpu, IOVA, MAP_LEN);
	map_undo(s, ret);
}

const struct step step_config_write = {
	.is_open = true,
	.prepare = set_bar4,
	.call = config_call,
	.wrong = config_wrong,
};

const struct step step_dma_map = {
	.is_open = true,
	.prepare = dma_prepare,
	.call = dma_call,
	.undo = dma_undo,
};
