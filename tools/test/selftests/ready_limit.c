// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that does not become ready in the time that the hardware may take: all
 * who wait for it fail together, who comes later fails at once, and a reset or
 * the hardware's late word makes it usable again. 30 s, or what the CXL DVSEC says.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define RESET_TRIES	8

FIXTURE(ready_limit) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	struct hardware hw;
	__u64 limit_us;
	struct access access[NR_ACCESS_WAYS];
};

FIXTURE_SETUP(ready_limit)
{
	__u8 *map;
	int i;

	usemem_open(&self->gpu, &self->model, &self->usemem);
	hardware_open(&self->hw, &self->gpu);
	self->limit_us = hardware_limit_us();
	map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	for (i = 0; i < NR_ACCESS_WAYS; i++)
		self->access[i] = (struct access) {
			.gpu = &self->gpu,
			.region = &self->usemem,
			.map = map,
			.way = i,
		};
}

FIXTURE_TEARDOWN(ready_limit)
{
	sim_calm();
	gpu_close(&self->gpu);
}

static void expect_state(struct __test_metadata *_metadata,
			 struct _test_data_ready_limit *self, const char *want)
{
	char state[32];

	if (!driver_is_ours(self->gpu.bdf))
		return;
	ASSERT_EQ(__sysfs_read(self->gpu.bdf, "coherent_memory/ready", state,
			       sizeof(state)), 0);
	EXPECT_STREQ(state, want);
}

static void expect_failed(struct __test_metadata *_metadata,
			  const struct access *access, const char *when)
{
	int want = access->way == ACCESS_TOUCH ? SIGBUS : -ETIME;

	EXPECT_EQ(access->result, want)
		TH_LOG("%s of memory that is never ready gave %d %s, expected %d",
		       access_name[access->way], access->result, when, want);
}

/*
 * Everybody starts to wait at the same time, so the limit passes only once: who waits
 * longest tells it to the others. Return: us that the slowest took.
 */
static __u64 wait_in_vain(struct __test_metadata *_metadata,
			  struct _test_data_ready_limit *self)
{
	__u64 first = ~0ULL, took, most = 0;
	struct access *access;
	int i;

	gpu_reset(&self->gpu);
	expect_state(_metadata, self, "unknown");
	for (i = 0; i < NR_ACCESS_WAYS; i++)
		access_start(&self->access[i]);
	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access_wait(&self->access[i]);
		first = self->access[i].began_us < first ? self->access[i].began_us : first;
	}
	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access = &self->access[i];
		expect_failed(_metadata, access, "after waiting");
		EXPECT_GE(access->ended_us, first + self->limit_us)
			TH_LOG("%s gave up %llu us after the first, the hardware may take %llu",
			       access_name[i], access->ended_us - first, self->limit_us);
		took = access->ended_us - access->began_us;
		most = took > most ? took : most;
	}
	return most;
}

static void expect_limit(struct __test_metadata *_metadata,
			 struct _test_data_ready_limit *self)
{
	struct best best = best_of(3, self->limit_us + self->limit_us / 10 + 4 * at_once_us());

	while (best_again(&best))
		best_took(&best, wait_in_vain(_metadata, self));
	EXPECT_LE(best.us, best.enough_us)
		TH_LOG("one gave up after %llu us, the hardware may take %llu", best.us,
		       self->limit_us);
}

/* One that waits again does so for no less than the limit. */
static void expect_fails_at_once(struct __test_metadata *_metadata,
				 struct _test_data_ready_limit *self)
{
	struct access *access;
	struct best best;
	int i;

	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access = &self->access[i];
		best = best_of(3, self->limit_us - 1);
		while (best_again(&best)) {
			access_now(access);
			expect_failed(_metadata, access, "the second time");
			best_took(&best, access->ended_us - access->began_us);
		}
		EXPECT_LE(best.us, best.enough_us)
			TH_LOG("the second %s took %llu us to fail", access_name[i], best.us);
	}
}

/* The touch first: once a read has found the memory ready, a fault asks no more. */
static void expect_works(struct __test_metadata *_metadata,
			 struct _test_data_ready_limit *self, const char *when)
{
	int i;

	for (i = NR_ACCESS_WAYS - 1; i >= 0; i--) {
		EXPECT_EQ(access_now(&self->access[i]), 0)
			TH_LOG("%s gave %d %s", access_name[i], self->access[i].result, when);
	}
}

TEST_F_TIMEOUT(ready_limit, all_fail_and_recover, 300)
{
	const char *fault = self->hw.cxl ? "cxl_inactive" : "c2c_down";

	expect_works(_metadata, self, "at first");
	expect_state(_metadata, self, "ready");
	sim_write(fault, 1);
	expect_limit(_metadata, self);
	expect_state(_metadata, self, "failed");
	expect_fails_at_once(_metadata, self);
	sim_write(fault, 0);
	expect_works(_metadata, self, "once the hardware was ready after all");
	expect_state(_metadata, self, "ready");
}

TEST_F_TIMEOUT(ready_limit, reset_recovers, 120)
{
	gpu_reset(&self->gpu);
	sim_write("never_ready", 1);
	access_now(&self->access[ACCESS_READ]);
	expect_failed(_metadata, &self->access[ACCESS_READ], "after waiting");
	sim_write("never_ready", 0);
	sim_write("training_ms", 500);
	gpu_reset(&self->gpu);
	expect_state(_metadata, self, "unknown");
	expect_works(_metadata, self, "after a reset with 500 ms of training");
}

/*
 * A function that does not answer reads as all ones, in the words for readiness too.
 * The kernel waits until it does, for a second after the reset of a bus, and goes on.
 */
TEST_F_TIMEOUT(ready_limit, dead_function_is_not_ready, 120)
{
	int i;

	if (!self->hw.cxl)
		SKIP(return, "BAR0 tells whether the memory is ready, not config space");
	expect_works(_metadata, self, "at first");
	ASSERT_EQ(__sysfs_write(self->gpu.bdf, "reset_method", "bus"), 0);
	sim_write("fail_reset", 1);
	EXPECT_LT(__sysfs_write(self->gpu.bdf, "reset", "1"), 0);
	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access_now(&self->access[i]);
		expect_failed(_metadata, &self->access[i], "with a dead function");
	}
	sim_write("fail_reset", 0);
	gpu_reset(&self->gpu);
	config_set_memory(&self->gpu, true);
	expect_works(_metadata, self, "after a reset that did not fail");
	EXPECT_EQ(__sysfs_write(self->gpu.bdf, "reset_method", "default"), 0);
}

/*
 * Has a read wait over a second reset, in the middle of the limit that began with the
 * first. The memory cannot get ready before that reset; after it, if @ready, when more
 * than the rest of the first limit is over, and long before the second one is.
 * Return: before the second reset; 0 if a busy CPU let the first limit pass by then.
 */
static __u64 reset_while_waiting(struct _test_data_ready_limit *self, bool ready)
{
	struct access *access = &self->access[ACCESS_READ];
	__u64 second, done;

	sim_write("never_ready", 1);
	sim_write("training_ms", self->limit_us * 7 / 10 / 1000);
	gpu_reset(&self->gpu);
	access_start(access);
	usleep((useconds_t)(self->limit_us / 2));
	second = now_us();
	gpu_reset(&self->gpu);
	done = now_us();
	sim_write("never_ready", !ready);
	access_wait(access);
	return done - access->began_us < self->limit_us ? second : 0;
}

/* Whether more than one limit was over when the read ended, and not yet the second one. */
static bool is_telling(const struct _test_data_ready_limit *self, __u64 second)
{
	const struct access *access = &self->access[ACCESS_READ];

	return second && access->ended_us - access->began_us > self->limit_us &&
	       access->ended_us < second + self->limit_us;
}

/* The limit counts from the last reset, not from the first. */
TEST_F_TIMEOUT(ready_limit, reset_moves_the_limit, 120)
{
	struct access *access = &self->access[ACCESS_READ];
	int left = RESET_TRIES;
	__u64 second;

	if (self->limit_us > 5000000)
		SKIP(return, "the limit is %llu s long: tested with CXL",
		     self->limit_us / 1000000);
	do {
		second = reset_while_waiting(self, true);
	} while (!is_telling(self, second) && --left);
	EXPECT_EQ(access->result, 0)
		TH_LOG("a read over two resets gave %d after %llu us, each may take %llu",
		       access->result, access->ended_us - access->began_us,
		       self->limit_us);
	EXPECT_GT(left, 0)
		TH_LOG("the last read took %llu us, which proves nothing",
		       access->ended_us - access->began_us);
}

/* One that waits over a reset gives up as well, after the limit that began with it. */
TEST_F_TIMEOUT(ready_limit, reset_keeps_a_limit, 120)
{
	struct access *access = &self->access[ACCESS_READ];
	__u64 second = 0;
	int i;

	if (self->limit_us > 5000000)
		SKIP(return, "the limit is %llu s long: tested with CXL",
		     self->limit_us / 1000000);
	for (i = 0; i < RESET_TRIES && !second; i++)
		second = reset_while_waiting(self, false);
	ASSERT_NE(second, 0)
		TH_LOG("in no try the second reset came before the limit of the first");
	expect_failed(_metadata, access, "over two resets");
	EXPECT_GE(access->ended_us, second + self->limit_us)
		TH_LOG("it gave up %lld us after the second reset, the hardware may take %llu",
		       (__s64)(access->ended_us - second), self->limit_us);
}

TEST_HARNESS_MAIN
