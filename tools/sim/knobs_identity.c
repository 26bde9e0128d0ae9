// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity attributes: read-only while the GPU is plugged in.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "sim.h"

/**
 * sim_parse_number - parse a number written to an attribute
 * @page: decimal or 0x..., with an optional K, M or G as in memparse()
 * @max: largest allowed value
 * @val: receives the number
 *
 * Return: 0 or -EINVAL.
 */
int sim_parse_number(const char *page, u64 max, u64 *val)
{
	char *end;

	*val = memparse(page, &end);
	if (end == page || (*end && *end != '\n') || *val > max)
		return -EINVAL;
	return 0;
}

#define SIM_IDENTITY_SHOW(_name, _fmt, _field)					\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
										\
	guard(mutex)(&gpu->mutex);						\
	return sysfs_emit(page, _fmt "\n", gpu->identity._field);		\
}

#define SIM_IDENTITY_STORE(_name, _max, _field)					\
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
	guard(mutex)(&gpu->mutex);						\
	if (gpu->state != SIM_OFF)						\
		return -EBUSY;							\
	gpu->identity._field = val;						\
	return count;								\
}

SIM_IDENTITY_SHOW(device_id, "0x%04x", device_id)
SIM_IDENTITY_STORE(device_id, U16_MAX, device_id)
CONFIGFS_ATTR(sim_gpu_, device_id);

SIM_IDENTITY_SHOW(subsystem_id, "0x%04x", subsystem_id)
SIM_IDENTITY_STORE(subsystem_id, U16_MAX, subsystem_id)
CONFIGFS_ATTR(sim_gpu_, subsystem_id);

SIM_IDENTITY_SHOW(memory_size, "%llu", memory_size)
SIM_IDENTITY_STORE(memory_size, U64_MAX, memory_size)
CONFIGFS_ATTR(sim_gpu_, memory_size);

SIM_IDENTITY_SHOW(bar0_size, "%llu", bar_size[0])
SIM_IDENTITY_STORE(bar0_size, U64_MAX, bar_size[0])
CONFIGFS_ATTR(sim_gpu_, bar0_size);

SIM_IDENTITY_SHOW(bar2_size, "%llu", bar_size[1])
SIM_IDENTITY_STORE(bar2_size, U64_MAX, bar_size[1])
CONFIGFS_ATTR(sim_gpu_, bar2_size);

SIM_IDENTITY_SHOW(bar4_size, "%llu", bar_size[2])
SIM_IDENTITY_STORE(bar4_size, U64_MAX, bar_size[2])
CONFIGFS_ATTR(sim_gpu_, bar4_size);

SIM_IDENTITY_SHOW(mig_fixed, "%d", mig_fixed)
SIM_IDENTITY_STORE(mig_fixed, 1, mig_fixed)
CONFIGFS_ATTR(sim_gpu_, mig_fixed);

SIM_IDENTITY_SHOW(cxl, "%d", cxl)
SIM_IDENTITY_STORE(cxl, 1, cxl)
CONFIGFS_ATTR(sim_gpu_, cxl);

SIM_IDENTITY_SHOW(cxl_timeout, "%u", cxl_timeout)
SIM_IDENTITY_STORE(cxl_timeout, 4, cxl_timeout)
CONFIGFS_ATTR(sim_gpu_, cxl_timeout);

SIM_IDENTITY_SHOW(no_soft_reset, "%d", no_soft_reset)
SIM_IDENTITY_STORE(no_soft_reset, 1, no_soft_reset)
CONFIGFS_ATTR(sim_gpu_, no_soft_reset);

SIM_IDENTITY_SHOW(aer, "%d", aer)
SIM_IDENTITY_STORE(aer, 1, aer)
CONFIGFS_ATTR(sim_gpu_, aer);

SIM_IDENTITY_SHOW(more_caps, "%d", more_caps)
SIM_IDENTITY_STORE(more_caps, 1, more_caps)
CONFIGFS_ATTR(sim_gpu_, more_caps);

static ssize_t sim_gpu_functions_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(mutex)(&gpu->mutex);
	return sysfs_emit(page, "%u\n", gpu->identity.functions);
}

static ssize_t sim_gpu_functions_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	u64 val;

	if (sim_parse_number(page, SIM_MAX_FUNCTIONS, &val) || !val)
		return -EINVAL;
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_OFF)
		return -EBUSY;
	gpu->identity.functions = val;
	return count;
}
CONFIGFS_ATTR(sim_gpu_, functions);

static ssize_t sim_gpu_memory_base_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(mutex)(&gpu->mutex);
	if (gpu->identity.memory_auto)
		return sysfs_emit(page, "auto\n");
	return sysfs_emit(page, "0x%llx\n", gpu->identity.memory_base);
}

static ssize_t sim_gpu_memory_base_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	bool is_auto = sysfs_streq(page, "auto");
	u64 val = 0;

	if (!is_auto && sim_parse_number(page, U64_MAX, &val))
		return -EINVAL;
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_OFF)
		return -EBUSY;
	gpu->identity.memory_auto = is_auto;
	gpu->identity.memory_base = val;
	return count;
}
CONFIGFS_ATTR(sim_gpu_, memory_base);

static ssize_t sim_gpu_domain_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(mutex)(&gpu->mutex);
	if (gpu->identity.domain == SIM_DOMAIN_AUTO)
		return sysfs_emit(page, "auto\n");
	return sysfs_emit(page, "0x%04x\n", gpu->identity.domain);
}

static ssize_t sim_gpu_domain_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	bool is_auto = sysfs_streq(page, "auto");
	u64 val = 0;

	if (!is_auto && (sim_parse_number(page, U16_MAX, &val) || !val))
		return -EINVAL;
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_OFF)
		return -EBUSY;
	gpu->identity.domain = is_auto ? SIM_DOMAIN_AUTO : val;
	return count;
}
CONFIGFS_ATTR(sim_gpu_, domain);

/* Names of bit masks: the index is the mask. */
static const char * const property_names[] = { "none", "base", "size", "base size" };
static const char * const reset_names[] = {
	"none", "flr", "pm", "flr pm", "af_flr", "flr af_flr", "pm af_flr", "flr pm af_flr",
};

#define SIM_CHOICE_SHOW(_name, _names, _field)					\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
										\
	guard(mutex)(&gpu->mutex);						\
	return sysfs_emit(page, "%s\n", _names[gpu->identity._field]);		\
}

#define SIM_CHOICE_STORE(_name, _names, _field)					\
static ssize_t sim_gpu_##_name##_store(struct config_item *item,		\
				       const char *page, size_t count)		\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
	int choice = sysfs_match_string(_names, page);				\
										\
	if (choice < 0)								\
		return choice;							\
	guard(mutex)(&gpu->mutex);						\
	if (gpu->state != SIM_OFF)						\
		return -EBUSY;							\
	gpu->identity._field = choice;						\
	return count;								\
}

SIM_CHOICE_SHOW(properties, property_names, properties)
SIM_CHOICE_STORE(properties, property_names, properties)
CONFIGFS_ATTR(sim_gpu_, properties);

SIM_CHOICE_SHOW(reset_methods, reset_names, reset_methods)
SIM_CHOICE_STORE(reset_methods, reset_names, reset_methods)
CONFIGFS_ATTR(sim_gpu_, reset_methods);

struct configfs_attribute *sim_identity_attrs[] = {
	&sim_gpu_attr_device_id,
	&sim_gpu_attr_subsystem_id,
	&sim_gpu_attr_memory_base,
	&sim_gpu_attr_memory_size,
	&sim_gpu_attr_properties,
	&sim_gpu_attr_bar0_size,
	&sim_gpu_attr_bar2_size,
	&sim_gpu_attr_bar4_size,
	&sim_gpu_attr_mig_fixed,
	&sim_gpu_attr_cxl,
	&sim_gpu_attr_cxl_timeout,
	&sim_gpu_attr_reset_methods,
	&sim_gpu_attr_no_soft_reset,
	&sim_gpu_attr_aer,
	&sim_gpu_attr_more_caps,
	&sim_gpu_attr_domain,
	&sim_gpu_attr_functions,
	NULL
};
