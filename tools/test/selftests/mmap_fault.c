// SPDX-License-Identifier: GPL-2.0-only
/*
 * Size of what a fault maps. Touching every page of an aligned mapping costs one
 * minor fault per huge page, and no page table below it: a driver that maps
 * small pages around a fault has as few faults, but fills tables. Where they have to
 * be small that is what it should do.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define HUGE_PAGES	16

FIXTURE(mmap_fault) {
	struct mem mem;
};

FIXTURE_VARIANT(mmap_fault) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(mmap_fault, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(mmap_fault, resmem) { .is_resmem = true };

FIXTURE_SETUP(mmap_fault)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
}

FIXTURE_TEARDOWN(mmap_fault)
{
	gpu_close(&self->mem.gpu);
}

/* Return: faults that touching one word of each page took. */
static long touch_pages(const __u8 *map, __u64 len, __u64 page)
{
	long before = minor_faults();
	__u64 i;

	for (i = 0; i < len; i += page)
		(void)load32(map + i);
	return minor_faults() - before;
}

/*
 * With 64K pages the memory has only a few huge pages, of 512 MiB. The tables above
 * them come with the first one.
 */
TEST_F(mmap_fault, aligned_mapping_has_huge_pages)
{
	__u64 pmd = pmd_size(), tables;
	long faults, huge, small;
	__u8 *map;

	huge = (long)(self->mem.want->mem_len / pmd);
	huge = huge < HUGE_PAGES ? huge : HUGE_PAGES;
	if (!huge)
		SKIP(return, "%s is shorter than a huge page", self->mem.want->name);
	map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, huge * pmd, pmd, 0);
	faults = touch_pages(map, pmd, self->mem.page);
	tables = page_table_bytes();
	faults += touch_pages(map + pmd, (huge - 1) * pmd, self->mem.page);
	small = (long)((page_table_bytes() - tables) / self->mem.page);
	EXPECT_TRUE(small < huge - 1 || huge == 1)
		TH_LOG("BAR%u: %ld new page tables below %ld huge pages: they are small pages",
		       self->mem.want->index, small, huge - 1);
	EXPECT_LE(faults, huge + 2)
		TH_LOG("BAR%u: %ld faults for %ld huge pages of 0x%llx bytes: no huge faults",
		       self->mem.want->index, faults, huge, pmd);
	EXPECT_GE(faults, huge)
		TH_LOG("BAR%u: %ld faults for %ld huge pages, too few to be counted right",
		       self->mem.want->index, faults, huge);
	EXPECT_LE(touch_pages(map, huge * pmd, self->mem.page), 1)
		TH_LOG("touching the same pages again faults again");
}

/* One page off: no entry may be huge, and the data is that of the right page. */
TEST_F(mmap_fault, misaligned_mapping_is_right)
{
	__u64 pmd = pmd_size(), len = 2 * pmd, offset = SZ_2M - 3 * self->mem.page, i, val;
	__u8 *map;

	map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, offset, len, pmd,
			      self->mem.page);
	for (i = 0; i < len; i += self->mem.page) {
		val = i * 3;
		gpu_pwrite(&self->mem.gpu, &self->mem.region, &val, sizeof(val), offset + i);
	}
	for (i = 0; i < len; i += self->mem.page) {
		ASSERT_EQ(load64(map + i), i * 3)
			TH_LOG("BAR%u: mapping one page off: page 0x%llx shows another",
			       self->mem.want->index, i / self->mem.page);
	}
}

/* Where entries cannot be huge a fault maps the pages behind it, dozens of them. */
TEST_F(mmap_fault, misaligned_mapping_is_filled_behind_a_fault)
{
	__u64 pmd = pmd_size(), len = 2 * pmd;
	long nr = (long)(len / self->mem.page), faults;
	__u8 *map;

	map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, len, pmd, self->mem.page);
	faults = touch_pages(map, len, self->mem.page);
	EXPECT_LE(faults, nr / 32)
		TH_LOG("BAR%u: %ld faults for %ld pages", self->mem.want->index, faults, nr);
}

/* A VMA that ends inside a huge page must not get one there. */
TEST_F(mmap_fault, end_of_vma_inside_a_huge_page)
{
	__u64 pmd = pmd_size(), len = pmd + 7 * self->mem.page;
	__u8 *map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, len, pmd, 0);
	__u8 *tail = map + len - self->mem.page;
	__u32 val;

	store32(tail, 0x7a11);
	gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), len - self->mem.page);
	EXPECT_EQ(val, 0x7a11);
	ASSERT_EQ(munmap(map + pmd, self->mem.page), 0);
	EXPECT_EQ(touch_read(tail, &val), 0);
	EXPECT_EQ(val, 0x7a11);
}

/* The last, incomplete huge page of the memory is reached page by page. */
TEST_F(mmap_fault, tail_of_the_memory)
{
	__u64 tail = self->mem.want->mem_len % pmd_size(), start, val = 0x7a12, seen;
	__u8 *map;

	if (!tail)
		SKIP(return, "%s is a multiple of huge pages", self->mem.want->name);
	start = self->mem.want->mem_len - tail;
	map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, start, tail, pmd_size(), 0);
	store64(map + tail - sizeof(val), val);
	gpu_pread(&self->mem.gpu, &self->mem.region, &seen, sizeof(seen),
		  self->mem.want->mem_len - sizeof(seen));
	EXPECT_EQ(seen, val)
		TH_LOG("the last word of %s differs between mapping and read",
		       self->mem.want->name);
}

TEST_HARNESS_MAIN
