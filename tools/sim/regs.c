// SPDX-License-Identifier: GPL-2.0-only
/*
 * BAR0 is plain memory; two words of it tell whether C2C link and HBM are
 * ready. Offsets and the value 0xff are what nvgrace-gpu polls for.
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

/* A BAR0 that ends before a register is allowed; then it is not there. */
static void reg_set(struct sim_gpu *gpu, unsigned int offset, u32 val)
{
	if (offset + sizeof(u32) <= gpu->identity.bar_size[0])
		writel(val, gpu->bar0 + offset);
}

void sim_regs_show_locked(struct sim_gpu *gpu)
{
	u32 c2c = gpu->faults.c2c_down ? REG_NOT_READY : REG_READY;
	u32 hbm = gpu->trained && !gpu->faults.never_ready ? REG_READY : REG_NOT_READY;

	lockdep_assert_held(&gpu->lock);
	if (!sim_power_answers_locked(gpu))
		c2c = hbm = U32_MAX;
	reg_set(gpu, REG_C2C_LINK, c2c);
	reg_set(gpu, REG_HBM_TRAINING, hbm);
}
