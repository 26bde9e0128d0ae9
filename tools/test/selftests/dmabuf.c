// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf export of the memory: the real memory and nothing beyond. The kernel
 * (7.3) asks the driver only where a physical BAR of that number exists.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

FIXTURE(dmabuf) {
	struct mem mem;
	bool has_physical;
};

FIXTURE_VARIANT(dmabuf) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(dmabuf, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(dmabuf, resmem) { .is_resmem = true };

FIXTURE_SETUP(dmabuf)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	if (!gpu_has_dmabuf(&self->mem.gpu))
		SKIP(return, "this kernel's vfio-pci has no dma-buf export");
	self->has_physical = sim_read_u64(variant->is_resmem ? "bar2_size" : "bar4_size");
}

FIXTURE_TEARDOWN(dmabuf)
{
	gpu_close(&self->mem.gpu);
}

static int export_one(struct _test_data_dmabuf *self, __u64 offset, __u64 length)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = length };

	return __gpu_dmabuf(&self->mem.gpu, self->mem.want->index, 1, &range);
}

/* A dma-buf tells its size by lseek(). */
static void expect_export(struct __test_metadata *_metadata,
			  struct _test_data_dmabuf *self, __u64 offset, __u64 length)
{
	int fd = export_one(self, offset, length);

	ASSERT_GE(fd, 0)
		TH_LOG("%s: export of 0x%llx bytes at 0x%llx: %s", self->mem.want->name,
		       length, offset, strerror(-fd));
	EXPECT_EQ(lseek(fd, 0, SEEK_END), length)
		TH_LOG("%s: a dma-buf of 0x%llx bytes has another size",
		       self->mem.want->name, length);
	close(fd);
}

static void expect_refused(struct __test_metadata *_metadata,
			   struct _test_data_dmabuf *self, __u64 offset, __u64 length)
{
	int fd = export_one(self, offset, length);

	EXPECT_EQ(fd, -EINVAL)
		TH_LOG("%s: export of 0x%llx bytes at 0x%llx gave %d", self->mem.want->name,
		       length, offset, fd);
	if (fd >= 0)
		close(fd);
}

TEST_F(dmabuf, all_of_the_memory)
{
	__u64 len = self->mem.want->mem_len;

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	expect_export(_metadata, self, 0, len);
	expect_export(_metadata, self, 0, SZ_2M);
	expect_export(_metadata, self, len - SZ_2M, SZ_2M);
}

TEST_F(dmabuf, several_ranges)
{
	struct vfio_region_dma_range ranges[] = {
		{ .offset = 0, .length = SZ_2M },
		{ .offset = self->mem.want->mem_len - SZ_2M, .length = SZ_2M },
	};
	int fd;

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	fd = __gpu_dmabuf(&self->mem.gpu, self->mem.want->index, 2, ranges);
	ASSERT_GE(fd, 0) TH_LOG("export of two ranges: %s", strerror(-fd));
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 2 * SZ_2M);
	close(fd);
	ranges[1].length += SZ_2M;
	fd = __gpu_dmabuf(&self->mem.gpu, self->mem.want->index, 2, ranges);
	EXPECT_EQ(fd, -EINVAL)
		TH_LOG("%s: a second range that passes the end gave %d",
		       self->mem.want->name, fd);
}

TEST_F(dmabuf, beyond_the_memory)
{
	__u64 len = self->mem.want->mem_len;

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	expect_refused(_metadata, self, 0, len + SZ_2M);
	expect_refused(_metadata, self, len, SZ_2M);
	expect_refused(_metadata, self, len - SZ_2M, 2 * SZ_2M);
	expect_refused(_metadata, self, self->mem.want->bar_size, SZ_2M);
}

TEST_F(dmabuf, numbers_that_overflow)
{
	struct vfio_region_dma_range ranges[] = {
		{ .offset = 0, .length = ~0ULL << 21 },
		{ .offset = 0, .length = SZ_2M },
	};

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	EXPECT_LT(export_one(self, ~0ULL << 21, SZ_2M), 0)
		TH_LOG("an offset that overflows with the length was taken");
	EXPECT_LT(__gpu_dmabuf(&self->mem.gpu, self->mem.want->index, 2, ranges), 0)
		TH_LOG("lengths that overflow when added were taken");
}

/*
 * A limit of the kernel; if it goes, the README's section on limits changes. A VMM takes
 * ENOTTY for a kernel without dma-bufs and goes on without them.
 */
TEST_F(dmabuf, needs_a_physical_bar)
{
	int fd;

	if (self->has_physical)
		SKIP(return, "there is a physical BAR%u", self->mem.want->index);
	fd = export_one(self, 0, SZ_2M);
	EXPECT_EQ(fd, -ENOTTY)
		TH_LOG("%s: export without a physical BAR%u gave %d", self->mem.want->name,
		       self->mem.want->index, fd);
}

/*
 * A kernel that maps dma-bufs must map usemem cacheable, as the device file does: fails
 * on the first such kernel, so that somebody looks.
 */
TEST_F(dmabuf, has_no_mapping_of_its_own)
{
	void *addr;
	int fd;

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	fd = export_one(self, 0, SZ_2M);
	ASSERT_GE(fd, 0);
	addr = mmap(NULL, SZ_2M, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT_EQ(addr, MAP_FAILED)
		TH_LOG("%s: this kernel maps dma-bufs: with which attributes?",
		       self->mem.want->name);
	close(fd);
}

TEST_F(dmabuf, a_reset_does_not_end_it)
{
	int fd;

	if (!self->has_physical)
		SKIP(return, "no physical BAR%u", self->mem.want->index);
	fd = export_one(self, 0, SZ_2M);
	ASSERT_GE(fd, 0);
	gpu_reset(&self->mem.gpu);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), SZ_2M);
	close(fd);
	expect_export(_metadata, self, 0, SZ_2M);
}

TEST_HARNESS_MAIN
