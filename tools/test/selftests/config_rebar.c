// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Resizable BAR capability tells the sizes that the BARs have: of a synthetic BAR its own
 * as the only one, of a physical BAR what the hardware says. Writes change neither these nor
 * the hardware.
 *
 * The model is written from PCIe r6.0, 7.8.6 and the sizes of the simulator.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define ENTRY_LEN	8
#define MAX_LEN		(PCI_REBAR_CAP + 6 * ENTRY_LEN)

FIXTURE(config_rebar) {
	struct gpu gpu;
	int hardware;		/* sysfs config */
	unsigned int pos;
	unsigned int len;
	__u8 want[MAX_LEN];	/* from @pos + PCI_REBAR_CAP on */
};

static void read_hardware(struct _test_data_config_rebar *self, __u8 *buf)
{
	off_t at = self->pos + PCI_REBAR_CAP;

	if (pread(self->hardware, buf, self->len, at) != (ssize_t)self->len)
		die("sysfs config at 0x%lx: %s", (long)at, strerror(errno));
}

/* What a BAR of @size that cannot be resized has in an entry whose control is @ctrl. */
static void model_entry(__u8 *entry, __u64 size, __u8 ctrl)
{
	__u32 regs[] = { 0, ctrl };
	unsigned int n = 0;

	while (SZ_1M << n < size)
		n++;
	regs[0] = htole32(0x10u << n);
	regs[1] = htole32(regs[1] | n << 8);
	memcpy(entry, regs, sizeof(regs));
}

static void model_init(struct _test_data_config_rebar *self)
{
	const struct model_region *region;
	struct model model;
	unsigned int i;
	__u8 ctrl;

	model_from_sim(&model);
	read_hardware(self, self->want);
	for (i = 0; i < self->len; i += ENTRY_LEN) {
		ctrl = self->want[i + PCI_REBAR_CTRL - PCI_REBAR_CAP];
		region = (ctrl & PCI_REBAR_CTRL_BAR_IDX) == model.usemem.index ?
			 &model.usemem : &model.resmem;
		if (region->mem_len && (ctrl & PCI_REBAR_CTRL_BAR_IDX) == region->index)
			model_entry(self->want + i, region->bar_size, ctrl);
	}
}

FIXTURE_SETUP(config_rebar)
{
	char path[128];

	gpu_open(&self->gpu);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", self->gpu.bdf);
	self->hardware = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->hardware, 0) TH_LOG("%s: %s", path, strerror(errno));
	self->pos = config_find_ecap(&self->gpu, PCI_EXT_CAP_ID_REBAR);
	ASSERT_NE(self->pos, 0) TH_LOG("no Resizable BAR capability");
	self->len = config_read8(&self->gpu, self->pos + PCI_REBAR_CTRL) >>
		    PCI_REBAR_CTRL_NBAR_SHIFT;
	ASSERT_GT(self->len, 0) TH_LOG("Resizable BAR capability without entry");
	self->len *= ENTRY_LEN;
	ASSERT_LE(self->len, MAX_LEN);
	model_init(self);
}

FIXTURE_TEARDOWN(config_rebar)
{
	close(self->hardware);
	gpu_close(&self->gpu);
}

static void expect_model(struct __test_metadata *_metadata,
			 struct _test_data_config_rebar *self, unsigned int from,
			 unsigned int len)
{
	__u8 got[MAX_LEN];
	unsigned int i;

	config_read(&self->gpu, self->pos + PCI_REBAR_CAP + from, got, len);
	for (i = 0; i < len; i++) {
		ASSERT_EQ(got[i], self->want[from + i])
			TH_LOG("read of %u at 0x%x: byte %u of BAR%u's entry is 0x%02x, not 0x%02x",
			       len, self->pos + PCI_REBAR_CAP + from, (from + i) % ENTRY_LEN,
			       self->want[(from + i) / ENTRY_LEN * ENTRY_LEN + 4] & 7, got[i],
			       self->want[from + i]);
	}
}

TEST_F(config_rebar, reads_of_every_offset_and_length)
{
	unsigned int from, len;

	for (from = 0; from < self->len; from++)
		for (len = 1; len <= self->len - from; len++)
			expect_model(_metadata, self, from, len);
}

/* The access begins before the capability and ends behind it. */
TEST_F(config_rebar, all_of_config_space_in_one_read)
{
	__u8 all[PCI_CFG_SPACE_EXP_SIZE];

	config_read(&self->gpu, 0, all, sizeof(all));
	EXPECT_EQ(memcmp(all + self->pos + PCI_REBAR_CAP, self->want, self->len), 0)
		TH_LOG("a read of all of config space differs from reads of the entries");
}

TEST_F(config_rebar, writes_are_dropped)
{
	__u8 before[MAX_LEN], after[MAX_LEN];
	static const __u8 values[] = { 0, 0xff };
	unsigned int i, at, width;
	__u64 val;

	read_hardware(self, before);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		memset(&val, values[i], sizeof(val));
		for (width = 1; width <= sizeof(val); width *= 2)
			for (at = 0; at < self->len; at += width)
				config_write(&self->gpu, self->pos + PCI_REBAR_CAP + at, &val,
					     width < self->len - at ? width : self->len - at);
		read_hardware(self, after);
		EXPECT_EQ(memcmp(before, after, self->len), 0)
			TH_LOG("a write of 0x%02x has resized a BAR of the hardware", values[i]);
		expect_model(_metadata, self, 0, self->len);
	}
}

TEST_HARNESS_MAIN
