// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the BAR registers, against what PCI Local Bus 3.0, 6.2.5 says of a
 * 64-bit prefetchable memory BAR: a byte model that knows only the sizes.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "../nvgpu.h"

#define REGS		24
#define RANDOM_WRITES	100000
#define SEED		0x62617273ULL

/* BAR2/3 of 2 GiB and BAR4/5 of 4 GiB, as the simulated GPU has. */
static const u64 bar_sizes[NVGPU_NR_REGIONS] = { SZ_2G, 2ULL * SZ_2G };

static void bars_init(struct nvgpu_bars *bars, const u64 *sizes)
{
	struct nvgpu_region region[NVGPU_NR_REGIONS] = {};
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		region[i].bar_size = sizes[i];
		region[i].mem_len = sizes[i];
		region[i].bar_index = 2 + 2 * i;
	}
	memset(bars, 0, sizeof(*bars));
	nvgpu_config_init(bars, region);
}

/* Bits of a register byte that a write can change. */
static u8 model_mask(u64 size, unsigned int byte)
{
	unsigned int bit;
	u8 mask = 0;

	for (bit = 0; bit < 8; bit++)
		if (size && (1ULL << (byte * 8 + bit)) >= size)
			mask |= 1 << bit;
	return mask;
}

static u8 model_read(u64 size, const u8 *written, unsigned int byte)
{
	u8 fixed = byte == 0 ? 0xc : 0;

	return (written[byte] & model_mask(size, byte)) | fixed;
}

static void check_against_model(struct kunit *test, struct nvgpu_bars *bars,
				const u64 *sizes, const u8 *written)
{
	u8 regs[REGS];
	unsigned int i, byte, at;

	memset(regs, 0x5a, sizeof(regs));
	nvgpu_config_load(bars, regs);

	for (at = 0; at < 8; at++)
		KUNIT_ASSERT_EQ_MSG(test, regs[at], 0x5a,
				    "byte %u of BAR0/1 overlaid", at);
	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		for (byte = 0; byte < 8; byte++) {
			at = 8 + 8 * i + byte;
			KUNIT_ASSERT_EQ_MSG(test, regs[at], sizes[i] ?
					    model_read(sizes[i], written + at -
						       byte, byte) : 0x5a,
					    "BAR%u byte %u", 2 + 2 * i, byte);
		}
	}
}

/* Sizing as software does it, with accesses of 1, 2, 4 and 8 bytes. */
static void config_sizing(struct kunit *test)
{
	struct nvgpu_bars bars;
	unsigned int width, at;
	u8 ones[REGS], regs[REGS];

	memset(ones, 0xff, sizeof(ones));
	for (width = 1; width <= 8; width *= 2) {
		bars_init(&bars, bar_sizes);
		for (at = 0; at < REGS; at += width)
			nvgpu_config_store(&bars, ones, at, at + width, 0);

		nvgpu_config_load(&bars, regs);
		KUNIT_EXPECT_EQ_MSG(test, get_unaligned_le64(regs + 8),
				    ~(bar_sizes[0] - 1) | 0xc,
				    "BAR2 sized by %u bytes", width);
		KUNIT_EXPECT_EQ_MSG(test, get_unaligned_le64(regs + 16),
				    ~(bar_sizes[1] - 1) | 0xc,
				    "BAR4 sized by %u bytes", width);
	}
}

/* Every span there is, with other bytes around it that must not count. */
static void config_every_span(struct kunit *test)
{
	struct nvgpu_bars bars;
	u8 written[REGS] = {}, image[REGS];
	unsigned int first, end, i;

	bars_init(&bars, bar_sizes);
	for (first = 0; first < REGS; first++) {
		for (end = first + 1; end <= REGS; end++) {
			for (i = 0; i < REGS; i++)
				image[i] = first * 37 + end * 11 + i * 3 + 1;
			memcpy(written + first, image + first, end - first);
			nvgpu_config_store(&bars, image, first, end, 0);
			check_against_model(test, &bars, bar_sizes, written);
		}
	}
}

static void config_random(struct kunit *test)
{
	u64 sizes[NVGPU_NR_REGIONS];
	u8 written[REGS] = {}, image[REGS];
	struct nvgpu_bars bars;
	struct rnd_state rnd;
	unsigned int first, end;
	int i, j;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < RANDOM_WRITES; i++) {
		if (i % 1000 == 0) {
			for (j = 0; j < NVGPU_NR_REGIONS; j++)
				sizes[j] = prandom_u32_state(&rnd) % 8 ?
					   1ULL << (12 + prandom_u32_state(&rnd) % 29) : 0;
			bars_init(&bars, sizes);
			memset(written, 0, sizeof(written));
		}
		prandom_bytes_state(&rnd, image, sizeof(image));
		first = prandom_u32_state(&rnd) % REGS;
		end = first + 1 + prandom_u32_state(&rnd) % (REGS - first);
		memcpy(written + first, image + first, end - first);
		nvgpu_config_store(&bars, image, first, end, 0);
		check_against_model(test, &bars, sizes, written);
	}
	kunit_info(test, "%d writes, seed %#llx\n", RANDOM_WRITES, SEED);
}

static void config_overlaps(struct kunit *test)
{
	static const u64 only_bar4[NVGPU_NR_REGIONS] = { 0, SZ_4K };
	struct nvgpu_bars bars;
	unsigned int pos, count;
	bool got, want;

	bars_init(&bars, bar_sizes);
	for (pos = 0; pos < 64; pos++) {
		for (count = 0; count < 64; count++) {
			got = nvgpu_config_overlaps(&bars, pos, count);
			want = count && pos < 0x28 && pos + count > 0x18;
			KUNIT_ASSERT_EQ_MSG(test, got, want, "%u bytes at %#x",
					    count, pos);
		}
	}

	bars_init(&bars, only_bar4);
	KUNIT_EXPECT_FALSE(test, nvgpu_config_overlaps(&bars, 0x10, 16));
	KUNIT_EXPECT_TRUE(test, nvgpu_config_overlaps(&bars, 0x10, 17));
	KUNIT_EXPECT_FALSE(test, nvgpu_config_overlaps(&bars, ~0ULL, 4));
}

static void config_reset(struct kunit *test)
{
	u8 written[REGS] = {}, zero[REGS] = {}, image[REGS];
	struct nvgpu_bars bars;

	memset(image, 0xa5, sizeof(image));
	memcpy(written, image, sizeof(written));
	bars_init(&bars, bar_sizes);

	nvgpu_config_store(&bars, image, 0, REGS, 0);
	nvgpu_config_reset(&bars, true);
	check_against_model(test, &bars, bar_sizes, zero);

	nvgpu_config_undo_reset(&bars);
	check_against_model(test, &bars, bar_sizes, written);

	nvgpu_config_undo_reset(&bars);
	check_against_model(test, &bars, bar_sizes, written);
}

/* What was written after a reset is newer than what the reset took away. */
static void config_undo_keeps_writes(struct kunit *test)
{
	u8 image[REGS], written[REGS] = {};
	struct nvgpu_bars bars;

	bars_init(&bars, bar_sizes);
	memset(image, 0xa5, sizeof(image));
	nvgpu_config_store(&bars, image, 0, REGS, 0);
	nvgpu_config_reset(&bars, true);

	memset(image, 0xc3, sizeof(image));
	nvgpu_config_store(&bars, image, 8, 16, 1);
	memset(written + 8, 0xc3, 8);
	nvgpu_config_undo_reset(&bars);
	check_against_model(test, &bars, bar_sizes, written);
}

/* Only what came after the last commit can be taken back. */
static void config_undo_after_commit(struct kunit *test)
{
	u8 image[REGS], zero[REGS] = {};
	struct nvgpu_bars bars;

	bars_init(&bars, bar_sizes);
	memset(image, 0xa5, sizeof(image));
	nvgpu_config_store(&bars, image, 0, REGS, 0);
	nvgpu_config_reset(&bars, true);
	nvgpu_config_commit_reset(&bars);
	nvgpu_config_undo_reset(&bars);
	check_against_model(test, &bars, bar_sizes, zero);
}

/* A reset that nobody can take back is not taken back by one who tries. */
static void config_undo_of_others(struct kunit *test)
{
	u8 image[REGS], zero[REGS] = {};
	struct nvgpu_bars bars;

	bars_init(&bars, bar_sizes);
	memset(image, 0xa5, sizeof(image));
	nvgpu_config_store(&bars, image, 0, REGS, 0);
	nvgpu_config_reset(&bars, false);
	nvgpu_config_undo_reset(&bars);
	check_against_model(test, &bars, bar_sizes, zero);
}

/* A write that was under way when a reset came is older than the reset. */
static void config_reset_beats_write(struct kunit *test)
{
	u8 image[REGS], zero[REGS] = {};
	struct nvgpu_bars bars;
	unsigned int resets;

	bars_init(&bars, bar_sizes);
	resets = nvgpu_config_load(&bars, image);
	memset(image, 0xa5, sizeof(image));
	nvgpu_config_reset(&bars, true);
	nvgpu_config_store(&bars, image, 0, REGS, resets);
	check_against_model(test, &bars, bar_sizes, zero);
}

/* Memory that ends before, at and behind the end of a huge page. */
static const u64 area_lens[] = {
	PAGE_SIZE, PMD_SIZE - PAGE_SIZE, PMD_SIZE, PMD_SIZE + PAGE_SIZE,
	3 * PMD_SIZE - PAGE_SIZE, 5 * PMD_SIZE, SZ_2G, SZ_2G + SZ_64K,
	BIT_ULL(40) - SZ_64K, BIT_ULL(40),
};

static void area_desc(const u64 *len, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%#llx", *len);
}

KUNIT_ARRAY_PARAM(area, area_lens, area_desc);

/*
 * uAPI of VFIO_REGION_INFO_CAP_SPARSE_MMAP: the areas that can be mapped, here one
 * behind the other and just the memory; all but the last made of huge pages.
 */
static void config_areas(struct kunit *test)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	u64 len = *(const u64 *)test->param_value, end = 0;
	struct nvgpu_bar bar = { .mem_len = len, .index = 4 };
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	unsigned int i;

	for (bar.size = 16; bar.size < len; bar.size *= 2)
		;
	KUNIT_ASSERT_EQ(test, nvgpu_config_region_info(&bar, &info, &caps), 0);
	KUNIT_EXPECT_EQ(test, info.size, bar.size);
	KUNIT_EXPECT_EQ(test, info.offset, VFIO_PCI_INDEX_TO_OFFSET(4));

	sparse = (const void *)caps.buf;
	KUNIT_ASSERT_NOT_NULL(test, sparse);
	KUNIT_EXPECT_EQ(test, sparse->header.id,
			VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	KUNIT_EXPECT_EQ(test, caps.size, struct_size(sparse, areas, sparse->nr_areas));
	for (i = 0; i < sparse->nr_areas; i++) {
		KUNIT_EXPECT_EQ(test, sparse->areas[i].offset, end);
		KUNIT_EXPECT_GT(test, sparse->areas[i].size, 0);
		if (i + 1 < sparse->nr_areas)
			KUNIT_EXPECT_EQ(test, sparse->areas[i].size % PMD_SIZE, 0);
		end += sparse->areas[i].size;
	}
	KUNIT_EXPECT_EQ(test, end, len);
	KUNIT_EXPECT_EQ(test, sparse->nr_areas,
			1 + (len > PMD_SIZE && len % PMD_SIZE));
	kfree(caps.buf);
}

static struct kunit_case config_kunit_cases[] = {
	KUNIT_CASE(config_sizing),
	KUNIT_CASE(config_every_span),
	KUNIT_CASE(config_random),
	KUNIT_CASE(config_overlaps),
	KUNIT_CASE(config_reset),
	KUNIT_CASE(config_undo_keeps_writes),
	KUNIT_CASE(config_undo_after_commit),
	KUNIT_CASE(config_undo_of_others),
	KUNIT_CASE(config_reset_beats_write),
	KUNIT_CASE_PARAM(config_areas, area_gen_params),
	{}
};

static struct kunit_suite config_kunit_suite = {
	.name = "nvgpu_config",
	.test_cases = config_kunit_cases,
};

kunit_test_suite(config_kunit_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of nvgpu-vfio-pci's BAR registers");
