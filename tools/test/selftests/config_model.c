// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration header against a model of 64 bytes, each with its writable
 * and its constant bits: reads and writes of every offset and length, which
 * touch no, one or both synthetic BARs and their neighbours.
 *
 * The model is written from the PCI specification and from what vfio-pci
 * documents as virtualised; PCI Express hardwires the latency timer. Command
 * and status are read but never written here: they have side effects and tests
 * of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define HDR_LEN		PCI_STD_HEADER_SIZEOF
#define FIRST_WRITTEN	PCI_CACHE_LINE_SIZE

FIXTURE(config_model) {
	struct gpu gpu;
	struct model model;
	__u8 val[HDR_LEN];	/* what the byte reads */
	__u8 writable[HDR_LEN];	/* bits that latch what is written */
};

/* A 64-bit BAR of @size bytes; 0 for a BAR that is not there. */
static void model_bar(__u8 *writable, unsigned int reg, __u64 size)
{
	__u64 mask = size ? ~(size - 1) : 0;
	unsigned int i;

	for (i = 0; i < sizeof(mask); i++)
		writable[reg + i] = (__u8)(mask >> (8 * i));
}

FIXTURE_SETUP(config_model)
{
	__u64 bar2;
	unsigned int i;

	model_from_sim(&self->model);
	gpu_open(&self->gpu);
	bar2 = self->model.resmem.mem_len ? self->model.resmem.bar_size :
					    sim_read_u64("bar2_size");
	self->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	self->writable[PCI_INTERRUPT_LINE] = 0xff;
	model_bar(self->writable, PCI_BASE_ADDRESS_0, sim_read_u64("bar0_size"));
	model_bar(self->writable, PCI_BASE_ADDRESS_2, bar2);
	model_bar(self->writable, PCI_BASE_ADDRESS_4, self->model.usemem.bar_size);

	for (i = 0; i < HDR_LEN; i++)
		self->val[i] = config_read8(&self->gpu, i);
}

FIXTURE_TEARDOWN(config_model)
{
	gpu_close(&self->gpu);
}

static void model_write(struct _test_data_config_model *self, unsigned int pos,
			const __u8 *buf, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++) {
		__u8 mask = self->writable[pos + i];

		self->val[pos + i] = (__u8)((self->val[pos + i] & ~mask) |
					    (buf[i] & mask));
	}
}

/* Return: first byte of a read of @len at @pos that differs from the model, or -1. */
static int first_difference(struct _test_data_config_model *self, unsigned int pos,
			    unsigned int len, __u8 *got)
{
	__u8 buf[HDR_LEN];
	unsigned int i;

	config_read(&self->gpu, pos, buf, len);
	for (i = 0; i < len; i++) {
		if (buf[i] == self->val[pos + i])
			continue;
		*got = buf[i];
		return (int)(pos + i);
	}
	return -1;
}

static void fill_random(__u8 *buf, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		buf[i] = (__u8)(random() >> 7);
}

TEST_F_TIMEOUT(config_model, reads_of_every_offset_and_length, 120)
{
	static const __u8 ones[24] = { [0 ... 23] = 0xff };
	unsigned int pos, len;
	__u8 got = 0;
	int diff;

	config_write(&self->gpu, PCI_BASE_ADDRESS_0, ones, sizeof(ones));
	model_write(self, PCI_BASE_ADDRESS_0, ones, sizeof(ones));
	for (pos = 0; pos < HDR_LEN; pos++) {
		for (len = 1; len <= HDR_LEN - pos; len++) {
			diff = first_difference(self, pos, len, &got);
			ASSERT_EQ(diff, -1)
				TH_LOG("read of %u at 0x%x: byte 0x%x is 0x%02x, expected 0x%02x",
				       len, pos, diff, got, self->val[diff]);
		}
	}
}

TEST_F_TIMEOUT(config_model, writes_of_every_offset_and_length, 240)
{
	unsigned int pos, len;
	__u8 buf[HDR_LEN], got = 0;
	int diff;

	srandom(3);
	for (pos = FIRST_WRITTEN; pos < HDR_LEN; pos++) {
		for (len = 1; len <= HDR_LEN - pos; len++) {
			fill_random(buf, len);
			config_write(&self->gpu, pos, buf, len);
			model_write(self, pos, buf, len);
			diff = first_difference(self, 0, HDR_LEN, &got);
			ASSERT_EQ(diff, -1)
				TH_LOG("write of %u at 0x%x: byte 0x%x is 0x%02x, expected 0x%02x",
				       len, pos, diff, got, self->val[diff]);
		}
	}
}

TEST_F(config_model, accesses_beyond_the_end)
{
	static const __u8 buf[PCI_CFG_SPACE_EXP_SIZE] = { [0 ... PCI_CFG_SPACE_EXP_SIZE - 1] = 1 };
	struct gpu_region config;
	__u8 got[8];
	__u64 size;

	gpu_region(&self->gpu, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	size = config.size;
	EXPECT_EQ(__config_read(&self->gpu, size - 4, got, 8), -EFAULT)
		TH_LOG("a read over the end does not give -EFAULT as vfio-pci does");
	EXPECT_EQ(__config_read(&self->gpu, size, got, 1), -EFAULT);
	EXPECT_EQ(__config_write(&self->gpu, size, buf, 1), -EFAULT);
	EXPECT_EQ(__config_read(&self->gpu, 0, got, 0), 0)
		TH_LOG("a read of no bytes does not return 0");
	EXPECT_EQ(__config_write(&self->gpu, PCI_BASE_ADDRESS_0, buf, size), -EFAULT);
	EXPECT_EQ(first_difference(self, 0, HDR_LEN, got), -1)
		TH_LOG("a write over the end has changed the header");
}

TEST_HARNESS_MAIN
