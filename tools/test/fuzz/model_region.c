// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of BAR regions: read, write, mmap. Memory has the contents that were
 * written; the rest of its BAR is padding, which reads all ones and drops writes as
 * addresses do where no device answers.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

/* A copy that stops at a bad byte may tell of this much less than it did. */
#define COPY_SLACK	128

/* Return: the BAR of a region, NULL if there is none. */
const struct bar *model_bar(const struct model *model, __u32 region)
{
	const struct bar *bar = &model->layout->bar[region / 2 % BARS];

	return region < 2 * BARS && region % 2 == 0 && bar->size ? bar : NULL;
}

static __u64 min_u64(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

/* Bytes of [pos, pos + len) that exist. */
static size_t existing(const struct bar *bar, __u64 pos, size_t len)
{
	return pos < bar->mem_len ? (size_t)min_u64(len, bar->mem_len - pos) : 0;
}

static bool check_data(struct model *model, const struct bar *bar, __u32 region,
		       __u64 pos, const __u8 *data, size_t len, char *why)
{
	size_t real = existing(bar, pos, len), at;
	__u8 expected = 0xff;

	at = store_check(model->store, region, pos, data, real, &expected);
	if (at == real)
		while (at < len && data[at] == 0xff)
			at++;
	if (at >= len)
		return true;
	snprintf(why, WHY_LEN, "byte 0x%llx of the region reads 0x%02x, expected 0x%02x%s",
		 pos + at, data[at], expected, at < real ? "" : " (padding)");
	return false;
}

static void write_data(struct model *model, const struct bar *bar, const struct op *op,
		       __u32 region, __u64 pos, size_t len)
{
	static __u8 data[OP_MAX_LEN];

	len = existing(bar, pos, len);
	op_fill(op, data, len);
	store_write(model->store, region, pos, data, len);
}

static bool finish(struct model *model, const struct bar *bar, const struct op *op,
		   const struct outcome *out, char *why)
{
	size_t len = (size_t)out->ret;

	if (op->kind == OP_READ)
		return check_data(model, bar, op->which, op->pos, out->data, len, why);
	write_data(model, bar, op, op->which, op->pos, len);
	return true;
}

/* What came before the byte that failed may have been written, told or not. */
static void forget_tail(struct model *model, const struct bar *bar, const struct op *op,
			size_t done)
{
	size_t real = existing(bar, op->pos, op->hole);

	if (op->kind == OP_WRITE && done < real)
		store_forget(model->store, op->which, op->pos + done, real - done);
}

/* POSIX, read(): a transfer that fails after a part tells the part. */
static bool judge_hole(struct model *model, const struct bar *bar, const struct op *op,
		       const struct outcome *out, size_t avail, char *why)
{
	size_t most = op->hole;

	if (!bar->is_memory) {
		forget_tail(model, bar, op, 0);
		return model_expect(out->ret, -EFAULT, why);
	}
	if (out->ret == -EFAULT && op->hole <= COPY_SLACK) {
		forget_tail(model, bar, op, 0);
		return true;
	}
	/* Nobody has to look at data that is dropped. */
	if (op->kind == OP_WRITE && op->hole >= existing(bar, op->pos, avail))
		most = avail;
	if (out->ret <= 0 || (size_t)out->ret > most ||
	    (size_t)out->ret + COPY_SLACK < op->hole) {
		snprintf(why, WHY_LEN, "gave %lld, with a buffer of which %u bytes can be used",
			 out->ret, op->hole);
		return false;
	}
	forget_tail(model, bar, op, (size_t)out->ret);
	return finish(model, bar, op, out, why);
}

/* vfio.h has no word on it; vfio-pci has always used these error codes. */
bool model_region_rw(struct model *model, const struct op *op,
		     const struct outcome *out, char *why)
{
	const struct bar *bar = model_bar(model, op->which);
	enum known access = model_access(model);
	size_t avail;

	/* vfio.h has it wake for this, but does not say that all of it is there then. */
	if (access == KNOWN_ON && model->in_low_power)
		access = UNKNOWN;
	if (!op->len)
		return model_expect(out->ret, 0, why);
	if (!bar || op->pos >= bar->size)
		return model_expect(out->ret, -EINVAL, why);
	avail = (size_t)min_u64(op->len, bar->size - op->pos);
	if (access == UNKNOWN && out->ret == -EIO)
		access = KNOWN_OFF;
	/* Of a physical BAR the first register's data is looked at first. */
	if (access == KNOWN_OFF && !bar->is_memory && op->hole < sizeof(__u64) &&
	    op->hole < avail && out->ret == -EFAULT)
		return true;
	if (access == KNOWN_OFF)
		return model_expect(out->ret, -EIO, why);
	if (op->hole < avail)
		return judge_hole(model, bar, op, out, avail, why);
	if (!model_expect(out->ret, (long long)avail, why))
		return false;
	return finish(model, bar, op, out, why);
}

/* Only what exists can be mapped, and only shared: there is nothing to copy from. */
static bool can_map(const struct model *model, const struct op *op)
{
	const struct bar *bar = model_bar(model, op->region);
	unsigned int page = model->layout->page;
	__u64 len = ((__u64)op->len + page - 1) / page * page;

	return bar && len && op->pos % page == 0 && !op->value &&
	       op->pos < bar->mem_len && len <= bar->mem_len - op->pos;
}

bool model_mmap(struct model *model, const struct op *op, const struct outcome *out,
		char *why)
{
	struct mapping *map = &model->map[op->which];
	bool works = can_map(model, op);

	map->region = op->region;
	map->pos = op->pos;
	map->len = works ? op->len : 0;
	return model_expect(out->ret, works ? 0 : -EINVAL, why);
}

/*
 * vfio-pci answers an access that cannot be made with a bus error, since 5.9. Without
 * memory enable it cannot, nor in low power (vfio.h).
 */
bool model_touch(struct model *model, const struct op *op, const struct outcome *out,
		 char *why)
{
	const struct mapping *map = &model->map[op->which];
	const struct bar *bar = model_bar(model, map->region);
	enum known access = model_access(model);
	long long sigbus = OUTCOME_SIGNAL(SIGBUS);

	if (op->pos >= map->len || op->len > map->len - op->pos)
		return model_expect(out->ret, OUTCOME_NOTHING, why);
	if (access == UNKNOWN && out->ret == sigbus)
		access = KNOWN_OFF;
	if (access == KNOWN_OFF || model->in_low_power)
		return model_expect(out->ret, sigbus, why);
	if (!model_expect(out->ret, op->len, why))
		return false;
	if (op->kind == OP_LOAD)
		return check_data(model, bar, map->region, map->pos + op->pos, out->data,
				  op->len, why);
	write_data(model, bar, op, map->region, map->pos + op->pos, op->len);
	return true;
}
