// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthetic BAR registers go to 0 on every reset that the function
 * sees, on open as well, and stay over D3hot and back. Each test makes sure
 * by the simulator's count that the reset took place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BAR_BITS (PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)
#define D0	0
#define D3HOT	3
#define BEHIND_CAPS	0xbc	/* the last one, MSI-X, is at 0xb0 */

FIXTURE(config_reset) {
	struct gpu gpu;
	struct model model;
	__u64 resets;
};

FIXTURE_SETUP(config_reset)
{
	model_from_sim(&self->model);
	gpu_open(&self->gpu);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	ASSERT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4),
		  model_bar_mask(&self->model.usemem));
	if (self->model.resmem.mem_len)
		config_write64(&self->gpu, PCI_BASE_ADDRESS_2, ~0ULL);
	self->resets = sim_read_u64("resets");
}

FIXTURE_TEARDOWN(config_reset)
{
	gpu_close(&self->gpu);
}

static __u64 bar_after(struct gpu *gpu, unsigned int reg)
{
	return config_read64(gpu, reg) & ~0xfULL;
}

/* Checks both registers; @_metadata is what the harness's macros need. */
static void expect_bars_zero(struct __test_metadata *_metadata,
			     struct _test_data_config_reset *self, const char *after)
{
	__u64 bar4 = bar_after(&self->gpu, PCI_BASE_ADDRESS_4);
	__u64 bar2 = 0;

	if (self->model.resmem.mem_len)
		bar2 = bar_after(&self->gpu, PCI_BASE_ADDRESS_2);
	EXPECT_GT(sim_read_u64("resets"), self->resets)
		TH_LOG("%s did not reset the function", after);
	EXPECT_EQ(bar4, 0)
		TH_LOG("BAR4 still holds 0x%llx after %s", bar4, after);
	EXPECT_EQ(bar2, 0)
		TH_LOG("BAR2 still holds 0x%llx after %s", bar2, after);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4) & 0xf, BAR_BITS);
}

TEST_F(config_reset, close_and_open)
{
	gpu_close(&self->gpu);
	gpu_open(&self->gpu);
	expect_bars_zero(_metadata, self, "close and open");
}

TEST_F(config_reset, device_reset)
{
	gpu_reset(&self->gpu);
	expect_bars_zero(_metadata, self, "VFIO_DEVICE_RESET");
}

TEST_F(config_reset, flr_by_device_control)
{
	unsigned int cap = config_find_cap(&self->gpu, PCI_CAP_ID_EXP);
	__u16 ctl;

	ASSERT_NE(cap, 0);
	if (!(config_read32(&self->gpu, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR))
		SKIP(return, "this GPU has no function level reset");
	ctl = config_read16(&self->gpu, cap + PCI_EXP_DEVCTL);
	config_write16(&self->gpu, cap + PCI_EXP_DEVCTL,
		       ctl | PCI_EXP_DEVCTL_BCR_FLR);
	expect_bars_zero(_metadata, self, "FLR by device control");
}

/* The write ends with the reset, which clears what the same write has put into the BARs. */
TEST_F(config_reset, flr_in_a_write_from_the_bars_on)
{
	unsigned int devctl = config_find_cap(&self->gpu, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	__u8 regs[PCI_CFG_SPACE_SIZE];

	if (!(config_read32(&self->gpu, devctl - PCI_EXP_DEVCTL + PCI_EXP_DEVCAP) &
	      PCI_EXP_DEVCAP_FLR))
		SKIP(return, "this GPU has no function level reset");
	config_read(&self->gpu, 0, regs, sizeof(regs));
	regs[devctl + 1] |= PCI_EXP_DEVCTL_BCR_FLR >> 8;
	config_write(&self->gpu, PCI_BASE_ADDRESS_2, regs + PCI_BASE_ADDRESS_2,
		     devctl + 2 - PCI_BASE_ADDRESS_2);
	expect_bars_zero(_metadata, self, "a write from the BARs to the FLR bit");
}

TEST_F(config_reset, flr_by_advanced_features)
{
	unsigned int cap = config_find_cap(&self->gpu, PCI_CAP_ID_AF);

	if (!cap)
		SKIP(return, "this GPU has no Advanced Features capability");
	config_write8(&self->gpu, cap + PCI_AF_CTRL, PCI_AF_CTRL_FLR);
	expect_bars_zero(_metadata, self, "FLR by Advanced Features");
	EXPECT_EQ(config_read8(&self->gpu, cap + PCI_AF_CTRL), 0)
		TH_LOG("the FLR bit of Advanced Features does not read 0");
}

/* Where the capability would be there is nothing, and nothing happens. */
TEST_F(config_reset, no_flr_without_advanced_features)
{
	__u64 bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	unsigned int pos;

	if (config_find_cap(&self->gpu, PCI_CAP_ID_AF))
		SKIP(return, "this GPU has an Advanced Features capability");
	for (pos = BEHIND_CAPS; pos < PCI_CFG_SPACE_SIZE; pos++)
		config_write8(&self->gpu, pos, PCI_AF_CTRL_FLR);
	EXPECT_EQ(sim_read_u64("resets"), self->resets);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4), bar4)
		TH_LOG("BAR4 changed by writes where there is no capability");
}

TEST_F(config_reset, sysfs_reset)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset",
		 self->gpu.bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0) TH_LOG("%s: %s", path, strerror(errno));
	ASSERT_EQ(write(fd, "1", 1), 1)
		TH_LOG("%s: %s", path, strerror(errno));
	close(fd);
	expect_bars_zero(_metadata, self, "reset through sysfs");
}

TEST_F(config_reset, hot_reset)
{
	int ret = __gpu_hot_reset(&self->gpu);

	if (!gpu_has_bus_reset(&self->gpu)) {
		EXPECT_EQ(ret, -ENODEV)
			TH_LOG("a hot reset is possible despite the quirk");
		return;
	}
	ASSERT_EQ(ret, 0)
		TH_LOG("VFIO_DEVICE_PCI_HOT_RESET: %s", strerror(-ret));
	expect_bars_zero(_metadata, self, "hot reset");
}

TEST_F(config_reset, d3hot_keeps_them)
{
	__u64 bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);

	config_set_power(&self->gpu, D3HOT);
	config_set_power(&self->gpu, D0);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4), bar4)
		TH_LOG("BAR4 changed over D3hot and back");
}

/* A BAR that was programmed after the reset is as before. */
TEST_F(config_reset, bars_work_after_reset)
{
	gpu_reset(&self->gpu);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4),
		  model_bar_mask(&self->model.usemem));
}

TEST_HARNESS_MAIN
