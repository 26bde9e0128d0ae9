// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory: allocation, firmware properties, hwpoison, loss of contents.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/property.h>
#include <linux/sizes.h>

#include "sim.h"

#define MEMORY_NAME	"nvgpu-sim memory"
#define AUTO_ALIGN	SZ_1G
#define SCRUB_PART	SZ_512M
#define SCRUB_EDGE	SZ_4M
#define SCRUB_STRIDE	SZ_64K
#define SCRUB_LENGTH	64
#define SCRUB_BYTE	0xa5

/*
 * Memory without an explicit address must fit into the pool. An explicit address
 * may be anything, as firmware may report anything; the memory is backed if that
 * range of the pool is free.
 */
int sim_mem_create(struct sim_gpu *gpu)
{
	const struct sim_identity *id = &gpu->identity;
	const char *name = config_item_name(&gpu->item);
	u64 start, end;

	gpu->memory = (struct resource){ .flags = IORESOURCE_MEM };
	gpu->memory_base = id->memory_auto ? ALIGN(sim_pool_start(), AUTO_ALIGN) :
					     id->memory_base;
	if (!id->memory_size)
		return 0;
	if (id->memory_auto) {
		if (sim_pool_alloc(&gpu->memory, MEMORY_NAME, id->memory_size, AUTO_ALIGN)) {
			pr_err("%s: memory_size=%llu: not free in the pool at a multiple of 1 GiB; reduce it or enlarge pool=\n",
			       name, id->memory_size);
			return -ENOSPC;
		}
		gpu->memory_base = gpu->memory.start;
		return 0;
	}
	start = PAGE_ALIGN_DOWN(id->memory_base);
	end = id->memory_base + id->memory_size;
	if (end < start || PAGE_ALIGN(end) < end ||
	    sim_pool_alloc_at(&gpu->memory, MEMORY_NAME, start, PAGE_ALIGN(end) - start))
		pr_info("%s: memory at %#llx is not backed: the range is not free in the pool\n",
			name, id->memory_base);
	return 0;
}

void sim_mem_destroy(struct sim_gpu *gpu)
{
	sim_pool_free(&gpu->memory);
}

/**
 * sim_mem_describe - add the properties that ACPI's _DSD would provide
 * @gpu: the GPU
 * @pdev: its function 0, not yet probed
 *
 * Return: 0 or -ENOMEM.
 */
int sim_mem_describe(struct sim_gpu *gpu, struct pci_dev *pdev)
{
	const struct sim_identity *id = &gpu->identity;
	struct property_entry props[3] = {};
	unsigned int n = 0;

	if (id->properties & SIM_PROP_BASE)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,gpu-mem-base-pa", gpu->memory_base);
	if (id->properties & SIM_PROP_SIZE)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,gpu-mem-size", id->memory_size);
	if (!n)
		return 0;
	return device_create_managed_software_node(&pdev->dev, props, NULL);
}

/**
 * sim_mem_poison - report a memory failure of a page
 * @gpu: the GPU
 * @offset: of a byte in the page
 *
 * Return: the return value of memory_failure(); -ENODEV if the GPU is not plugged
 * in, -EINVAL if the offset is not inside its memory, -ENXIO if the memory is not
 * backed by the pool (poison must not hit anything else), -EOPNOTSUPP without
 * CONFIG_MEMORY_FAILURE.
 */
int sim_mem_poison(struct sim_gpu *gpu, u64 offset)
{
	phys_addr_t addr;

	scoped_guard(mutex, &gpu->mutex) {
		if (gpu->state != SIM_ON)
			return -ENODEV;
		if (offset >= gpu->identity.memory_size)
			return -EINVAL;
		if (!gpu->memory.parent)
			return -ENXIO;
		addr = gpu->memory_base + offset;
	}
#ifdef CONFIG_MEMORY_FAILURE
	return memory_failure(PHYS_PFN(addr), 0);
#else
	return -EOPNOTSUPP;
#endif
}

static void scrub_chunk(phys_addr_t start, size_t size)
{
	void *chunk = memremap(start, size, MEMREMAP_WB);
	size_t offset;

	if (!chunk) {
		pr_warn("cannot map %pa: memory there survives the reset\n", &start);
		return;
	}
	for (offset = 0; offset < size; offset += SCRUB_STRIDE)
		memset(chunk + offset, SCRUB_BYTE, SCRUB_LENGTH);
	memunmap(chunk);
	cond_resched();
}

/**
 * sim_mem_scrub - lose the contents of the memory
 * @gpu: the GPU
 *
 * Overwrites the first 64 bytes of each 64 KiB in the first and the last 4 MiB of
 * each 512 MiB: enough for a test to detect. Touching all memory of an emulated
 * host, which is allocated 2 MiB at a time, can take longer than training of real
 * memory. Ends early at power off, which waits for it.
 */
void sim_mem_scrub(struct sim_gpu *gpu)
{
	u64 start, end, size;

	if (!gpu->memory.parent)
		return;
	for (start = gpu->memory.start;
	     start < gpu->memory.end && READ_ONCE(gpu->host); start = end) {
		end = min_t(u64, start + SCRUB_PART, gpu->memory.end + 1);
		size = min_t(u64, SCRUB_EDGE, end - start);
		scrub_chunk(start, size);
		scrub_chunk(end - size, size);
	}
}
