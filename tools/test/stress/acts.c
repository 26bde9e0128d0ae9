// SPDX-License-Identifier: GPL-2.0-only
/* The table of what can be done, and doing it under the eyes of the watchdog. */
#include <assert.h>
#include <stddef.h>

#include <errno.h>

#include "stress.h"

static bool may_reset(const struct gpu_kind *kind)
{
	return kind->may_reset;
}

static bool may_leave(const struct gpu_kind *kind)
{
	return kind->may_leave;
}

static bool may_rot(const struct gpu_kind *kind)
{
	return kind->may_rot;
}

static bool stays(const struct gpu_kind *kind)
{
	return !kind->may_leave && !kind->may_reset;
}

static bool has_bus_reset(const struct gpu_kind *kind)
{
	return kind->has_bus_reset;
}

const struct act acts[] = {
	{ "sysfs-reset", OPERATOR, 4, act_sysfs_reset, may_reset },
	{ "bus-reset", OPERATOR, 2, act_bus_reset, has_bus_reset },
	{ "sysfs-read", OPERATOR, 4, act_sysfs_read, NULL },
	{ "rebind", OPERATOR, 2, act_rebind, may_leave },
	{ "replug", OPERATOR, 1, act_replug, may_leave },
	{ "tear-out", OPERATOR, 1, act_tear_out, may_leave },
	{ "poison", OPERATOR, 4, act_poison, may_rot },
	{ "offline-page", OPERATOR, 4, act_offline_page, may_rot },
	{ "slow-training", OPERATOR, 2, act_slow_training, may_rot },
	{ "hot-add", OPERATOR, 1, act_hot_add, stays },

	{ "guard-read", WORKER, 4, act_guard_read, NULL },
	{ "guard-map", WORKER, 4, act_guard_map, NULL },
	{ "map-aligned", WORKER, 6, act_map_aligned, NULL },
	{ "map-unaligned", WORKER, 6, act_map_unaligned, NULL },
	{ "map-huge", WORKER, 2, act_map_huge, NULL },
	{ "unmap", WORKER, 6, act_unmap, NULL },
	{ "touch", WORKER, 16, act_touch, NULL },
	{ "fork", WORKER, 2, act_fork, NULL },
	{ "read", WORKER, 6, act_read, NULL },
	{ "write", WORKER, 6, act_write, NULL },
	{ "read-self", WORKER, 6, act_read_self, NULL },
	{ "write-self", WORKER, 6, act_write_self, NULL },
	{ "own-block", WORKER, 6, act_own_block, NULL },
	{ "region-info", WORKER, 2, act_region_info, NULL },
	{ "config-read", WORKER, 4, act_config_read, NULL },
	{ "config-write", WORKER, 4, act_config_write, NULL },
	{ "memory-toggle", WORKER, 2, act_memory_toggle, NULL },
	{ "power", WORKER, 2, act_power, may_reset },
	{ "low-power", WORKER, 2, act_low_power, may_reset },
	{ "reset", WORKER, 2, act_reset, may_reset },
	{ "hot-reset", WORKER, 2, act_hot_reset, has_bus_reset },
	{ "flr", WORKER, 2, act_flr, may_reset },
	{ "af-flr", WORKER, 1, act_af_flr, may_reset },
	{ "dma-map", WORKER, 2, act_dma_map, NULL },
	{ "dmabuf", WORKER, 2, act_dmabuf, NULL },
	{ "feature", WORKER, 2, act_feature, NULL },

	{ "open", OPENER, 2, act_open, NULL },
	{ "open-cdev", OPENER, 1, act_open_cdev, NULL },
	{ "close", CLOSER, 1, act_close, NULL },
};

const unsigned int nr_acts = ARRAY_SIZE(acts);

static_assert(ARRAY_SIZE(acts) <= MAX_ACTS, "MAX_ACTS is too small");

/* xorshift64* */
__u64 random_below(struct actor *actor, __u64 limit)
{
	actor->random ^= actor->random >> 12;
	actor->random ^= actor->random << 25;
	actor->random ^= actor->random >> 27;
	return (actor->random * 0x2545f4914f6cdd1dULL >> 1) % limit;
}

/* What once succeeded is possible here: the GPU went away in the middle of it. */
int not_here(struct actor *actor, const char *why)
{
	if (__atomic_load_n(&shared->done[actor->slot->act], __ATOMIC_RELAXED))
		return -ENODEV;
	__atomic_store_n(&shared->not_here[actor->slot->act], why, __ATOMIC_RELAXED);
	return NOT_HERE;
}

static int perform(struct actor *actor, unsigned int act)
{
	struct slot *slot = actor->slot;
	int ret;

	__atomic_store_n(&slot->act, act, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->since_ms, now_ms(), __ATOMIC_RELEASE);
	ret = acts[act].run(actor);
	__atomic_store_n(&slot->since_ms, 0, __ATOMIC_RELEASE);

	__atomic_fetch_add(&shared->tries[act], 1, __ATOMIC_RELAXED);
	if (!ret)
		__atomic_fetch_add(&shared->done[act], 1, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&shared->error[act], ret, __ATOMIC_RELAXED);
	return ret;
}

/* Acts that have not succeeded yet come first: a short run shall not hang on luck. */
static unsigned int weight(const struct actor *actor, enum role role, unsigned int act)
{
	if (acts[act].role != role || shared->not_here[act] ||
	    (acts[act].is_allowed && !acts[act].is_allowed(actor->kind)))
		return 0;
	return __atomic_load_n(&shared->done[act], __ATOMIC_RELAXED) ? acts[act].weight :
								       10 * acts[act].weight;
}

/* Performs one of the acts of @role. Return: what came of it. */
int act_random(struct actor *actor, enum role role)
{
	unsigned int weights[MAX_ACTS], i, sum = 0;
	__u64 left;

	for (i = 0; i < nr_acts; i++) {
		weights[i] = weight(actor, role, i);
		sum += weights[i];
	}
	left = random_below(actor, sum);
	for (i = 0; left >= weights[i]; i++)
		left -= weights[i];
	return perform(actor, i);
}
