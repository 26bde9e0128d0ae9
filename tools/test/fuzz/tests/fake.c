// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU of a few pages with the registers of PCI, PCI PM and PCI Express that the
 * fuzzer cares for. It shares no code with the model.
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "fake.h"

#define PM		0x40
#define EXP		0x78
#define PAGE		4096U
#define HUGE		(2 * PAGE)
#define CHUNK		0x100000U
#define MAX_BAR		(16U << 20)
#define BARS_END	(PCI_BASE_ADDRESS_5 + 4)
#define BAR_FLAGS	0xcU

/**
 * struct fake - the device
 * @target: what the fuzzer sees
 * @defect: what is wrong with it
 * @config: config space but for BARs and power state
 * @bar: what was written to the BARs
 * @in_d3hot: power state
 * @in_low_power: mappings are of no use
 * @memory: contents of the regions
 * @map: slots; a region with a length of 0 is an empty one
 * @data: of the last operation
 */
struct fake {
	struct target target;
	enum defect defect;
	__u8 config[CONFIG_LEN];
	__u64 bar[BARS];
	bool in_d3hot;
	bool in_low_power;
	__u8 *memory[BARS];
	struct op map[OP_SLOTS];
	__u8 data[OP_MAX_LEN];
};

static const struct layout layout = {
	.bar = {
		{ .size = MAX_BAR, .mem_len = MAX_BAR },
		{ .size = 8 * PAGE, .mem_len = 5 * PAGE, .is_memory = true },
		{ .size = 4 * CHUNK, .mem_len = 3 * CHUNK, .is_memory = true },
	},
	.pm = PM, .exp = EXP, .page = PAGE, .huge = HUGE,
	.has_flr = true, .has_bus_reset = true, .is_strict = true,
};

static void reset(struct fake *fake)
{
	if (fake->defect != DEFECT_BAR_SURVIVES_RESET)
		memset(fake->bar, 0, sizeof(fake->bar));
	if (fake->defect == DEFECT_COMMAND_LOST_IN_RESET)
		fake->config[PCI_COMMAND] = 0;
	fake->in_d3hot = false;
}

static void open_device(struct fake *fake)
{
	memset(fake->bar, 0, sizeof(fake->bar));
	memset(fake->map, 0, sizeof(fake->map));
	fake->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	fake->in_d3hot = false;
	fake->in_low_power = false;
}

static bool is_bar(unsigned int at)
{
	return at >= PCI_BASE_ADDRESS_0 && at < BARS_END;
}

static __u8 read_bar(const struct fake *fake, unsigned int at)
{
	unsigned int nr = (at - PCI_BASE_ADDRESS_0) / 8;
	__u64 size = layout.bar[nr].size;
	__u64 val = htole64((fake->bar[nr] & ~(size - 1)) | BAR_FLAGS);

	return ((__u8 *)&val)[at % 8];
}

static __u8 read_byte(const struct fake *fake, unsigned int at)
{
	if (is_bar(at))
		return read_bar(fake, at);
	if (at == PM + PCI_PM_CTRL)
		return fake->in_d3hot ? 3 : 0;
	return fake->config[at];
}

static void write_byte(struct fake *fake, unsigned int at, __u8 val)
{
	unsigned int shift = (at - PCI_BASE_ADDRESS_0) % 8 * 8;
	__u64 *bar = &fake->bar[(at - PCI_BASE_ADDRESS_0) / 8 % BARS];

	if (is_bar(at))
		*bar = (*bar & ~(0xffULL << shift)) | (__u64)val << shift;
	switch (at) {
	case PCI_COMMAND:
		fake->config[at] = val & 0x46;
		break;
	case PCI_COMMAND + 1:
		fake->config[at] = val & 0x05;
		break;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		fake->config[at] = val;
		break;
	case PM + PCI_PM_CTRL:
		if (val % 4 == 0 || val % 4 == 3)
			fake->in_d3hot = val % 4;
		break;
	case EXP + PCI_EXP_DEVCTL + 1:
		if (val & 0x80)
			reset(fake);
		break;
	}
}

static long long config_access(struct fake *fake, const struct op *op)
{
	unsigned int first = op->pos < BARS_END ? ((unsigned int)op->pos - 0x10) / 8 : 9;
	__u64 end = op->pos + op->len;
	__u32 len = op->len, i;

	if (!len)
		return 0;
	if (op->pos >= CONFIG_LEN || end > CONFIG_LEN)
		return -EFAULT;
	if (op->hole < len) {
		len = fake->defect == DEFECT_EFAULT_CHANGES ? op->hole : 0;
		end = 0;
	}
	op_fill(op, fake->data, op->kind == OP_CONFIG_WRITE ? len : 0);
	for (i = 0; i < len; i++) {
		unsigned int at = (unsigned int)op->pos + i;

		if (op->kind == OP_CONFIG_READ)
			fake->data[i] = read_byte(fake, at);
		else if (fake->defect != DEFECT_SECOND_BAR_LOST || !is_bar(at) ||
			 first == (at - 0x10) / 8)
			write_byte(fake, at, fake->data[i]);
	}
	return end ? (long long)op->len : -EFAULT;
}

static bool is_enabled(const struct fake *fake)
{
	if (fake->in_d3hot && fake->defect != DEFECT_D3HOT_IGNORED)
		return false;
	return fake->config[PCI_COMMAND] & PCI_COMMAND_MEMORY ||
	       fake->defect == DEFECT_ENABLE_IGNORED;
}

static void copy(struct fake *fake, const struct op *op, __u32 nr, __u64 pos, __u32 len)
{
	const struct bar *bar = &layout.bar[nr];
	bool is_write = op_has_data(op);
	__u32 i;

	op_fill(op, fake->data, is_write ? len : 0);
	for (i = 0; i < len; i++) {
		__u8 *byte = &fake->memory[nr][pos + i];

		if (pos + i >= bar->mem_len) {
			if (!is_write)
				fake->data[i] = fake->defect == DEFECT_PADDING_READS_0 ? 0 : 0xff;
		} else if (!is_write) {
			fake->data[i] = *byte;
		} else if (fake->defect == DEFECT_SECOND_CHUNK_WRONG && i >= CHUNK) {
			*byte = fake->data[i - CHUNK];
		} else if (fake->defect != DEFECT_BYTE_4096 || pos + i != 4096) {
			*byte = fake->data[i];
		}
	}
}

static long long region_access(struct fake *fake, const struct op *op)
{
	const struct bar *bar = &layout.bar[op->which / 2 % BARS];
	__u64 end = bar->size;
	__u32 len = op->len;

	if (!len)
		return 0;
	if (op->which > 4 || op->which % 2)
		return -EINVAL;
	if (op->pos >= end)
		return fake->defect == DEFECT_NO_END && op->pos == end ? 1 : -EINVAL;
	if (!is_enabled(fake))
		return -EIO;
	if (fake->defect == DEFECT_SHORT_AT_PADDING && op->pos < bar->mem_len)
		end = bar->mem_len;
	if (len > end - op->pos)
		len = (__u32)(end - op->pos);
	if (op->hole < len && (!bar->is_memory || !op->hole))
		return -EFAULT;
	if (op->hole < len)
		len = op->hole;
	copy(fake, op, op->which / 2, op->pos, len);
	return len;
}

static void fill_sparse(struct fake *fake, const struct bar *bar,
			struct vfio_region_info *info, __u32 argsz)
{
	struct vfio_region_info_cap_sparse_mmap *cap = (void *)(fake->data + sizeof(*info));

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->argsz = sizeof(*info) + sizeof(*cap) + sizeof(cap->areas[0]);
	if (argsz < info->argsz)
		return;
	info->cap_offset = sizeof(*info);
	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->header.version = 1;
	cap->nr_areas = 1;
	cap->areas[0].size = bar->mem_len;
	if (fake->defect == DEFECT_AREA_MISSING)
		cap->areas[0].size -= PAGE;
}

static long long region_info(struct fake *fake, const struct op *op)
{
	const struct bar *bar = &layout.bar[op->which / 2 % BARS];
	struct vfio_region_info *info = (void *)fake->data;

	memset(fake->data, 0, PAGE);
	info->argsz = op->len;
	info->index = op->which;
	if (op->len < sizeof(*info) || op->which >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	if (op->which == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->size = CONFIG_LEN;
		info->flags = 3;
	} else if (op->which < 6 && op->which % 2 == 0) {
		info->size = fake->defect == DEFECT_SIZE_IS_MEM_LEN ? bar->mem_len : bar->size;
		info->flags = 7;
		if (bar->is_memory)
			fill_sparse(fake, bar, info, op->len);
	}
	return 0;
}

static long long map(struct fake *fake, const struct op *op)
{
	const struct bar *bar = &layout.bar[op->region / 2 % BARS];
	__u64 end = fake->defect == DEFECT_MAPS_PADDING ? bar->size : bar->mem_len;

	fake->map[op->which].len = 0;
	if (op->value || !op->len || op->pos % PAGE || op->region > 4 || op->region % 2 ||
	    op->pos + op->len > end)
		return -EINVAL;
	fake->map[op->which] = *op;
	return 0;
}

static long long unmap(struct fake *fake, const struct op *op)
{
	bool was_mapped = fake->map[op->which].len;

	fake->map[op->which].len = 0;
	return was_mapped ? 0 : OUTCOME_NOTHING;
}

static long long touch(struct fake *fake, const struct op *op)
{
	const struct op *map = &fake->map[op->which];
	__u64 pos = map->pos + op->pos;

	if (op->pos + op->len > map->len)
		return OUTCOME_NOTHING;
	if (!is_enabled(fake) ||
	    (fake->in_low_power && fake->defect != DEFECT_LOW_POWER_IGNORED))
		return OUTCOME_SIGNAL(SIGBUS);
	if (fake->defect == DEFECT_WRONG_HUGE_PAGE && op->kind == OP_LOAD &&
	    map->align == HUGE && map->len >= HUGE)
		pos = pos % HUGE;
	copy(fake, op, map->region / 2, pos, op->len);
	return op->len;
}

static long long self_copy(struct fake *fake, const struct op *op)
{
	const struct bar *bar = &layout.bar[op->region / 2 % BARS];
	const struct op *map = &fake->map[op->which];
	__u8 *buf = fake->memory[map->region / 2] + map->pos + op->value;
	__u8 *mem = fake->memory[op->region / 2 % BARS] + op->pos;
	__u32 len = op->len, i;

	if (op->value >= map->len || op->value + len > map->len)
		return OUTCOME_NOTHING;
	if (op->region > 4 || op->region % 2 || op->pos >= bar->size)
		return len ? -EINVAL : 0;
	if (!is_enabled(fake))
		return len ? -EIO : 0;
	if (op->kind == OP_READ_SELF && fake->defect == DEFECT_SELF_READ_FAULTS)
		return -EFAULT;
	if (len > bar->size - op->pos)
		len = (__u32)(bar->size - op->pos);
	for (i = 0; i < len; i++) {
		bool exists = op->pos + i < bar->mem_len;

		if (op->kind == OP_READ_SELF)
			buf[i] = exists ? mem[i] : 0xff;
		else if (exists)
			mem[i] = buf[i];
	}
	return len;
}

static long long reset_by(struct fake *fake, enum op_reset how)
{
	if (how == RESET_FAIL) {
		fake->in_d3hot = false;
		return -ENOTTY;
	}
	if (how == RESET_AF_FLR || how == RESET_PM)
		return fake->defect == DEFECT_RESET_IS_OFFERED ? 0 : -EINVAL;
	if (how == RESET_BUS && fake->defect == DEFECT_BUS_RESET_UNSEEN)
		return 0;
	reset(fake);
	return 0;
}

static void perform(struct target *target, const struct op *op, struct outcome *out)
{
	struct fake *fake = (struct fake *)target;

	out->ret = 0;
	out->data = fake->data;
	if (op->kind == OP_CONFIG_READ || op->kind == OP_CONFIG_WRITE)
		out->ret = config_access(fake, op);
	else if (op->kind == OP_READ || op->kind == OP_WRITE)
		out->ret = region_access(fake, op);
	else if (op->kind == OP_INFO)
		out->ret = region_info(fake, op);
	else if (op->kind == OP_MMAP)
		out->ret = map(fake, op);
	else if (op->kind == OP_MUNMAP)
		out->ret = unmap(fake, op);
	else if (op->kind == OP_LOAD || op->kind == OP_STORE)
		out->ret = touch(fake, op);
	else if (op->kind == OP_RESET)
		out->ret = reset_by(fake, op->which);
	else if (op->kind == OP_REOPEN)
		open_device(fake);
	else if (op->kind == OP_READ_SELF || op->kind == OP_WRITE_SELF)
		out->ret = self_copy(fake, op);
	else if (op->kind == OP_LOW_POWER)
		fake->in_low_power = op->value;
}

static void refresh(struct target *target)
{
	open_device((struct fake *)target);
}

struct target *fake_new(enum defect defect)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	int i;

	fake->target.layout = layout;
	fake->target.refresh = refresh;
	fake->target.perform = perform;
	fake->defect = defect;
	for (i = 0; i < BARS; i++)
		fake->memory[i] = calloc(1, MAX_BAR);
	return &fake->target;
}

void fake_free(struct target *target)
{
	struct fake *fake = (struct fake *)target;
	int i;

	for (i = 0; i < BARS; i++)
		free(fake->memory[i]);
	free(fake);
}
