// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of poisoned pages: the count that operators see, who adds to it
 * and what takes it back. This process maps another part of the memory, so the
 * kernel has somebody to ask and nobody to signal.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define FILE_NAME	"coherent_memory/poisoned_pages"
#define BAD		(64 * SZ_1M)
#define SETTLE_US	100000

FIXTURE(poison_count) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u64 page;
	__u32 *map;
};

FIXTURE_SETUP(poison_count)
{
	model_from_sim(&self->model);
	sim_calm();
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, self->model.usemem.index, &self->usemem);
	self->page = (__u64)sysconf(_SC_PAGESIZE);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	store32(self->map, 1);
	if (__sim_write("poison", BAD) == -ENXIO)
		SKIP(return, "this kernel cannot handle bad memory without struct page");
	gpu_reset(&self->gpu);
}

FIXTURE_TEARDOWN(poison_count)
{
	__gpu_reset(&self->gpu);
	gpu_close(&self->gpu);
}

static void expect_count(struct __test_metadata *_metadata,
			 struct _test_data_poison_count *self, __u64 want,
			 const char *when)
{
	__u64 count = sysfs_read_u64(self->gpu.bdf, FILE_NAME);

	EXPECT_EQ(count, want)
		TH_LOG("%llu poisoned pages %s, expected %llu", count, when, want);
}

TEST_F(poison_count, each_page_once)
{
	expect_count(_metadata, self, 0, "after a reset");
	sim_write("poison", BAD);
	expect_count(_metadata, self, 1, "after one went bad");
	sim_write("poison", BAD + self->page - 1);
	expect_count(_metadata, self, 1, "after the same went bad again");
	sim_write("poison", BAD + self->page);
	expect_count(_metadata, self, 2, "after its neighbour went bad");
	if (!self->model.resmem.mem_len)
		return;
	sim_write("poison", self->model.usemem.mem_len);
	expect_count(_metadata, self, 3, "after the first one of resmem went bad");
}

TEST_F(poison_count, the_one_who_maps_another_part_goes_on)
{
	__u32 val = 0;

	sim_write("poison", BAD);
	usleep(SETTLE_US);
	EXPECT_EQ(touch_read(self->map, &val), 0)
		TH_LOG("a mapping of another part is gone");
	EXPECT_EQ(val, 1);
}

TEST_F(poison_count, write_is_refused_like_read)
{
	__u32 val = 0;

	sim_write("poison", BAD);
	EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), BAD), -EIO);
	EXPECT_EQ(__gpu_pwrite(&self->gpu, &self->usemem, &val, sizeof(val), BAD), -EIO);
	EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val),
			      BAD + self->page), sizeof(val));
}

TEST_F(poison_count, reset_through_sysfs_forgets)
{
	__u32 val;

	sim_write("poison", BAD);
	expect_count(_metadata, self, 1, "after one went bad");
	ASSERT_EQ(__sysfs_write(self->gpu.bdf, "reset", "1"), 0);
	expect_count(_metadata, self, 0, "after a reset through sysfs");
	EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), BAD),
		  sizeof(val))
		TH_LOG("the page cannot be read after a reset through sysfs");
}

TEST_F(poison_count, close_and_open_forgets)
{
	sim_write("poison", BAD);
	expect_count(_metadata, self, 1, "after one went bad");
	ASSERT_EQ(munmap(self->map, SZ_2M), 0);
	gpu_close(&self->gpu);
	gpu_open(&self->gpu);
	expect_count(_metadata, self, 0, "after the reset of an open");
}

/* A limit that the README names: without a mapping the driver is not asked. */
TEST_F(poison_count, nobody_maps_nobody_hears)
{
	ASSERT_EQ(munmap(self->map, SZ_2M), 0);
	sim_write("poison", BAD);
	expect_count(_metadata, self, 0, "of which the driver could hear nothing");
}

TEST_HARNESS_MAIN
