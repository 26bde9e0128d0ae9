// SPDX-License-Identifier: GPL-2.0-only
/*
 * The physical memory behind each BAR. A DMA mapping of a BAR's mapping
 * makes the kernel look up the physical pages; the simulator's IOMMU tells
 * which they were.
 */
#include <string.h>
#include <sys/mman.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define IOVA	(4 * SZ_1G)

FIXTURE(dma) {
	struct mem mem;
};

FIXTURE_VARIANT(dma) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(dma, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(dma, resmem) { .is_resmem = true };

FIXTURE_SETUP(dma)
{
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
}

FIXTURE_TEARDOWN(dma)
{
	gpu_close(&self->mem.gpu);
}

static void expect_phys(struct __test_metadata *_metadata,
			struct _test_data_dma *self, __u64 iova, __u64 offset)
{
	__u64 phys = 0;

	ASSERT_TRUE(sim_dma_lookup(iova, &phys))
		TH_LOG("the IOMMU has no mapping at iova 0x%llx", iova);
	EXPECT_EQ(phys, self->mem.want->phys + offset)
		TH_LOG("BAR%u base is physical 0x%llx, expected %s at 0x%llx (offset 0x%llx)",
		       self->mem.want->index, phys - offset, self->mem.want->name,
		       self->mem.want->phys, offset);
}

/* First, middle and last huge page, mapped one by one. */
TEST_F(dma, physical_addresses)
{
	__u64 pmd = pmd_size(), last, offsets[3];
	unsigned int i;
	void *map;

	last = (self->mem.want->mem_len / pmd - 1) * pmd;
	offsets[0] = 0;
	offsets[1] = last / pmd / 2 * pmd;
	offsets[2] = last;
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, offsets[i], pmd,
				      pmd, 0);
		dma_map(&self->mem.gpu, map, IOVA, pmd);
		expect_phys(_metadata, self, IOVA, offsets[i]);
		expect_phys(_metadata, self, IOVA + pmd - SZ_4K,
			    offsets[i] + pmd - SZ_4K);
		dma_unmap(&self->mem.gpu, IOVA, pmd);
	}
}

TEST_F_TIMEOUT(dma, whole_memory, 120)
{
	__u64 len = self->mem.want->mem_len, offset, phys;
	void *map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, len, SZ_1G, 0);

	dma_map(&self->mem.gpu, map, IOVA, len);
	for (offset = 0; offset < len; offset += 64 * SZ_1M)
		expect_phys(_metadata, self, IOVA + offset, offset);
	expect_phys(_metadata, self, IOVA + len - SZ_4K, len - SZ_4K);
	EXPECT_FALSE(sim_dma_lookup(IOVA + len, &phys))
		TH_LOG("the IOMMU maps memory beyond %s", self->mem.want->name);
	dma_unmap(&self->mem.gpu, IOVA, len);
	EXPECT_FALSE(sim_dma_lookup(IOVA, &phys))
		TH_LOG("the DMA mapping is still there after it was removed");
}

/* Ordinary memory next to device memory in one container. */
TEST_F(dma, system_memory)
{
	void *ram = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 phys;

	ASSERT_NE(ram, MAP_FAILED);
	memset(ram, 1, SZ_2M);
	dma_map(&self->mem.gpu, ram, IOVA, SZ_2M);
	ASSERT_TRUE(sim_dma_lookup(IOVA, &phys));
	EXPECT_TRUE(phys < self->mem.model.usemem.phys ||
		    phys >= self->mem.want->phys + self->mem.want->mem_len)
		TH_LOG("anonymous memory is at 0x%llx, inside the GPU's memory", phys);
	dma_unmap(&self->mem.gpu, IOVA, SZ_2M);
}

TEST_HARNESS_MAIN
