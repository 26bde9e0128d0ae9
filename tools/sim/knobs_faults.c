// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection attributes. They may be written at any time and take effect at
 * once.
 */
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>

#include "sim.h"

static void set_fault(struct sim_gpu *gpu, unsigned int *fault, unsigned int val)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	WRITE_ONCE(*fault, val);
	sim_power_refresh_locked(gpu);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

#define SIM_FAULT_SHOW(_name, _field)						\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	return sysfs_emit(page, "%u\n", READ_ONCE(to_sim_gpu(item)->faults._field)); \
}

#define SIM_FAULT_STORE(_name, _max, _field)					\
static ssize_t sim_gpu_##_name##_store(struct config_item *item,		\
				       const char *page, size_t count)		\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
	u64 val;								\
	int ret;								\
										\
	ret = sim_parse_number(page, _max, &val);					\
	if (ret)								\
		return ret;							\
	set_fault(gpu, &gpu->faults._field, val);				\
	return count;								\
}

#define MAX_DELAY_MS	(600 * MSEC_PER_SEC)

SIM_FAULT_SHOW(c2c_down, c2c_down)
SIM_FAULT_STORE(c2c_down, 1, c2c_down)
CONFIGFS_ATTR(sim_gpu_, c2c_down);

SIM_FAULT_SHOW(training_ms, training_ms)
SIM_FAULT_STORE(training_ms, MAX_DELAY_MS, training_ms)
CONFIGFS_ATTR(sim_gpu_, training_ms);

SIM_FAULT_SHOW(never_ready, never_ready)
SIM_FAULT_STORE(never_ready, 1, never_ready)
CONFIGFS_ATTR(sim_gpu_, never_ready);

SIM_FAULT_SHOW(cxl_inactive, cxl_inactive)
SIM_FAULT_STORE(cxl_inactive, 1, cxl_inactive)
CONFIGFS_ATTR(sim_gpu_, cxl_inactive);

SIM_FAULT_SHOW(fail_reset, fail_reset)
SIM_FAULT_STORE(fail_reset, 1, fail_reset)
CONFIGFS_ATTR(sim_gpu_, fail_reset);

SIM_FAULT_SHOW(config_ff_ms, config_ff_ms)
SIM_FAULT_STORE(config_ff_ms, MAX_DELAY_MS, config_ff_ms)
CONFIGFS_ATTR(sim_gpu_, config_ff_ms);

static const char * const reset_effects[] = { "keep", "lose" };

static ssize_t sim_gpu_memory_on_reset_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  reset_effects[READ_ONCE(to_sim_gpu(item)->faults.lose_memory)]);
}

static ssize_t sim_gpu_memory_on_reset_store(struct config_item *item, const char *page,
					     size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	int lose = sysfs_match_string(reset_effects, page);

	if (lose < 0)
		return lose;
	set_fault(gpu, &gpu->faults.lose_memory, lose);
	return count;
}
CONFIGFS_ATTR(sim_gpu_, memory_on_reset);

static ssize_t sim_gpu_poison_store(struct config_item *item, const char *page, size_t count)
{
	u64 offset;
	int ret;

	ret = sim_parse_number(page, U64_MAX, &offset);
	if (!ret)
		ret = sim_mem_poison(to_sim_gpu(item), offset);
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, poison);

static ssize_t sim_gpu_fire_msi_store(struct config_item *item, const char *page, size_t count)
{
	u64 vector;
	int ret;

	ret = sim_parse_number(page, U32_MAX, &vector);
	if (!ret)
		ret = sim_msi_fire(to_sim_gpu(item), vector);
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, fire_msi);

/* By enum sim_severity */
static const char * const severities[] = { "correctable", "nonfatal", "fatal" };

static ssize_t sim_gpu_report_error_store(struct config_item *item, const char *page,
					  size_t count)
{
	int severity = sysfs_match_string(severities, page);
	int ret;

	if (severity < 0)
		return severity;
	ret = sim_aer_report(to_sim_gpu(item), severity);
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, report_error);

static ssize_t sim_gpu_unplug_store(struct config_item *item, const char *page, size_t count)
{
	u64 val;
	int ret;

	ret = sim_parse_number(page, 1, &val);
	if (!ret && !val)
		ret = -EINVAL;
	if (!ret)
		ret = sim_gpu_surprise_remove(to_sim_gpu(item));
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, unplug);

struct configfs_attribute *sim_fault_attrs[] = {
	&sim_gpu_attr_c2c_down,
	&sim_gpu_attr_training_ms,
	&sim_gpu_attr_never_ready,
	&sim_gpu_attr_cxl_inactive,
	&sim_gpu_attr_fail_reset,
	&sim_gpu_attr_config_ff_ms,
	&sim_gpu_attr_memory_on_reset,
	&sim_gpu_attr_poison,
	&sim_gpu_attr_fire_msi,
	&sim_gpu_attr_report_error,
	&sim_gpu_attr_unplug,
	NULL
};
