// SPDX-License-Identifier: GPL-2.0-only
/* ioeventfds: they work on real BARs and are refused on synthetic ones. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define OFFSET	0x80000
#define STAMP	0x10e7f00d

FIXTURE(ioeventfd) {
	struct gpu gpu;
	struct model model;
	int fd;
};

FIXTURE_SETUP(ioeventfd)
{
	model_from_sim(&self->model);
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	self->fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(ioeventfd)
{
	close(self->fd);
	gpu_close(&self->gpu);
}

/* Return: 0 or -errno of arming a 4-byte write at OFFSET of a BAR. */
static int arm(struct gpu *gpu, __u32 index, int fd)
{
	struct gpu_region region;
	struct vfio_device_ioeventfd req = {
		.argsz = sizeof(req),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.data = STAMP,
		.fd = fd,
	};

	gpu_region(gpu, index, &region);
	req.offset = region.offset + OFFSET;
	return ioctl(gpu->device, VFIO_DEVICE_IOEVENTFD, &req) ? -errno : 0;
}

TEST_F(ioeventfd, real_bar)
{
	struct gpu_region bar0;
	__u64 one = 1, end;
	__u8 *map;
	int ret;

	gpu_region(&self->gpu, VFIO_PCI_BAR0_REGION_INDEX, &bar0);
	map = gpu_map(&self->gpu, &bar0, 0, SZ_1M);
	store32(map + OFFSET, 0);
	ret = arm(&self->gpu, VFIO_PCI_BAR0_REGION_INDEX, self->fd);
	ASSERT_EQ(ret, 0)
		TH_LOG("an ioeventfd on BAR0 is refused: %s", strerror(-ret));
	ASSERT_EQ(write(self->fd, &one, sizeof(one)), sizeof(one));
	end = now_ms() + 20000;
	while (load32(map + OFFSET) != STAMP && now_ms() < end)
		usleep(1000);
	EXPECT_EQ(load32(map + OFFSET), STAMP)
		TH_LOG("the event did not write to BAR0");
	EXPECT_EQ(arm(&self->gpu, VFIO_PCI_BAR0_REGION_INDEX, -1), 0);
}

TEST_F(ioeventfd, synthetic_bars)
{
	EXPECT_EQ(arm(&self->gpu, self->model.usemem.index, self->fd), -EINVAL)
		TH_LOG("an ioeventfd on synthetic BAR4 would write to the BAR below it");
	if (self->model.resmem.mem_len)
		EXPECT_EQ(arm(&self->gpu, self->model.resmem.index, self->fd), -EINVAL)
			TH_LOG("an ioeventfd on synthetic BAR2 would write to the BAR below it");
}

TEST_HARNESS_MAIN
