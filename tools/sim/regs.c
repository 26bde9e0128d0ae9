// SPDX-License-Identifier: GPL-2.0-only
/*
 * BAR0 is plain memory; two of its words report whether C2C link and HBM are
 * ready. nvgrace-gpu polls these offsets for the value 0xff.
 */
#include <linux/io.h>

#include "sim.h"

#define REG_C2C_LINK		0x1498
#define REG_HBM_TRAINING	0x200bc
#define REG_READY		0xff
#define REG_NOT_READY		0

int sim_regs_create(struct sim_gpu *gpu)
{
	u64 size = gpu->identity.bar_size[0];

	gpu->bar0 = ioremap(gpu->bar_addr[0][0], size);
	if (!gpu->bar0)
		return -ENOMEM;
	memset_io(gpu->bar0, 0, size);
	return 0;
}

void sim_regs_destroy(struct sim_gpu *gpu)
{
	iounmap(gpu->bar0);
}

/* BAR0 may end before a register, which is then absent. */
static void reg_set(struct sim_gpu *gpu, unsigned int offset, u32 val)
{
	if (offset + sizeof(u32) <= gpu->identity.bar_size[0])
		writel(val, gpu->bar0 + offset);
}

void sim_regs_show_locked(struct sim_gpu *gpu)
{
	bool linked = !gpu->faults.c2c_down;
	bool trained = gpu->trained && !gpu->faults.never_ready;

	lockdep_assert_held(&gpu->lock);
	if (!sim_power_answers_locked(gpu)) {
		reg_set(gpu, REG_C2C_LINK, U32_MAX);
		reg_set(gpu, REG_HBM_TRAINING, U32_MAX);
		return;
	}
	reg_set(gpu, REG_C2C_LINK, linked ? REG_READY : REG_NOT_READY);
	reg_set(gpu, REG_HBM_TRAINING, trained ? REG_READY : REG_NOT_READY);
}
