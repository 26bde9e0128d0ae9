// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU opened by its cdev and bound to iommufd: what it can reach follows what it is
 * attached to, the memory works with and without that, and as a dma-buf it can be
 * put into the address space, as VMMs do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define IOVA	(4 * SZ_1G)
#define OTHER	(8 * SZ_1G)
#define STAMP	0x10abcdef

FIXTURE(iommufd) {
	struct gpu gpu;
	struct model model;
};

FIXTURE_SETUP(iommufd)
{
	int ret = __gpu_open_cdev(&self->gpu, env_or_skip("NVGPU_BDF"));

	if (ret == -EOPNOTSUPP)
		SKIP(return, "this kernel has no cdevs of vfio devices");
	ASSERT_EQ(ret, 0) TH_LOG("cannot open the cdev: %s", strerror(-ret));
	model_from_sim(&self->model);
	config_set_memory(&self->gpu, true);
}

FIXTURE_TEARDOWN(iommufd)
{
	gpu_close(&self->gpu);
}

static void expect_reach(struct __test_metadata *_metadata, __u64 iova, bool want,
			 const char *when)
{
	__u64 phys;

	EXPECT_EQ(sim_dma_lookup(iova, &phys), want)
		TH_LOG("the GPU %s reach iova 0x%llx %s", want ? "cannot" : "can", iova,
		       when);
}

TEST_F(iommufd, dma_follows_the_attachment)
{
	void *ram = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	__u32 other;

	ASSERT_NE(ram, MAP_FAILED);
	ASSERT_EQ(__ioas_map(&self->gpu, self->gpu.ioas, ram, IOVA, SZ_2M), 0);
	ASSERT_EQ(__ioas_alloc(&self->gpu, &other), 0);
	ASSERT_EQ(__ioas_map(&self->gpu, other, ram, OTHER, SZ_2M), 0);
	expect_reach(_metadata, IOVA, true, "when attached");
	ASSERT_EQ(__gpu_detach(&self->gpu, 0), 0);
	expect_reach(_metadata, IOVA, false, "when detached");
	EXPECT_EQ(__gpu_detach(&self->gpu, 0), 0)
		TH_LOG("detaching what is not attached is no error");
	ASSERT_EQ(__gpu_attach(&self->gpu, 0, other), 0);
	expect_reach(_metadata, OTHER, true, "when attached to it");
	expect_reach(_metadata, IOVA, false, "when attached to another space");
	ASSERT_EQ(__gpu_attach(&self->gpu, 0, self->gpu.ioas), 0);
	expect_reach(_metadata, IOVA, true, "when attached again");
	expect_reach(_metadata, OTHER, false, "after it was replaced");
}

/* @len bytes of address space with one page behind all of it: no two can be one mapping. */
static void *scattered_ram(size_t len)
{
	size_t page = (size_t)getpagesize(), at;
	int fd = memfd_create("page", MFD_CLOEXEC);
	__u8 *ram = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || ftruncate(fd, (off_t)page) || ram == MAP_FAILED)
		die("no memory in fragments: %s", strerror(errno));
	for (at = 0; at < len; at += page)
		if (mmap(ram + at, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, 0) == MAP_FAILED)
			die("no memory in fragments: %s", strerror(errno));
	close(fd);
	return ram;
}

/* Attaching maps each page on its own, detaching unmaps them all at once. */
TEST_F_TIMEOUT(iommufd, many_small_mappings, 120)
{
	size_t len = 2048 * (size_t)getpagesize();
	void *ram = scattered_ram(len);
	int i;

	ASSERT_EQ(__ioas_map(&self->gpu, self->gpu.ioas, ram, IOVA, len), 0);
	for (i = 0; i < 4; i++) {
		expect_reach(_metadata, IOVA, true, "when attached");
		expect_reach(_metadata, IOVA + len - 1, true, "when attached");
		ASSERT_EQ(__gpu_detach(&self->gpu, 0), 0);
		expect_reach(_metadata, IOVA + len - 1, false, "when detached");
		ASSERT_EQ(__gpu_attach(&self->gpu, 0, self->gpu.ioas), 0);
	}
}

static void expect_usable(struct __test_metadata *_metadata,
			  struct _test_data_iommufd *self, __u32 *map,
			  const struct gpu_region *region, __u32 stamp)
{
	__u32 val = 0;

	EXPECT_EQ(touch_write(map, stamp), 0);
	EXPECT_EQ(__gpu_pread(&self->gpu, region, &val, sizeof(val), 0), sizeof(val));
	EXPECT_EQ(val, stamp)
		TH_LOG("BAR%u: read gives 0x%x, the mapping has 0x%x", region->index, val,
		       stamp);
	stamp = ~stamp;
	EXPECT_EQ(__gpu_pwrite(&self->gpu, region, &stamp, sizeof(stamp), 0), sizeof(stamp));
	EXPECT_EQ(load32(map), stamp)
		TH_LOG("BAR%u: the mapping has 0x%x, 0x%x was written", region->index,
		       load32(map), stamp);
}

static void expect_memory(struct __test_metadata *_metadata,
			  struct _test_data_iommufd *self,
			  const struct model_region *want)
{
	unsigned int bar = PCI_BASE_ADDRESS_0 + 4 * want->index;
	struct gpu_region region;
	__u32 *map;

	if (!want->mem_len)
		return;
	gpu_region(&self->gpu, want->index, &region);
	EXPECT_EQ(region.size, want->bar_size);
	EXPECT_EQ(region.mem_len, want->mem_len);
	config_write64(&self->gpu, bar, ~0ULL);
	EXPECT_EQ(config_read64(&self->gpu, bar), model_bar_mask(want));
	map = gpu_map(&self->gpu, &region, 0, SZ_2M);
	expect_usable(_metadata, self, map, &region, STAMP);
	ASSERT_EQ(__gpu_detach(&self->gpu, 0), 0);
	expect_usable(_metadata, self, map, &region, STAMP + 1);
	ASSERT_EQ(__gpu_attach(&self->gpu, 0, self->gpu.ioas), 0);
	expect_usable(_metadata, self, map, &region, STAMP + 2);
}

TEST_F(iommufd, memory_works_with_and_without)
{
	expect_memory(_metadata, self, &self->model.usemem);
	expect_memory(_metadata, self, &self->model.resmem);
}

static void expect_phys(struct __test_metadata *_metadata, __u64 iova,
			const struct model_region *want, __u64 offset)
{
	__u64 phys = 0;

	ASSERT_TRUE(sim_dma_lookup(iova + offset, &phys))
		TH_LOG("the dma-buf of %s is not mapped at 0x%llx", want->name, offset);
	EXPECT_EQ(phys, want->phys + offset)
		TH_LOG("0x%llx of the dma-buf of %s is physical 0x%llx, expected 0x%llx",
		       offset, want->name, phys, want->phys + offset);
}

static void expect_dmabuf(struct __test_metadata *_metadata,
			  struct _test_data_iommufd *self, __u64 iova,
			  const struct model_region *want)
{
	struct vfio_region_dma_range all = { .length = want->mem_len };
	__u64 phys;
	int fd, ret;

	if (!want->mem_len)
		return;
	fd = __gpu_dmabuf(&self->gpu, want->index, 1, &all);
	ASSERT_GE(fd, 0) TH_LOG("no dma-buf of %s: %s", want->name, strerror(-fd));
	ret = __ioas_map_dmabuf(&self->gpu, self->gpu.ioas, fd, iova, want->mem_len);
	ASSERT_EQ(ret, 0)
		TH_LOG("cannot map the dma-buf of %s: %s", want->name, strerror(-ret));
	close(fd);
	expect_phys(_metadata, iova, want, 0);
	expect_phys(_metadata, iova, want, want->mem_len / 2);
	expect_phys(_metadata, iova, want, want->mem_len - SZ_4K);
	EXPECT_FALSE(sim_dma_lookup(iova + want->mem_len, &phys))
		TH_LOG("more than %s is mapped", want->name);
}

/* A dma-buf is revoked when the memory must not be used; iommufd does not wait for it. */
TEST_F(iommufd, dmabuf_in_the_address_space)
{
	if (__gpu_feature(&self->gpu, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			  VFIO_DEVICE_FEATURE_DMA_BUF, NULL, 0) == -ENOTTY)
		SKIP(return, "this kernel's vfio-pci has no dma-buf export");
	expect_dmabuf(_metadata, self, IOVA, &self->model.usemem);
	expect_dmabuf(_metadata, self, OTHER, &self->model.resmem);
	gpu_reset(&self->gpu);
	expect_reach(_metadata, IOVA, false, "after a reset");
	expect_reach(_metadata, OTHER, false, "after a reset");
}

/* The GPU is no function of SR-IOV: whoever has a token means another device. */
TEST_F(iommufd, token_is_refused)
{
	static const __u8 token[16] = { 1 };
	char bdf[GPU_BDF_LEN];

	strcpy(bdf, self->gpu.bdf);
	gpu_close(&self->gpu);
	EXPECT_EQ(__gpu_open_cdev_token(&self->gpu, bdf, token), -EINVAL)
		TH_LOG("a token that nobody asked for was taken");
	EXPECT_EQ(__gpu_open_cdev_token(&self->gpu, bdf, (void *)1), -EFAULT)
		TH_LOG("nobody looked at the token");
	EXPECT_EQ(__gpu_open_cdev(&self->gpu, bdf), 0);
}

TEST_HARNESS_MAIN
