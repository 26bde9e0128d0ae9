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
#define LATENCY_TRIES	5
#define UNKNOWN		(~0ULL)

/* Longer than the hardware may take: only another reset ends such a wait with success. */
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

/*
 * Return: us that the first access after a reset ended later than the design has it;
 * UNKNOWN if the reset took all of the training, so that it had nothing to wait for.
 */
static __u64 late_access(struct __test_metadata *_metadata,
			 struct _test_data_ready_wait *self, unsigned int training_ms)
{
	const char *what = access_name[self->access.way];
	__u64 waited, ready_at, may_end;

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
	ksft_print_msg("%s of BAR%u, %u ms training: waited %llu us, hardware plus %lld us\n",
		       what, self->access.region->index, training_ms, waited,
		       (__s64)(self->access.ended_us - ready_at));
	if (training_ms && self->hw.last_busy_us < self->access.began_us)
		return UNKNOWN;
	may_end = ready_at + waited / 10 + LATE_US;
	return self->access.ended_us > may_end ? self->access.ended_us - may_end : 0;
}

static void expect_latency(struct __test_metadata *_metadata,
			   struct _test_data_ready_wait *self, unsigned int training_ms)
{
	struct best late = best_of(LATENCY_TRIES, SLACK_US);

	sim_write("training_ms", training_ms);
	while (best_again(&late))
		best_took(&late, late_access(_metadata, self, training_ms));
	if (late.us == UNKNOWN)
		return;
	EXPECT_LE(late.us, late.enough_us)
		TH_LOG("with %u ms of training every %s ended too late, the best by %llu us",
		       training_ms, access_name[self->access.way], late.us);
}

TEST_F(ready_wait, latency)
{
	static const unsigned int training_ms[] = { 0, 30, 300, 900 };
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
	const char *what = access_name[self->access.way];
	struct best best = best_at_once();
	__u64 cleared;

	while (best_again(&best)) {
		gpu_reset(&self->gpu);
		sim_write(fault, 1);
		access_start(&self->access);
		usleep(SETTLE_US);
		cleared = now_us();
		sim_write(fault, 0);
		ASSERT_EQ(access_wait(&self->access), 0)
			TH_LOG("%s with %s set for a while gave %d", what, fault,
			       self->access.result);
		ASSERT_GE(self->access.ended_us, cleared)
			TH_LOG("%s got by with %s set", what, fault);
		best_took(&best, self->access.ended_us - cleared);
	}
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("%s ended %llu us after %s was cleared", what, best.us, fault);
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

/* Return: us that a process that waits took to die of SIGKILL. */
static __u64 kill_waiting(struct __test_metadata *_metadata,
			  struct _test_data_ready_wait *self)
{
	__u64 killed;
	int status;
	pid_t pid;

	gpu_reset(&self->gpu);
	pid = access_fork(&self->access);
	usleep(SETTLE_US);
	ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0)
		TH_LOG("%s did not wait", access_name[self->access.way]);
	killed = now_us();
	EXPECT_EQ(kill(pid, SIGKILL), 0);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	return now_us() - killed;
}

TEST_F(ready_wait, can_be_killed)
{
	struct best best = best_at_once();

	sim_write("training_ms", FOREVER_MS);
	while (best_again(&best))
		best_took(&best, kill_waiting(_metadata, self));
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("a waiting %s took %llu us to die of SIGKILL",
		       access_name[self->access.way], best.us);
}

/* Has an access wait for memory that will not be ready before the next reset. */
static void start_waiting(struct _test_data_ready_wait *self)
{
	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	access_start(&self->access);
	usleep(SETTLE_US);
}

/* A reset that ends such a wait. */
static void make_ready(struct _test_data_ready_wait *self)
{
	sim_write("training_ms", 0);
	gpu_reset(&self->gpu);
}

/*
 * mmap() takes the mm's lock, munmap() of a part that of the mapping as well.
 * Return: us that they took.
 */
static __u64 change_address_space(struct __test_metadata *_metadata, __u8 *map)
{
	__u64 began = now_us();
	void *p;

	p = mmap(NULL, SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_NE(p, MAP_FAILED);
	EXPECT_EQ(munmap(p, SZ_1M), 0);
	EXPECT_EQ(munmap(map + SZ_2M, SZ_2M), 0);
	return now_us() - began;
}

TEST_F(ready_wait, address_space_is_not_blocked)
{
	const char *what = access_name[self->access.way];
	struct best best = best_at_once();
	__u64 free_at;

	while (best_again(&best)) {
		self->access.map = gpu_map(&self->gpu, &self->usemem, 0, 2 * SZ_2M);
		start_waiting(self);
		best_took(&best, change_address_space(_metadata, self->access.map));
		free_at = now_us();
		make_ready(self);
		ASSERT_EQ(access_wait(&self->access), 0)
			TH_LOG("%s gave %d, mmap() and munmap() took %llu us at best", what,
			       self->access.result, best.us);
		ASSERT_GE(self->access.ended_us, free_at)
			TH_LOG("the %s did not wait", what);
	}
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("mmap() and munmap() took %llu us while a %s waited", best.us, what);
}

/* The device itself is not blocked either: config space, BAR0, another reset. */
TEST_F(ready_wait, device_is_not_blocked)
{
	struct best calls = best_at_once(), end = best_at_once();
	const char *what = access_name[self->access.way];
	__u64 began, done;

	while (best_again(&calls) || best_again(&end)) {
		start_waiting(self);
		began = now_us();
		config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
		config_set_memory(&self->gpu, true);
		make_ready(self);
		done = now_us();
		ASSERT_EQ(access_wait(&self->access), 0)
			TH_LOG("%s gave %d, config writes and a reset took %llu us", what,
			       self->access.result, done - began);
		best_took(&calls, done - began);
		best_took(&end, self->access.ended_us < done ? 0 : self->access.ended_us - done);
	}
	EXPECT_LE(calls.us, calls.enough_us)
		TH_LOG("config writes and a reset took %llu us while a %s waited", calls.us, what);
	EXPECT_LE(end.us, end.enough_us)
		TH_LOG("the %s did not see the reset that made the memory ready", what);
}

TEST_F(ready_wait, reset_restarts_the_wait)
{
	const char *what = access_name[self->access.way];
	__u64 second;

	start_waiting(self);
	sim_write("training_ms", 1000);
	second = now_us();
	gpu_reset(&self->gpu);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s over a second reset gave %d", what, self->access.result);
	EXPECT_GE(self->access.ended_us, second + 1000000)
		TH_LOG("%s ended %lld us after a reset with 1000 ms of training", what,
		       (__s64)(self->access.ended_us - second));
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
