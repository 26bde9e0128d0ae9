// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: hot-adds memory as System RAM, as NVIDIA's driver does with the memory of a
 * GPU, and takes it away again. Loading fails with the error of
 * add_memory_driver_managed(), EBUSY for a range that somebody has: the module loader
 * keeps EEXIST for itself.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/math.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#define MAX_RANGES	4

/* That driver adds a range in at most as many pieces, on boundaries of memory blocks. */
#define MAX_PIECES	128

static unsigned long long start[MAX_RANGES];
static unsigned int nr_ranges;
module_param_array(start, ullong, &nr_ranges, 0444);
MODULE_PARM_DESC(start, "First physical address of each range");

static unsigned long long size[MAX_RANGES];
module_param_array(size, ullong, NULL, 0444);
MODULE_PARM_DESC(size, "Bytes, a multiple of /sys/devices/system/memory/block_size_bytes");

static int pxm[MAX_RANGES] = { [0 ... MAX_RANGES - 1] = -1 };
module_param_array(pxm, int, NULL, 0444);
MODULE_PARM_DESC(pxm, "Its proximity domain (ACPI); without one it becomes memory of node 0");

static int node[MAX_RANGES];
module_param_array(node, int, NULL, 0444);
MODULE_PARM_DESC(node, "Tells the NUMA node of each range");

static unsigned long long cached[MAX_RANGES];
static unsigned int nr_cached;
module_param_array(cached, ullong, &nr_cached, 0444);
MODULE_PARM_DESC(cached, "First address of memory to map cacheable, fill and compare");

static unsigned long long cached_size[MAX_RANGES];
module_param_array(cached_size, ullong, NULL, 0444);
MODULE_PARM_DESC(cached_size, "Bytes of it");

static u64 piece_size(unsigned int i)
{
	u64 block = memory_block_size_bytes();

	return max(block, roundup(size[i] / MAX_PIECES, block));
}

/* Piece by piece, as it was added: each is a resource of its own. */
static void remove_ram(unsigned int i, u64 added)
{
	u64 done, len;
	int ret;

	for (done = 0; done < added; done += len) {
		len = min(piece_size(i), added - done);
		ret = offline_and_remove_memory(start[i] + done, len);
		if (ret)
			pr_err("System RAM at %#llx is in use and stays: %d\n",
			       start[i] + done, ret);
	}
}

static int add_ram(unsigned int i)
{
	u64 done, len;
	int ret;

	for (done = 0; done < size[i]; done += len) {
		len = min(piece_size(i), size[i] - done);
		ret = add_memory_driver_managed(node[i], start[i] + done, len,
						"System RAM (NVIDIA)", MHP_NONE);
		if (ret) {
			remove_ram(i, done);
			return ret == -EEXIST ? -EBUSY : ret;
		}
	}
	return 0;
}

static int check_cached(u64 from, u64 len)
{
	u64 *mem = memremap(from, len, MEMREMAP_WB);
	u64 i, nr = len / sizeof(*mem);
	int ret = 0;

	if (!mem)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		mem[i] = from + i;
	for (i = 0; i < nr && !ret; i++) {
		if (mem[i] == from + i)
			continue;
		pr_err("memory at %#llx does not hold what is written\n",
		       from + i * sizeof(*mem));
		ret = -EIO;
	}
	memunmap(mem);
	return ret;
}

static void remove_ranges(unsigned int nr)
{
	while (nr--)
		remove_ram(nr, size[nr]);
}

static int __init hot_ram_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr_cached; i++) {
		ret = check_cached(cached[i], cached_size[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < nr_ranges; i++) {
		node[i] = pxm[i] < 0 ? 0 : pxm_to_node(pxm[i]);
		ret = add_ram(i);
		if (ret) {
			remove_ranges(i);
			return ret;
		}
	}
	return 0;
}

static void __exit hot_ram_exit(void)
{
	remove_ranges(nr_ranges);
}

module_init(hot_ram_init);
module_exit(hot_ram_exit);

MODULE_DESCRIPTION("Hot-adds memory as System RAM, for tests");
MODULE_LICENSE("GPL");
