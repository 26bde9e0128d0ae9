// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard: the beginning of usemem, to which nobody writes after it was filled.
 * Whatever reset a GPU goes through, the simulator changes only the first bytes of
 * each 64 KiB, and of a GPU that keeps its memory none.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define PIECE		SZ_4K
#define LOST_STRIDE	(64 * SZ_1K)
#define LOST_LEN	64

static unsigned int generation(unsigned int gpu)
{
	return __atomic_load_n(&shared->generation[gpu], __ATOMIC_SEQ_CST);
}

static bool is_valid(unsigned int generation)
{
	return !(generation & 1);
}

/* There is no GPU at this moment; the next one may have other memory. */
void guard_lose(unsigned int gpu)
{
	unsigned int old = generation(gpu);

	while (!__atomic_compare_exchange_n(&shared->generation[gpu], &old, (old + 2) | 1, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void piece_fill(__u8 *buf, unsigned int gpu, __u64 offset)
{
	pattern_fill(buf, PIECE, offset / PIECE * MAX_GPUS + gpu);
}

/* Fills the guard if it is not valid. Fails where a page is bad, say. */
void guard_renew(struct actor *actor)
{
	unsigned int seen = generation(actor->gpu);
	__u8 buf[PIECE];
	__u64 offset;

	if (is_valid(seen))
		return;
	for (offset = 0; offset < GUARD_LEN; offset += PIECE) {
		piece_fill(buf, actor->gpu, offset);
		if (__gpu_pwrite(actor->dev, actor->region, buf, PIECE, offset) != PIECE)
			return;
	}
	__atomic_compare_exchange_n(&shared->generation[actor->gpu], &seen, seen + 1,
				    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void damage(struct actor *actor, const char *how, __u64 offset, __u32 seen, __u32 expected)
{
	if (__atomic_fetch_add(&shared->damage, 1, __ATOMIC_SEQ_CST) >= 10)
		return;
	printf("# %s: memory at 0x%llx is 0x%08x by %s, it was written as 0x%08x\n",
	       actor->kind->name, offset, seen, how, expected);
}

/* Compares a piece that was read while the guard was of generation @seen. */
static int judge(struct actor *actor, const __u8 *buf, __u64 offset, size_t len,
		 unsigned int seen, const char *how)
{
	size_t skip = actor->kind->keeps || offset % LOST_STRIDE ? 0 : LOST_LEN;
	__u8 expected[PIECE];
	__u32 is, was;
	size_t at;

	piece_fill(expected, actor->gpu, offset);
	for (at = skip; at < len && buf[at] == expected[at]; at++)
		;
	if (at == len)
		return 0;
	if (generation(actor->gpu) != seen)
		return -EAGAIN;
	at &= ~(sizeof(is) - 1);
	memcpy(&is, buf + at, sizeof(is));
	memcpy(&was, expected + at, sizeof(was));
	damage(actor, how, offset + at, is, was);
	return 0;
}

int act_guard_read(struct actor *actor)
{
	__u64 offset = random_below(actor, GUARD_LEN / PIECE) * PIECE;
	unsigned int seen = generation(actor->gpu);
	__u8 buf[PIECE];
	ssize_t done;

	if (!is_valid(seen))
		return -EAGAIN;
	done = __gpu_pread(actor->dev, actor->region, buf, PIECE, offset);
	if (done < 0)
		return (int)done;
	return judge(actor, buf, offset, (size_t)done, seen, "read()");
}

int act_guard_map(struct actor *actor)
{
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);
	__u64 offset = random_below(actor, GUARD_LEN / page) * page;
	unsigned int seen = generation(actor->gpu);
	__u32 words[2 * LOST_LEN / sizeof(__u32)];
	size_t i;
	__u8 *map;
	int ret = 0;

	if (!is_valid(seen))
		return -EAGAIN;
	map = __gpu_map(actor->dev, actor->region, offset, page, PROT_READ, MAP_SHARED, NULL);
	if (map == MAP_FAILED)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(words) && !ret; i++)
		ret = touch_read(map + i * sizeof(words[0]), &words[i]) ? -EIO : 0;
	munmap(map, page);
	return ret ? ret : judge(actor, (__u8 *)words, offset, sizeof(words), seen, "mmap()");
}
