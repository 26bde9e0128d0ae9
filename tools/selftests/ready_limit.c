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

#define BAR0_LIMIT_US	30000000

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

	model_from_sim(&self->model);
	sim_calm();
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, self->model.usemem.index, &self->usemem);
	hardware_open(&self->hw, &self->gpu);
	self->limit_us = BAR0_LIMIT_US;
	if (self->hw.cxl)
		self->limit_us = 1000000ULL << (2 * sim_read_u64("cxl_timeout"));
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

/* Everybody starts to wait at the same time, so the limit passes only once. */
static void expect_limit(struct __test_metadata *_metadata,
			 struct _test_data_ready_limit *self)
{
	__u64 took;
	int i;

	for (i = 0; i < NR_ACCESS_WAYS; i++)
		access_start(&self->access[i]);
	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access_wait(&self->access[i]);
		expect_failed(_metadata, &self->access[i], "after waiting");
		took = self->access[i].ended_us - self->access[i].began_us;
		EXPECT_GE(took, self->limit_us - 100000)
			TH_LOG("%s gave up after %llu us, the hardware may take %llu",
			       access_name[i], took, self->limit_us);
		EXPECT_LE(took, self->limit_us + self->limit_us / 10 + 2 * at_once_us())
			TH_LOG("%s gave up after %llu us, the hardware may take %llu",
			       access_name[i], took, self->limit_us);
	}
}

static void expect_fails_at_once(struct __test_metadata *_metadata,
				 struct _test_data_ready_limit *self)
{
	__u64 took;
	int i;

	for (i = 0; i < NR_ACCESS_WAYS; i++) {
		access_now(&self->access[i]);
		expect_failed(_metadata, &self->access[i], "the second time");
		took = self->access[i].ended_us - self->access[i].began_us;
		EXPECT_LE(took, at_once_us())
			TH_LOG("the second %s took %llu us to fail", access_name[i], took);
	}
}

static void expect_success(struct __test_metadata *_metadata, int result,
			   const char *what, const char *when)
{
	EXPECT_EQ(result, 0)
		TH_LOG("%s gave %d %s", what, result, when);
}

/* The touch first: once a read has found the memory ready, a fault asks no more. */
static void expect_works(struct __test_metadata *_metadata,
			 struct _test_data_ready_limit *self, const char *when)
{
	int i, result;

	for (i = NR_ACCESS_WAYS - 1; i >= 0; i--) {
		result = access_now(&self->access[i]);
		expect_success(_metadata, result, access_name[i], when);
	}
}

TEST_F_TIMEOUT(ready_limit, all_fail_and_recover, 120)
{
	const char *fault = self->hw.cxl ? "cxl_inactive" : "c2c_down";

	expect_works(_metadata, self, "at first");
	expect_state(_metadata, self, "ready");
	gpu_reset(&self->gpu);
	expect_state(_metadata, self, "unknown");
	sim_write(fault, 1);
	expect_limit(_metadata, self);
	expect_state(_metadata, self, "failed");
	expect_fails_at_once(_metadata, self);
	sim_write(fault, 0);
	expect_works(_metadata, self, "once the hardware was ready after all");
	expect_state(_metadata, self, "ready");
}

TEST_F_TIMEOUT(ready_limit, reset_recovers, 60)
{
	if (self->limit_us > 5000000)
		SKIP(return, "the limit is %llu s long: tested with CXL",
		     self->limit_us / 1000000);
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
 * The limit counts from the last reset, not from the first. The memory cannot get
 * ready before the second one, however late a busy CPU makes it.
 */
TEST_F_TIMEOUT(ready_limit, reset_moves_the_limit, 60)
{
	struct access *access = &self->access[ACCESS_READ];
	__u64 first;

	if (self->limit_us > 5000000)
		SKIP(return, "the limit is %llu s long: tested with CXL",
		     self->limit_us / 1000000);
	sim_write("never_ready", 1);
	first = now_us();
	gpu_reset(&self->gpu);
	access_start(access);
	usleep((useconds_t)(self->limit_us / 2));
	sim_write("training_ms", self->limit_us * 8 / 10000);
	gpu_reset(&self->gpu);
	sim_write("never_ready", 0);
	EXPECT_EQ(access_wait(access), 0)
		TH_LOG("a read over two resets gave %d after %llu us, each may take %llu",
		       access->result, access->ended_us - access->began_us,
		       self->limit_us);
	EXPECT_GT(access->ended_us - first, self->limit_us)
		TH_LOG("the read took too little time to prove anything");
}

/* One that waits over a reset gives up as well, after the limit that began with it. */
TEST_F_TIMEOUT(ready_limit, reset_keeps_a_limit, 60)
{
	struct access *access = &self->access[ACCESS_READ];
	__u64 last;

	if (self->limit_us > 5000000)
		SKIP(return, "the limit is %llu s long: tested with CXL",
		     self->limit_us / 1000000);
	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	access_start(access);
	usleep((useconds_t)(self->limit_us / 2));
	last = now_us();
	gpu_reset(&self->gpu);
	access_wait(access);
	expect_failed(_metadata, access, "over two resets");
	EXPECT_GE(access->ended_us - last, self->limit_us - 100000)
		TH_LOG("it gave up %llu us after the second reset, the hardware may take %llu",
		       access->ended_us - last, self->limit_us);
}

TEST_HARNESS_MAIN
