// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap of device memory: shared only, bounds exact to the page, and what
 * programs do with a mapping (fork, mprotect, partial munmap, userfaultfd).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define C2C_LINK	0x1498
#define HBM_TRAINING	0x200bc

FIXTURE(mmap) {
	struct mem mem;
};

FIXTURE_VARIANT(mmap) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(mmap, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(mmap, resmem) { .is_resmem = true };

FIXTURE_SETUP(mmap)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
}

FIXTURE_TEARDOWN(mmap)
{
	gpu_close(&self->mem.gpu);
}

/* Return: 0 or the errno of mapping @len bytes at @offset. */
static int try_map(struct _test_data_mmap *self, __u64 offset, __u64 len, int prot,
		   int flags)
{
	void *p = __gpu_map(&self->mem.gpu, &self->mem.region, offset, len, prot, flags,
			    NULL);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, len);
	return 0;
}

/*
 * The mapping is not touched when it was wrongly allowed: a write through it
 * is what crashes the host.
 */
TEST_F(mmap, private_is_refused)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		EXPECT_EQ(try_map(self, 0, self->mem.page, prots[i], MAP_PRIVATE), EINVAL)
			TH_LOG("BAR%u: MAP_PRIVATE (prot %d) is not refused, writing is BUG()",
			       self->mem.want->index, prots[i]);
	}
}

TEST_F(mmap, bounds)
{
	__u64 end = self->mem.want->mem_len, page = self->mem.page, bar = self->mem.region.size;
	int rw = PROT_READ | PROT_WRITE;

	EXPECT_EQ(try_map(self, 0, end, rw, MAP_SHARED), 0)
		TH_LOG("BAR%u: the whole of %s cannot be mapped", self->mem.want->index,
		       self->mem.want->name);
	EXPECT_EQ(try_map(self, end - page, page, rw, MAP_SHARED), 0)
		TH_LOG("BAR%u: the last page cannot be mapped", self->mem.want->index);
	EXPECT_EQ(try_map(self, bar, page, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: a page behind the BAR can be mapped", self->mem.want->index);
	if (bar == end)
		return;
	EXPECT_EQ(try_map(self, end, page, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: the page behind the memory can be mapped",
		       self->mem.want->index);
	EXPECT_EQ(try_map(self, end - page, 2 * page, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: a mapping may reach one page beyond the memory",
		       self->mem.want->index);
	EXPECT_EQ(try_map(self, 0, end + page, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: memory and one page can be mapped", self->mem.want->index);
	EXPECT_EQ(try_map(self, 0, bar, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: the whole BAR can be mapped, memory or not",
		       self->mem.want->index);
	EXPECT_EQ(try_map(self, bar - page, page, rw, MAP_SHARED), EINVAL)
		TH_LOG("BAR%u: the last page of the padding can be mapped",
		       self->mem.want->index);
}

/* First and last word of every 16 MiB and of the last page, each its own value. */
TEST_F_TIMEOUT(mmap, whole_memory_holds_its_pattern, 120)
{
	__u64 len = self->mem.want->mem_len, step = 16 * SZ_1M, i;
	__u64 *map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, len, SZ_1G, 0);
	__u64 last = len / sizeof(*map) - 1;

	for (i = 0; i < len / sizeof(*map); i += step / sizeof(*map))
		map[i] = i ^ 0x5a5aULL;
	map[last] = ~last;
	for (i = 0; i < len / sizeof(*map); i += step / sizeof(*map)) {
		ASSERT_EQ(map[i], i ^ 0x5a5aULL)
			TH_LOG("%s at 0x%llx does not hold what was written",
			       self->mem.want->name, (__u64)(i * sizeof(*map)));
	}
	ASSERT_EQ(map[last], ~last);
	munmap(map, len);
}

/* Device memory would not allow it; both regions are Normal memory. */
TEST_F(mmap, unaligned_access)
{
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, self->mem.page);
	__u32 val = 0;

	store64(map, 0);
	EXPECT_EQ(touch_write(map + 1, 0x01020304), 0)
		TH_LOG("BAR%u: an unaligned store faults: %s is mapped as Device memory",
		       self->mem.want->index, self->mem.want->name);
	EXPECT_EQ(touch_read(map + 1, &val), 0);
	EXPECT_EQ(val, 0x01020304);
	EXPECT_EQ(map[0], 0);
}

TEST_F(mmap, two_mappings_show_the_same)
{
	__u8 *a = gpu_map(&self->mem.gpu, &self->mem.region, 0, SZ_2M);
	__u8 *b = gpu_map(&self->mem.gpu, &self->mem.region, self->mem.page, self->mem.page);

	store32(a + self->mem.page, 0x600df00d);
	EXPECT_EQ(load32(b), 0x600df00d);
	store32(b + 4, 0xcafe);
	EXPECT_EQ(load32(a + self->mem.page + 4), 0xcafe);
}

TEST_F(mmap, fork)
{
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, 2 * self->mem.page);
	__u8 *second = map + self->mem.page;
	int status;
	pid_t pid;

	store32(map, 1);
	store32(second, 2);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		bool ok = load32(map) == 1 && load32(second) == 2;

		store32(map, 11);
		store32(second, 12);
		_exit(!ok);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0)
		TH_LOG("a child does not see what its parent wrote");
	EXPECT_EQ(load32(map), 11)
		TH_LOG("the parent does not see what the child wrote");
	EXPECT_EQ(load32(second), 12);
}

TEST_F(mmap, mprotect)
{
	__u32 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, SZ_2M);
	__u32 val = 0;

	store32(map, 5);
	ASSERT_EQ(mprotect(map, SZ_2M, PROT_READ), 0);
	EXPECT_EQ(touch_write(map, 6), SIGSEGV)
		TH_LOG("a read-only mapping can be written");
	EXPECT_EQ(touch_read(map, &val), 0);
	EXPECT_EQ(val, 5);
	ASSERT_EQ(mprotect(map, SZ_2M, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(touch_write(map, 7), 0);
	EXPECT_EQ(load32(map), 7);
}

TEST_F(mmap, partial_munmap)
{
	__u64 len = 2 * SZ_2M;
	__u8 *map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, len, SZ_2M, 0);
	__u32 val;

	store32(map, 1);
	store32(map + SZ_2M - 4, 2);
	ASSERT_EQ(munmap(map + SZ_1M, self->mem.page), 0);
	EXPECT_EQ(touch_read(map + SZ_1M, &val), SIGSEGV);
	EXPECT_EQ(touch_read(map + SZ_2M - 4, &val), 0);
	EXPECT_EQ(val, 2);
	EXPECT_EQ(touch_read(map, &val), 0);
	EXPECT_EQ(val, 1);
	EXPECT_EQ(touch_read(map + SZ_1M + self->mem.page, &val), 0)
		TH_LOG("the part behind a hole no longer works");
}

TEST_F(mmap, no_growth_by_mremap)
{
	void *map = gpu_map(&self->mem.gpu, &self->mem.region,
			    self->mem.want->mem_len - self->mem.page, self->mem.page);

	EXPECT_EQ(mremap(map, self->mem.page, 2 * self->mem.page, MREMAP_MAYMOVE), MAP_FAILED)
		TH_LOG("mremap may grow a mapping beyond the memory");
}

/* The mapping holds the device file: closing the descriptor does not end it. */
TEST_F(mmap, outlives_the_descriptor)
{
	void *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, self->mem.page);
	__u32 val = 0;

	store32(map, 77);
	close(self->mem.gpu.device);
	self->mem.gpu.device = -1;
	EXPECT_EQ(touch_read(map, &val), 0);
	EXPECT_EQ(val, 77);
	munmap(map, self->mem.page);
}

/*
 * The mm refuses it for VM_PFNMAP, since mid-2026 asynchronous write protection too, whose
 * markers no driver can replace.
 */
TEST_F(mmap, userfaultfd_is_refused)
{
	static const struct {
		__u64 features;
		__u64 mode;
	} uses[] = {
		{ 0, UFFDIO_REGISTER_MODE_MISSING },
		{ 0, UFFDIO_REGISTER_MODE_WP },
		{ UFFD_FEATURE_WP_ASYNC, UFFDIO_REGISTER_MODE_WP },
	};
	void *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, SZ_2M);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(uses); i++) {
		struct uffdio_api api = { .api = UFFD_API, .features = uses[i].features };
		struct uffdio_register reg = {
			.range = { .start = (uintptr_t)map, .len = SZ_2M },
			.mode = uses[i].mode,
		};
		int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

		if (uffd < 0)
			SKIP(return, "this kernel has no userfaultfd");
		ASSERT_EQ(ioctl(uffd, UFFDIO_API, &api), 0);
		EXPECT_NE(ioctl(uffd, UFFDIO_REGISTER, &reg), 0)
			TH_LOG("BAR%u: userfaultfd takes a mapping, mode 0x%llx, features 0x%llx",
			       self->mem.want->index, uses[i].mode, uses[i].features);
		close(uffd);
	}
}

/* Real BARs are mapped by vfio-pci as ever. */
FIXTURE(mmap_bar0) {
	struct gpu gpu;
	struct gpu_region bar0;
};

FIXTURE_SETUP(mmap_bar0)
{
	env_or_skip("NVGPU_SIM");
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, VFIO_PCI_BAR0_REGION_INDEX, &self->bar0);
}

FIXTURE_TEARDOWN(mmap_bar0)
{
	gpu_close(&self->gpu);
}

/* Both readiness registers are what the driver itself polled at bind. */
TEST_F(mmap_bar0, readiness_registers)
{
	__u8 *map = gpu_map(&self->gpu, &self->bar0, 0, 2 * SZ_1M);
	__u32 c2c = load32(map + C2C_LINK), hbm = load32(map + HBM_TRAINING);
	__u32 by_read;

	EXPECT_EQ(c2c, 0xff)
		TH_LOG("C2C link register at BAR0+0x%x reads 0x%x", C2C_LINK, c2c);
	EXPECT_EQ(hbm, 0xff)
		TH_LOG("HBM training register at BAR0+0x%x reads 0x%x", HBM_TRAINING, hbm);
	gpu_pread(&self->gpu, &self->bar0, &by_read, sizeof(by_read), C2C_LINK);
	EXPECT_EQ(by_read, 0xff);
}

TEST_HARNESS_MAIN
