// SPDX-License-Identifier: GPL-2.0-only
/*
 * Concurrent accesses to one synthetic BAR: a reader sees a value that was
 * written, or 0 after a reset, and never half of one and half of another.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define RACE_MS	3000
#define RESETS	20

FIXTURE(config_race) {
	struct gpu gpu;
	struct model model;
	__u64 a, b;	/* two values that differ in every byte that latches */
	atomic_bool stop;
};

FIXTURE_SETUP(config_race)
{
	__u64 mask;

	model_from_sim(&self->model);
	mask = ~(self->model.usemem.bar_size - 1);
	if (!(mask & 0xffffffffULL))
		SKIP(return, "a BAR of 4 GiB or more has one half that never changes");
	self->a = 0x5555555555555555ULL & mask;
	self->b = 0xaaaaaaaaaaaaaaaaULL & mask;
	gpu_open(&self->gpu);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, self->a);
}

FIXTURE_TEARDOWN(config_race)
{
	gpu_close(&self->gpu);
}

static void *toggle(void *arg)
{
	struct _test_data_config_race *self = arg;

	while (!atomic_load(&self->stop)) {
		config_write64(&self->gpu, PCI_BASE_ADDRESS_4, self->b);
		config_write64(&self->gpu, PCI_BASE_ADDRESS_4, self->a);
	}
	return NULL;
}

static void *reset_some(void *arg)
{
	struct _test_data_config_race *self = arg;
	int i;

	for (i = 0; i < RESETS && !atomic_load(&self->stop); i++)
		gpu_reset(&self->gpu);
	return NULL;
}

static __u64 read_until_foreign(struct _test_data_config_race *self, bool zero_allowed)
{
	__u64 end = now_ms() + RACE_MS, val;

	while (now_ms() < end) {
		val = config_read64(&self->gpu, PCI_BASE_ADDRESS_4) & ~0xfULL;
		if (val == self->a || val == self->b)
			continue;
		if (val || !zero_allowed)
			return val;
	}
	return self->a;
}

static void expect_no_torn_value(struct __test_metadata *_metadata,
				 struct _test_data_config_race *self, bool resets)
{
	pthread_t writer, resetter;
	__u64 val;

	ASSERT_EQ(pthread_create(&writer, NULL, toggle, self), 0);
	if (resets)
		ASSERT_EQ(pthread_create(&resetter, NULL, reset_some, self), 0);
	val = read_until_foreign(self, resets);
	if (resets)
		pthread_join(resetter, NULL);
	atomic_store(&self->stop, true);
	pthread_join(writer, NULL);
	EXPECT_EQ(val, self->a)
		TH_LOG("BAR4 read 0x%llx, torn: only%s 0x%llx and 0x%llx are possible", val,
		       resets ? " 0," : "", self->a, self->b);
}

TEST_F_TIMEOUT(config_race, no_torn_value, 120)
{
	expect_no_torn_value(_metadata, self, false);
}

TEST_F_TIMEOUT(config_race, no_torn_value_under_reset, 120)
{
	expect_no_torn_value(_metadata, self, true);
}

TEST_HARNESS_MAIN
