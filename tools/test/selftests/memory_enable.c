// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory enable bit of PCI_COMMAND and the power state gate every way to
 * the memory, as they do for a real BAR: SIGBUS on access to a mapping, -EIO
 * from read and write. Enabling again makes the same mapping work again.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define D0	0
#define D3HOT	3
#define STAMP	0x0ddba11

FIXTURE(memory_enable) {
	struct mem mem;
	__u32 *touched;	/* mapping with an entry already */
	__u32 *fresh;	/* mapping that never faulted */
};

FIXTURE_VARIANT(memory_enable) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(memory_enable, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(memory_enable, resmem) { .is_resmem = true };

FIXTURE_SETUP(memory_enable)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	self->touched = gpu_map(&self->mem.gpu, &self->mem.region, 0, SZ_2M);
	self->fresh = gpu_map(&self->mem.gpu, &self->mem.region, SZ_2M, SZ_2M);
	store32(self->touched, STAMP);
}

FIXTURE_TEARDOWN(memory_enable)
{
	gpu_close(&self->mem.gpu);
}

static void expect_off(struct __test_metadata *_metadata,
		       struct _test_data_memory_enable *self, const char *when)
{
	unsigned int bar = self->mem.want->index;
	__u32 val = 0;

	EXPECT_EQ(touch_read(self->touched, &val), SIGBUS)
		TH_LOG("BAR%u: a mapping that was in use still works %s", bar, when);
	EXPECT_EQ(touch_write(self->touched, 0), SIGBUS);
	EXPECT_EQ(touch_read(self->fresh, &val), SIGBUS)
		TH_LOG("BAR%u: a fresh mapping can be touched %s", bar, when);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), 0), -EIO)
		TH_LOG("BAR%u: a read does not give -EIO %s", bar, when);
	EXPECT_EQ(__gpu_pwrite(&self->mem.gpu, &self->mem.region, &val, sizeof(val), 0), -EIO)
		TH_LOG("BAR%u: a write does not give -EIO %s", bar, when);
}

static void expect_on(struct __test_metadata *_metadata,
		      struct _test_data_memory_enable *self, const char *when)
{
	unsigned int bar = self->mem.want->index;
	__u32 val = 0;

	EXPECT_EQ(touch_read(self->touched, &val), 0)
		TH_LOG("BAR%u: the mapping does not come back %s", bar, when);
	EXPECT_EQ(val, STAMP)
		TH_LOG("BAR%u: the mapping shows 0x%x %s, expected 0x%x", bar, val,
		       when, STAMP);
	EXPECT_EQ(touch_write(self->fresh, STAMP + 1), 0)
		TH_LOG("BAR%u: a fresh mapping does not work %s", bar, when);
	val = 0;
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), SZ_2M),
		  sizeof(val))
		TH_LOG("BAR%u: read fails %s", bar, when);
	EXPECT_EQ(val, STAMP + 1);
}

TEST_F(memory_enable, command_register)
{
	config_set_memory(&self->mem.gpu, false);
	expect_off(_metadata, self, "with PCI_COMMAND memory enable clear");
	config_set_memory(&self->mem.gpu, true);
	expect_on(_metadata, self, "after memory enable was set again");
}

TEST_F(memory_enable, command_register_by_one_byte)
{
	__u8 cmd = config_read8(&self->mem.gpu, PCI_COMMAND);

	config_write8(&self->mem.gpu, PCI_COMMAND, cmd & (__u8)~PCI_COMMAND_MEMORY);
	expect_off(_metadata, self, "with memory enable cleared by a byte write");
	config_write8(&self->mem.gpu, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);
	expect_on(_metadata, self, "after memory enable was set by a byte write");
}

TEST_F(memory_enable, d3hot)
{
	config_set_power(&self->mem.gpu, D3HOT);
	expect_off(_metadata, self, "in D3hot");
	config_set_power(&self->mem.gpu, D0);
	config_set_memory(&self->mem.gpu, true);
	expect_on(_metadata, self, "back in D0");
}

static void expect_ready(struct __test_metadata *_metadata,
			 struct _test_data_memory_enable *self, const char *want, size_t width)
{
	char state[32];

	ASSERT_EQ(__sysfs_read(self->mem.gpu.bdf, "coherent_memory/ready", state, sizeof(state)),
		  0);
	EXPECT_STREQ(state, want)
		TH_LOG("after a write of %zu bytes to PMCSR", width);
}

/* The way back may be a reset, of which no callback tells. PMCSR is the middle of 8 bytes. */
TEST_F(memory_enable, d3hot_makes_readiness_unknown)
{
	unsigned int pm = config_find_cap(&self->mem.gpu, PCI_CAP_ID_PM), pos;
	size_t width;
	__u8 regs[8];
	__u32 val;

	if (!driver_is_ours(self->mem.gpu.bdf))
		SKIP(return, "this driver does not tell whether memory is ready");
	for (width = 1; width <= sizeof(regs); width *= 2) {
		ASSERT_EQ(touch_read(self->touched, &val), 0);
		expect_ready(_metadata, self, "ready", width);
		pos = width == sizeof(regs) ? pm : pm + PCI_PM_CTRL;
		config_read(&self->mem.gpu, pos, regs, width);
		config_write(&self->mem.gpu, pos, regs, width);
		expect_ready(_metadata, self, "ready", width);
		regs[pm + PCI_PM_CTRL - pos] |= D3HOT;
		config_write(&self->mem.gpu, pos, regs, width);
		config_set_power(&self->mem.gpu, D0);
		expect_ready(_metadata, self, "unknown", width);
		config_set_memory(&self->mem.gpu, true);
	}
}

TEST_F(memory_enable, low_power)
{
	ASSERT_EQ(__gpu_low_power(&self->mem.gpu, true), 0);
	expect_off(_metadata, self, "in low power");
	ASSERT_EQ(__gpu_low_power(&self->mem.gpu, false), 0);
	config_set_memory(&self->mem.gpu, true);
	expect_on(_metadata, self, "after low power");
}

/* To ask whether there is low power is not to enter it. */
TEST_F(memory_enable, low_power_probed)
{
	long faults = minor_faults();
	__u32 val;

	ASSERT_EQ(__gpu_feature(&self->mem.gpu, VFIO_DEVICE_FEATURE_PROBE |
				VFIO_DEVICE_FEATURE_SET |
				VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0), 0);
	EXPECT_EQ(touch_read(self->touched, &val), 0);
	EXPECT_EQ(minor_faults(), faults)
		TH_LOG("BAR%u: probing for low power took the mapping away", self->mem.want->index);
}

TEST_F(memory_enable, padding)
{
	__u64 val = 0, end = self->mem.want->mem_len;

	if (self->mem.region.size == end)
		SKIP(return, "%s fills its BAR", self->mem.want->name);
	config_set_memory(&self->mem.gpu, false);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), end), -EIO)
		TH_LOG("BAR%u: padding can be read with memory enable clear",
		       self->mem.want->index);
	config_set_memory(&self->mem.gpu, true);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), end),
		  sizeof(val));
}

TEST_F(memory_enable, mapping_made_while_off)
{
	__u32 *map, val;

	config_set_memory(&self->mem.gpu, false);
	map = gpu_map(&self->mem.gpu, &self->mem.region, 2 * SZ_2M, SZ_2M);
	EXPECT_EQ(touch_read(map, &val), SIGBUS);
	config_set_memory(&self->mem.gpu, true);
	EXPECT_EQ(touch_write(map, 3), 0)
		TH_LOG("BAR%u: a mapping made while memory was disabled never works",
		       self->mem.want->index);
}

TEST_F(memory_enable, reset)
{
	gpu_reset(&self->mem.gpu);
	config_set_memory(&self->mem.gpu, true);
	expect_on(_metadata, self, "after VFIO_DEVICE_RESET");
}

TEST_HARNESS_MAIN
