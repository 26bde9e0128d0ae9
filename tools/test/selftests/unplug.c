// SPDX-License-Identifier: GPL-2.0-only
/*
 * Surprise removal of a GPU that is in use: accesses end with errors instead of
 * waiting for hardware that has gone, the user is asked to let go, closing works,
 * and the GPU can be put in again.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

/* Shorter than the 30 s that are waited for memory that is not ready. */
#define SOON_MS		15000
#define FOREVER_MS	600000

FIXTURE(unplug) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u32 *touched;
	__u32 *fresh;
	char driver[64];
	char bdf[GPU_BDF_LEN];
};

FIXTURE_SETUP(unplug)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
	memcpy(self->bdf, self->gpu.bdf, sizeof(self->bdf));
	sysfs_driver(self->bdf, self->driver, sizeof(self->driver));
	self->touched = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	self->fresh = gpu_map(&self->gpu, &self->usemem, SZ_2M, SZ_2M);
	store32(self->touched, 1);
}

/* A mapping keeps the device open as well. */
static void let_go(struct _test_data_unplug *self)
{
	munmap(self->touched, SZ_2M);
	munmap(self->fresh, SZ_2M);
	gpu_close(&self->gpu);
}

/* The next test, and the runner's teardown, find a GPU that is bound. */
FIXTURE_TEARDOWN(unplug)
{
	int ret;

	let_go(self);
	sim_calm();
	ret = __gpu_replug(self->bdf, self->driver);
	EXPECT_EQ(ret, 0)
		TH_LOG("the GPU cannot be put in again: %s", strerror(-ret));
}

/* Return: whether the PCI core has noted the removal. */
static bool pull_out(struct _test_data_unplug *self)
{
	__u64 end = now_ms() + SOON_MS;
	__u32 val;

	sim_write("unplug", 1);
	while (__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), 0) != -EIO)
		if (now_ms() >= end)
			return false;
	return true;
}

TEST_F(unplug, accesses_fail)
{
	__u64 end = self->usemem.mem_len;
	__u32 val = 0;

	ASSERT_TRUE(pull_out(self))
		TH_LOG("memory of a GPU that was pulled out can still be read");
	EXPECT_EQ(__gpu_pwrite(&self->gpu, &self->usemem, &val, sizeof(val), 0), -EIO);
	EXPECT_EQ(touch_read(self->fresh, &val), SIGBUS)
		TH_LOG("a page that was not mapped before can be touched");
	EXPECT_EQ(touch_write(self->fresh, 0), SIGBUS);
	if (self->usemem.size > end)
		EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), end),
			  -EIO);
}

TEST_F(unplug, mappings_are_revoked)
{
	__u64 end = now_ms() + SOON_MS;
	__u32 val;

	sim_write("unplug", 1);
	while (!touch_read(self->touched, &val) && now_ms() < end)
		usleep(1000);
	EXPECT_EQ(touch_read(self->touched, &val), SIGBUS)
		TH_LOG("a page that was mapped can be touched after the GPU was pulled out");
}

TEST_F(unplug, config_space_and_resets_fail)
{
	unsigned int cap = config_find_cap(&self->gpu, PCI_CAP_ID_EXP);
	__u32 val = 0;
	ssize_t ret;

	ASSERT_NE(cap, 0);
	ASSERT_TRUE(pull_out(self));
	ret = __config_read(&self->gpu, cap + PCI_EXP_LNKSTA, &val, 2);
	EXPECT_TRUE(ret < 0 || (ret == 2 && val == 0xffff))
		TH_LOG("a hardware register of a GPU that was pulled out: %zd, 0x%x", ret,
		       val);
	EXPECT_LT(__gpu_reset(&self->gpu), 0)
		TH_LOG("a GPU that was pulled out can be reset");
	EXPECT_LT(__gpu_hot_reset(&self->gpu), 0);
	ret = __config_write(&self->gpu, PCI_BASE_ADDRESS_4, &val, sizeof(val));
	EXPECT_TRUE(ret < 0 || ret == sizeof(val));
}

/* A wait for readiness ends: the memory will never be ready. */
TEST_F(unplug, waits_end)
{
	struct access access[] = {
		{ .gpu = &self->gpu, .region = &self->usemem, .way = ACCESS_READ },
		{ .gpu = &self->gpu, .region = &self->usemem, .way = ACCESS_WRITE },
		{ .map = self->touched, .way = ACCESS_TOUCH },
	};
	__u64 began;
	size_t i;

	sim_write("training_ms", FOREVER_MS);
	gpu_reset(&self->gpu);
	for (i = 0; i < ARRAY_SIZE(access); i++)
		access_start(&access[i]);
	usleep(200000);
	began = now_ms();
	sim_write("unplug", 1);
	for (i = 0; i < ARRAY_SIZE(access); i++) {
		EXPECT_NE(access_wait(&access[i]), 0)
			TH_LOG("%s succeeded", access_name[access[i].way]);
	}
	EXPECT_LE(now_ms() - began, SOON_MS)
		TH_LOG("waits went on for %llu ms after the GPU was pulled out",
		       now_ms() - began);
}

TEST_F(unplug, the_user_is_asked_to_let_go)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct pollfd pfd = { .fd = event, .events = POLLIN };

	ASSERT_GE(event, 0);
	ASSERT_EQ(__gpu_set_event(&self->gpu, VFIO_PCI_REQ_IRQ_INDEX, event), 0);
	sim_write("unplug", 1);
	EXPECT_EQ(poll(&pfd, 1, SOON_MS), 1)
		TH_LOG("the eventfd for requests did not fire");
	close(event);
}

TEST_F(unplug, the_device_goes_when_it_is_closed)
{
	__u64 end = now_ms() + SOON_MS;
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", self->bdf);
	ASSERT_TRUE(pull_out(self));
	EXPECT_EQ(stat(path, &st), 0)
		TH_LOG("the device went while it was open");
	let_go(self);
	while (!stat(path, &st) && now_ms() < end)
		usleep(10000);
	EXPECT_NE(stat(path, &st), 0)
		TH_LOG("the device is still there %d ms after it was closed", SOON_MS);
}

TEST_HARNESS_MAIN
