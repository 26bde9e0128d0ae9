// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of hwpoisoned pages: the count that operators see, who adds to it
 * and what takes it back, and what faults make of a page that becomes known. This process
 * maps another part of the memory, so the kernel has somebody to ask and nobody to signal.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define FILE_NAME	"coherent_memory/poisoned_pages"
#define BAD		(64 * SZ_1M)
#define SETTLE_US	100000

/* How often threads race with the note of a page, and how. */
#define RANGES		100
#define SWITCHES	8
#define PLACES		8

FIXTURE(poison_count) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u64 page;
	__u32 *map;
};

FIXTURE_SETUP(poison_count)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
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
			      BAD - self->page), sizeof(val));
}

TEST_F(poison_count, reset_through_sysfs_heals)
{
	__u32 val;

	sim_write("poison", BAD);
	expect_count(_metadata, self, 1, "after one went bad");
	ASSERT_EQ(__sysfs_write(self->gpu.bdf, "reset", "1"), 0);
	expect_count(_metadata, self, 0, "after a reset through sysfs");
	EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), BAD), -EIO);
}

TEST_F(poison_count, close_and_open_heals)
{
	sim_write("poison", BAD);
	expect_count(_metadata, self, 1, "after one went bad");
	ASSERT_EQ(munmap(self->map, SZ_2M), 0);
	gpu_close(&self->gpu);
	gpu_open(&self->gpu);
	expect_count(_metadata, self, 0, "after the reset of an open");
}

/* Training that may be lost is no reset. */
TEST_F(poison_count, d3hot_heals_nothing)
{
	sim_write("poison", BAD);
	config_set_power(&self->gpu, 3);
	config_set_power(&self->gpu, 0);
	expect_count(_metadata, self, 1, "after D3hot");
}

/* A limit that the README names: without a mapping the driver is not asked. */
TEST_F(poison_count, nobody_maps_nobody_hears)
{
	ASSERT_EQ(munmap(self->map, SZ_2M), 0);
	sim_write("poison", BAD);
	expect_count(_metadata, self, 0, "of which the driver could hear nothing");
}

/**
 * struct racer - a thread that faults all over a PMD range, until it is told to stop
 * @map: the range
 * @stop: end
 * @thread: the thread
 */
struct racer {
	__u8 *map;
	atomic_bool stop;
	pthread_t thread;
};

/* SIGBUS is right at the page, and while memory decode is off. */
static void *fault_all_over(void *data)
{
	struct racer *racer = data;
	__u64 step = pmd_size() / PLACES, i;
	__u32 val;

	for (i = 0; !atomic_load(&racer->stop); i++)
		touch_read(racer->map + i % PLACES * step, &val);
	return NULL;
}

/*
 * Each switch of memory decode takes the mapping away, so that both threads fault again. The
 * kernel kills the child that tells it of the page, which has the mapping as well.
 */
static void poison_amid_faults(struct _test_data_poison_count *self, __u64 offset)
{
	__u64 pmd = pmd_size();
	__u8 *map = gpu_map_aligned(&self->gpu, &self->usemem, offset, pmd, pmd, 0);
	struct racer racer[2] = { { .map = map }, { .map = map } };
	unsigned int i, left = SWITCHES;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(racer); i++)
		if (pthread_create(&racer[i].thread, NULL, fault_all_over, &racer[i]))
			die("cannot start a thread");
	pid = fork();
	if (!pid) {
		sim_write("poison", offset + pmd / 2);
		_exit(0);
	}
	for (i = 0; left; i++) {
		config_set_memory(&self->gpu, i % 2);
		if (left < SWITCHES || waitpid(pid, NULL, WNOHANG))
			left--;
	}
	config_set_memory(&self->gpu, true);
	for (i = 0; i < ARRAY_SIZE(racer); i++) {
		atomic_store(&racer[i].stop, true);
		pthread_join(racer[i].thread, NULL);
	}
	munmap(map, pmd);
}

/*
 * A PMD mapping where another thread makes one of a page is a BUG() with DEBUG_VM, and a fault
 * that fails with VM_FAULT_OOM without. Each range serves once: the note of its page stays.
 */
TEST_F_TIMEOUT(poison_count, pmd_and_page_mappings_never_meet, 120)
{
	__u64 pmd = pmd_size(), ranges = self->model.usemem.mem_len / pmd, i;
	int log = kernel_log_open();

	touch_install();
	for (i = 1; i < ranges && i <= RANGES; i++)
		poison_amid_faults(self, (ranges - i) * pmd);
	expect_count(_metadata, self, i - 1, "after a page of each range went bad");
	EXPECT_FALSE(kernel_log_wait(log, "VM_FAULT_OOM", 0));
	close(log);
}

TEST_HARNESS_MAIN
