/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_SEQUENCE_H
#define FUZZ_SEQUENCE_H

#include "target.h"

/**
 * struct sequence - operations on a device that was just opened
 * @op: array of @max
 * @nr: valid ones
 * @max: room
 * @why: what differed at the last one, empty if nothing did
 */
struct sequence {
	struct op *op;
	size_t nr;
	size_t max;
	char why[WHY_LEN];
};

void sequence_init(struct sequence *seq, size_t max);
void sequence_free(struct sequence *seq);
bool sequence_generate(struct sequence *seq, struct target *target, __u64 seed);
bool sequence_replay(struct sequence *seq, struct target *target, const struct op *op,
		     size_t nr);
bool sequence_shrink(struct sequence *seq, struct target *target);

#endif
