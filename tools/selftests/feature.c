// SPDX-License-Identifier: GPL-2.0-only
/* The device feature that names the variant driver. */
#include <errno.h>
#include <string.h>

#include <kselftest_harness.h>
#include <linux/vfio_variant.h>

#include "gpu.h"

#define GET	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_VARIANT_DRIVER)
#define SET	(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_VARIANT_DRIVER)
#define PROBE	(VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_VARIANT_DRIVER)

FIXTURE(feature) {
	struct gpu gpu;
	struct vfio_device_feature_variant_driver answer;
};

FIXTURE_SETUP(feature)
{
	env_or_skip("NVGPU_BDF");
	gpu_open(&self->gpu);
}

FIXTURE_TEARDOWN(feature)
{
	gpu_close(&self->gpu);
}

TEST_F(feature, get)
{
	memset(&self->answer, 0xa5, sizeof(self->answer));
	ASSERT_EQ(__gpu_feature(&self->gpu, GET, &self->answer,
				sizeof(self->answer)), 0);
	EXPECT_EQ(strncmp((char *)self->answer.name, "nvgpu-vfio-pci", 14), 0)
		TH_LOG("the driver calls itself \"%.64s\"", self->answer.name);
	EXPECT_NE(memchr(self->answer.name, 0, sizeof(self->answer.name)), NULL);
	EXPECT_NE(self->answer.version[0], 0)
		TH_LOG("the version is empty");
	EXPECT_NE(memchr(self->answer.version, 0, sizeof(self->answer.version)), NULL);
}

TEST_F(feature, probe)
{
	EXPECT_EQ(__gpu_feature(&self->gpu, PROBE, NULL, 0), 0);
	EXPECT_EQ(__gpu_feature(&self->gpu, PROBE | GET, NULL, 0), 0);
	EXPECT_EQ(__gpu_feature(&self->gpu, PROBE | SET, NULL, 0), -EINVAL)
		TH_LOG("probing for SET succeeds");
}

TEST_F(feature, set_is_refused)
{
	EXPECT_EQ(__gpu_feature(&self->gpu, SET, &self->answer,
				sizeof(self->answer)), -EINVAL);
}

TEST_F(feature, short_buffer)
{
	EXPECT_EQ(__gpu_feature(&self->gpu, GET, &self->answer,
				sizeof(self->answer) - 1), -EINVAL)
		TH_LOG("an answer that does not fit was given");
}

TEST_F(feature, others_are_the_core)
{
	__u8 token[16] = "";

	EXPECT_EQ(__gpu_feature(&self->gpu, VFIO_DEVICE_FEATURE_GET | 0xdead, token,
				sizeof(token)), -ENOTTY)
		TH_LOG("an unknown feature is not refused with ENOTTY");
}

TEST_HARNESS_MAIN
