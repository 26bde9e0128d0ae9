// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() and write() of device memory: exact counts for data and padding,
 * the same bytes as a mapping shows, nothing beyond what was asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BIG	(5 * SZ_1M + 3)
/* A failing user copy may stop this many bytes before the page that faults. */
#define COPY_SLACK	128

FIXTURE(rdwr) {
	struct mem mem;
	__u8 *buf;
};

FIXTURE_VARIANT(rdwr) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(rdwr, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(rdwr, resmem) { .is_resmem = true };

FIXTURE_SETUP(rdwr)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	self->buf = malloc(BIG);
	ASSERT_NE(self->buf, NULL);
}

FIXTURE_TEARDOWN(rdwr)
{
	free(self->buf);
	gpu_close(&self->mem.gpu);
}

static size_t first_not_ff(const __u8 *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != 0xff)
			break;
	return i;
}

TEST_F(rdwr, small_accesses_at_odd_offsets)
{
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, self->mem.page);
	unsigned int offset, len;
	size_t bad;

	for (offset = 0; offset < 18; offset++) {
		for (len = 1; len < 34; len++) {
			memset(map, 0x11, 64);
			pattern_fill(self->buf, len, offset * 64 + len);
			gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, len, offset);
			bad = pattern_check(map + offset, len, offset * 64 + len);
			ASSERT_EQ(bad, len)
				TH_LOG("write of %u bytes at 0x%x: the mapping differs at byte %zu",
				       len, offset, bad);
			EXPECT_EQ(map[offset + len], 0x11)
				TH_LOG("write of %u bytes at 0x%x changed the byte behind",
				       len, offset);
			if (offset)
				EXPECT_EQ(map[offset - 1], 0x11);
			memset(self->buf, 0, len + 1);
			gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, len, offset);
			bad = pattern_check(self->buf, len, offset * 64 + len);
			ASSERT_EQ(bad, len)
				TH_LOG("read of %u bytes at 0x%x differs at byte %zu",
				       len, offset, bad);
			EXPECT_EQ(self->buf[len], 0)
				TH_LOG("read of %u bytes wrote more than that", len);
		}
	}
}

TEST_F_TIMEOUT(rdwr, large_unaligned, 120)
{
	__u64 start = 3 * SZ_1M + 5;
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, 16 * SZ_1M);
	size_t bad;

	pattern_fill(self->buf, BIG, 7);
	gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, BIG, start);
	bad = pattern_check(map + start, BIG, 7);
	EXPECT_EQ(bad, BIG)
		TH_LOG("write of %llu bytes: the mapping differs at byte %zu", BIG, bad);

	pattern_fill(map + start, BIG, 8);
	gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, BIG, start);
	bad = pattern_check(self->buf, BIG, 8);
	EXPECT_EQ(bad, BIG)
		TH_LOG("read of %llu bytes differs from the mapping at byte %zu", BIG, bad);
}

TEST_F(rdwr, end_of_memory)
{
	__u64 end = self->mem.want->mem_len;
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, end - self->mem.page,
			    self->mem.page);
	unsigned int before, len;
	size_t bad;

	for (before = 1; before < 20; before += 3) {
		len = before + 13;
		pattern_fill(map + self->mem.page - before, before, before);
		memset(self->buf, 0, len);
		gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, len, end - before);
		bad = pattern_check(self->buf, before, before);
		EXPECT_EQ(bad, before)
			TH_LOG("read over the end of %s: data byte %zu of %u is wrong",
			       self->mem.want->name, bad, before);
		bad = before + first_not_ff(self->buf + before, len - before);
		EXPECT_EQ(bad, len)
			TH_LOG("read over the end of %s: padding byte %zu is 0x%02x, expected 0xff",
			       self->mem.want->name, bad - before, self->buf[bad]);

		pattern_fill(self->buf, len, 100 + before);
		gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, len, end - before);
		bad = pattern_check(map + self->mem.page - before, before, 100 + before);
		EXPECT_EQ(bad, before)
			TH_LOG("write over the end of %s: data byte %zu of %u is wrong",
			       self->mem.want->name, bad, before);
	}
}

TEST_F(rdwr, large_read_over_the_end_of_memory)
{
	__u64 before = SZ_2M + 1, start = self->mem.want->mem_len - before;
	size_t bad;

	if (self->mem.region.size == self->mem.want->mem_len)
		SKIP(return, "%s fills its BAR", self->mem.want->name);
	pattern_fill(self->buf, before, 9);
	gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, before, start);
	memset(self->buf, 0, BIG);
	gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, BIG, start);
	bad = pattern_check(self->buf, before, 9);
	EXPECT_EQ(bad, before)
		TH_LOG("data byte %zu is wrong", bad);
	bad = before + first_not_ff(self->buf + before, BIG - before);
	EXPECT_EQ(bad, BIG)
		TH_LOG("padding byte %llu is 0x%02x, expected 0xff", bad - before,
		       self->buf[bad]);
}

TEST_F(rdwr, padding)
{
	__u64 end = self->mem.want->mem_len, mid = end + (self->mem.region.size - end) / 2;
	__u64 first, after, data;

	if (self->mem.region.size == end)
		SKIP(return, "%s fills its BAR", self->mem.want->name);
	gpu_pread(&self->mem.gpu, &self->mem.region, &first, sizeof(first), 0);
	gpu_pread(&self->mem.gpu, &self->mem.region, &data, sizeof(data), end - 8);

	memset(self->buf, 0x33, BIG);
	gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, SZ_1M, end);
	gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, 5, mid + 1);
	gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, SZ_1M, end);
	EXPECT_EQ(first_not_ff(self->buf, SZ_1M), SZ_1M)
		TH_LOG("padding behind %s does not read ~0", self->mem.want->name);
	memset(self->buf, 0, 16);
	gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, 7, mid + 1);
	EXPECT_EQ(first_not_ff(self->buf, 7), 7)
		TH_LOG("padding of %s at 0x%llx does not read ~0", self->mem.want->name,
		       mid + 1);
	EXPECT_EQ(self->buf[7], 0);

	gpu_pread(&self->mem.gpu, &self->mem.region, &after, sizeof(after), 0);
	EXPECT_EQ(after, first)
		TH_LOG("a write to padding changed the start of %s", self->mem.want->name);
	gpu_pread(&self->mem.gpu, &self->mem.region, &after, sizeof(after), end - 8);
	EXPECT_EQ(after, data)
		TH_LOG("a write to padding changed the end of %s", self->mem.want->name);
}

TEST_F(rdwr, end_of_region)
{
	__u64 size = self->mem.region.size;

	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, 64, size - 10), 10)
		TH_LOG("a read over the end of BAR%u is not cut there", self->mem.want->index);
	EXPECT_EQ(__gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, 64, size - 10), 10)
		TH_LOG("a write over the end of BAR%u is not cut there", self->mem.want->index);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, 1, size), -EINVAL)
		TH_LOG("a read at the end of BAR%u is not refused as vfio-pci does",
		       self->mem.want->index);
	EXPECT_EQ(__gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, 1, size), -EINVAL);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, 8, size + SZ_1G),
		  -EINVAL);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, self->buf, 0, 0), 0)
		TH_LOG("a read of no bytes does not return 0");
}

/* A buffer of @len bytes of which only the first @good are there. */
static __u8 *buffer_with_hole(struct _test_data_rdwr *self, size_t good)
{
	size_t map_len = (good + self->mem.page - 1) / self->mem.page * self->mem.page;
	__u8 *p = mmap(NULL, map_len + self->mem.page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + map_len, self->mem.page))
		die("cannot make a buffer with a hole: %s", strerror(errno));
	return p + map_len - good;
}

static bool is_short_at(ssize_t ret, size_t good)
{
	return ret > 0 && (size_t)ret <= good && (size_t)ret + COPY_SLACK > good;
}

TEST_F(rdwr, read_stops_at_a_fault_in_the_buffer)
{
	size_t good = 3 * self->mem.page + 17, len = 6 * self->mem.page, bad;
	__u8 *buf = buffer_with_hole(self, good);
	ssize_t ret;

	pattern_fill(self->buf, len, 21);
	gpu_pwrite(&self->mem.gpu, &self->mem.region, self->buf, len, 0);
	ret = __gpu_pread(&self->mem.gpu, &self->mem.region, buf, len, 0);
	EXPECT_TRUE(is_short_at(ret, good))
		TH_LOG("read of %zu bytes into a buffer of %zu returned %zd", len,
		       good, ret);
	if (ret > 0) {
		bad = pattern_check(buf, (size_t)ret, 21);
		EXPECT_EQ(bad, (size_t)ret)
			TH_LOG("byte %zu of the %zd read is wrong", bad, ret);
	}
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, buf + good, 8, 0), -EFAULT)
		TH_LOG("a read into nothing does not give -EFAULT");
}

TEST_F(rdwr, write_stops_at_a_fault_in_the_buffer)
{
	size_t good = 3 * self->mem.page + 17, len = 6 * self->mem.page, bad;
	__u8 *map = gpu_map(&self->mem.gpu, &self->mem.region, 0, 2 * SZ_1M);
	__u8 *buf = buffer_with_hole(self, good);
	ssize_t ret;

	memset(map, 0, len);
	pattern_fill(buf, good, 22);
	ret = __gpu_pwrite(&self->mem.gpu, &self->mem.region, buf, len, 0);
	EXPECT_TRUE(is_short_at(ret, good))
		TH_LOG("write of %zu bytes from a buffer of %zu returned %zd", len,
		       good, ret);
	if (ret > 0) {
		bad = pattern_check(map, (size_t)ret, 22);
		EXPECT_EQ(bad, (size_t)ret)
			TH_LOG("byte %zu of the %zd written is wrong", bad, ret);
	}
	EXPECT_EQ(map[good], 0)
		TH_LOG("a byte that could not be read was written");
	EXPECT_EQ(__gpu_pwrite(&self->mem.gpu, &self->mem.region, buf + good, 8, 0), -EFAULT);
}

TEST_F(rdwr, padding_stops_at_a_fault_in_the_buffer)
{
	size_t good = self->mem.page + 5;
	__u8 *buf = buffer_with_hole(self, good);
	ssize_t ret;

	if (self->mem.region.size == self->mem.want->mem_len)
		SKIP(return, "%s fills its BAR", self->mem.want->name);
	ret = __gpu_pread(&self->mem.gpu, &self->mem.region, buf, 4 * self->mem.page,
			  self->mem.want->mem_len);
	EXPECT_TRUE(is_short_at(ret, good))
		TH_LOG("read of padding into a buffer of %zu bytes returned %zd",
		       good, ret);
}

TEST_HARNESS_MAIN
