// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool: RAM hidden from the kernel by mem=. It backs GPU memory and PCI
 * windows with real memory.
 *
 * The pool is a resource in iomem_resource, not busy: it reserves the range, and
 * request_mem_region() of a driver for GPU memory still descends into it and
 * succeeds, as on hardware.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/sizes.h>

#include "sim.h"

#define POOL_ALIGN	SZ_2M

static char *pool_arg;
module_param_named(pool, pool_arg, charp, 0444);
MODULE_PARM_DESC(pool, "SIZE@START: RAM that the kernel does not use (see mem=), e.g. 6G@0xc0000000");

static struct resource pool = {
	.name = "nvgpu-sim pool",
	.flags = IORESOURCE_MEM,
};

static int pool_parse(const char *arg)
{
	u64 size, start, end;
	char *rest;

	if (!arg) {
		pr_err("no pool: pass pool=SIZE@START, RAM that the kernel does not use, e.g. mem=2G nvgpu_sim.pool=6G@0xc0000000\n");
		return -EINVAL;
	}
	size = memparse(arg, &rest);
	if (*rest != '@') {
		pr_err("pool=%s is not SIZE@START, e.g. 6G@0xc0000000\n", arg);
		return -EINVAL;
	}
	start = memparse(rest + 1, &rest);
	if (*rest || !size || !IS_ALIGNED(size | start, POOL_ALIGN)) {
		pr_err("pool=%s: size and start must be multiples of 2 MiB, the size not 0\n", arg);
		return -EINVAL;
	}
	if (check_add_overflow(start, size - 1, &end) || end > PHYS_ADDR_MAX) {
		pr_err("pool=%s ends beyond the largest physical address\n", arg);
		return -EINVAL;
	}
	pool.start = start;
	pool.end = end;
	return 0;
}

int sim_pool_init(void)
{
	int ret;

	ret = pool_parse(pool_arg);
	if (ret)
		return ret;
	if (region_intersects(pool.start, resource_size(&pool), IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("pool=%s overlaps System RAM: hide it from the kernel with mem= or memmap=\n",
		       pool_arg);
		return -EINVAL;
	}
	ret = insert_resource(&iomem_resource, &pool);
	if (ret)
		pr_err("pool=%s overlaps another resource in /proc/iomem: move it\n",
		       pool_arg);
	return ret;
}

void sim_pool_exit(void)
{
	remove_resource(&pool);
}

u64 sim_pool_start(void)
{
	return pool.start;
}

/**
 * sim_pool_alloc - take memory from the pool
 * @res: becomes a child of the pool; its flags are kept
 * @name: name in /proc/iomem; must live as long as @res
 * @size: in bytes, not 0; rounded up to whole pages
 * @align: power of two, at least a page
 *
 * Return: 0, or -EBUSY if no free piece is large enough.
 */
int sim_pool_alloc(struct resource *res, const char *name, u64 size, u64 align)
{
	if (size > resource_size(&pool))
		return -EBUSY;
	res->name = name;
	return allocate_resource(&pool, res, PAGE_ALIGN(size), pool.start, pool.end,
				 align, NULL, NULL);
}

/**
 * sim_pool_alloc_at - take a given range of the pool
 * @res: becomes a child of the pool; its flags are kept
 * @name: name in /proc/iomem; must live as long as @res
 * @start: first address
 * @size: in bytes, not 0
 *
 * Return: 0, or -EBUSY if it is not inside the pool or not free.
 */
int sim_pool_alloc_at(struct resource *res, const char *name, u64 start, u64 size)
{
	u64 end;

	if (check_add_overflow(start, size - 1, &end) ||
	    start < pool.start || end > pool.end)
		return -EBUSY;
	res->name = name;
	res->start = start;
	res->end = end;
	return request_resource(&pool, res);
}

/**
 * sim_pool_free - return a range to the pool
 * @res: filled by sim_pool_alloc() or sim_pool_alloc_at(); may be unallocated
 */
void sim_pool_free(struct resource *res)
{
	if (res->parent)
		release_resource(res);
}
