// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeroing of a region between two owners, in chunks.
 *
 * When a region appears and after an owner has gone, threads of the lowest priority zero
 * it: as many as the node has CPUs, so that they use those that are idle. open() does
 * what they have not done yet, at the priority of its caller, and is killable.
 *
 * A chunk is dirty, or some task zeroes it, or it is zero. A task that gives up leaves
 * its chunk dirty.
 */
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "egm.h"

/* Large enough for the cost of mapping it not to matter. */
#define EGM_CHUNK	SZ_64M

/* Zeroed between two looks at whether to go on, and chances to reschedule. */
#define EGM_STEP	SZ_2M

static int egm_zero_interrupted(const struct egm_region *region)
{
	if (READ_ONCE(region->revoked))
		return -ENODEV;
	if (current->flags & PF_KTHREAD)
		return kthread_should_stop() ? -EINTR : 0;
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Mapped only meanwhile: the kernel has no alias of the memory of a guest. */
static int egm_zero_range(const struct egm_region *region, u64 from, u64 end)
{
	void *kva = memremap(region->props.base + from, end - from, MEMREMAP_WB);
	int ret = 0;
	u64 at;

	if (!kva)
		return -ENOMEM;
	for (at = 0; at < end - from && !ret; at += EGM_STEP) {
		memset(kva + at, 0, min_t(u64, EGM_STEP, end - from - at));
		cond_resched();
		ret = egm_zero_interrupted(region);
	}
	memunmap(kva);
	return ret;
}

/* Bad blocks are not touched. */
static int egm_zero_chunk(struct egm_region *region, unsigned long chunk)
{
	u64 from = (u64)chunk * EGM_CHUNK;
	u64 end = min_t(u64, from + EGM_CHUNK, region->props.size);
	int ret = 0;
	u64 bad;

	for (; from < end && !ret; from = bad + EGM_BLOCK) {
		bad = egm_retired_next(region->bad, from, end);
		if (bad > from)
			ret = egm_zero_range(region, from, bad);
	}
	return ret;
}

/* Zero chunks until none is dirty; also the function of the threads. */
static int egm_zero_run(void *data)
{
	struct egm_region *region = data;
	struct egm_zero *zero = &region->zero;
	unsigned long chunk;
	int ret = 0;

	spin_lock(&zero->lock);
	while (!ret) {
		chunk = find_first_bit(zero->dirty, zero->nr);
		if (chunk == zero->nr)
			break;
		__clear_bit(chunk, zero->dirty);
		WRITE_ONCE(zero->busy, zero->busy + 1);
		spin_unlock(&zero->lock);

		ret = egm_zero_chunk(region, chunk);

		spin_lock(&zero->lock);
		if (ret)
			__set_bit(chunk, zero->dirty);
		WRITE_ONCE(zero->busy, zero->busy - 1);
		wake_up(&zero->wait);
	}
	spin_unlock(&zero->lock);
	return ret;
}

/* Waits for at most the time that a step takes. */
static void egm_zero_stop(struct egm_zero *zero)
{
	lockdep_assert_held(&egm_lock);

	while (zero->nr_threads)
		kthread_stop_put(zero->threads[--zero->nr_threads]);
	kfree(zero->threads);
}

void egm_zero_start(struct egm_region *region)
{
	unsigned int nr = region->node == NUMA_NO_NODE ? 0 : nr_cpus_node(region->node);
	struct egm_zero *zero = &region->zero;
	struct task_struct *thread;

	/* The node of a GPU may be one of memory only. */
	if (!nr)
		nr = num_online_cpus();

	egm_zero_stop(zero);
	scoped_guard(spinlock, &zero->lock)
		bitmap_fill(zero->dirty, zero->nr);

	zero->threads = kcalloc(nr, sizeof(*zero->threads), GFP_KERNEL);
	while (zero->threads && zero->nr_threads < nr) {
		thread = kthread_create_on_node(egm_zero_run, region, region->node,
						"%s/%u", region->name, zero->nr_threads);
		if (IS_ERR(thread))
			return;
		set_user_nice(thread, MAX_NICE);
		zero->threads[zero->nr_threads++] = get_task_struct(thread);
		wake_up_process(thread);
	}
}

static bool egm_zero_is_clean(struct egm_zero *zero)
{
	bool is_clean;

	spin_lock(&zero->lock);
	is_clean = !zero->busy && bitmap_empty(zero->dirty, zero->nr);
	spin_unlock(&zero->lock);
	return is_clean;
}

int egm_zero_finish(struct egm_region *region)
{
	struct egm_zero *zero = &region->zero;
	int ret = 0;

	while (!ret && !egm_zero_is_clean(zero)) {
		ret = egm_zero_run(region);
		if (!ret && wait_event_killable(zero->wait, !READ_ONCE(zero->busy)))
			ret = -EINTR;
	}
	return ret;
}

int egm_zero_init(struct egm_region *region)
{
	struct egm_zero *zero = &region->zero;

	spin_lock_init(&zero->lock);
	init_waitqueue_head(&zero->wait);
	zero->nr = DIV_ROUND_UP_ULL(region->props.size, EGM_CHUNK);
	zero->dirty = bitmap_zalloc(zero->nr, GFP_KERNEL);
	return zero->dirty ? 0 : -ENOMEM;
}

void egm_zero_destroy(struct egm_region *region)
{
	egm_zero_stop(&region->zero);
	bitmap_free(region->zero.dirty);
}
