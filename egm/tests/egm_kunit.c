// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what is read from firmware: the range of a region, its list of retired
 * blocks, and the search for them.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "../egm.h"

#define BASE	0x120000000000ULL
#define SIZE	((u64)SZ_1G)

struct egm_range_case {
	const char *name;
	struct egm_props props;
	int ret;
};

static const struct egm_range_case egm_range_cases[] = {
	{ "a socket of Grace", { 4, BASE, 480ULL * SZ_1G }, 0 },
	{ "one block", { 0, BASE, SZ_64K }, 0 },
	{ "highest domain", { 255, BASE, SIZE }, 0 },
	{ "domain without a minor", { 256, BASE, SIZE }, -ERANGE },
	{ "domain of more than 32 bits", { BIT_ULL(32), BASE, SIZE }, -ERANGE },
	{ "size 0", { 4, BASE, 0 }, -EINVAL },
	{ "size of a page", { 4, BASE, SZ_4K }, -EINVAL },
	{ "half a block too much", { 4, BASE, SIZE + SZ_32K }, -EINVAL },
	{ "base of a page", { 4, BASE + SZ_4K, SIZE }, -EINVAL },
	{ "overflow", { 4, U64_MAX - SZ_64K + 1, SIZE }, -EINVAL },
};

static void egm_range_desc(const struct egm_range_case *t, char *desc)
{
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(egm_range, egm_range_cases, egm_range_desc);

static void egm_range(struct kunit *test)
{
	const struct egm_range_case *t = test->param_value;

	KUNIT_EXPECT_EQ(test, egm_region_check(&t->props), t->ret);
}

/* Which bits an address has may be known only at boot. */
static void egm_range_end(struct kunit *test)
{
	struct egm_props props = {
		.pxm = 4, .base = BIT_ULL(MAX_PHYSMEM_BITS) - SIZE, .size = SIZE
	};

	KUNIT_EXPECT_EQ(test, egm_region_check(&props), 0);
	props.size += SZ_64K;
	KUNIT_EXPECT_EQ(test, egm_region_check(&props), -EINVAL);
}

struct egm_list {
	struct egm_table *table;
	DECLARE_BITMAP(bad, SIZE / SZ_64K);
};

static const struct egm_props egm_list_props = {
	.pxm = 4, .base = BASE, .size = SIZE
};

static int egm_list_init(struct kunit *test)
{
	struct egm_list *list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	list->table = kunit_kzalloc(test, sizeof(*list->table), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list->table);
	test->priv = list;
	return 0;
}

static int egm_list_parse(struct kunit *test)
{
	struct egm_list *list = test->priv;

	return egm_retired_parse(list->table, &egm_list_props, list->bad);
}

/* What lies behind the count does not matter. */
static void egm_list_empty(struct kunit *test)
{
	struct egm_list *list = test->priv;

	list->table->addr[0] = cpu_to_le64(BASE);
	KUNIT_EXPECT_EQ(test, egm_list_parse(test), 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(list->bad, SIZE / SZ_64K));
}

/* Blocks may come in any order and twice. */
static void egm_list_full(struct kunit *test)
{
	struct egm_list *list = test->priv;
	u64 i;

	list->table->count = cpu_to_le64(EGM_TABLE_ENTRIES);
	for (i = 0; i < EGM_TABLE_ENTRIES; i++)
		list->table->addr[i] = cpu_to_le64(BASE + SIZE - (i / 2 + 1) * SZ_128K);
	KUNIT_EXPECT_EQ(test, egm_list_parse(test), 0);
	for (i = 0; i < SIZE; i += SZ_64K) {
		bool is_bad = i >= SIZE - EGM_TABLE_ENTRIES / 2 * (u64)SZ_128K &&
			      !(i % SZ_128K);

		KUNIT_ASSERT_EQ(test, test_bit(i / SZ_64K, list->bad), is_bad);
	}
}

static void egm_list_count(struct kunit *test)
{
	struct egm_list *list = test->priv;
	unsigned int i;

	for (i = 0; i < EGM_TABLE_ENTRIES; i++)
		list->table->addr[i] = cpu_to_le64(BASE);
	list->table->count = cpu_to_le64(EGM_TABLE_ENTRIES + 1);
	KUNIT_EXPECT_EQ(test, egm_list_parse(test), -EINVAL);
	list->table->count = cpu_to_le64(U64_MAX);
	KUNIT_EXPECT_EQ(test, egm_list_parse(test), -EINVAL);
}

static void egm_list_bounds(struct kunit *test)
{
	static const struct {
		u64 addr;
		int ret;
	} cases[] = {
		{ BASE, 0 },
		{ BASE + SIZE - SZ_64K, 0 },
		{ BASE - SZ_64K, -EINVAL },
		{ BASE + SIZE, -EINVAL },
		{ 0, -EINVAL },
		{ BASE + SZ_4K, -EINVAL },
		{ U64_MAX - SZ_64K + 1, -EINVAL },
	};
	struct egm_list *list = test->priv;
	unsigned int i;

	list->table->count = cpu_to_le64(1);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		list->table->addr[0] = cpu_to_le64(cases[i].addr);
		KUNIT_EXPECT_EQ_MSG(test, egm_list_parse(test), cases[i].ret,
				    "block at %#llx", cases[i].addr);
	}
}

static void egm_list_search(struct kunit *test)
{
	static const struct {
		u64 from;
		u64 end;
		u64 found;
	} cases[] = {
		{ 0, SIZE, SZ_64K },
		{ 0, SZ_64K, SZ_64K },
		{ 0, SZ_64K + 1, SZ_64K },
		{ SZ_64K + SZ_4K, SIZE, SZ_64K + SZ_4K },
		{ SZ_128K - 1, SZ_128K, SZ_128K - 1 },
		{ SZ_128K, SIZE, SZ_1M },
		{ SZ_128K, SZ_1M, SZ_1M },
		{ SZ_1M + SZ_64K, SIZE, SIZE },
	};
	struct egm_list *list = test->priv;
	unsigned int i;

	list->table->count = cpu_to_le64(2);
	list->table->addr[0] = cpu_to_le64(BASE + SZ_64K);
	list->table->addr[1] = cpu_to_le64(BASE + SZ_1M);
	KUNIT_ASSERT_EQ(test, egm_list_parse(test), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    egm_retired_next(list->bad, cases[i].from, cases[i].end),
				    cases[i].found, "from %#llx to %#llx",
				    cases[i].from, cases[i].end);
}

static struct kunit_case egm_kunit_cases[] = {
	KUNIT_CASE_PARAM(egm_range, egm_range_gen_params),
	KUNIT_CASE(egm_range_end),
	KUNIT_CASE(egm_list_empty),
	KUNIT_CASE(egm_list_full),
	KUNIT_CASE(egm_list_count),
	KUNIT_CASE(egm_list_bounds),
	KUNIT_CASE(egm_list_search),
	{}
};

static struct kunit_suite egm_kunit_suite = {
	.name = "nvgpu_egm",
	.init = egm_list_init,
	.test_cases = egm_kunit_cases,
};

kunit_test_suite(egm_kunit_suite);

MODULE_DESCRIPTION("KUnit tests of nvgpu-egm");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
