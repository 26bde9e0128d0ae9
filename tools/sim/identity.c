// SPDX-License-Identifier: GPL-2.0-only
/*
 * The default GPU, and the limits of the simulation. Drivers are tested with
 * invalid values: only those that would break the simulation are rejected.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "sim.h"

#define DEFAULT_DEVICE_ID	0x2342
#define DEFAULT_SUBSYSTEM_ID	0x16eb
#define DEFAULT_MEMORY_SIZE	(3712ULL * SZ_1M)

void sim_identity_init(struct sim_identity *id)
{
	*id = (struct sim_identity){
		.device_id = DEFAULT_DEVICE_ID,
		.subsystem_id = DEFAULT_SUBSYSTEM_ID,
		.memory_auto = true,
		.memory_size = DEFAULT_MEMORY_SIZE,
		.properties = SIM_PROP_BASE | SIM_PROP_SIZE,
		.bar_size = { SZ_16M, SZ_128M, SZ_32M },
		.reset_methods = SIM_RESET_FLR,
		.no_soft_reset = true,
		.domain = SIM_DOMAIN_AUTO,
		.functions = 1,
	};
}

/**
 * sim_identity_check - check whether an identity can be simulated
 * @id: the identity
 * @name: the GPU's name, for the message
 *
 * Return: 0, or -EINVAL after one line with the reason.
 */
int sim_identity_check(const struct sim_identity *id, const char *name)
{
	unsigned int bar;

	for (bar = 0; bar < SIM_BARS; bar++) {
		u64 size = id->bar_size[bar];

		if (bar && !size)
			continue;
		if (!is_power_of_2(size) || size < PAGE_SIZE) {
			pr_err("%s: bar%u_size=%llu must be a power of two and at least %lu%s\n",
			       name, 2 * bar, size, PAGE_SIZE, bar ? ", or 0" : "");
			return -EINVAL;
		}
	}
	if (id->reset_methods & SIM_RESET_PM && id->no_soft_reset) {
		pr_err("%s: reset_methods with pm needs no_soft_reset=0\n", name);
		return -EINVAL;
	}
	return 0;
}
