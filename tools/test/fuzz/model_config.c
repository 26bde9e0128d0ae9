// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of configuration space: header as in PCI 3.0, 6.1 and 6.2, with what PCI
 * Express 5.0, 7.5.1 hardwires, capabilities for power management and PCI Express.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "model.h"

#define BAR_FLAGS	(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)
#define BAR_LEN		8
#define HEADER_LEN	PCI_STD_HEADER_SIZEOF
#define D3HOT		3

/*
 * Without BARs in I/O space that enable bit is hardwired to 0; the others that are
 * missing here are hardwired for every PCI Express function.
 */
#define COMMAND_WRITABLE	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | \
				 PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
				 PCI_COMMAND_INTX_DISABLE)

/* Config registers whose writes do more, or less, than this model wants to tell. */
static void init_opaque(struct model *model)
{
	unsigned int pm = model->layout->pm, exp = model->layout->exp;
	unsigned int i;

	for (i = HEADER_LEN; i < PCI_CFG_SPACE_SIZE; i++)
		model->opaque[i] = true;
	for (i = 0; i < PCI_PM_SIZEOF; i++)
		model->opaque[pm + i] = false;
	for (i = 0; i < PCI_EXP_DEVCTL; i++)
		model->opaque[exp + i] = false;
	for (i = 0; model->layout->aer && i < PCI_ERR_ROOT_COMMAND; i++)
		model->opaque[model->layout->aer + i] = true;
	for (i = 0; i < model->layout->cxl_len; i++)
		model->opaque[model->layout->cxl + i] = true;
}

void model_config_init(struct model *model)
{
	const struct bar *bar = model->layout->bar;
	__u64 mask;
	int i, j;

	model->writable[PCI_COMMAND] = COMMAND_WRITABLE & 0xff;
	model->writable[PCI_COMMAND + 1] = COMMAND_WRITABLE >> 8;
	model->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	model->writable[PCI_INTERRUPT_LINE] = 0xff;
	for (i = 0; i < BARS; i++) {
		mask = bar[i].size ? ~(bar[i].size - 1) : 0;
		for (j = 0; j < BAR_LEN; j++)
			model->writable[PCI_BASE_ADDRESS_0 + i * BAR_LEN + j] =
				(__u8)(mask >> (8 * j));
	}
	init_opaque(model);
}

/* The function is in D3hot or D0 now, or who knows. */
void model_config_power(struct model *model, enum known d3hot)
{
	unsigned int pos = model->layout->pm + PCI_PM_CTRL;

	model->d3hot = d3hot;
	model->val[pos] &= (__u8)~PCI_PM_CTRL_STATE_MASK;
	model->val[pos] |= d3hot == KNOWN_ON ? D3HOT : 0;
	model->known[pos] |= PCI_PM_CTRL_STATE_MASK;
	if (d3hot == UNKNOWN)
		model->known[pos] &= (__u8)~PCI_PM_CTRL_STATE_MASK;
}

/*
 * After a reset a BAR of the device is 0 (PCI 3.0, 6.2.5.1). vfio keeps the values of
 * physical BARs over some resets (it has "virtualized" them since 3.6): not known.
 */
static void reset_bars(struct model *model)
{
	const struct bar *bar = model->layout->bar;
	unsigned int pos;
	int i, j;

	for (i = 0; i < BARS; i++) {
		for (j = 0; j < BAR_LEN; j++) {
			pos = PCI_BASE_ADDRESS_0 + i * BAR_LEN + j;
			model->known[pos] = bar[i].is_memory || !bar[i].size ?
					    0xff : (__u8)~model->writable[pos];
			model->val[pos] = 0;
		}
		model->val[PCI_BASE_ADDRESS_0 + i * BAR_LEN] = bar[i].size ? BAR_FLAGS : 0;
	}
}

/* What can be written has any value now; what cannot has the one that it had. */
static void forget_written(struct model *model)
{
	unsigned int i;

	for (i = 0; i < CONFIG_LEN; i++)
		model->known[i] = model->opaque[i] ? 0 :
				  model->known[i] & (__u8)~model->writable[i];
}

/* vfio-pci hands out a function that is in D0 with memory access enabled. */
void model_config_open(struct model *model)
{
	forget_written(model);
	reset_bars(model);
	model_config_power(model, KNOWN_OFF);
	model->memory_enable = KNOWN_ON;
}

static void forget_opaque(struct model *model)
{
	unsigned int i;

	for (i = 0; i < CONFIG_LEN; i++)
		if (model->opaque[i])
			model->known[i] = 0;
}

/*
 * The kernel saves and restores config space around its resets
 * (pci_reset_function() in Documentation/driver-api/pci). A function that comes out of
 * D3hot by a reset of its own is not what was saved.
 */
void model_config_reset(struct model *model)
{
	forget_opaque(model);
	if (model->d3hot != KNOWN_OFF && model->layout->soft_reset) {
		forget_written(model);
		model->memory_enable = UNKNOWN;
	}
	reset_bars(model);
	model_config_power(model, KNOWN_OFF);
}

/*
 * From D3hot to D0. Where that is a reset vfio-pci restores what was there before, of
 * which all BARs are certain: the user may have written others meanwhile.
 */
static void restore(struct model *model)
{
	__u8 known[BARS * BAR_LEN];

	memcpy(known, model->known + PCI_BASE_ADDRESS_0, sizeof(known));
	if (model->layout->soft_reset)
		forget_written(model);
	memcpy(model->known + PCI_BASE_ADDRESS_0, known, sizeof(known));
}

void model_config_wake(struct model *model)
{
	restore(model);
	model_config_power(model, KNOWN_OFF);
}

/*
 * The host may have taken the function to low power and back. Whether it is still in
 * D3hot if it was before vfio.h does not say.
 */
void model_config_doze(struct model *model)
{
	restore(model);
	if (model->d3hot == KNOWN_ON)
		model_config_power(model, UNKNOWN);
}

/* An access of no bytes does nothing; one that is not within config space fails. */
static bool is_within(const struct op *op)
{
	return op->pos < CONFIG_LEN && op->len <= CONFIG_LEN - op->pos;
}

static bool has_hole(const struct op *op)
{
	return op->hole < op->len;
}

static bool expect_none(const struct op *op, const struct outcome *out, char *why)
{
	return model_expect(out->ret, op->len ? -EFAULT : 0, why);
}

bool model_config_read(struct model *model, const struct op *op,
		       const struct outcome *out, char *why)
{
	unsigned int i, at;

	if (!op->len || !is_within(op) || has_hole(op))
		return expect_none(op, out, why);
	if (!model_expect(out->ret, op->len, why))
		return false;

	for (i = 0; i < op->len; i++) {
		at = (unsigned int)op->pos + i;
		if ((out->data[i] ^ model->val[at]) & model->known[at]) {
			snprintf(why, WHY_LEN,
				 "byte 0x%x reads 0x%02x, expected 0x%02x (bits 0x%02x are known)",
				 at, out->data[i], model->val[at], model->known[at]);
			return false;
		}
		model->val[at] = out->data[i];
		model->known[at] = 0xff;
	}
	return true;
}

/*
 * PCI PM 1.2, 3.2.4: a state that the function does not have is not entered; from
 * D3hot there is no way but to D0.
 */
static void write_power(struct model *model, __u8 val)
{
	val &= PCI_PM_CTRL_STATE_MASK;
	if (val == D3HOT)
		model_config_power(model, KNOWN_ON);
	else if (!val && model->d3hot != KNOWN_OFF)
		model_wake(model);
}

static void write_byte(struct model *model, unsigned int at, __u8 val)
{
	const struct layout *layout = model->layout;
	__u8 mask = model->writable[at];

	model->val[at] = (__u8)((model->val[at] & ~mask) | (val & mask));
	model->known[at] |= mask;
	if (model->opaque[at])
		model->known[at] = 0;
	if (at == PCI_COMMAND)
		model->memory_enable = val & PCI_COMMAND_MEMORY ? KNOWN_ON : KNOWN_OFF;
	if (at == layout->pm + PCI_PM_CTRL)
		write_power(model, val);
	if (at == layout->exp + PCI_EXP_DEVCTL + 1 && layout->has_flr &&
	    val & (PCI_EXP_DEVCTL_BCR_FLR >> 8))
		model_reset(model);
	if (at == layout->af + PCI_AF_CTRL && layout->has_af_flr && val & PCI_AF_CTRL_FLR)
		model_reset(model);
}

/* vfio-pci drops a write of a read-only extended capability and does not read its buffer. */
static bool is_dropped(const struct model *model, const struct op *op)
{
	unsigned int at = (unsigned int)op->pos, end = at + op->len;

	if (at < PCI_CFG_SPACE_SIZE)
		return false;
	while (at < end && !model->writable[at] && !model->opaque[at])
		at++;
	return at == end;
}

/* Bytes take effect in ascending order; of a write that fails none does. */
bool model_config_write(struct model *model, const struct op *op,
			const struct outcome *out, char *why)
{
	__u8 data[CONFIG_LEN];
	unsigned int i;

	if (!op->len || !is_within(op))
		return expect_none(op, out, why);
	if (has_hole(op))
		return (is_dropped(model, op) && out->ret == op->len) ||
		       expect_none(op, out, why);
	if (!model_expect(out->ret, op->len, why))
		return false;

	op_fill(op, data, op->len);
	for (i = 0; i < op->len; i++)
		write_byte(model, (unsigned int)op->pos + i, data[i]);
	return true;
}
