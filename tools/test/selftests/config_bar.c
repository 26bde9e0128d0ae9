// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthetic BAR registers as a guest sizes and programs them, with
 * accesses of 1, 2, 4 and 8 bytes.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BAR_BITS (PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)

FIXTURE(config_bar) {
	struct gpu gpu;
	struct model model;
	const struct model_region *want;
	unsigned int reg;
	__u64 mask;
};

FIXTURE_VARIANT(config_bar) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(config_bar, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(config_bar, resmem) { .is_resmem = true };

FIXTURE_SETUP(config_bar)
{
	model_from_sim(&self->model);
	self->want = variant->is_resmem ? &self->model.resmem :
					  &self->model.usemem;
	if (!self->want->mem_len)
		SKIP(return, "this GPU has no %s", self->want->name);
	self->reg = PCI_BASE_ADDRESS_0 + 4 * self->want->index;
	self->mask = model_bar_mask(self->want);
	gpu_open(&self->gpu);
}

FIXTURE_TEARDOWN(config_bar)
{
	gpu_close(&self->gpu);
}

static void write_ones(struct gpu *gpu, unsigned int reg, unsigned int width)
{
	static const __u64 ones = ~0ULL;
	unsigned int i;

	for (i = 0; i < sizeof(ones); i += width)
		config_write(gpu, reg + i, &ones, width);
}

/* The register, read with accesses of @width bytes. */
static __u64 read_bar(struct gpu *gpu, unsigned int reg, unsigned int width)
{
	__u64 val = 0;
	unsigned int i;

	for (i = 0; i < sizeof(val); i += width)
		config_read(gpu, reg + i, (__u8 *)&val + i, width);
	return le64toh(val);
}

TEST_F(config_bar, type_bits)
{
	__u64 val = config_read64(&self->gpu, self->reg);

	EXPECT_EQ(val & 0xf, BAR_BITS)
		TH_LOG("BAR%u type bits 0x%llx, expected 0xc: 64-bit prefetchable memory",
		       self->want->index, val & 0xf);
}

TEST_F(config_bar, sizing)
{
	unsigned int write, read;
	__u64 val;

	for (write = 1; write <= 8; write *= 2) {
		for (read = 1; read <= 8; read *= 2) {
			config_write64(&self->gpu, self->reg, 0);
			write_ones(&self->gpu, self->reg, write);
			val = read_bar(&self->gpu, self->reg, read);
			EXPECT_EQ(val, self->mask)
				TH_LOG("BAR%u sized by %u, read by %u bytes: 0x%llx, not 0x%llx",
				       self->want->index, write, read, val,
				       self->mask);
		}
	}
}

TEST_F(config_bar, low_bits_are_read_only)
{
	__u64 val;

	config_write64(&self->gpu, self->reg, self->want->bar_size - 1);
	val = config_read64(&self->gpu, self->reg);
	EXPECT_EQ(val, BAR_BITS)
		TH_LOG("BAR%u written with 0x%llx reads 0x%llx, expected only type bits",
		       self->want->index, self->want->bar_size - 1, val);
	config_write64(&self->gpu, self->reg, 0);
	val = config_read64(&self->gpu, self->reg);
	EXPECT_EQ(val, BAR_BITS)
		TH_LOG("BAR%u written with 0 reads 0x%llx: type bits are not read-only",
		       self->want->index, val);
}

TEST_F(config_bar, every_address_bit_latches)
{
	unsigned int bit;
	__u64 addr, val;

	for (bit = 0; bit < 64; bit++) {
		addr = 1ULL << bit;
		config_write64(&self->gpu, self->reg, addr);
		val = config_read64(&self->gpu, self->reg);
		EXPECT_EQ(val, (addr & self->mask) | BAR_BITS)
			TH_LOG("BAR%u written with bit %u reads 0x%016llx",
			       self->want->index, bit, val);
	}
}

TEST_HARNESS_MAIN
