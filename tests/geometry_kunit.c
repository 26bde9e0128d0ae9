// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the memory layout: a table of cases that somebody has thought of,
 * and random firmware values against an oracle that was written from the rules and
 * not from the code.
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../nvgpu.h"

#define RANDOM_VALUES	100000
/* So many values of each outcome, or they are no test of it. */
#define ENOUGH_VALUES	1000
#define SEED		0x6e76677075ULL
#define WINDOW		BIT_ULL(40)
#define GIB		((u64)SZ_1G)
#define MIB		((u64)SZ_1M)

struct geometry_case {
	const char *name;
	u64 base;
	u64 len;
	bool has_resmem;
	int ret;
	u64 usemem_len;
	u64 usemem_bar;
	u64 resmem_len;
	u64 resmem_bar;
};

static const struct geometry_case geometry_cases[] = {
	{ "simulator default", 3 * GIB, 3712 * MIB, true, 0,
	  2560 * MIB, 4 * GIB, 1152 * MIB, 2 * GIB },
	{ "GH200 96 GB", 0x120000000000, 97280 * MIB, true, 0,
	  96256 * MIB, 128 * GIB, 1 * GIB, 1 * GIB },
	{ "GB200, MIG fixed", 0x100000000000, 189440 * MIB, false, 0,
	  189440 * MIB, 256 * GIB, 0, 0 },
	{ "powers of two", 4 * GIB, 5 * GIB, true, 0,
	  4 * GIB, 4 * GIB, 1 * GIB, 1 * GIB },
	{ "smallest with resmem", GIB, 1536 * MIB, true, 0,
	  512 * MIB, 512 * MIB, 1 * GIB, 1 * GIB },
	{ "just too small with resmem", GIB, 1536 * MIB - SZ_64K, true,
	  -EINVAL },
	{ "one page without resmem", GIB, PAGE_SIZE, false, 0,
	  PAGE_SIZE, PAGE_SIZE, 0, 0 },
	{ "resmem just below 1.5 GiB", GIB, 2 * GIB - SZ_64K, true, 0,
	  512 * MIB, 512 * MIB, 1536 * MIB - SZ_64K, 2 * GIB },
	{ "base 0", 0, 2 * GIB, true, 0,
	  1 * GIB, 1 * GIB, 1 * GIB, 1 * GIB },
	{ "no memory", GIB, 0, true, -ENODEV },
	{ "no memory, no base either", 0, 0, false, -ENODEV },
	{ "base misaligned", GIB + 2048, 4 * GIB, true, -EINVAL },
	{ "size misaligned", GIB, 4 * GIB + 1, false, -EINVAL },
	{ "end overflows", U64_MAX - SZ_64K + 1, 2 * GIB, true, -EINVAL },
	{ "end beyond physical memory", BIT_ULL(60), GIB, false, -EINVAL },
	{ "fills the window", GIB, WINDOW, false, 0, WINDOW, WINDOW, 0, 0 },
	{ "one page over the window", GIB, WINDOW + SZ_64K, false, -E2BIG },
	{ "over the window with resmem", GIB, WINDOW + 2 * GIB, true,
	  -E2BIG },
};

static void geometry_case_desc(const struct geometry_case *t, char *desc)
{
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(geometry, geometry_cases, geometry_case_desc);

static void geometry_table(struct kunit *test)
{
	const struct geometry_case *t = test->param_value;
	struct nvgpu_bars bars = {};
	const struct nvgpu_region *usemem = &bars.region[0], *resmem = &bars.region[1];
	const char *rule = NULL;

	KUNIT_ASSERT_EQ(test, t->ret,
			nvgpu_geometry_split(t->base, t->len, t->has_resmem,
					     &bars, &rule));
	if (t->ret) {
		KUNIT_EXPECT_NOT_NULL(test, rule);
		return;
	}

	KUNIT_EXPECT_EQ(test, bars.nr, t->resmem_len ? 2 : 1);
	KUNIT_EXPECT_FALSE(test, usemem->wc);
	KUNIT_EXPECT_EQ(test, usemem->mem_base, t->base);
	KUNIT_EXPECT_EQ(test, usemem->mem_len, t->usemem_len);
	KUNIT_EXPECT_EQ(test, usemem->bar_size, t->usemem_bar);
	KUNIT_EXPECT_EQ(test, usemem->bar_index, 4);
	if (!t->resmem_len)
		return;
	KUNIT_EXPECT_TRUE(test, resmem->wc);
	KUNIT_EXPECT_EQ(test, resmem->mem_len, t->resmem_len);
	KUNIT_EXPECT_EQ(test, resmem->bar_size, t->resmem_bar);
	KUNIT_EXPECT_EQ(test, resmem->mem_base, t->base + t->usemem_len);
	KUNIT_EXPECT_EQ(test, resmem->bar_index, 2);
}

/* The smallest power of two that is not less, by doubling. */
static u64 oracle_bar(u64 len)
{
	u64 bar = 1;

	while (bar < len)
		bar *= 2;
	return bar;
}

/* What the rules say, in wide arithmetic and by division. */
static int oracle(u64 base, u64 len, bool has_resmem, u64 *usemem_len)
{
	unsigned __int128 end = (unsigned __int128)base + len;
	unsigned __int128 limit = (unsigned __int128)1 << MAX_PHYSMEM_BITS;

	if (!len)
		return -ENODEV;
	if (base % PAGE_SIZE || len % PAGE_SIZE || end > limit)
		return -EINVAL;

	*usemem_len = len;
	if (has_resmem) {
		if (len < GIB || (len - GIB) / (512 * MIB) == 0)
			return -EINVAL;
		*usemem_len = (len - GIB) / (512 * MIB) * (512 * MIB);
	}
	return *usemem_len > WINDOW ? -E2BIG : 0;
}

/*
 * Firmware values near what is interesting: each power of two, give or take a little,
 * or anything at all.
 */
static u64 random_value(struct rnd_state *rnd)
{
	u64 any = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);
	u64 near = 1ULL << (prandom_u32_state(rnd) % 64);
	static const u64 off[] = { 0, 1, SZ_4K, SZ_64K, SZ_2M, SZ_512M, SZ_1G };
	u64 by = off[prandom_u32_state(rnd) % ARRAY_SIZE(off)];

	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		return near + by;
	case 1:
		return near - by;
	case 2:
		return (any >> (prandom_u32_state(rnd) % 64)) & PAGE_MASK;
	default:
		return any;
	}
}

/* Sizes that GPUs have, or nearly: most of the others are refused. */
static u64 random_len(struct rnd_state *rnd)
{
	u64 len = random_value(rnd);

	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		return len & PAGE_MASK & (4 * WINDOW - 1);
	case 1:
		return GIB + len % (1024 * GIB) / PAGE_SIZE * PAGE_SIZE;
	default:
		return len;
	}
}

static u64 random_base(struct rnd_state *rnd)
{
	u64 base = random_value(rnd);

	if (prandom_u32_state(rnd) % 2)
		return base;
	return base & PAGE_MASK & (BIT_ULL(MAX_PHYSMEM_BITS - 1) - 1);
}

/* Returns what is right, and what the driver says too. */
static int check_one(struct kunit *test, u64 base, u64 len, bool has_resmem)
{
	struct nvgpu_bars bars = {};
	const struct nvgpu_region *usemem = &bars.region[0], *resmem = &bars.region[1];
	u64 usemem_len = 0;
	const char *rule;
	int want, got;

	want = oracle(base, len, has_resmem, &usemem_len);
	got = nvgpu_geometry_split(base, len, has_resmem, &bars, &rule);
	KUNIT_ASSERT_EQ_MSG(test, got, want, "base %#llx size %#llx resmem %d",
			    base, len, has_resmem);
	if (want)
		return want;

	KUNIT_ASSERT_EQ_MSG(test, usemem->mem_len, usemem_len,
			    "base %#llx size %#llx resmem %d", base, len,
			    has_resmem);
	KUNIT_ASSERT_EQ(test, usemem->mem_base, base);
	KUNIT_ASSERT_EQ(test, usemem->bar_size, oracle_bar(usemem_len));
	KUNIT_ASSERT_EQ(test, bars.nr, has_resmem ? 2 : 1);
	if (!has_resmem)
		return want;
	KUNIT_ASSERT_EQ(test, resmem->mem_len, len - usemem_len);
	KUNIT_ASSERT_EQ(test, resmem->mem_base, base + usemem_len);
	KUNIT_ASSERT_EQ(test, resmem->bar_size, oracle_bar(len - usemem_len));
	return want;
}

static void geometry_random(struct kunit *test)
{
	unsigned int good = 0, none = 0, wrong = 0, big = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < RANDOM_VALUES; i++) {
		u64 base = random_base(&rnd);
		u64 len = random_len(&rnd);
		int ret = check_one(test, base, len, i & 1);

		good += !ret;
		none += ret == -ENODEV;
		wrong += ret == -EINVAL;
		big += ret == -E2BIG;
	}
	kunit_info(test, "%d values, seed %#llx: %u good, %u ENODEV, %u EINVAL, %u E2BIG\n",
		   RANDOM_VALUES, SEED, good, none, wrong, big);
	KUNIT_EXPECT_GE(test, min(min(good, none), min(wrong, big)),
			ENOUGH_VALUES);
}

static struct kunit_case geometry_kunit_cases[] = {
	KUNIT_CASE_PARAM(geometry_table, geometry_gen_params),
	KUNIT_CASE(geometry_random),
	{}
};

static struct kunit_suite geometry_kunit_suite = {
	.name = "nvgpu_geometry",
	.test_cases = geometry_kunit_cases,
};

kunit_test_suite(geometry_kunit_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of nvgpu-vfio-pci's memory layout");
