// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a sequence that fails as short and as plain as it gets: delta debugging
 * (Zeller and Hildebrandt, 2002), then plainer values. What is tried is run on the
 * device, from a fresh open; it stays if the device and the model still differ, be it
 * in something else.
 */
#include <string.h>
#include <time.h>

#include "sequence.h"

/* Each try opens the device, which takes a good part of a second. */
#define MAX_S	300

/**
 * struct shrink - a search
 * @seq: the best so far
 * @trial: scratch
 * @ops: scratch, as large
 * @target: what it fails on
 * @end: when to be content with what there is
 */
struct shrink {
	struct sequence *seq;
	struct sequence trial;
	struct sequence ops;
	struct target *target;
	time_t end;
};

static bool is_over(const struct shrink *shrink)
{
	return time(NULL) >= shrink->end;
}

/* Try @nr operations of @ops. Return: true if these fail too; they are the best then. */
static bool try(struct shrink *shrink, size_t nr)
{
	struct sequence *seq = shrink->seq, *trial = &shrink->trial;

	if (is_over(shrink) || sequence_replay(trial, shrink->target, shrink->ops.op, nr))
		return false;
	memcpy(seq->op, trial->op, trial->nr * sizeof(*seq->op));
	memcpy(seq->why, trial->why, sizeof(seq->why));
	seq->nr = trial->nr;
	return true;
}

/* All but @len operations from @start on. */
static bool try_without(struct shrink *shrink, size_t start, size_t len)
{
	struct sequence *seq = shrink->seq;
	size_t rest = seq->nr - start - len;

	memcpy(shrink->ops.op, seq->op, start * sizeof(*seq->op));
	memcpy(shrink->ops.op + start, seq->op + start + len, rest * sizeof(*seq->op));
	return try(shrink, start + rest);
}

/* Most failures need only what happened last. */
static void keep_end(struct shrink *shrink)
{
	size_t len;

	for (len = 1; len < shrink->seq->nr; len *= 2)
		if (try_without(shrink, 0, shrink->seq->nr - len))
			return;
}

/* Return: true if something could be left out. */
static bool leave_out(struct shrink *shrink, size_t len)
{
	size_t end = shrink->seq->nr;
	bool did = false;

	while (end >= len && end && !is_over(shrink)) {
		if (try_without(shrink, end - len, len)) {
			did = true;
			if (end > shrink->seq->nr + len)
				end = shrink->seq->nr + len;
		}
		end -= len;
	}
	return did;
}

static bool try_op(struct shrink *shrink, size_t at, const struct op *op)
{
	struct sequence *seq = shrink->seq;

	memcpy(shrink->ops.op, seq->op, seq->nr * sizeof(*seq->op));
	shrink->ops.op[at] = *op;
	return try(shrink, seq->nr);
}

static bool simplify_len(struct shrink *shrink, size_t at)
{
	static const __u32 len[] = { 1, 2, 4, 8, 16 };
	struct op op;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		op = shrink->seq->op[at];
		if (len[i] >= op.len)
			return false;
		op.len = len[i];
		if (try_op(shrink, at, &op))
			return true;
	}
	op.len /= 2;
	return try_op(shrink, at, &op);
}

/* Not what comes first, if it does not have to. */
static bool simplify_begin(struct shrink *shrink, size_t at)
{
	struct op op = shrink->seq->op[at];

	op.pos += op.len / 2;
	op.len -= op.len / 2;
	return op.kind <= OP_WRITE && op.len > 1 && try_op(shrink, at, &op);
}

/* Return: true if operation @at could be made plainer in one respect. */
static bool simplify(struct shrink *shrink, size_t at)
{
	struct op op = shrink->seq->op[at];

	if (op.hole != OP_NO_HOLE) {
		op.hole = OP_NO_HOLE;
		if (try_op(shrink, at, &op))
			return true;
	}
	op = shrink->seq->op[at];
	if (op.kind != OP_MMAP && op_has_data(&op) && (op.is_random || ~op.value)) {
		op.is_random = false;
		op.value = ~0ULL;
		if (try_op(shrink, at, &op))
			return true;
	}
	return simplify_len(shrink, at) || simplify_begin(shrink, at);
}

static void simplify_all(struct shrink *shrink)
{
	size_t at;

	for (at = 0; at < shrink->seq->nr; at++)
		while (at < shrink->seq->nr && simplify(shrink, at))
			;
}

static void search(struct shrink *shrink)
{
	size_t len;

	keep_end(shrink);
	for (len = shrink->seq->nr / 2; len > 1; len /= 2)
		leave_out(shrink, len);
	while (leave_out(shrink, 1))
		;
	simplify_all(shrink);
	while (leave_out(shrink, 1))
		;
}

/**
 * sequence_shrink() - look for the least that fails
 * @seq: fails at its last operation; is replaced by what was found
 * @target: what it fails on
 *
 * Return: false if it does not fail a second time.
 */
bool sequence_shrink(struct sequence *seq, struct target *target)
{
	struct shrink shrink = {
		.seq = seq, .target = target, .end = time(NULL) + MAX_S,
	};
	bool repeats;

	sequence_init(&shrink.trial, seq->nr);
	sequence_init(&shrink.ops, seq->nr);
	repeats = try_without(&shrink, 0, 0);
	if (repeats)
		search(&shrink);
	sequence_free(&shrink.trial);
	sequence_free(&shrink.ops);
	return repeats;
}
