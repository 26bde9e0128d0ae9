// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations. Where a mistake is likely the dice are loaded: the BAR registers,
 * both ends of memory and BAR, sizes of pages and chunks. What takes the hardware long
 * is rare, as are transfers of more than a MiB, and memory that cannot be accessed
 * soon can again.
 */
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "generate.h"

#define KIB		1024U
#define MIB		(KIB * KIB)
#define CHANCES		100000U

/* Registers in BAR0 have a meaning; these windows of it are plain memory. */
static const __u64 bar0_window[] = { 0, 0x40000, 0x80000, 8 * MIB };
#define BAR0_WINDOW_LEN	4096U
#define BAR0_MAX_LEN	512U

struct generator {
	__u64 *random;
	const struct model *model;
};

static __u32 below(struct generator *gen, __u32 limit)
{
	return (__u32)(op_random(gen->random) % limit);
}

static bool one_in(struct generator *gen, __u32 chances)
{
	return !below(gen, chances);
}

/* Data with a pattern that shows which byte went where, or one that stands for much. */
static void pick_data(struct generator *gen, struct op *op)
{
	static const __u64 special[] = { ~0ULL, 0, 0x0101010101010101ULL };

	op->is_random = !one_in(gen, 3);
	op->value = op->is_random ? op_random(gen->random) >> 40 : special[below(gen, 3)];
}

static __u32 pick_len(struct generator *gen)
{
	static const __u32 width[] = { 1, 2, 4, 8, 4, 8 };
	__u32 dice = below(gen, 10000);

	if (dice < 5500)
		return width[below(gen, 6)];
	if (dice < 8000)
		return below(gen, 64);
	if (dice < 9500)
		return below(gen, 1000);
	if (dice < 9950)
		return below(gen, 3 * 4 * KIB);
	return below(gen, dice < 9990 ? 200 * KIB : OP_MAX_LEN + 1);
}

static void pick_hole(struct generator *gen, struct op *op)
{
	if (op->len && one_in(gen, op->len > MIB ? 3 : 40))
		op->hole = below(gen, op->len);
}

static void config_pos(struct generator *gen, struct op *op)
{
	__u32 dice = below(gen, 100);

	if (dice < 70)
		op->pos = PCI_BASE_ADDRESS_0 - 4 + below(gen, 32);
	else if (dice < 90)
		op->pos = below(gen, PCI_STD_HEADER_SIZEOF);
	else if (dice < 97)
		op->pos = below(gen, 0x200);
	else
		op->pos = CONFIG_LEN - 16 + below(gen, 32);
	op->len = one_in(gen, 3) ? below(gen, 40) : 1U << below(gen, 4);
	pick_hole(gen, op);
}

static void config_read(struct generator *gen, struct op *op)
{
	config_pos(gen, op);
	if (one_in(gen, 200))
		op->len = below(gen, CONFIG_LEN + 32);
}

/*
 * Random bits in the command register would ask for I/O, which has the kernel restore
 * and log things. Capabilities but for power management have effects that the model
 * has no idea of.
 */
static void config_write(struct generator *gen, struct op *op)
{
	config_pos(gen, op);
	pick_data(gen, op);
	if (!gen->model->layout->is_strict)
		op->hole = OP_NO_HOLE;
	if (op->pos <= PCI_COMMAND + 1 && op->len) {
		op->pos = PCI_COMMAND;
		op->is_random = false;
		op->value = (op->value & 0xffffffffffff0540ULL) | PCI_COMMAND_MEMORY;
	}
	if (op->pos < PCI_STD_HEADER_SIZEOF && op->len > PCI_STD_HEADER_SIZEOF - op->pos)
		op->len = PCI_STD_HEADER_SIZEOF - (__u32)op->pos;
	if (op->pos >= PCI_STD_HEADER_SIZEOF && op->pos < PCI_CFG_SPACE_SIZE)
		op->pos += PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF;
}

static void memory_enable(struct generator *gen, struct op *op, bool enable)
{
	op->kind = OP_CONFIG_WRITE;
	op->pos = PCI_COMMAND;
	op->len = 1U << below(gen, 3);
	op->value = below(gen, 2) * PCI_COMMAND_MASTER;
	op->value |= enable ? PCI_COMMAND_MEMORY : 0;
	/* One write may go on into the BARs. */
	if (one_in(gen, 8))
		op->len = below(gen, PCI_STD_HEADER_SIZEOF - PCI_COMMAND) + 1;
}

static void power(struct generator *gen, struct op *op, __u64 state)
{
	op->kind = OP_CONFIG_WRITE;
	op->pos = gen->model->layout->pm + PCI_PM_CTRL;
	op->len = 1U << below(gen, 3);
	op->value = state;
}

/* By PCI Express, also where it has no such bit, or by Advanced Features. */
static void flr(struct generator *gen, struct op *op)
{
	const struct layout *layout = gen->model->layout;

	op->kind = OP_CONFIG_WRITE;
	op->pos = layout->exp + PCI_EXP_DEVCTL;
	op->len = 2U << below(gen, 2);
	op->value = PCI_EXP_DEVCTL_BCR_FLR | PCI_EXP_DEVCTL_RELAX_EN;
	if (!layout->af || one_in(gen, 4))
		return;
	op->pos = layout->af + PCI_AF_CTRL;
	op->len = 1 + below(gen, 2);
	op->value = PCI_AF_CTRL_FLR;
}

static __u64 before(__u64 end, __u64 len)
{
	return end > len ? end - len : 0;
}

/* One write to BARs and, from there on, to what may start a reset. */
static void sweep(struct generator *gen, struct op *op)
{
	__u32 end = gen->model->layout->exp + PCI_EXP_DEVCTL + 2;

	op->pos = PCI_BASE_ADDRESS_0 + below(gen, 24);
	op->len = end - (__u32)op->pos;
	pick_data(gen, op);
}

/* A place in a region near one where something changes. */
static __u64 near_edge(struct generator *gen, const struct bar *bar)
{
	const __u64 edge[] = {
		0, 4 * KIB, 64 * KIB, 128 * KIB, 2 * MIB, bar->mem_len / 2,
		before(bar->mem_len, 64 * KIB), before(bar->mem_len, 4 * KIB),
		bar->mem_len, bar->mem_len, bar->mem_len, bar->size,
		bar->mem_len & ~(2ULL * MIB - 1),
	};
	__u64 at = edge[below(gen, ARRAY_SIZE(edge))];
	__u32 off = below(gen, one_in(gen, 2) ? 40 : 20 * KIB);

	if (one_in(gen, 2))
		return at + off;
	return before(at, off);
}

static void bar0_pos(struct generator *gen, struct op *op)
{
	op->pos = bar0_window[below(gen, 4)] + below(gen, BAR0_WINDOW_LEN);
	op->len = op->len % BAR0_MAX_LEN;
}

static __u32 pick_region(struct generator *gen)
{
	__u32 dice = below(gen, 100);

	if (dice < 45)
		return VFIO_PCI_BAR4_REGION_INDEX;
	if (dice < 85)
		return VFIO_PCI_BAR2_REGION_INDEX;
	return dice < 98 ? VFIO_PCI_BAR0_REGION_INDEX : below(gen, 12);
}

static void region_rw(struct generator *gen, struct op *op)
{
	const struct bar *bar;

	do
		op->which = pick_region(gen);
	while (op->which == VFIO_PCI_CONFIG_REGION_INDEX);
	bar = model_bar(gen->model, op->which);
	op->len = pick_len(gen);
	/* The kernel accesses a physical BAR one register at a time. */
	if (bar && !bar->is_memory)
		op->len %= 200 * KIB;
	if (op->which == VFIO_PCI_BAR0_REGION_INDEX)
		bar0_pos(gen, op);
	else if (bar && op->len > 64 * KIB)
		op->pos = before(near_edge(gen, bar), below(gen, op->len));
	else if (bar)
		op->pos = near_edge(gen, bar);
	else
		op->pos = below(gen, 64 * KIB);
	pick_data(gen, op);
	pick_hole(gen, op);
}

static void info(struct generator *gen, struct op *op)
{
	op->which = one_in(gen, 3) ? below(gen, 12) : 2 * below(gen, 3);
	op->len = one_in(gen, 2) ? 256 : below(gen, 128);
}

/* A mapping that has huge pages, with a part of one at either end now and then. */
static void map_huge(struct generator *gen, struct op *op, const struct bar *bar)
{
	const struct layout *layout = gen->model->layout;
	__u32 nr = below(gen, 3) + 1;

	op->align = one_in(gen, 8) ? 0 : layout->huge;
	op->len = nr * layout->huge;
	op->pos = near_edge(gen, bar);
	op->pos -= op->pos % layout->huge;
	if (one_in(gen, 2))
		op->pos = before(op->pos, op->len);
	if (one_in(gen, 4))
		op->len -= layout->page;
	if (one_in(gen, 4))
		op->pos += below(gen, 3) * layout->page;
}

static void map(struct generator *gen, struct op *op)
{
	const struct bar *bar;
	unsigned int page = gen->model->layout->page;

	op->which = below(gen, OP_SLOTS);
	op->region = one_in(gen, 10) ? below(gen, 12) : 2 + 2 * below(gen, 2);
	bar = model_bar(gen->model, op->region);
	if (bar && bar->is_memory && one_in(gen, 8)) {
		map_huge(gen, op, bar);
		return;
	}
	op->len = one_in(gen, 4) ? below(gen, MIB) : below(gen, 9) * page;
	if (bar && op->region != VFIO_PCI_BAR0_REGION_INDEX)
		op->pos = near_edge(gen, bar);
	if (!one_in(gen, 8))
		op->pos -= op->pos % page;
	op->value = one_in(gen, 20);
}

/* Where in the mapping something is that was likely written before, or anywhere. */
static __u64 touch_pos(struct generator *gen, const struct mapping *slot, __u32 len)
{
	__u64 last = slot->len - len, pos = below(gen, (__u32)last + 1);

	if (one_in(gen, 3))
		pos = near_edge(gen, model_bar(gen->model, slot->region)) - slot->pos;
	else if (one_in(gen, 3))
		pos = before(pos - pos % gen->model->layout->page, below(gen, 2 * len + 1));
	return pos > last ? last : pos;
}

/* Single accesses are aligned to their width; many are not, and go over pages. */
static void touch(struct generator *gen, struct op *op)
{
	const struct mapping *slot;

	op->which = below(gen, OP_SLOTS);
	slot = &gen->model->map[op->which];
	op->len = 1U << below(gen, 4);
	if (slot->region && one_in(gen, 10))
		op->len = below(gen, one_in(gen, 10) ? OP_MAX_TOUCH - 8 : 4 * KIB) + 9;
	if (slot->len && !slot->region)
		op->pos = below(gen, KIB);
	else if (slot->len > op->len)
		op->pos = touch_pos(gen, slot, op->len);
	if (op->len <= 8)
		op->pos -= op->pos % op->len;
	pick_data(gen, op);
}

/* Only between memories: the kernel cannot copy to registers, which want alignment. */
static void self(struct generator *gen, struct op *op)
{
	const struct mapping *slot;
	const struct bar *bar, *buf;

	op->which = below(gen, OP_SLOTS);
	op->region = 2 + 2 * below(gen, 2);
	slot = &gen->model->map[op->which];
	bar = model_bar(gen->model, op->region);
	buf = model_bar(gen->model, slot->region);
	if (!slot->len || !bar || !bar->is_memory || !buf || !buf->is_memory) {
		op->kind = OP_MUNMAP;
		return;
	}
	op->len = pick_len(gen);
	if (op->len > slot->len)
		op->len = (__u32)slot->len;
	op->pos = near_edge(gen, bar);
	op->value = touch_pos(gen, slot, op->len);
}

static void reset(struct generator *gen, struct op *op)
{
	__u32 dice = below(gen, 100);

	op->kind = OP_RESET;
	op->which = dice < 30 ? RESET_IOCTL : dice < 45 ? RESET_SYSFS :
		    dice < 70 ? RESET_FLR + below(gen, 4) : RESET_FAIL;
	if (dice >= 98)
		op->which = RESET_HOT;
}

/*
 * The simulated hardware takes its time to overwrite memory, more than a driver has to
 * wait where there is much of it and the emulated host is busy.
 */
static bool is_small(const struct layout *layout)
{
	return layout->bar[1].mem_len + layout->bar[2].mem_len <= 2048ULL * MIB;
}

/* After a reset the kernel waits 100 ms before it looks whether the GPU answers. */
static void knob(struct generator *gen, struct op *op)
{
	op->which = below(gen, KNOBS);
	if (op->which == KNOB_LOSE_MEMORY)
		op->value = is_small(gen->model->layout) && one_in(gen, 8);
	else if (op->which == KNOB_CONFIG_FF_MS && one_in(gen, 4))
		op->value = 100 + below(gen, 6) * 50;
	else
		op->value = below(gen, 4) * 10;
}

static void touch_any(struct generator *gen, struct op *op)
{
	op->kind = one_in(gen, 2) ? OP_LOAD : OP_STORE;
	touch(gen, op);
}

static void low_power(struct generator *gen, struct op *op)
{
	op->kind = OP_LOW_POWER;
	op->value = !gen->model->in_low_power || one_in(gen, 4);
}

/* Weights, out of CHANCES. */
static const struct {
	__u32 weight;
	enum op_kind kind;
	void (*fill)(struct generator *gen, struct op *op);
} table[] = {
	{ 30000, OP_CONFIG_READ, config_read },
	{ 24000, OP_CONFIG_WRITE, config_write },
	{ 17000, OP_READ, region_rw },
	{ 15000, OP_WRITE, region_rw },
	{ 4000, OP_LOAD, touch },
	{ 4000, OP_STORE, touch },
	{ 2500, OP_INFO, info },
	{ 250, OP_READ_SELF, self },
	{ 250, OP_WRITE_SELF, self },
	{ 1500, OP_MMAP, map },
	{ 1000, OP_MUNMAP, touch },
	{ 30, OP_RESET, reset },
	{ 30, OP_CONFIG_WRITE, flr },
	{ 10, OP_CONFIG_WRITE, sweep },
	{ 5, OP_REOPEN, NULL },
	{ 20, OP_KNOB, knob },
	{ 4, OP_LOW_POWER, low_power },
};

static void any(struct generator *gen, struct op *op)
{
	__u32 dice = below(gen, CHANCES);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (dice >= table[i].weight) {
			dice -= table[i].weight;
			continue;
		}
		op->kind = table[i].kind;
		if (table[i].fill)
			table[i].fill(gen, op);
		return;
	}
	if (one_in(gen, 6))
		power(gen, op, below(gen, 2) * 3);
	else
		memory_enable(gen, op, false);
}

/**
 * generate() - think of something
 * @op: set
 * @random: state of the random numbers, the only source of chance
 * @model: the device now
 */
void generate(struct op *op, __u64 *random, const struct model *model)
{
	struct generator gen = { .random = random, .model = model };

	memset(op, 0, sizeof(*op));
	op->hole = OP_NO_HOLE;
	/* Each access but to a mapping takes it out of low power for a moment: slow. */
	if (model->in_low_power && one_in(&gen, 8))
		low_power(&gen, op);
	else if (model->in_low_power && one_in(&gen, 2))
		touch_any(&gen, op);
	else if (model->d3hot != KNOWN_OFF && one_in(&gen, 30))
		power(&gen, op, 0);
	else if (model->memory_enable != KNOWN_ON && one_in(&gen, 30))
		memory_enable(&gen, op, true);
	else
		any(&gen, op);
}
