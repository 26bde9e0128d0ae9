// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user space fails once, in each call
 * that a user can make: the call must fail cleanly or work, and the same call
 * must work when it is repeated without a failure. That nothing leaks is for
 * kmemleak to say, at the end of the run.
 *
 * A sweep lets the first thing fail, then the second, and ends when a whole call
 * went by without reaching the one that should fail.
 */
#include <errno.h>
#include <string.h>

#include <kselftest_harness.h>

#include "fail_nth.h"

#define MAX_NTH		4000

FIXTURE(fail_nth) {
	struct sweep s;
};

FIXTURE_VARIANT(fail_nth) {
	const struct step *step;
};

FIXTURE_VARIANT_ADD(fail_nth, bind) { .step = &step_bind };
FIXTURE_VARIANT_ADD(fail_nth, unbind) { .step = &step_unbind };
FIXTURE_VARIANT_ADD(fail_nth, open) { .step = &step_open };
FIXTURE_VARIANT_ADD(fail_nth, open_cdev) { .step = &step_open_cdev };
FIXTURE_VARIANT_ADD(fail_nth, close) { .step = &step_close };
FIXTURE_VARIANT_ADD(fail_nth, region_info) { .step = &step_region_info };
FIXTURE_VARIANT_ADD(fail_nth, feature) { .step = &step_feature };
FIXTURE_VARIANT_ADD(fail_nth, reset) { .step = &step_reset };
FIXTURE_VARIANT_ADD(fail_nth, hot_reset) { .step = &step_hot_reset };
FIXTURE_VARIANT_ADD(fail_nth, dmabuf) { .step = &step_dmabuf };
FIXTURE_VARIANT_ADD(fail_nth, mmap) { .step = &step_mmap };
FIXTURE_VARIANT_ADD(fail_nth, read) { .step = &step_read };
FIXTURE_VARIANT_ADD(fail_nth, write) { .step = &step_write };
FIXTURE_VARIANT_ADD(fail_nth, config_write) { .step = &step_config_write };
FIXTURE_VARIANT_ADD(fail_nth, dma_map) { .step = &step_dma_map };

FIXTURE_SETUP(fail_nth)
{
	const struct step *step = variant->step;
	const char *bdf = env_or_skip("NVGPU_BDF");

	if (!fail_nth_available())
		SKIP(return, "this kernel injects no failures (FAILSLAB, FAIL_PAGE_ALLOC)");
	if (step->spare && !fail_nth_spare(step->spare))
		die("cannot spare %s(): no such function, or no stack filter", step->spare);
	model_from_sim(&self->s.model);
	sim_calm();
	gpu_init(&self->s.gpu, bdf);
	sysfs_driver(bdf, self->s.driver, sizeof(self->s.driver));
	if (step == &step_open_cdev && open_by_cdev(&self->s) == -EOPNOTSUPP)
		SKIP(return, "this kernel has no vfio device cdevs");
	gpu_close(&self->s.gpu);
	if (step->is_open)
		open_device(&self->s);
}

FIXTURE_TEARDOWN(fail_nth)
{
	gpu_close(&self->s.gpu);
	must_bind(&self->s);
}

/* Return: whether the thing that should fail was reached. */
static bool call_with_failure(struct __test_metadata *_metadata, struct sweep *s,
			      const struct step *step, unsigned int nth)
{
	const char *wrong = NULL;
	bool fired;
	int ret;

	if (step->prepare)
		step->prepare(s);
	if (nth)
		fail_nth_arm(nth);
	ret = step->call(s);
	fired = nth && fail_nth_disarm();
	if (!fired)
		EXPECT_EQ(ret, 0)
			TH_LOG("without a failure (after failure %u) the call gives %d (%s)",
			       nth, ret, strerror(-ret));
	if (step->wrong)
		wrong = step->wrong(s, ret);
	EXPECT_EQ(wrong, NULL)
		TH_LOG("failure %u: the call gave %d: it %s", nth, ret, wrong);
	if (step->undo)
		step->undo(s, ret);
	return fired;
}

TEST_F_TIMEOUT(fail_nth, sweep, 900)
{
	const struct step *step = variant->step;
	unsigned int nth = 1;

	while (call_with_failure(_metadata, &self->s, step, nth)) {
		call_with_failure(_metadata, &self->s, step, 0);
		nth++;
		ASSERT_LT(nth, MAX_NTH);
	}
	ksft_print_msg("%u failures injected\n", nth - 1);
	EXPECT_EQ(nth == 1, step->nothing_fails)
		TH_LOG("%u failures were injected, expected %s", nth - 1,
		       step->nothing_fails ? "none" : "some");
}

TEST_HARNESS_MAIN
