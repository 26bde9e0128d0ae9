// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a worker does with the memory: mappings in an arena that the threads of
 * the worker share, so that one unmaps what another one touches or reads into.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define ARENA_LEN	(6 * SZ_2M)
#define MAP_MAX		(2 * SZ_2M)
#define XFER_MAX	(160 * SZ_1K)
#define TOUCHES		8

/* The kernel's mapping of a GiB of resmem takes seconds under KASAN. */
#define RARE		64

/**
 * struct arena - address space in which only mappings of the GPU come and go
 * @base: ARENA_LEN bytes; what shows no GPU memory is PROT_NONE. Never a hole, so
 *	that no other allocation of the process can end up in it
 */
struct arena {
	__u8 *base;
};

/*
 * Puts GPU memory in the place of other mappings. Not by MAP_FIXED: where the device
 * refuses, that has already unmapped what was there, and another thread maps something else
 * into the hole.
 */
static int arena_put(struct gpu *gpu, const struct gpu_region *region, __u64 offset,
		     __u64 len, int prot, void *to)
{
	void *p = __gpu_map(gpu, region, offset, len, prot, MAP_SHARED, NULL);

	if (p == MAP_FAILED)
		return -errno;
	if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		die("cannot move a mapping into an arena: %s", strerror(errno));
	return 0;
}

/* Full of GPU memory at first, if the GPU is still there. */
struct arena *arena_create(struct gpu *gpu, const struct gpu_region *region)
{
	struct arena *arena = malloc(sizeof(*arena));
	__u64 align = pmd_size();
	void *p;

	p = mmap(NULL, ARENA_LEN + align, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!arena || p == MAP_FAILED)
		die("no address space for an arena");
	arena->base = (__u8 *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
	arena_put(gpu, region, GUARD_LEN, ARENA_LEN, PROT_READ | PROT_WRITE, arena->base);
	return arena;
}

static __u64 random_pages(struct actor *actor, __u64 limit)
{
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);

	return random_below(actor, limit / page) * page;
}

/* resmem in one of @rarity cases, where there is any. */
static struct gpu_region *random_region(struct actor *actor, unsigned int rarity)
{
	struct gpu_region *resmem = &actor->region[1];

	return resmem->mem_len && random_below(actor, rarity) == 0 ? resmem : actor->region;
}

/* Anywhere in the scratch part of the region, or across its end. */
static __u64 random_offset(struct actor *actor, const struct gpu_region *region)
{
	if (random_below(actor, 8) == 0)
		return region->mem_len - MAP_MAX / 2 + random_below(actor, MAP_MAX);
	return GUARD_LEN + random_below(actor, SCRATCH_LEN - MAP_MAX);
}

static int map_at(struct actor *actor, const struct gpu_region *region, __u64 at,
		  __u64 offset, __u64 len)
{
	int prot = random_below(actor, 4) ? PROT_READ | PROT_WRITE : PROT_READ;

	return arena_put(actor->dev, region, offset, len, prot, actor->arena->base + at);
}

/* At an address that allows huge pages. */
int act_map_aligned(struct actor *actor)
{
	__u64 slots = ARENA_LEN / SZ_2M - MAP_MAX / SZ_2M;
	__u64 at = random_below(actor, slots + 1) * SZ_2M;
	__u64 offset = GUARD_LEN + random_below(actor, SCRATCH_LEN / SZ_2M - 2) * SZ_2M;

	return map_at(actor, random_region(actor, 3), at, offset, MAP_MAX);
}

int act_map_unaligned(struct actor *actor)
{
	const struct gpu_region *region = random_region(actor, 3);
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);
	__u64 offset = random_offset(actor, region) & ~(page - 1);

	return map_at(actor, region, random_pages(actor, ARENA_LEN - MAP_MAX), offset,
		      page + random_pages(actor, MAP_MAX));
}

/*
 * One huge entry, of 512 MiB with pages of 64K, which is more than an arena has. Read only:
 * the guard is there as well.
 */
int act_map_huge(struct actor *actor)
{
	__u64 len = pmd_size();
	unsigned int i, bad = 0;
	__u8 *map, *p;
	__u32 val;
	int ret;

	map = mmap(NULL, 2 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	p = (__u8 *)(((uintptr_t)map + len - 1) & ~(uintptr_t)(len - 1));
	ret = arena_put(actor->dev, actor->region, 0, len, PROT_READ, p);
	for (i = 0; !ret && i < TOUCHES; i++)
		bad += !!touch_read(p + random_below(actor, len / 4) * 4, &val);
	munmap(map, 2 * len);
	return bad == TOUCHES ? -EFAULT : ret;
}

/* A part of whatever is there, so that mappings are cut. */
int act_unmap(struct actor *actor)
{
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);
	__u64 at = random_pages(actor, ARENA_LEN - MAP_MAX);
	void *p;

	p = mmap(actor->arena->base + at, page + random_pages(actor, MAP_MAX), PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? -errno : 0;
}

static int touch_some(struct actor *actor, unsigned int nr)
{
	unsigned int i, bad = 0;
	__u32 val;

	for (i = 0; i < nr; i++) {
		__u8 *p = actor->arena->base + random_below(actor, ARENA_LEN / 4) * 4;

		bad += !!(random_below(actor, 2) ? touch_read(p, &val) :
						   touch_write(p, (__u32)actor->random));
	}
	return bad < nr ? 0 : -EFAULT;
}

int act_touch(struct actor *actor)
{
	return touch_some(actor, TOUCHES);
}

int act_fork(struct actor *actor)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(touch_some(actor, TOUCHES) ? 1 : 0);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EFAULT : 0;
}

static int moved(ssize_t done)
{
	return done < 0 ? (int)done : 0;
}

int act_read(struct actor *actor)
{
	const struct gpu_region *region = random_region(actor, RARE);
	__u8 buf[XFER_MAX];

	return moved(__gpu_pread(actor->dev, region, buf, random_below(actor, XFER_MAX),
				 random_offset(actor, region)));
}

int act_write(struct actor *actor)
{
	const struct gpu_region *region = random_region(actor, RARE);
	__u8 buf[XFER_MAX];

	memset(buf, (int)actor->random, sizeof(buf));
	return moved(__gpu_pwrite(actor->dev, region, buf, random_below(actor, XFER_MAX),
				  random_offset(actor, region)));
}

static int moved_all(ssize_t done, size_t len)
{
	if (done < 0)
		return (int)done;
	return (size_t)done == len ? 0 : -EIO;
}

/* Into and from mappings of the very device, with and without page table entries. */
int act_read_self(struct actor *actor)
{
	const struct gpu_region *region = random_region(actor, RARE);
	__u8 *buf = actor->arena->base + random_below(actor, ARENA_LEN - XFER_MAX);

	return moved(__gpu_pread(actor->dev, region, buf, random_below(actor, XFER_MAX),
				 random_offset(actor, region)));
}

int act_write_self(struct actor *actor)
{
	const struct gpu_region *region = random_region(actor, RARE);
	__u8 *buf = actor->arena->base + random_below(actor, ARENA_LEN - XFER_MAX);

	return moved(__gpu_pwrite(actor->dev, region, buf, random_below(actor, XFER_MAX),
				  random_offset(actor, region)));
}

/*
 * Memory that only this actor writes, in each region: what one way has written another one must
 * find, unless the first had failed. Not at the start of 64 KiB, which a reset may
 * change meanwhile.
 */
int act_own_block(struct actor *actor)
{
	__u64 offset = actor->block + SZ_1K + random_below(actor, BLOCK_LEN - SZ_4K);
	__u32 val = (__u32)random_below(actor, ~0U), seen = 0;
	const struct gpu_region *region = random_region(actor, RARE);
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);
	bool by_map = random_below(actor, 2);
	__u8 *map;
	int ret;

	offset &= ~3ULL;
	map = __gpu_map(actor->dev, region, offset & ~(page - 1), page,
			PROT_READ | PROT_WRITE, MAP_SHARED, NULL);
	if (map == MAP_FAILED)
		return -errno;
	if (by_map)
		ret = touch_write(map + offset % page, val) ? -EFAULT :
		      moved_all(__gpu_pread(actor->dev, region, &seen, 4, offset), 4);
	else
		ret = moved_all(__gpu_pwrite(actor->dev, region, &val, 4, offset), 4);
	if (!by_map && !ret)
		ret = touch_read(map + offset % page, &seen) ? -EFAULT : 0;
	munmap(map, page);
	if (!ret && seen != val)
		damage(actor, by_map ? "read() after mmap()" : "mmap() after write()", offset,
		       seen, val);
	return ret;
}
