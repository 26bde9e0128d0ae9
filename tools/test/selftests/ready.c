// SPDX-License-Identifier: GPL-2.0-only
/*
 * When readiness is asked for: not for padding, again after low power; and whether it
 * means what it says: memory that a reset loses is lost before it is ready, not after.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* What a reset loses: the beginning of each of these, see tools/sim/README. */
#define LOST_STRIDE	(64 * SZ_1K)
#define PLACES		(SZ_2M / LOST_STRIDE)
#define LOST_TRIES	3
#define TRAINING_MS	300	/* longer than the reset itself */

FIXTURE(ready) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
};

FIXTURE_SETUP(ready)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
}

FIXTURE_TEARDOWN(ready)
{
	sim_calm();
	gpu_reset(&self->gpu);
	gpu_close(&self->gpu);
}

TEST_F_TIMEOUT(ready, padding_needs_no_memory, 60)
{
	__u64 began, took, val = 0;

	if (self->usemem.size == self->usemem.mem_len)
		SKIP(return, "usemem fills its BAR");
	sim_write("never_ready", 1);
	gpu_reset(&self->gpu);
	began = now_us();
	gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), self->usemem.mem_len);
	took = now_us() - began;
	EXPECT_EQ(val, ~0ULL);
	EXPECT_LT(took, hardware_limit_us())
		TH_LOG("a read of padding waited %llu us for the memory", took);
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

/* Low power may be D3cold, after which the memory is trained anew, with no reset to see. */
TEST_F(ready, asked_again_after_low_power)
{
	struct access access = {
		.gpu = &self->gpu,
		.region = &self->usemem,
		.way = ACCESS_READ,
	};

	ASSERT_EQ(access_now(&access), 0);
	sim_write("never_ready", 1);
	ASSERT_EQ(__gpu_low_power(&self->gpu, true), 0);
	ASSERT_EQ(__gpu_low_power(&self->gpu, false), 0);
	config_set_memory(&self->gpu, true);
	EXPECT_TRUE(access_waits_until_ready(&access))
		TH_LOG("after low power a read did not wait for the memory: %d", access.result);
}

TEST_HARNESS_MAIN
