// SPDX-License-Identifier: GPL-2.0-only
/* The device feature that names the variant driver. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

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

TEST_F(feature, longer_buffer)
{
	struct {
		struct vfio_device_feature_variant_driver answer;
		__u8 rest[64];
	} buf;
	size_t i;

	memset(&buf, 0xa5, sizeof(buf));
	ASSERT_EQ(__gpu_feature(&self->gpu, GET, &buf, sizeof(buf)), 0)
		TH_LOG("a buffer with room for more is refused");
	EXPECT_NE(buf.answer.name[0], 0xa5);
	for (i = 0; i < sizeof(buf.rest); i++) {
		ASSERT_EQ(buf.rest[i], 0xa5)
			TH_LOG("byte %zu behind the answer was written", i);
	}
}

TEST_F(feature, argsz_of_the_header)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature) - 1, .flags = PROBE };

	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_FEATURE, &feature), -1);
	EXPECT_EQ(errno, EINVAL);
	feature.argsz = sizeof(feature);
	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_FEATURE, &feature), 0)
		TH_LOG("PROBE without a payload: %s", strerror(errno));
	feature.flags = GET;
	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_FEATURE, &feature), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(feature, buffer_that_is_not_there)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct vfio_device_feature *feature;
	__u8 *p;

	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(munmap(p + page, page), 0);
	feature = (void *)(p + page - sizeof(*feature));
	feature->argsz = sizeof(*feature) + sizeof(self->answer);
	feature->flags = GET;
	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_FEATURE, feature), -1);
	EXPECT_EQ(errno, EFAULT)
		TH_LOG("an answer that cannot be copied gives %s", strerror(errno));
}

TEST_F(feature, others_are_the_core)
{
	__u8 token[16] = "";

	EXPECT_EQ(__gpu_feature(&self->gpu, VFIO_DEVICE_FEATURE_GET | 0xdead, token,
				sizeof(token)), -ENOTTY)
		TH_LOG("an unknown feature is not refused with ENOTTY");
}

TEST_HARNESS_MAIN
