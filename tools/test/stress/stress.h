/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that can be done to simulated GPUs, by many processes at once.
 *
 * Each GPU has an operator, a process that does what the administrator of a host
 * and bad luck do, and a session, a process that opens the device and forks
 * workers, whose threads do what a VMM and its guest do. Each of them is an actor:
 * it picks acts from a table at random.
 *
 * Most acts may fail, since the device is being reset, unbound or torn out while
 * they run. Wrong are: an act that never ends, an act that never succeeds in the
 * whole run, memory that is not as it was written, and what the kernel logs.
 */
#ifndef STRESS_H
#define STRESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "gpu.h"

#define MAX_GPUS	3
#define MAX_ACTS	48
#define MAX_ACTORS	64
#define MAX_WORKERS	8	/* of a session */
#define THREADS		2	/* of a worker */

/*
 * Longer than anything may take: vfio waits a minute for a function that does not
 * come back from a reset.
 */
#define ACT_MAX_MS	90000

/* Each region: the guard, then memory for everybody, then blocks with an owner. */
#define GUARD_LEN	(4 * SZ_1M)
#define SCRATCH_LEN	(16 * SZ_2M)
#define BLOCK_LEN	(64 * SZ_1K)

/* An act is not possible here; struct shared has the reason. */
#define NOT_HERE	1

/**
 * struct gpu_kind - one of the simulated GPUs
 * @name: of its configfs directory
 * @attributes: "name=value" before live=1, NULL at the end
 * @may_reset: resets happen to it
 * @has_bus_reset: of its bus, too
 * @may_leave: it is unbound, unplugged and torn out
 * @may_rot: its memory goes bad, its faults are on now and then
 * @keeps: a reset leaves its memory as it is
 */
struct gpu_kind {
	const char *name;
	const char * const *attributes;
	bool may_reset;
	bool has_bus_reset;
	bool may_leave;
	bool may_rot;
	bool keeps;
};

/**
 * struct slot - what an actor is doing; written by the actor, read by the watchdog
 * @pid: thread, 0 if the slot is free
 * @act: index in the table
 * @gpu: which GPU
 * @since_ms: when the act began, 0 between two acts
 */
struct slot {
	pid_t pid;
	unsigned int act;
	unsigned int gpu;
	__u64 since_ms;
};

/**
 * struct shared - what all processes see; atomic accesses only
 * @stop: come to an end
 * @damage: pieces of memory that were not as they had been written
 * @tries: of each act
 * @done: successes of each act
 * @error: what an act was refused with last, 0 if it never was
 * @not_here: why an act is not possible on this kernel
 * @generation: of the guard of each GPU, odd while it is not written
 * @slot: of each actor
 */
struct shared {
	bool stop;
	unsigned int damage;
	__u64 tries[MAX_ACTS];
	__u64 done[MAX_ACTS];
	int error[MAX_ACTS];
	const char *not_here[MAX_ACTS];
	unsigned int generation[MAX_GPUS];
	struct slot slot[MAX_ACTORS];
};

struct arena;

/**
 * struct actor - somebody who acts
 * @random: state of random_below()
 * @slot: where the watchdog looks
 * @gpu: index of its GPU
 * @kind: of that GPU
 * @dev: the open device, of a session and its workers
 * @region: its synthetic BARs: usemem, resmem
 * @arena: address space for mappings, shared by the threads of a worker
 * @block: offset in usemem of memory that only this actor writes
 */
struct actor {
	__u64 random;
	struct slot *slot;
	unsigned int gpu;
	const struct gpu_kind *kind;
	struct gpu *dev;
	struct gpu_region *region;
	struct arena *arena;
	__u64 block;
};

enum role {
	OPERATOR,	/* outside of the device, a process for each GPU */
	OPENER,		/* the session: opens */
	WORKER,		/* what is done with the open device */
	CLOSER,		/* the session: closes */
};

/**
 * struct act - something to do
 * @name: what the report calls it
 * @role: who does it
 * @weight: how often it is picked, among the acts of the same actors
 * @run: 0 if done, -errno if refused, NOT_HERE
 * @is_allowed: on this kind of GPU; NULL: on any
 */
struct act {
	const char *name;
	enum role role;
	unsigned int weight;
	int (*run)(struct actor *actor);
	bool (*is_allowed)(const struct gpu_kind *kind);
};

/* acts.c */
extern const struct act acts[];
extern const unsigned int nr_acts;
int act_random(struct actor *actor, enum role role);
int not_here(struct actor *actor, const char *why);
__u64 random_below(struct actor *actor, __u64 limit);

/* actors.c: roles; numbers are those of slots */
void operator_run(unsigned int number, unsigned int gpu, __u64 seed);
void session_run(unsigned int number, unsigned int gpu, __u64 seed, unsigned int workers);
int act_open(struct actor *actor);
int act_open_cdev(struct actor *actor);
int act_close(struct actor *actor);

/* main.c */
extern struct shared *shared;
extern const struct gpu_kind kinds[MAX_GPUS];
bool stopping(void);

/* gpus.c: the simulated GPUs */
int sim_attr_write(const struct gpu_kind *kind, const char *attr, const char *val);
int sim_attr_read(const struct gpu_kind *kind, const char *attr, char *buf, size_t len);
int gpu_find(const struct gpu_kind *kind, char *bdf);
int gpu_bind(const struct gpu_kind *kind);
int gpu_unbind(const struct gpu_kind *kind);
int gpu_make(const struct gpu_kind *kind);
int gpu_take_away(const struct gpu_kind *kind);

/* guard.c: memory that nobody writes to */
void guard_lose(unsigned int gpu);
void guard_renew(struct actor *actor);
void damage(struct actor *actor, const char *how, __u64 offset, __u32 seen, __u32 expected);
int act_guard_read(struct actor *actor);
int act_guard_map(struct actor *actor);

/* worker_memory.c */
struct arena *arena_create(struct gpu *gpu, const struct gpu_region *region);
int act_map_aligned(struct actor *actor);
int act_map_unaligned(struct actor *actor);
int act_map_huge(struct actor *actor);
int act_unmap(struct actor *actor);
int act_touch(struct actor *actor);
int act_fork(struct actor *actor);
int act_read(struct actor *actor);
int act_write(struct actor *actor);
int act_read_self(struct actor *actor);
int act_write_self(struct actor *actor);
int act_own_block(struct actor *actor);

/* worker_device.c */
int act_region_info(struct actor *actor);
int act_config_read(struct actor *actor);
int act_config_write(struct actor *actor);
int act_memory_toggle(struct actor *actor);
int act_power(struct actor *actor);
int act_low_power(struct actor *actor);
int act_reset(struct actor *actor);
int act_hot_reset(struct actor *actor);
int act_flr(struct actor *actor);
int act_af_flr(struct actor *actor);
int act_dma_map(struct actor *actor);
int act_dmabuf(struct actor *actor);
int act_feature(struct actor *actor);
int memory_on(struct gpu *gpu);

/* operator.c */
int act_sysfs_reset(struct actor *actor);
int act_bus_reset(struct actor *actor);
int act_sysfs_read(struct actor *actor);
int act_rebind(struct actor *actor);
int act_replug(struct actor *actor);
int act_tear_out(struct actor *actor);
int act_poison(struct actor *actor);
int act_offline_page(struct actor *actor);
int act_slow_training(struct actor *actor);
int act_hot_add(struct actor *actor);

/* watchdog.c */
int watchdog_run(unsigned int nr, unsigned int seconds, unsigned int act_ms);

#endif
