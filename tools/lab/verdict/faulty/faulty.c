// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does wrong what a kernel that checks itself has to find, to prove that the lab
 * hears of it: tools/lab/verdict/boots.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

/* A single lost object may be missed: something on a stack may look like its address. */
#define LEAKS	64

static bool leak;
module_param(leak, bool, 0444);
MODULE_PARM_DESC(leak, "lose memory");

static bool deadlock;
module_param(deadlock, bool, 0444);
MODULE_PARM_DESC(deadlock, "take two locks in one order, then in the other");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void faulty_leak(void)
{
	void *lost;
	int i;

	for (i = 0; i < LEAKS; i++) {
		lost = kzalloc(100, GFP_KERNEL);
		pr_debug("lost %p\n", lost);
	}
}

static void faulty_deadlock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static int __init faulty_init(void)
{
	if (leak)
		faulty_leak();
	if (deadlock)
		faulty_deadlock();
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults for the lab to find");
