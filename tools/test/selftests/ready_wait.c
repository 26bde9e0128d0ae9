// SPDX-License-Identifier: GPL-2.0-only
/*
 * While the memory is not ready after a reset: every way to it waits, none gets by before
 * the hardware says so, and each asks often enough; the waiters hold up nobody, can be
 * killed, and learn of another reset and of memory that is switched off. A fault that holds
 * mm locks fails instead of waiting. When the hardware is ready is observed past the driver.
 *
 * A call that a wait holds up is held up until the driver gives up, and then the access
 * fails: that is judged, and no time but the hardware's limit, so a busy machine, which
 * makes everything late, fails nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* Longer than the hardware may take: only another reset ends such a wait with success. */
#define FOREVER_MS	60000
#define SETTLE_US	300000

/* Design: an access ends at most 10 % and 5 ms after the hardware is ready. */
#define LATE_US		5000
#define TIMER		"events/timer/hrtimer_start"
#define LOG_LEN		(512 * SZ_1K)
#define PAUSES		3	/* so many tell something */
#define TRIES		5

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
	usemem_open(&self->gpu, &self->model, &self->usemem);
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

static void expect_waits(struct __test_metadata *_metadata,
			 struct _test_data_ready_wait *self, unsigned int training_ms)
{
	const char *what = access_name[self->access.way];

	sim_write("training_ms", training_ms);
	gpu_reset(&self->gpu);
	hardware_watch(&self->hw);
	EXPECT_EQ(access_now(&self->access), 0)
		TH_LOG("%s after a reset with %u ms of training gave %d", what,
		       training_ms, self->access.result);
	hardware_watched(&self->hw);
	EXPECT_GE(self->access.ended_us, self->hw.last_busy_us)
		TH_LOG("%s of BAR%u got by while the hardware was still training", what,
		       self->access.region->index);
}

TEST_F(ready_wait, no_longer_training)
{
	static const unsigned int training_ms[] = { 0, 30, 300, 900 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(training_ms); i++)
		expect_waits(_metadata, self, training_ms[i]);
}

TEST_F(ready_wait, resmem_no_longer_training)
{
	if (!self->model.resmem.mem_len)
		SKIP(return, "this GPU has no resmem");
	self->access.region = &self->resmem;
	self->access.map = gpu_map(&self->gpu, &self->resmem, 0, SZ_2M);
	expect_waits(_metadata, self, 900);
}

/* Makes the access, and has the kernel log the timers that this thread starts meanwhile. */
static void access_logged(struct access *access, char *log)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "common_pid == %d", gettid());
	tracefs_write("trace_clock", "mono");
	tracefs_write(TIMER "/filter", filter);
	tracefs_write(TIMER "/enable", "1");
	access_now(access);
	tracefs_write(TIMER "/enable", "0");
	tracefs_write(TIMER "/filter", "0");
	tracefs_log(log, LOG_LEN);
	tracefs_write("trace_clock", "local");
}

/*
 * Judges what the driver decides: for how long not to ask. Each pause counts from when its
 * timer was started or later, the wait from before the access, so earlier than the driver's.
 * Return: number of pauses.
 */
static unsigned int judge_pauses(struct __test_metadata *_metadata,
				 const struct access *access, char *log)
{
	unsigned int nr = 0;
	char *line, *at, *end;
	__u64 now, until;

	for (line = strtok_r(log, "\n", &end); line; line = strtok_r(NULL, "\n", &end)) {
		at = strstr(line, ": hrtimer_start:");
		if (!at || !strstr(at, "function=hrtimer_wakeup "))
			continue;
		until = strtoull(strstr(at, " expires=") + strlen(" expires="), NULL, 10) / 1000;
		while (at > line && at[-1] != ' ')
			at--;
		now = (__u64)(strtod(at, NULL) * 1000000);
		EXPECT_LE(until, now + (now - access->began_us) / 10 + LATE_US)
			TH_LOG("a %s that has waited %llu us asks again after %lld us",
			       access_name[access->way], now - access->began_us,
			       (__s64)(until - now));
		nr++;
	}
	return nr;
}

/*
 * A busy CPU may spend all of the training on the reset, but not twice as much, and again.
 * When the access ends is a figure of tools/bench.
 */
TEST_F_TIMEOUT(ready_wait, asks_often_enough, 90)
{
	unsigned int training_ms = 600, nr = 0;
	char *log = calloc(1, LOG_LEN);
	int i;

	if (!tracefs_has(TIMER))
		SKIP(return, "the kernel does not trace timers");
	for (i = 0; i < TRIES && nr < PAUSES; i++, training_ms *= 2) {
		sim_write("training_ms", training_ms);
		gpu_reset(&self->gpu);
		access_logged(&self->access, log);
		ASSERT_EQ(self->access.result, 0);
		nr = judge_pauses(_metadata, &self->access, log);
	}
	EXPECT_GE(nr, PAUSES);
	free(log);
}

/* Each of the hardware's signs counts by itself. */
static void expect_waits_for(struct __test_metadata *_metadata,
			     struct _test_data_ready_wait *self, const char *fault)
{
	const char *what = access_name[self->access.way];
	__u64 cleared;

	gpu_reset(&self->gpu);
	sim_write(fault, 1);
	access_start(&self->access);
	usleep(SETTLE_US);
	cleared = now_us();
	sim_write(fault, 0);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s with %s set for a while gave %d", what, fault, self->access.result);
	EXPECT_GE(self->access.ended_us, cleared)
		TH_LOG("%s got by with %s set", what, fault);
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

/* Return: us from before the reset until a process that waits has died of SIGKILL. */
static __u64 kill_waiting(struct __test_metadata *_metadata,
			  struct _test_data_ready_wait *self)
{
	__u64 began = now_us();
	int status;
	pid_t pid;

	gpu_reset(&self->gpu);
	pid = access_fork(&self->access);
	usleep(SETTLE_US);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0)
		TH_LOG("%s did not wait", access_name[self->access.way]);
	EXPECT_EQ(kill(pid, SIGKILL), 0);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	return now_us() - began;
}

/* One that cannot be killed dies when the driver gives up. */
TEST_F_TIMEOUT(ready_wait, can_be_killed, 120)
{
	struct best best = best_of(3, hardware_limit_us() - 1);

	sim_write("training_ms", FOREVER_MS);
	while (best_again(&best))
		best_took(&best, kill_waiting(_metadata, self));
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("a waiting %s was not killed within %llu us",
		       access_name[self->access.way], best.us);
}

/* mmap() takes the mm's lock, munmap() of a part that of the mapping as well. */
TEST_F_TIMEOUT(ready_wait, address_space_is_not_blocked, 60)
{
	const char *what = access_name[self->access.way];
	__u64 free_at;
	void *p;

	start_waiting(self);
	p = mmap(NULL, SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_NE(p, MAP_FAILED);
	EXPECT_EQ(munmap(p, SZ_1M), 0);
	EXPECT_EQ(munmap(self->map + SZ_2M, SZ_2M), 0);
	free_at = now_us();
	make_ready(self);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s gave %d, with mmap() and munmap() while it waited", what,
		       self->access.result);
	EXPECT_GE(self->access.ended_us, free_at)
		TH_LOG("the %s ended before mmap() and munmap() had", what);
}

/* The device itself is not blocked either: config space, BAR0, another reset. */
TEST_F_TIMEOUT(ready_wait, device_is_not_blocked, 60)
{
	const char *what = access_name[self->access.way];
	__u64 free_at;

	start_waiting(self);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	config_set_memory(&self->gpu, true);
	EXPECT_FALSE(hardware_is_ready(&self->hw));
	free_at = now_us();
	make_ready(self);
	EXPECT_EQ(access_wait(&self->access), 0)
		TH_LOG("%s gave %d, with config writes and a reset while it waited", what,
		       self->access.result);
	EXPECT_GE(self->access.ended_us, free_at)
		TH_LOG("the %s ended before the config writes had", what);
}

/* One that went on waiting would learn that the time is over, which is another error. */
TEST_F_TIMEOUT(ready_wait, disabled_memory_ends_the_wait, 60)
{
	int want = variant->way == ACCESS_TOUCH ? SIGBUS : -EIO;
	__u64 began = now_us();

	start_waiting(self);
	config_set_memory(&self->gpu, false);
	EXPECT_EQ(access_wait(&self->access), want)
		TH_LOG("a waiting %s gave %d after memory was disabled",
		       access_name[variant->way], self->access.result);
	EXPECT_LT(self->access.ended_us, began + hardware_limit_us())
		TH_LOG("a waiting %s did not learn that memory was disabled",
		       access_name[variant->way]);
	config_set_memory(&self->gpu, true);
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

static struct _test_data_ready_wait *alarmed;
static __u64 alarm_us;

static void on_alarm(int sig)
{
	alarm_us = now_us();
	make_ready(alarmed);
}

/* The handler runs during the wait, makes the memory ready, and the touch goes on. */
TEST_F_TIMEOUT(ready_wait, signal_is_handled_during_the_wait, 60)
{
	const struct itimerval timer = { .it_value.tv_usec = SETTLE_US };

	if (variant->way != ACCESS_TOUCH)
		SKIP(return, "only for mappings");
	alarmed = self;
	signal(SIGALRM, on_alarm);
	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	setitimer(ITIMER_REAL, &timer, NULL);
	EXPECT_EQ(access_now(&self->access), 0);
	EXPECT_LT(alarm_us, self->access.began_us + hardware_limit_us())
		TH_LOG("the signal was handled when the wait had timed out");
	EXPECT_GE(self->access.ended_us, alarm_us);
}

/* Adds 0 to the word at the start of the mapping; the kernel faults it in with mmap_lock held. */
static void *wake_futex(void *data)
{
	struct access *access = data;
	__u32 other = 0;

	access->began_us = now_us();
	access->result = syscall(SYS_futex, &other, FUTEX_WAKE_OP_PRIVATE, 1, 1UL, access->map,
				 FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) < 0 ? -errno : 0;
	access->ended_us = now_us();
	return NULL;
}

TEST_F_TIMEOUT(ready_wait, private_futex_does_not_wait, 120)
{
	struct access *futex = &self->access;
	__u64 limit = hardware_limit_us();
	void *p;

	if (variant->way != ACCESS_TOUCH)
		SKIP(return, "only for mappings");
	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	ASSERT_EQ(pthread_create(&futex->thread, NULL, wake_futex, futex), 0);
	usleep(SETTLE_US);
	p = mmap(NULL, SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_NE(p, MAP_FAILED);
	EXPECT_LT(now_us(), futex->began_us + limit)
		TH_LOG("a private futex on memory that is not ready has held up mmap()");
	EXPECT_EQ(access_wait(futex), -EFAULT);
	EXPECT_LT(futex->ended_us, futex->began_us + limit);
	make_ready(self);
	wake_futex(futex);
	EXPECT_EQ(futex->result, 0)
		TH_LOG("a private futex on memory that is ready gave %d", futex->result);
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
