// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of read() and write() whose buffer is a mapping of the same device: memory
 * is copied to memory, what is known of it along with it.
 */
#include <errno.h>
#include <string.h>

#include "model.h"

/**
 * struct move - from where to where such a transfer moves bytes
 * @from: region they come from
 * @from_pos: offset in it
 * @to: region they go to
 * @to_pos: offset in it
 * @len: how many
 */
struct move {
	__u32 from;
	__u64 from_pos;
	__u32 to;
	__u64 to_pos;
	size_t len;
};

static size_t existing(const struct model *model, __u32 region, __u64 pos, size_t len)
{
	__u64 end = model_bar(model, region)->mem_len;

	if (pos >= end)
		return 0;
	return len < end - pos ? len : (size_t)(end - pos);
}

static bool overlaps(const struct move *move)
{
	return move->from == move->to && move->from_pos < move->to_pos + move->len &&
	       move->to_pos < move->from_pos + move->len;
}

static void set_move(struct move *move, const struct model *model, const struct op *op,
		     size_t len)
{
	const struct mapping *map = &model->map[op->which];
	bool is_read = op->kind == OP_READ_SELF;

	move->from = is_read ? op->region : map->region;
	move->from_pos = is_read ? op->pos : map->pos + op->value;
	move->to = is_read ? map->region : op->region;
	move->to_pos = is_read ? map->pos + op->value : op->pos;
	move->len = existing(model, move->to, move->to_pos, len);
}

/* In which order the bytes of a transfer go nobody says, which matters if it overlaps. */
static void do_move(struct model *model, const struct move *move)
{
	static __u8 ones[OP_MAX_LEN];
	size_t real = existing(model, move->from, move->from_pos, move->len);

	if (overlaps(move)) {
		store_forget(model->store, move->to, move->to_pos, move->len);
		return;
	}
	memset(ones, 0xff, move->len - real);
	store_copy(model->store, move->from, move->from_pos, move->to, move->to_pos, real);
	store_write(model->store, move->to, move->to_pos + real, ones, move->len - real);
}

/* The rules are those of any buffer: it is the user's memory like other memory. */
bool model_self(struct model *model, const struct op *op, const struct outcome *out,
		char *why)
{
	const struct mapping *map = &model->map[op->which];
	const struct bar *bar = model_bar(model, op->region);
	enum known access = model_access(model);
	size_t avail = op->len;
	struct move move;

	if (op->value >= map->len || op->len > map->len - op->value)
		return model_expect(out->ret, OUTCOME_NOTHING, why);
	if (!op->len)
		return model_expect(out->ret, 0, why);
	if (!bar || op->pos >= bar->size)
		return model_expect(out->ret, -EINVAL, why);
	if (avail > bar->size - op->pos)
		avail = (size_t)(bar->size - op->pos);

	set_move(&move, model, op, avail);
	if (model->in_low_power || access == UNKNOWN) {
		store_forget(model->store, move.to, move.to_pos, move.len);
		return true;
	}
	if (access == KNOWN_OFF)
		return model_expect(out->ret, -EIO, why);
	if (!model_expect(out->ret, (long long)avail, why))
		return false;
	do_move(model, &move);
	return true;
}
