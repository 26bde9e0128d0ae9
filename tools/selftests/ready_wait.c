// SPDX-License-Identifier: GPL-2.0-only
/*
 * While the memory is not ready after a reset: every way to it waits, none
 * gets by before the hardware says so, none much later; the waiters hold up
 * nobody and can be killed. When the hardware is ready is observed past the
 * driver.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* Design: at most 10 % and 5 ms later. The rest is for an emulated, shared CPU. */
#define LATE_US		5000
#define SLACK_US	250000

/* Long enough that what is expected "at once" cannot be the end of the wait. */
#define LONG_MS		4000
#define FOREVER_MS	60000
#define SETTLE_US	300000

FIXTURE(ready_wait) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	struct gpu_region resmem;
	struct hardware hw;
	__u8 *map;
	struct access access;
};

FIXTURE_VARIANT(ready_wait) {
	enum access_way way;
};

FIXTURE_VARIANT_ADD(ready_wait, read) { .way = ACCESS_READ };
FIXTURE_VARIANT_ADD(ready_wait, write) { .way = ACCESS_WRITE };
FIXTURE_VARIANT_ADD(ready_wait, touch) { .way = ACCESS_TOUCH };

FIXTURE_SETUP(ready_wait)
{
	model_from_sim(&self->model);
	sim_calm();
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, self->model.usemem.index, &self->usemem);
	gpu_region(&self->gpu, VFIO_PCI_BAR2_REGION_INDEX, &self->resmem);
	hardware_open(&self->hw, &self->gpu);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, 2 * SZ_2M);
	self->access = (struct access) {
		.gpu = &self->gpu,
		.region = &self->usemem,
		.map = self->map,
		.way = variant->way,
	};
}

FIXTURE_TEARDOWN(ready_wait)
{
	sim_calm();
	gpu_close(&self->gpu);
}

/* One access after a reset that is followed by @training_ms of training. */
static void expect_latency(struct __test_metadata *_metadata,
			   struct _test_data_ready_wait *self,
			   unsigned int training_ms)
{
	const char *what = access_name[self->access.way];
	__u64 waited, ready_at;
	__s64 late;

	sim_write("training_ms", training_ms);
	gpu_reset(&self->gpu);
	hardware_watch(&self->hw);
	EXPECT_EQ(access_now(&self->access), 0)
		TH_LOG("%s after a reset with %u ms of training gave %d", what,
		       training_ms, self->access.result);
	hardware_watched(&self->hw);

	EXPECT_GE(self->access.ended_us, self->hw.last_busy_us)
		TH_LOG("%s got by while the hardware was still training", what);
	ready_at = self->hw.first_ready_us;
	if (ready_at < self->access.began_us)
		ready_at = self->access.began_us;
	waited = self->access.ended_us - self->access.began_us;
	late = (__s64)(self->access.ended_us - ready_at);
	late = late < 0 ? 0 : late;
	ksft_print_msg("%s of BAR%u, %u ms training: waited %llu us, hardware plus %lld us\n",
		       what, self->access.region->index, training_ms, waited, late);
	EXPECT_LE(late, (__s64)(waited / 10 + LATE_US + SLACK_US))
		TH_LOG("%s ended %lld us after the memory was ready (waited %llu us)",
		       what, late, waited);
}

TEST_F(ready_wait, latency)
{
	static const unsigned int training_ms[] = { 0, 30, 150, 900 };
	size_t i;

	if (slow_kernel())
		SKIP(return, "%s", slow_kernel());
	for (i = 0; i < ARRAY_SIZE(training_ms); i++)
		expect_latency(_metadata, self, training_ms[i]);
}

TEST_F(ready_wait, latency_of_resmem)
{
	if (!self->model.resmem.mem_len)
		SKIP(return, "this GPU has no resmem");
	if (slow_kernel())
		SKIP(return, "%s", slow_kernel());
	self->access.region = &self->resmem;
	self->access.map = gpu_map(&self->gpu, &self->resmem, 0, SZ_2M);
	expect_latency(_metadata, self, 900);
}

/* Each of the hardware's signs counts by itself. */
static void expect_waits_for(struct __test_metadata *_metadata,
			     struct _test_data_ready_wait *self, const char *fault)
{
	__u64 cleared;

	gpu_reset(&self->gpu);
	sim_write(fault, 1);
	access_start(&self->access);
	usleep(SETTLE_US);
	cleared = now_us();
	sim_write(fault, 0);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s with %s set for a while gave %d",
		       access_name[self->access.way], fault, self->access.result);
	EXPECT_GE(self->access.ended_us, cleared)
		TH_LOG("%s got by with %s set", access_name[self->access.way], fault);
	EXPECT_LE(self->access.ended_us, cleared + at_once_us());
}

TEST_F(ready_wait, c2c_link)
{
	if (self->hw.cxl)
		SKIP(return, "this GPU tells by CXL");
	expect_waits_for(_metadata, self, "c2c_down");
}

TEST_F(ready_wait, hbm_training)
{
	expect_waits_for(_metadata, self, "never_ready");
}

TEST_F(ready_wait, cxl_memory_active)
{
	if (!self->hw.cxl)
		SKIP(return, "this GPU tells by BAR0");
	expect_waits_for(_metadata, self, "cxl_inactive");
}

TEST_F(ready_wait, can_be_killed)
{
	__u64 killed;
	int status;
	pid_t pid;

	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	pid = access_fork(&self->access);
	usleep(SETTLE_US);
	ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0)
		TH_LOG("%s did not wait", access_name[self->access.way]);
	killed = now_us();
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_LE(now_us() - killed, at_once_us())
		TH_LOG("a waiting %s took %llu us to die of SIGKILL",
		       access_name[self->access.way], now_us() - killed);
}

/* mmap() takes the mm's lock, munmap() of a part that of the mapping as well. */
TEST_F(ready_wait, address_space_is_not_blocked)
{
	__u64 began, took;
	void *p;

	sim_write("training_ms", LONG_MS);
	gpu_reset(&self->gpu);
	access_start(&self->access);
	usleep(SETTLE_US);
	began = now_us();
	p = mmap(NULL, SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(munmap(p, SZ_1M), 0);
	ASSERT_EQ(munmap(self->map + SZ_2M, SZ_2M), 0);
	took = now_us() - began;
	EXPECT_LE(took, at_once_us())
		TH_LOG("mmap() and munmap() took %llu us while a %s waited", took,
		       access_name[self->access.way]);
	EXPECT_EQ(access_wait(&self->access), 0);
	EXPECT_GE(self->access.ended_us, began + took)
		TH_LOG("the %s did not wait", access_name[self->access.way]);
}

/* The device itself is not blocked either: config space, BAR0, another reset. */
TEST_F(ready_wait, device_is_not_blocked)
{
	__u64 began, took;

	sim_write("training_ms", LONG_MS);
	gpu_reset(&self->gpu);
	access_start(&self->access);
	usleep(SETTLE_US);
	began = now_us();
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	config_set_memory(&self->gpu, true);
	sim_write("training_ms", 0);
	gpu_reset(&self->gpu);
	took = now_us() - began;
	EXPECT_LE(took, at_once_us())
		TH_LOG("config writes and a reset took %llu us while a %s waited",
		       took, access_name[self->access.way]);
	EXPECT_EQ(access_wait(&self->access), 0);
	EXPECT_LE(self->access.ended_us, began + took + at_once_us())
		TH_LOG("the %s did not see the reset that made the memory ready",
		       access_name[self->access.way]);
}

/* The first training is so long that no host is too slow to reset before its end. */
TEST_F(ready_wait, reset_restarts_the_wait)
{
	__u64 second;

	sim_write("training_ms", LONG_MS);
	gpu_reset(&self->gpu);
	access_start(&self->access);
	usleep(SETTLE_US);
	sim_write("training_ms", 1000);
	second = now_us();
	gpu_reset(&self->gpu);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s over a second reset gave %d",
		       access_name[self->access.way], self->access.result);
	EXPECT_GE(self->access.ended_us, second + 1000000)
		TH_LOG("%s got by %llu us after a reset with 1000 ms of training",
		       access_name[self->access.way],
		       self->access.ended_us - second);
}

static void *sysfs_reset(void *data)
{
	struct gpu *gpu = data;
	long ret = __sysfs_write(gpu->bdf, "reset", "1");

	return (void *)ret;
}

/* A function that does not answer while it is in reset is not gone. */
TEST_F(ready_wait, config_is_all_ones_for_a_while)
{
	__u64 end = now_us() + 2500000;
	unsigned int nr = 0;
	pthread_t thread;
	void *ret;

	sim_write("config_ff_ms", 700);
	sim_write("training_ms", 300);
	ASSERT_EQ(pthread_create(&thread, NULL, sysfs_reset, &self->gpu), 0);
	while (now_us() < end) {
		ASSERT_EQ(access_now(&self->access), 0)
			TH_LOG("%s %u around a reset gave %d",
			       access_name[self->access.way], nr,
			       self->access.result);
		nr++;
	}
	pthread_join(thread, &ret);
	EXPECT_EQ((long)ret, 0);
}

/* A DMA mapping pins what it maps by a fault in the kernel: it waits as well. */
TEST_F(ready_wait, dma_map_waits)
{
	__u64 began = now_us();

	if (variant->way != ACCESS_TOUCH)
		SKIP(return, "only for mappings");
	sim_write("training_ms", 900);
	gpu_reset(&self->gpu);
	dma_map(&self->gpu, self->map, SZ_1G, SZ_2M);
	EXPECT_TRUE(hardware_is_ready(&self->hw))
		TH_LOG("a DMA mapping was made %llu us after a reset with 900 ms of training",
		       now_us() - began);
	dma_unmap(&self->gpu, SZ_1G, SZ_2M);
}

TEST_HARNESS_MAIN
