// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: hot-adds memory as System RAM, as a driver for such memory does, and
 * takes it away again. Loading fails with the error of add_memory(), EBUSY for a
 * range that somebody has: the module loader keeps EEXIST for itself.
 */
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static u64 start;
module_param(start, ullong, 0444);
MODULE_PARM_DESC(start, "First physical address");

static u64 size;
module_param(size, ullong, 0444);
MODULE_PARM_DESC(size, "Bytes, a multiple of /sys/devices/system/memory/block_size_bytes");

static int __init hot_ram_init(void)
{
	int ret = add_memory(0, start, size, MHP_NONE);

	return ret == -EEXIST ? -EBUSY : ret;
}

static void __exit hot_ram_exit(void)
{
	int ret = offline_and_remove_memory(start, size);

	if (ret)
		pr_err("System RAM at %#llx is in use and stays: %d\n", start, ret);
}

module_init(hot_ram_init);
module_exit(hot_ram_exit);

MODULE_DESCRIPTION("Hot-adds memory as System RAM, for tests");
MODULE_LICENSE("GPL");
