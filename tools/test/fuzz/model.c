// SPDX-License-Identifier: GPL-2.0-only
/* The reference model: dispatch, resets, what the hardware is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

/* The simulated hardware loses this much of its memory, see tools/sim/README. */
#define LOST_STRIDE	0x10000
#define LOST_LEN	64

void model_init(struct model *model, const struct layout *layout)
{
	memset(model, 0, sizeof(*model));
	model->layout = layout;
	model->store = store_new();
	model_config_init(model);
	model_config_open(model);
}

void model_free(struct model *model)
{
	store_free(model->store);
}

bool model_expect(long long ret, long long expected, char *why)
{
	if (ret == expected)
		return true;
	snprintf(why, WHY_LEN, "gave %lld, expected %lld%s", ret, expected,
		 ret == OUTCOME_NOTHING ? " (no mapping)" :
		 ret < OUTCOME_NOTHING ? " (a signal)" : "");
	return false;
}

/*
 * May memory be accessed now? PCI PM 1.2, 5.4.1: in D3hot a function answers
 * configuration accesses only; PCI 3.0, 6.2.2: not without memory enable either.
 */
enum known model_access(const struct model *model)
{
	if (model->d3hot == KNOWN_OFF || model->memory_enable == KNOWN_OFF)
		return model->memory_enable;
	return model->d3hot == KNOWN_ON ? KNOWN_OFF : UNKNOWN;
}

/* Contents of physical BARs after a reset are the device's business. */
static void forget_contents(struct model *model)
{
	const struct bar *bar = model->layout->bar;
	__u32 i;

	for (i = 0; i < BARS; i++) {
		if (!bar[i].is_memory)
			store_forget_region(model->store, 2 * i);
		else if (model->lose_memory)
			store_forget_heads(model->store, 2 * i, LOST_STRIDE, LOST_LEN);
	}
}

/* The function was reset, by whatever, and is in D0 again. */
void model_reset(struct model *model)
{
	model_config_reset(model);
	forget_contents(model);
}

/* The function left D3hot, which may be a reset of the rest of it (PCI PM 1.2, 5.4). */
void model_wake(struct model *model)
{
	model_config_wake(model);
	if (model->layout->soft_reset)
		forget_contents(model);
}

/*
 * vfio.h, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY: from then on the host may take the
 * function to low power and back around each access, or not. Where the way back is a
 * reset, the next access is to one that was reset.
 */
static void doze(struct model *model)
{
	model_config_doze(model);
	if (model->layout->soft_reset)
		forget_contents(model);
}

/* Opening and closing a device may each reset it; mappings are gone. */
static bool judge_reopen(struct model *model, const struct outcome *out, char *why)
{
	if (!model_expect(out->ret, 0, why))
		return false;
	model_reset(model);
	model_config_open(model);
	model->in_low_power = false;
	memset(model->map, 0, sizeof(model->map));
	return true;
}

/* A reset that is refused changes nothing, but VFIO_DEVICE_RESET goes to D0 first. */
static bool judge_refused(struct model *model, bool leaves_d3hot,
			  const struct outcome *out, char *why)
{
	if (out->ret >= 0) {
		snprintf(why, WHY_LEN, "gave %lld, expected an error", out->ret);
		return false;
	}
	if (leaves_d3hot && model->d3hot != KNOWN_OFF)
		model_wake(model);
	return true;
}

/* The kernel uses whatever the device has, unless it is told what to use. */
static bool can_reset(const struct layout *layout, enum op_reset how)
{
	switch (how) {
	case RESET_FLR:
		return layout->has_flr;
	case RESET_AF_FLR:
		return layout->has_af_flr;
	case RESET_PM:
		return layout->has_pm_reset;
	case RESET_HOT:
	case RESET_BUS:
		return layout->has_bus_reset;
	default:
		return layout->has_flr || layout->has_af_flr || layout->has_pm_reset ||
		       layout->has_bus_reset;
	}
}

static bool judge_reset(struct model *model, const struct op *op,
			const struct outcome *out, char *why)
{
	bool works = can_reset(model->layout, op->which);

	if (op->which == RESET_FAIL)
		return judge_refused(model, works, out, why);
	if (!works)
		return judge_refused(model, false, out, why);
	if (!model_expect(out->ret, 0, why))
		return false;
	model_reset(model);
	return true;
}

static bool judge_knob(struct model *model, const struct op *op,
		       const struct outcome *out, char *why)
{
	if (op->which == KNOB_LOSE_MEMORY)
		model->lose_memory = op->value;
	return model_expect(out->ret, 0, why);
}

/* vfio.h has no word on a second entry; exit is always possible. */
static bool judge_low_power(struct model *model, const struct op *op,
			    const struct outcome *out, char *why)
{
	bool was = model->in_low_power;

	model->in_low_power = op->value;
	if (was && op->value && out->ret < 0)
		return true;
	return model_expect(out->ret, 0, why);
}

static bool judge_munmap(struct model *model, const struct op *op,
			 const struct outcome *out, char *why)
{
	struct mapping *map = &model->map[op->which];
	long long expected = map->len ? 0 : OUTCOME_NOTHING;

	map->len = 0;
	return model_expect(out->ret, expected, why);
}

static bool judge(struct model *model, const struct op *op, const struct outcome *out,
		  char *why)
{
	switch (op->kind) {
	case OP_CONFIG_READ:
		return model_config_read(model, op, out, why);
	case OP_CONFIG_WRITE:
		return model_config_write(model, op, out, why);
	case OP_READ:
	case OP_WRITE:
		return model_region_rw(model, op, out, why);
	case OP_INFO:
		return model_info(model, op, out, why);
	case OP_MMAP:
		return model_mmap(model, op, out, why);
	case OP_MUNMAP:
		return judge_munmap(model, op, out, why);
	case OP_LOAD:
	case OP_STORE:
		return model_touch(model, op, out, why);
	case OP_RESET:
		return judge_reset(model, op, out, why);
	case OP_REOPEN:
		return judge_reopen(model, out, why);
	case OP_KNOB:
		return judge_knob(model, op, out, why);
	case OP_READ_SELF:
	case OP_WRITE_SELF:
		return model_self(model, op, out, why);
	case OP_LOW_POWER:
		return judge_low_power(model, op, out, why);
	default:
		snprintf(why, WHY_LEN, "no such operation");
		return false;
	}
}

/**
 * model_judge() - is this outcome allowed, and what is known after it
 * @model: what was known before
 * @op: what was done
 * @out: what came of it
 * @why: WHY_LEN bytes for the rule that is broken
 *
 * Return: false if the device and the model differ.
 */
bool model_judge(struct model *model, const struct op *op, const struct outcome *out,
		 char *why)
{
	bool same;

	if (model->in_low_power)
		doze(model);
	same = judge(model, op, out, why);
	if (model->in_low_power)
		doze(model);
	return same;
}
