// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program can ask any vfio device for its variant driver: one that does not
 * know the feature says ENOTTY, and the number is not taken by anything else.
 */
#include <errno.h>
#include <string.h>

#include <kselftest_harness.h>
#include <linux/vfio_variant.h>

#include "gpu.h"

FIXTURE(feature_other) {
	struct gpu gpu;
};

FIXTURE_SETUP(feature_other)
{
	gpu_open(&self->gpu);
}

FIXTURE_TEARDOWN(feature_other)
{
	gpu_close(&self->gpu);
}

static void expect_unknown(struct __test_metadata *_metadata, struct gpu *gpu,
			   const char *what, __u32 flags)
{
	struct vfio_device_feature_variant_driver answer = {};
	char driver[64];
	int ret;

	sysfs_driver(gpu->bdf, driver, sizeof(driver));
	ret = __gpu_feature(gpu, flags | VFIO_DEVICE_FEATURE_VARIANT_DRIVER, &answer,
			    sizeof(answer));
	EXPECT_EQ(ret, -ENOTTY)
		TH_LOG("%s on %s: %s, name \"%s\"", what, driver,
		       ret ? strerror(-ret) : "success", answer.name);
}

TEST_F(feature_other, probe)
{
	expect_unknown(_metadata, &self->gpu, "PROBE",
		       VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET);
}

TEST_F(feature_other, get)
{
	expect_unknown(_metadata, &self->gpu, "GET", VFIO_DEVICE_FEATURE_GET);
}

TEST_F(feature_other, set)
{
	expect_unknown(_metadata, &self->gpu, "SET", VFIO_DEVICE_FEATURE_SET);
}

TEST_HARNESS_MAIN
