/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pictures of memory.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdio.h>

#include "out.h"

#define BOX_PARTS 4

/**
 * struct box_part - a part of a box
 * @name: its name
 * @note: a note, or NULL
 * @size: in bytes
 * @is_cached: mapped cacheable
 * @is_empty: padding
 */
struct box_part {
	const char *name;
	const char *note;
	__u64 size;
	bool is_cached;
	bool is_empty;
};

struct box {
	char title[96];
	__u64 address;
	struct box_part part[BOX_PARTS];
	unsigned int nr;
};

__u64 draw_scale(const struct box *box, unsigned int nr);
void draw_text(const struct box *box, __u64 scale);
void draw_svg(FILE *to, const struct box *box, unsigned int nr);

#endif /* DRAW_H */
