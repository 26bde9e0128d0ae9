// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of both memories: every 16 bytes get the number of their BAR and block,
 * and their own offset. All is written before anything is read, so a byte
 * that two addresses share is found as well.
 */
#include "guest.h"

/* 16 bytes as one store: the loops over gigabytes run in an emulator. */
struct cell {
	__u64 block;
	__u64 offset;
};

static __u64 block_number(const struct bar *bar, __u64 offset)
{
	return ((__u64)bar->index << 56 | offset / BLOCK) * 0x9e3779b97f4a7c15ULL;
}

static void fill_block(struct cell *cell, const struct cell *end, __u64 block,
		       __u64 offset)
{
	for (; cell < end; cell += 4, offset += 4 * sizeof(*cell)) {
		cell[0] = (struct cell){ block, offset };
		cell[1] = (struct cell){ block, offset + sizeof(*cell) };
		cell[2] = (struct cell){ block, offset + 2 * sizeof(*cell) };
		cell[3] = (struct cell){ block, offset + 3 * sizeof(*cell) };
	}
}

/* Return: bits that differ anywhere in the block. */
static __u64 compare_block(const struct cell *cell, const struct cell *end,
			   __u64 block, __u64 offset)
{
	__u64 diff = 0;

	for (; cell < end; cell += 2, offset += 2 * sizeof(*cell)) {
		diff |= cell[0].block ^ block;
		diff |= cell[0].offset ^ offset;
		diff |= cell[1].block ^ block;
		diff |= cell[1].offset ^ (offset + sizeof(*cell));
	}
	return diff;
}

static void fill_bar(const struct bar *bar)
{
	__u64 offset, len;
	double begin = now();
	struct cell *cell;

	for (offset = 0; offset < bar->mem_len; offset += len) {
		len = bar->mem_len - offset < BLOCK ? bar->mem_len - offset : BLOCK;
		cell = (struct cell *)(bar->wc + offset);
		fill_block(cell, cell + len / sizeof(*cell),
			   block_number(bar, offset), offset);
	}
	say("     %s: 0x%llx bytes written in %.1f s", bar->name, bar->mem_len,
	    now() - begin);
}

static void compare_bar(const struct bar *bar)
{
	__u64 offset, len, bad = ~0ULL, nr_bad = 0;
	const struct cell *cell;
	double begin = now();

	for (offset = 0; offset < bar->mem_len; offset += len) {
		len = bar->mem_len - offset < BLOCK ? bar->mem_len - offset : BLOCK;
		cell = (const struct cell *)(bar->wc + offset);
		if (!compare_block(cell, cell + len / sizeof(*cell),
				   block_number(bar, offset), offset))
			continue;
		if (!nr_bad++)
			bad = offset;
	}
	if (nr_bad)
		check(false, "%s: %llu blocks of 2 MiB differ, first at 0x%llx",
		      bar->name, nr_bad, bad);
	else
		check(true, "%s: all 0x%llx bytes hold their pattern, %.1f s",
		      bar->name, bar->mem_len, now() - begin);
}

/* The other mapping, whose accesses must be aligned, shows the same. */
static void compare_device_mapping(const struct bar *bar)
{
	__u64 offset, nr_bad = 0;

	for (offset = 0; offset < bar->mem_len; offset += BLOCK)
		if (load64(bar->device + offset + 8) != offset)
			nr_bad++;
	check(!nr_bad, "%s: the Device mapping shows the same in each 2 MiB (%llu differ)",
	      bar->name, nr_bad);
}

void check_pattern(const struct bar *bar)
{
	fill_bar(bar);
	compare_bar(bar);
}

void check_contents(struct bar *bars, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fill_bar(&bars[i]);
	for (i = 0; i < nr; i++) {
		compare_bar(&bars[i]);
		compare_device_mapping(&bars[i]);
	}
}
