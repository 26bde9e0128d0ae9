// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs of a device opened by its cdev: attached, replaced, detached, and refused
 * as vfio-pci does, which passes the same test. Whether a page table is attached
 * shows when it is to be destroyed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define PASID	1
#define OTHER	2

FIXTURE(pasid) {
	struct gpu gpu;
	__u32 own;	/* page table for the DMA without a PASID */
	__u32 table;
	__u32 another;
	__u32 plain;	/* not for PASIDs */
};

FIXTURE_SETUP(pasid)
{
	int ret = __gpu_open_cdev(&self->gpu, env_or_skip("NVGPU_BDF"));

	if (ret == -EOPNOTSUPP)
		SKIP(return, "this kernel has no cdevs of vfio devices");
	ASSERT_EQ(ret, 0) TH_LOG("cannot open the cdev: %s", strerror(-ret));
	ret = __hwpt_alloc(&self->gpu, self->gpu.ioas, true, &self->own);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "this kernel has no page tables for PASIDs");
	ASSERT_EQ(ret, 0) TH_LOG("no page table for PASIDs: %s", strerror(-ret));
	ASSERT_EQ(__hwpt_alloc(&self->gpu, self->gpu.ioas, true, &self->table), 0);
	ASSERT_EQ(__hwpt_alloc(&self->gpu, self->gpu.ioas, true, &self->another), 0);
	ASSERT_EQ(__hwpt_alloc(&self->gpu, self->gpu.ioas, false, &self->plain), 0);
	ASSERT_EQ(__gpu_attach(&self->gpu, 0, self->own), 0);
}

FIXTURE_TEARDOWN(pasid)
{
	gpu_close(&self->gpu);
}

static void attach(struct __test_metadata *_metadata, struct _test_data_pasid *self,
		   __u32 pasid, __u32 table)
{
	int ret = __gpu_attach(&self->gpu, pasid, table);

	ASSERT_EQ(ret, 0)
		TH_LOG("attaching PASID %u: %s", pasid, strerror(-ret));
}

static void detach(struct __test_metadata *_metadata, struct _test_data_pasid *self,
		   __u32 pasid)
{
	int ret = __gpu_detach(&self->gpu, pasid);

	ASSERT_EQ(ret, 0)
		TH_LOG("detaching PASID %u: %s", pasid, strerror(-ret));
}

TEST_F(pasid, attach_and_detach)
{
	attach(_metadata, self, PASID, self->table);
	attach(_metadata, self, OTHER, self->table);
	detach(_metadata, self, PASID);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), -EBUSY)
		TH_LOG("the second PASID went with the first one");
	detach(_metadata, self, OTHER);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), 0)
		TH_LOG("a PASID is still attached");
}

TEST_F(pasid, replace)
{
	attach(_metadata, self, PASID, self->table);
	attach(_metadata, self, PASID, self->another);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), 0)
		TH_LOG("the PASID is still attached to what was replaced");
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->another), -EBUSY)
		TH_LOG("the PASID is not attached to what replaced");
	detach(_metadata, self, PASID);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->another), 0);
}

TEST_F(pasid, attached_over_a_reset)
{
	attach(_metadata, self, PASID, self->table);
	gpu_reset(&self->gpu);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), -EBUSY)
		TH_LOG("a reset has detached the PASID");
	detach(_metadata, self, PASID);
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), 0);
}

TEST_F(pasid, closing_the_device_detaches)
{
	attach(_metadata, self, PASID, self->table);
	ASSERT_EQ(close(self->gpu.device), 0);
	self->gpu.device = -1;
	EXPECT_EQ(__iommufd_destroy(&self->gpu, self->table), 0)
		TH_LOG("the PASID of a closed device is still attached");
}

TEST_F(pasid, refused)
{
	EXPECT_EQ(__gpu_attach(&self->gpu, PASID, self->plain), -EINVAL)
		TH_LOG("a page table that is not for PASIDs");
	EXPECT_EQ(__gpu_attach(&self->gpu, PASID, ~0U), -ENOENT)
		TH_LOG("a page table that does not exist");
	EXPECT_EQ(__gpu_detach(&self->gpu, PASID), 0)
		TH_LOG("detaching what is not attached is no error");
	attach(_metadata, self, PASID, self->table);
	EXPECT_EQ(__gpu_attach(&self->gpu, 0, self->plain), -EINVAL)
		TH_LOG("a device with PASIDs and a page table that is not for them");
	detach(_metadata, self, PASID);
	EXPECT_EQ(__gpu_attach(&self->gpu, 0, self->plain), 0);
}

TEST_HARNESS_MAIN
