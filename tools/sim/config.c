// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space as a table: each dword has a value, a mask of bits that a write
 * changes and a mask of bits that it clears. sim_function::written handles side
 * effects (reset, power state).
 *
 * The PCI core ensures that accesses are of 1, 2 or 4 bytes and do not cross a
 * dword.
 */
#include <linux/string.h>

#include "sim.h"

static u32 config_mask(unsigned int where, unsigned int size)
{
	return GENMASK(size * 8 - 1, 0) << (where % 4 * 8);
}

static void config_replace(u32 *dword, unsigned int where, unsigned int size,
			   u32 val)
{
	u32 mask = config_mask(where, size);

	*dword = (*dword & ~mask) | (val << (where % 4 * 8) & mask);
}

/**
 * sim_config_define - define a register, while the image is built
 * @fn: the function
 * @where: offset in config space
 * @size: 1, 2 or 4
 * @val: value after power on and after each reset
 * @rw: bits that writes change
 * @w1c: bits that writing 1 clears
 */
void sim_config_define(struct sim_function *fn, unsigned int where,
		       unsigned int size, u32 val, u32 rw, u32 w1c)
{
	config_replace(&fn->val[where / 4], where, size, val);
	config_replace(&fn->rw[where / 4], where, size, rw);
	config_replace(&fn->w1c[where / 4], where, size, w1c);
}

/**
 * sim_config_seal - take the current values as those after a reset
 * @fn: the function
 */
void sim_config_seal(struct sim_function *fn)
{
	memcpy(fn->init, fn->val, sizeof(fn->init));
}

/**
 * sim_config_reset - restore the values after a reset
 * @fn: the function
 */
void sim_config_reset(struct sim_function *fn)
{
	memcpy(fn->val, fn->init, sizeof(fn->val));
}

/**
 * sim_config_set - change a register from the device's side, masks ignored
 * @fn: the function
 * @where: offset in config space
 * @size: 1, 2 or 4
 * @val: new value
 */
void sim_config_set(struct sim_function *fn, unsigned int where,
		    unsigned int size, u32 val)
{
	config_replace(&fn->val[where / 4], where, size, val);
}

/**
 * sim_config_get - read a register
 * @fn: the function
 * @where: offset in config space
 * @size: 1, 2 or 4
 *
 * Return: its value.
 */
u32 sim_config_get(struct sim_function *fn, unsigned int where, unsigned int size)
{
	return (fn->val[where / 4] & config_mask(where, size)) >> (where % 4 * 8);
}

/**
 * sim_config_write - write a register from the host's side
 * @fn: the function
 * @where: offset in config space
 * @size: 1, 2 or 4
 * @val: what the host writes
 */
void sim_config_write(struct sim_function *fn, unsigned int where,
		      unsigned int size, u32 val)
{
	u32 mask = config_mask(where, size);
	u32 bits = val << (where % 4 * 8) & mask;
	u32 rw = fn->rw[where / 4] & mask;
	u32 *dword = &fn->val[where / 4];

	*dword = (*dword & ~rw) | (bits & rw);
	*dword &= ~(bits & fn->w1c[where / 4]);
	fn->written(fn, round_down(where, 4), bits);
}
