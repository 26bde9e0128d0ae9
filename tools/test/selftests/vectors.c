// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses in pieces (preadv, pwritev): each piece begins where the driver has left
 * the file position, and a piece that fails does not take back those before it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BARS		PCI_BASE_ADDRESS_0
#define BARS_LEN	24
#define DATA_LEN	3000	/* before the end of the memory */
#define PADDING_LEN	1000
#define MAX_LEN		(DATA_LEN + PADDING_LEN)

FIXTURE(vectors) {
	struct gpu gpu;
	struct model model;
	__u64 config;	/* file offset of configuration space */
	__u8 *hole;	/* first byte of the page that is not there */
};

FIXTURE_SETUP(vectors)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct gpu_region config;
	__u8 *p;

	model_from_sim(&self->model);
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	self->config = config.offset;
	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(munmap(p + page, page), 0);
	self->hole = p + page;
}

FIXTURE_TEARDOWN(vectors)
{
	gpu_close(&self->gpu);
}

/* Three pieces that are @len together, the first and second this long. */
static void cut(struct iovec *pieces, void *buf, size_t len, size_t first, size_t second)
{
	pieces[0] = (struct iovec){ buf, first };
	pieces[1] = (struct iovec){ buf + first, second };
	pieces[2] = (struct iovec){ buf + first + second, len - first - second };
}

/* BAR0 and a byte of BAR2; some of BAR2 alone; the rest of it and BAR4. */
static void cut_bars(struct iovec *pieces, void *buf)
{
	cut(pieces, buf, BARS_LEN, 9, 5);
}

TEST_F(vectors, config_space)
{
	__u8 pattern[BARS_LEN], want[BARS_LEN], seen[BARS_LEN];
	struct iovec pieces[3];

	pattern_fill(pattern, BARS_LEN, 1);
	config_write(&self->gpu, BARS, pattern, BARS_LEN);
	config_read(&self->gpu, BARS, want, BARS_LEN);
	cut_bars(pieces, seen);
	EXPECT_EQ(preadv(self->gpu.device, pieces, 3, self->config + BARS), BARS_LEN);
	EXPECT_EQ(memcmp(seen, want, BARS_LEN), 0)
		TH_LOG("a read of the BARs in pieces differs from one in one piece");

	memset(seen, 0, BARS_LEN);
	config_write(&self->gpu, BARS, seen, BARS_LEN);
	cut_bars(pieces, pattern);
	EXPECT_EQ(pwritev(self->gpu.device, pieces, 3, self->config + BARS), BARS_LEN);
	config_read(&self->gpu, BARS, seen, BARS_LEN);
	EXPECT_EQ(memcmp(seen, want, BARS_LEN), 0)
		TH_LOG("a write of the BARs in pieces differs from one in one piece");
}

/* BAR2 whole, then BAR4 from or to a hole: half of it there, or nothing. */
static void config_fault(struct __test_metadata *_metadata,
			 struct _test_data_vectors *self, size_t good)
{
	__u64 ones = ~0ULL, want;
	struct iovec pieces[] = {
		{ &ones, sizeof(ones) },
		{ self->hole - good, sizeof(__u64) },
	};
	off_t at = (off_t)self->config + PCI_BASE_ADDRESS_2;

	memset(self->hole - good, 0x5a, good);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_2, ones);
	want = config_read64(&self->gpu, PCI_BASE_ADDRESS_2);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_2, 0);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ones);
	EXPECT_EQ(pwritev(self->gpu.device, pieces, 2, at), sizeof(ones));
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_2), want)
		TH_LOG("the first piece did not get to BAR2");
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4) >> 40, ones >> 40)
		TH_LOG("the second piece failed and changed BAR4");
	EXPECT_EQ(preadv(self->gpu.device, pieces, 2, at), sizeof(ones));
	EXPECT_EQ(ones, want);
}

TEST_F(vectors, config_space_with_a_hole)
{
	config_fault(_metadata, self, 0);
	config_fault(_metadata, self, 4);
}

/* Over the end of the memory: data, then padding. */
static void memory(struct __test_metadata *_metadata, struct _test_data_vectors *self,
		   const struct model_region *want)
{
	__u8 pattern[MAX_LEN], seen[MAX_LEN];
	struct iovec pieces[3];
	struct gpu_region region;
	size_t len;
	off_t at;

	if (!want->mem_len)
		return;
	gpu_region(&self->gpu, want->index, &region);
	len = want->bar_size > want->mem_len ? MAX_LEN : DATA_LEN;
	at = (off_t)(region.offset + want->mem_len - DATA_LEN);
	pattern_fill(pattern, len, want->index);
	cut(pieces, pattern, len, 3, len / 3);
	EXPECT_EQ(pwritev(self->gpu.device, pieces, 3, at), len);
	gpu_pread(&self->gpu, &region, seen, DATA_LEN, want->mem_len - DATA_LEN);
	EXPECT_EQ(memcmp(seen, pattern, DATA_LEN), 0)
		TH_LOG("%s: what was written in pieces is not what is there", want->name);

	memset(pattern + DATA_LEN, 0xff, PADDING_LEN);
	memset(seen, 0, len);
	cut(pieces, seen, len, 3, len / 3);
	EXPECT_EQ(preadv(self->gpu.device, pieces, 3, at), len);
	EXPECT_EQ(memcmp(seen, pattern, len), 0)
		TH_LOG("%s: a read in pieces is not what is there", want->name);
}

TEST_F(vectors, usemem)
{
	memory(_metadata, self, &self->model.usemem);
}

TEST_F(vectors, resmem)
{
	memory(_metadata, self, &self->model.resmem);
}

/* The second of three pieces ends in a hole: nothing of the third is moved. */
TEST_F(vectors, memory_with_a_hole)
{
	struct gpu_region usemem;
	__u8 first[100], last[100];
	struct iovec pieces[] = {
		{ first, sizeof(first) },
		{ self->hole - 50, 100 },
		{ last, sizeof(last) },
	};
	__u8 pattern[300];

	gpu_region(&self->gpu, self->model.usemem.index, &usemem);
	pattern_fill(pattern, sizeof(pattern), 7);
	gpu_pwrite(&self->gpu, &usemem, pattern, sizeof(pattern), SZ_1M);
	memset(last, 0, sizeof(last));
	EXPECT_EQ(preadv(self->gpu.device, pieces, 3, (off_t)(usemem.offset + SZ_1M)), 150);
	EXPECT_EQ(memcmp(first, pattern, 100), 0);
	EXPECT_EQ(memcmp(self->hole - 50, pattern + 100, 50), 0);
	EXPECT_EQ(last[0], 0);

	memset(first, 0x11, sizeof(first));
	memset(self->hole - 50, 0x22, 50);
	EXPECT_EQ(pwritev(self->gpu.device, pieces, 3, (off_t)(usemem.offset + SZ_1M)), 150);
	memset(pattern, 0x11, 100);
	memset(pattern + 100, 0x22, 50);
	gpu_pread(&self->gpu, &usemem, last, 100, SZ_1M + 100);
	EXPECT_EQ(memcmp(last, pattern + 100, 100), 0)
		TH_LOG("a write that stops at a hole has changed what is behind it");
}

TEST_HARNESS_MAIN
