// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readiness after a reset: the first access waits until the simulated training
 * is over, no longer than that, holds up nobody else and can be killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* The wait may exceed the hardware's by 10 % and 5 ms; an emulated CPU adds this. */
#define SLACK_US	40000
#define LATENCY_TRIES	20
#define SLOW_TRIES	3

/* Longer than the hardware may take. */
#define FOREVER_MS	60000

/* What a reset loses: the beginning of each of these, see tools/sim/README. */
#define LOST_STRIDE	(64 * SZ_1K)
#define PLACES		(SZ_2M / LOST_STRIDE)
#define LOST_TRIES	3
#define TRAINING_MS	300	/* longer than the reset itself */

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

/* Return: us from before a reset to after the first access, which must succeed. */
static __u64 reset_to_access(struct _test_data_ready *self, bool by_mapping)
{
	__u64 began = now_us();
	__u32 val;

	gpu_reset(&self->gpu);
	if (by_mapping) {
		if (touch_read(self->map, &val))
			die("the first touch after a reset raised a signal");
	} else if (read_word(self) != sizeof(val)) {
		die("the first read after a reset failed");
	}
	return now_us() - began;
}

/* The slack is narrow, so it takes many tries on a busy machine. */
static void expect_latency(struct __test_metadata *_metadata,
			   struct _test_data_ready *self, __u64 training_ms,
			   bool by_mapping)
{
	__u64 training_us = training_ms * 1000, us;
	struct best best = best_of(slow_kernel() ? SLOW_TRIES : LATENCY_TRIES,
				   training_us + training_us / 10 + 5000 + SLACK_US);

	sim_write("training_ms", training_ms);
	while (best_again(&best)) {
		us = reset_to_access(self, by_mapping);
		EXPECT_GE(us, training_us)
			TH_LOG("access after %llu us, training takes %llu us", us, training_us);
		best_took(&best, us);
	}
	if (slow_kernel())
		SKIP(return, "%s", slow_kernel());
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("access after %llu us at best, training takes %llu us", best.us,
		       training_us);
}

TEST_F_TIMEOUT(ready, read_after_600_ms, 240)
{
	expect_latency(_metadata, self, 600, false);
}

TEST_F_TIMEOUT(ready, read_after_1700_ms, 240)
{
	expect_latency(_metadata, self, 1700, false);
}

TEST_F_TIMEOUT(ready, touch_after_600_ms, 240)
{
	expect_latency(_metadata, self, 600, true);
}

TEST_F_TIMEOUT(ready, touch_after_1700_ms, 240)
{
	expect_latency(_metadata, self, 1700, true);
}

TEST_F(ready, padding_needs_no_memory)
{
	struct best best = best_at_once();
	__u64 began, val = 0;

	if (self->usemem.size == self->usemem.mem_len)
		SKIP(return, "usemem fills its BAR");
	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	while (best_again(&best)) {
		began = now_us();
		gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), self->usemem.mem_len);
		best_took(&best, now_us() - began);
		EXPECT_EQ(val, ~0ULL);
	}
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("a read of padding waited %llu us for the memory", best.us);
}

/* A reset while somebody waits starts the wait anew; it does not end in an error. */
TEST_F(ready, reset_during_the_wait)
{
	struct access access = {
		.gpu = &self->gpu,
		.region = &self->usemem,
		.way = ACCESS_READ,
	};
	__u64 second;

	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	access_start(&access);
	usleep(500000);
	sim_write("training_ms", 1000);
	second = now_us();
	gpu_reset(&self->gpu);
	EXPECT_EQ(access_wait(&access), 0)
		TH_LOG("a read that a second reset raced with gave %d", access.result);
	EXPECT_GE(access.ended_us, second + 1000000)
		TH_LOG("a read ended %lld us after a reset with 1000 ms of training",
		       (long long)(access.ended_us - second));
}

/* Return: how many of the places in @map had @old. */
static unsigned int stamp_places(__u8 *map, __u32 old, __u32 stamp)
{
	unsigned int nr = 0;
	__u8 *at;

	for (at = map; at < map + SZ_2M; at += LOST_STRIDE) {
		nr += load32(at) == old;
		store32(at, stamp);
	}
	return nr;
}

/* Each write makes the simulator look at its state. */
static void *bother_simulator(void *stop)
{
	while (!atomic_load((atomic_bool *)stop))
		sim_write("training_ms", TRAINING_MS);
	return NULL;
}

/* Comes when training is about to end: who waits for long asks seldom. */
static void expect_lost_before(struct __test_metadata *_metadata,
			       struct _test_data_ready *self, __u8 *map)
{
	__u64 began = now_us();

	stamp_places(map, 0, 1);
	gpu_reset(&self->gpu);
	while (now_us() - began < 1000 * TRAINING_MS)
		usleep(1000);
	EXPECT_EQ(stamp_places(map, 1, 2), 0)
		TH_LOG("the memory was ready with some of it still to be lost");
	usleep(1000 * TRAINING_MS);
	EXPECT_EQ(stamp_places(map, 2, 3), PLACES)
		TH_LOG("memory that was ready has lost what was written to it");
}

/*
 * A reset that loses the memory does so before the hardware says ready, not after. The
 * end of the memory is lost last.
 */
TEST_F(ready, memory_is_lost_before_not_after)
{
	__u64 end = self->usemem.mem_len / SZ_2M * SZ_2M;
	__u8 *map = gpu_map(&self->gpu, &self->usemem, end - SZ_2M, SZ_2M);
	atomic_bool stop = false;
	pthread_t thread;
	unsigned int i;

	sim_write_text("memory_on_reset", "lose");
	sim_write("training_ms", TRAINING_MS);
	ASSERT_EQ(pthread_create(&thread, NULL, bother_simulator, &stop), 0);
	for (i = 0; i < LOST_TRIES; i++)
		expect_lost_before(_metadata, self, map);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
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

/*
 * Nothing else may wait with the one who waits: memory_lock is not held. He himself
 * gives up when memory is disabled.
 */
TEST_F_TIMEOUT(ready, others_are_not_held_up, 240)
{
	struct best calls = best_at_once(), end = best_of(3, 5 * at_once_us());
	pthread_t thread;
	void *result;
	__u64 began;

	sim_write("never_ready", 1);
	while (best_again(&calls) || best_again(&end)) {
		config_set_memory(&self->gpu, true);
		gpu_reset(&self->gpu);
		ASSERT_EQ(pthread_create(&thread, NULL, wait_for_memory, self), 0);
		usleep(300000);
		began = now_us();
		config_set_memory(&self->gpu, true);
		config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
		best_took(&calls, now_us() - began);
		config_set_memory(&self->gpu, false);
		pthread_join(thread, &result);
		best_took(&end, now_us() - began);
		EXPECT_EQ((long)result, -EIO)
			TH_LOG("the read that waited returned %ld after memory was disabled",
			       (long)result);
	}
	EXPECT_LE(calls.us, calls.enough_us)
		TH_LOG("a write of the command register waited for readiness");
	EXPECT_LE(end.us, end.enough_us)
		TH_LOG("the read went on waiting after memory was disabled");
	config_set_memory(&self->gpu, true);
}

/* Return: us that a process that waits for the memory took to die of SIGKILL. */
static __u64 kill_waiting(struct __test_metadata *_metadata,
			  struct _test_data_ready *self, bool by_mapping)
{
	__u64 killed, took;
	int status = 0;
	pid_t pid, dead;
	__u32 val;

	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	pid = fork();
	if (!pid) {
		if (by_mapping)
			touch_read(self->map, &val);
		else
			read_word(self);
		_exit(0);
	}
	if (pid < 0)
		die("cannot fork");
	usleep(500000);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0)
		TH_LOG("the access did not wait although the memory is not ready");
	killed = now_us();
	kill(pid, SIGKILL);
	while (!(dead = waitpid(pid, &status, WNOHANG)) && now_us() - killed <= 3 * at_once_us())
		usleep(10000);
	took = now_us() - killed;
	/* One that cannot be killed must not outlive its try. */
	sim_write("never_ready", 0);
	if (!dead)
		waitpid(pid, &status, 0);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		TH_LOG("the access went on although its process was killed");
	return took;
}

static void expect_killable(struct __test_metadata *_metadata,
			    struct _test_data_ready *self, bool by_mapping)
{
	struct best best = best_of(3, 3 * at_once_us());

	while (best_again(&best))
		best_took(&best, kill_waiting(_metadata, self, by_mapping));
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("a process that waits for the memory took %llu us to die of SIGKILL",
		       best.us);
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
static __u64 limit_us(void)
{
	if (!sim_read_u64("cxl"))
		return 30000000;
	return 1000000ULL << (2 * sim_read_u64("cxl_timeout"));
}

/* Return: us that a read of memory waits that never gets ready. */
static __u64 wait_in_vain(struct __test_metadata *_metadata, struct _test_data_ready *self)
{
	__u64 began, took;
	ssize_t ret;

	gpu_reset(&self->gpu);
	began = now_us();
	ret = read_word(self);
	took = now_us() - began;
	EXPECT_EQ(ret, -ETIME)
		TH_LOG("reading memory that never gets ready returned %zd", ret);
	EXPECT_GE(took, limit_us());
	return took;
}

/* Once the limit has passed nobody waits again. */
TEST_F_TIMEOUT(ready, gives_up, 300)
{
	__u64 limit = limit_us(), began;
	struct best wait = best_of(3, limit + limit / 10 + 2 * at_once_us());
	struct best again = best_at_once();
	__u32 val;

	sim_write("never_ready", 1);
	while (best_again(&wait))
		best_took(&wait, wait_in_vain(_metadata, self));
	EXPECT_LE(wait.us, wait.enough_us);
	while (best_again(&again)) {
		began = now_us();
		EXPECT_EQ(touch_read(self->map, &val), SIGBUS);
		best_took(&again, now_us() - began);
	}
	EXPECT_LE(again.us, again.enough_us)
		TH_LOG("the second access waited again");
	sim_write("never_ready", 0);
	gpu_reset(&self->gpu);
	EXPECT_EQ(read_word(self), 4)
		TH_LOG("the memory stays lost after a reset that made it ready");
}

TEST_HARNESS_MAIN
