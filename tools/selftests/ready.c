// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readiness after a reset: the first access waits until the simulated training
 * is over, no longer than that, holds up nobody else and can be killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* The wait may exceed the hardware's by 10 % and 5 ms; an emulated CPU adds this. */
#define SLACK_MS	40
#define TRIES		3

FIXTURE(ready) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u8 *map;
};

FIXTURE_SETUP(ready)
{
	sim_calm();
	model_from_sim(&self->model);
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, self->model.usemem.index, &self->usemem);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	store32(self->map, 1);
}

FIXTURE_TEARDOWN(ready)
{
	sim_calm();
	gpu_reset(&self->gpu);
	gpu_close(&self->gpu);
}

static ssize_t read_word(struct _test_data_ready *self)
{
	__u32 val;

	return __gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), 0);
}

/* Return: ms from before a reset to after the first access, which must succeed. */
static __u64 reset_to_access(struct _test_data_ready *self, bool by_mapping)
{
	__u64 begin = now_ms();
	__u32 val;

	gpu_reset(&self->gpu);
	if (by_mapping) {
		if (touch_read(self->map, &val))
			die("the first touch after a reset raised a signal");
	} else if (read_word(self) != sizeof(val)) {
		die("the first read after a reset failed");
	}
	return now_ms() - begin;
}

static void expect_latency(struct __test_metadata *_metadata,
			   struct _test_data_ready *self, __u64 training_ms,
			   bool by_mapping)
{
	__u64 best = ~0ULL, ms;
	int i;

	sim_write("training_ms", training_ms);
	for (i = 0; i < TRIES; i++) {
		ms = reset_to_access(self, by_mapping);
		EXPECT_GE(ms, training_ms)
			TH_LOG("access after %llu ms, training takes %llu ms", ms, training_ms);
		best = ms < best ? ms : best;
	}
	if (slow_kernel())
		SKIP(return, "%s", slow_kernel());
	EXPECT_LE(best, training_ms + training_ms / 10 + 5 + SLACK_MS)
		TH_LOG("access after %llu ms at best, training takes %llu ms", best, training_ms);
}

TEST_F(ready, read_after_600_ms)
{
	expect_latency(_metadata, self, 600, false);
}

TEST_F(ready, read_after_1700_ms)
{
	expect_latency(_metadata, self, 1700, false);
}

TEST_F(ready, touch_after_600_ms)
{
	expect_latency(_metadata, self, 600, true);
}

TEST_F(ready, touch_after_1700_ms)
{
	expect_latency(_metadata, self, 1700, true);
}

TEST_F(ready, padding_needs_no_memory)
{
	__u64 begin, val = 0;

	if (self->usemem.size == self->usemem.mem_len)
		SKIP(return, "usemem fills its BAR");
	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	begin = now_ms();
	gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), self->usemem.mem_len);
	EXPECT_EQ(val, ~0ULL);
	EXPECT_LE(now_ms() - begin, at_once_us() / 1000)
		TH_LOG("a read of padding waited for the memory");
}

/* A reset while somebody waits starts the wait anew; it does not end in an error. */
static void *reset_later(void *arg)
{
	struct _test_data_ready *self = arg;

	usleep(500000);
	gpu_reset(&self->gpu);
	return NULL;
}

TEST_F(ready, reset_during_the_wait)
{
	__u64 begin, ms;
	pthread_t thread;
	ssize_t ret;

	sim_write("training_ms", 1000);
	gpu_reset(&self->gpu);
	begin = now_ms();
	ASSERT_EQ(pthread_create(&thread, NULL, reset_later, self), 0);
	ret = read_word(self);
	ms = now_ms() - begin;
	pthread_join(thread, NULL);
	EXPECT_EQ(ret, 4)
		TH_LOG("a read that a second reset raced with returned %zd", ret);
	EXPECT_GE(ms, 1500)
		TH_LOG("read after %llu ms, the second training ended at 1500 ms", ms);
}

static void *wait_for_memory(void *arg)
{
	return (void *)(long)read_word(arg);
}

/* Low power may be D3cold, after which the memory is trained anew, with no reset to see. */
TEST_F(ready, asked_again_after_low_power)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(read_word(self), 4);
	sim_write("never_ready", 1);
	ASSERT_EQ(__gpu_low_power(&self->gpu, true), 0);
	ASSERT_EQ(__gpu_low_power(&self->gpu, false), 0);
	config_set_memory(&self->gpu, true);
	ASSERT_EQ(pthread_create(&thread, NULL, wait_for_memory, self), 0);
	usleep(300000);
	ASSERT_EQ(pthread_tryjoin_np(thread, &result), EBUSY)
		TH_LOG("after low power a read did not wait for the memory");
	sim_write("never_ready", 0);
	pthread_join(thread, &result);
	EXPECT_EQ((long)result, 4);
}

/* Nothing else may wait with the one who waits: memory_lock is not held. */
TEST_F_TIMEOUT(ready, others_are_not_held_up, 60)
{
	pthread_t thread;
	void *result;
	__u64 begin;

	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	ASSERT_EQ(pthread_create(&thread, NULL, wait_for_memory, self), 0);
	usleep(300000);
	begin = now_ms();
	config_set_memory(&self->gpu, true);
	config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	EXPECT_LE(now_ms() - begin, at_once_us() / 1000)
		TH_LOG("a write of the command register waited for readiness");
	config_set_memory(&self->gpu, false);
	pthread_join(thread, &result);
	EXPECT_EQ((long)result, -EIO)
		TH_LOG("the read that waited returned %ld after memory was disabled", (long)result);
	EXPECT_LE(now_ms() - begin, 5 * at_once_us() / 1000)
		TH_LOG("the read went on waiting after memory was disabled");
	config_set_memory(&self->gpu, true);
}

static void expect_killable(struct __test_metadata *_metadata,
			    struct _test_data_ready *self, bool by_mapping)
{
	int status = 0;
	pid_t pid;
	__u32 val;
	__u64 end;

	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (by_mapping)
			touch_read(self->map, &val);
		else
			read_word(self);
		_exit(0);
	}
	usleep(500000);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0)
		TH_LOG("the access did not wait although the memory is not ready");
	kill(pid, SIGKILL);
	end = now_ms() + 3 * at_once_us() / 1000;
	while (now_ms() < end && waitpid(pid, &status, WNOHANG) == 0)
		usleep(10000);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		TH_LOG("a process that waits for the memory cannot be killed");
}

TEST_F(ready, waiting_read_can_be_killed)
{
	expect_killable(_metadata, self, false);
}

TEST_F(ready, waiting_touch_can_be_killed)
{
	expect_killable(_metadata, self, true);
}

/* The hardware's limit: 30 s, or what the CXL DVSEC encodes after at most 1 s. */
static __u64 limit_ms(void)
{
	if (!sim_read_u64("cxl"))
		return 30000;
	return 1000ULL << (2 * sim_read_u64("cxl_timeout"));
}

/* Once the limit has passed nobody waits again. */
TEST_F_TIMEOUT(ready, gives_up, 90)
{
	__u64 begin;
	ssize_t ret;
	__u32 val;

	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	begin = now_ms();
	ret = read_word(self);
	EXPECT_EQ(ret, -ETIME)
		TH_LOG("reading memory that never gets ready returned %zd", ret);
	EXPECT_GE(now_ms() - begin, limit_ms());
	EXPECT_LE(now_ms() - begin, limit_ms() + limit_ms() / 10 + 2 * at_once_us() / 1000);
	begin = now_ms();
	EXPECT_EQ(touch_read(self->map, &val), SIGBUS);
	EXPECT_LE(now_ms() - begin, at_once_us() / 1000)
		TH_LOG("the second access waited again");
	sim_write("never_ready", 0);
	gpu_reset(&self->gpu);
	EXPECT_EQ(read_word(self), 4)
		TH_LOG("the memory stays lost after a reset that made it ready");
}

TEST_HARNESS_MAIN
