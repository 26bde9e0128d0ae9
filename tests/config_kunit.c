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
#define BARS		(REGS / 8)
#define RANDOM_WRITES	100000
#define SEED		0x62617273ULL

/* BAR2/3 of 2 GiB and BAR4/5 of 4 GiB, as the simulated GPU has, and all that there can be. */
static const u64 two_bars[BARS] = { 0, SZ_2G, 2ULL * SZ_2G };
static const u64 all_bars[BARS] = { SZ_4K, SZ_2G, 2ULL * SZ_2G };

/* One region for each size that is not 0, of the BAR of that number. */
static void bars_init(struct nvgpu_bars *bars, const u64 *sizes)
{
	int i;

	memset(bars, 0, sizeof(*bars));
	spin_lock_init(&bars->lock);
	for (i = 0; i < BARS; i++) {
		if (!sizes[i])
			continue;
		bars->region[bars->nr].bar_size = sizes[i];
		bars->region[bars->nr].mem_len = sizes[i];
		bars->region[bars->nr++].bar_index = 2 * i;
	}
}

static void load(struct nvgpu_bars *bars, u8 *regs)
{
	unsigned int i;

	for (i = 0; i < bars->nr; i++)
		put_unaligned_le64(nvgpu_config_load(bars, &bars->region[i]),
				   regs + 4 * bars->region[i].bar_index);
}

/* Those bytes of the image that are in [@pos, @pos + @count) of config space. */
static void store(struct nvgpu_bars *bars, const u8 *image, u64 pos, size_t count)
{
	unsigned int i;

	for (i = 0; i < bars->nr; i++) {
		u64 start = PCI_BASE_ADDRESS_0 + 4 * bars->region[i].bar_index;
		u64 first = max(pos, start), end = min(pos + count, start + 8);
		__le64 data = 0;

		if (first >= end)
			continue;
		memcpy(&data, image + first - PCI_BASE_ADDRESS_0, end - first);
		nvgpu_config_store(bars, &bars->region[i], first - start,
				   end - first, le64_to_cpu(data));
	}
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
	unsigned int i, byte, at;
	u8 regs[REGS];

	memset(regs, 0x5a, sizeof(regs));
	load(bars, regs);

	for (i = 0; i < BARS; i++) {
		for (byte = 0; byte < 8; byte++) {
			at = 8 * i + byte;
			KUNIT_ASSERT_EQ_MSG(test, regs[at], sizes[i] ?
					    model_read(sizes[i], written + 8 * i,
						       byte) : 0x5a,
					    "BAR%u byte %u", 2 * i, byte);
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
		bars_init(&bars, all_bars);
		for (at = 0; at < REGS; at += width)
			store(&bars, ones, PCI_BASE_ADDRESS_0 + at, width);

		load(&bars, regs);
		for (at = 0; at < BARS; at++)
			KUNIT_EXPECT_EQ_MSG(test, get_unaligned_le64(regs + 8 * at),
					    ~(all_bars[at] - 1) | 0xc,
					    "BAR%u sized by %u bytes", 2 * at, width);
	}
}

/* Every access there is around the BARs, with other bytes in the image that must not count. */
static void check_every_span(struct kunit *test, const u64 *sizes)
{
	u8 written[REGS] = {}, image[REGS];
	unsigned int pos, count, at, i;
	struct nvgpu_bars bars;

	bars_init(&bars, sizes);
	for (pos = 0; pos < PCI_STD_HEADER_SIZEOF; pos++) {
		for (count = 0; count < PCI_STD_HEADER_SIZEOF; count++) {
			for (i = 0; i < REGS; i++) {
				image[i] = pos * 37 + count * 11 + i * 3 + 1;
				at = PCI_BASE_ADDRESS_0 + i;
				if (at >= pos && at < pos + count)
					written[i] = image[i];
			}
			store(&bars, image, pos, count);
			check_against_model(test, &bars, sizes, written);
		}
	}
}

static void config_every_span(struct kunit *test)
{
	check_every_span(test, two_bars);
	check_every_span(test, all_bars);
}

static void config_random(struct kunit *test)
{
	u8 written[REGS] = {}, image[REGS];
	struct nvgpu_bars bars;
	unsigned int first, end;
	struct rnd_state rnd;
	u64 sizes[BARS];
	int i, j;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < RANDOM_WRITES; i++) {
		if (i % 1000 == 0) {
			for (j = 0; j < BARS; j++)
				sizes[j] = prandom_u32_state(&rnd) % 8 ?
					   1ULL << (12 + prandom_u32_state(&rnd) % 29) : 0;
			bars_init(&bars, sizes);
			memset(written, 0, sizeof(written));
		}
		prandom_bytes_state(&rnd, image, sizeof(image));
		first = prandom_u32_state(&rnd) % REGS;
		end = first + 1 + prandom_u32_state(&rnd) % (REGS - first);
		memcpy(written + first, image + first, end - first);
		store(&bars, image, PCI_BASE_ADDRESS_0 + first, end - first);
		check_against_model(test, &bars, sizes, written);
	}
	kunit_info(test, "%d writes, seed %#llx\n", RANDOM_WRITES, SEED);
}

static void config_reset(struct kunit *test)
{
	u8 zero[REGS] = {}, image[REGS];
	struct nvgpu_bars bars;

	memset(image, 0xa5, sizeof(image));
	bars_init(&bars, all_bars);
	store(&bars, image, 0, PCI_CFG_SPACE_EXP_SIZE);
	check_against_model(test, &bars, all_bars, image);
	nvgpu_config_reset(&bars);
	check_against_model(test, &bars, all_bars, zero);
}

/* PCIe r6.0, 7.8.6: the size as a bit and as a number; number and index of BARs stay. */
static void config_rebar(struct kunit *test)
{
	u32 ctrl = 0xffffff62, n;
	u64 entry;

	for (n = 0; n <= 20; n++) {
		entry = nvgpu_config_rebar_entry((u64)SZ_1M << n, ctrl);
		KUNIT_EXPECT_EQ(test, lower_32_bits(entry), 0x10 << n);
		KUNIT_EXPECT_EQ(test, upper_32_bits(entry), 0x62 | n << 8);
	}
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
 * behind the other and just the memory; one where the core exports dma-bufs, else all
 * but the last made of huge pages.
 */
static void config_areas(struct kunit *test)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	u64 len = *(const u64 *)test->param_value, end = 0;
	struct nvgpu_region region = { .mem_len = len, .bar_index = 4 };
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	unsigned int i;

	for (region.bar_size = 16; region.bar_size < len; region.bar_size *= 2)
		;
	KUNIT_ASSERT_EQ(test, nvgpu_config_region_info(&region, &info, &caps), 0);
	KUNIT_EXPECT_EQ(test, info.size, region.bar_size);
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
			IS_ENABLED(CONFIG_VFIO_PCI_DMABUF) ? 1 :
			1 + (len > PMD_SIZE && len % PMD_SIZE));
	kfree(caps.buf);
}

static struct kunit_case config_kunit_cases[] = {
	KUNIT_CASE(config_sizing),
	KUNIT_CASE(config_every_span),
	KUNIT_CASE(config_random),
	KUNIT_CASE(config_reset),
	KUNIT_CASE(config_rebar),
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
