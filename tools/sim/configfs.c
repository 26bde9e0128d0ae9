// SPDX-License-Identifier: GPL-2.0-only
/*
 * The knobs. Identity is frozen while the GPU is plugged in; faults may change
 * at any time and take effect at once.
 */
#include <linux/configfs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_choices.h>
#include <linux/sysfs.h>

#include "sim.h"

/* A number, decimal or 0x..., with an optional K, M, G as in memparse(). */
static int parse_number(const char *page, u64 max, u64 *val)
{
	char *end;

	*val = memparse(page, &end);
	if (end == page || (*end && *end != '\n') || *val > max)
		return -EINVAL;
	return 0;
}

#define SIM_IDENTITY_ATTR(_name, _field, _fmt, _max)				\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
										\
	guard(mutex)(&gpu->mutex);						\
	return sysfs_emit(page, _fmt "\n", gpu->identity._field);		\
}										\
										\
static ssize_t sim_gpu_##_name##_store(struct config_item *item,		\
				       const char *page, size_t count)		\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
	u64 val;								\
	int ret;								\
										\
	ret = parse_number(page, _max, &val);					\
	if (ret)								\
		return ret;							\
	guard(mutex)(&gpu->mutex);						\
	if (gpu->state != SIM_OFF)						\
		return -EBUSY;							\
	gpu->identity._field = val;						\
	return count;								\
}										\
CONFIGFS_ATTR(sim_gpu_, _name)

SIM_IDENTITY_ATTR(device_id, device_id, "0x%04x", U16_MAX);
SIM_IDENTITY_ATTR(subsystem_id, subsystem_id, "0x%04x", U16_MAX);
SIM_IDENTITY_ATTR(memory_size, memory_size, "%llu", U64_MAX);
SIM_IDENTITY_ATTR(bar0_size, bar_size[0], "%llu", U64_MAX);
SIM_IDENTITY_ATTR(bar2_size, bar_size[1], "%llu", U64_MAX);
SIM_IDENTITY_ATTR(bar4_size, bar_size[2], "%llu", U64_MAX);
SIM_IDENTITY_ATTR(mig_fixed, mig_fixed, "%d", 1);
SIM_IDENTITY_ATTR(cxl, cxl, "%d", 1);
SIM_IDENTITY_ATTR(cxl_timeout, cxl_timeout, "%u", 7);
SIM_IDENTITY_ATTR(no_soft_reset, no_soft_reset, "%d", 1);

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

	if (parse_number(page, SIM_MAX_FUNCTIONS, &val) || !val)
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

	if (!is_auto && parse_number(page, U64_MAX, &val))
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

	if (!is_auto && (parse_number(page, U16_MAX, &val) || !val))
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
static const char * const reset_names[] = { "none", "flr", "pm", "flr pm" };

#define SIM_CHOICE_ATTR(_name, _names)						\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
										\
	guard(mutex)(&gpu->mutex);						\
	return sysfs_emit(page, "%s\n", _names[gpu->identity._name]);		\
}										\
										\
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
	gpu->identity._name = choice;						\
	return count;								\
}										\
CONFIGFS_ATTR(sim_gpu_, _name)

SIM_CHOICE_ATTR(properties, property_names);
SIM_CHOICE_ATTR(reset_methods, reset_names);

#define SIM_FAULT_ATTR(_name, _max)						\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	return sysfs_emit(page, "%u\n", READ_ONCE(to_sim_gpu(item)->faults._name)); \
}										\
										\
static ssize_t sim_gpu_##_name##_store(struct config_item *item,		\
				       const char *page, size_t count)		\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
	u64 val;								\
	int ret;								\
										\
	ret = parse_number(page, _max, &val);					\
	if (ret)								\
		return ret;							\
	guard(raw_spinlock_irqsave)(&gpu->lock);				\
	WRITE_ONCE(gpu->faults._name, val);					\
	sim_power_refresh_locked(gpu);						\
	return count;								\
}										\
CONFIGFS_ATTR(sim_gpu_, _name)

#define SIM_MAX_DELAY_MS	(600 * MSEC_PER_SEC)

SIM_FAULT_ATTR(c2c_down, 1);
SIM_FAULT_ATTR(training_ms, SIM_MAX_DELAY_MS);
SIM_FAULT_ATTR(never_ready, 1);
SIM_FAULT_ATTR(cxl_inactive, 1);
SIM_FAULT_ATTR(fail_reset, 1);
SIM_FAULT_ATTR(config_ff_ms, SIM_MAX_DELAY_MS);

static const char * const reset_effects[] = { "keep", "lose" };

static ssize_t sim_gpu_memory_on_reset_show(struct config_item *item, char *page)
{
	bool lose = READ_ONCE(to_sim_gpu(item)->faults.lose_memory);

	return sysfs_emit(page, "%s\n", reset_effects[lose]);
}

static ssize_t sim_gpu_memory_on_reset_store(struct config_item *item, const char *page,
					     size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	int lose = sysfs_match_string(reset_effects, page);

	if (lose < 0)
		return lose;
	guard(raw_spinlock_irqsave)(&gpu->lock);
	WRITE_ONCE(gpu->faults.lose_memory, lose);
	return count;
}
CONFIGFS_ATTR(sim_gpu_, memory_on_reset);

static ssize_t sim_gpu_dev_name_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(raw_spinlock_irqsave)(&gpu->lock);
	return sysfs_emit(page, "%s\n", gpu->dev_name);
}
CONFIGFS_ATTR_RO(sim_gpu_, dev_name);

static ssize_t sim_gpu_resets_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_sim_gpu(item)->resets));
}
CONFIGFS_ATTR_RO(sim_gpu_, resets);

static ssize_t sim_gpu_memory_range_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_ON && gpu->state != SIM_STOPPING)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "0x%llx-0x%llx\n", gpu->memory_base,
			  gpu->memory_base + gpu->identity.memory_size - 1);
}
CONFIGFS_ATTR_RO(sim_gpu_, memory_range);

static ssize_t sim_gpu_dma_map_read(struct config_item *item, void *buf, size_t len)
{
	ssize_t used = sim_iommu_list(to_sim_gpu(item), buf, len);

	/* The list may have become shorter since its length was asked for. */
	if (buf)
		memset(buf + used, '\n', len - used);
	return used;
}
CONFIGFS_BIN_ATTR_RO(sim_gpu_, dma_map, NULL, 0);

static ssize_t sim_gpu_live_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	guard(mutex)(&gpu->mutex);
	return sysfs_emit(page, "%d\n", gpu->state == SIM_ON || gpu->state == SIM_STOPPING);
}

static ssize_t sim_gpu_live_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	bool live;
	int ret;

	ret = kstrtobool(page, &live);
	if (ret)
		return ret;
	ret = live ? sim_gpu_start(gpu) : sim_gpu_stop(gpu);
	return ret ? ret : count;
}
CONFIGFS_ATTR(sim_gpu_, live);

static struct configfs_attribute *gpu_attrs[] = {
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
	&sim_gpu_attr_domain,
	&sim_gpu_attr_functions,
	&sim_gpu_attr_c2c_down,
	&sim_gpu_attr_training_ms,
	&sim_gpu_attr_never_ready,
	&sim_gpu_attr_cxl_inactive,
	&sim_gpu_attr_fail_reset,
	&sim_gpu_attr_config_ff_ms,
	&sim_gpu_attr_memory_on_reset,
	&sim_gpu_attr_dev_name,
	&sim_gpu_attr_resets,
	&sim_gpu_attr_memory_range,
	&sim_gpu_attr_live,
	NULL
};

static struct configfs_bin_attribute *gpu_bin_attrs[] = {
	&sim_gpu_attr_dma_map,
	NULL
};

static void gpu_release(struct config_item *item)
{
	struct sim_gpu *gpu = to_sim_gpu(item);

	mutex_destroy(&gpu->iommu_lock);
	mutex_destroy(&gpu->mutex);
	kfree(gpu);
}

static struct configfs_item_operations gpu_item_ops = {
	.release = gpu_release,
};

static const struct config_item_type gpu_type = {
	.ct_item_ops = &gpu_item_ops,
	.ct_attrs = gpu_attrs,
	.ct_bin_attrs = gpu_bin_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *make_gpu(struct config_group *group, const char *name)
{
	struct sim_gpu *gpu = sim_gpu_alloc();

	if (!gpu)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(&gpu->item, name, &gpu_type);
	return &gpu->item;
}

/* configfs has drained the writers of "live": the GPU is plugged in or is not. */
static void drop_gpu(struct config_group *group, struct config_item *item)
{
	sim_gpu_stop(to_sim_gpu(item));
	config_item_put(item);
}

static struct configfs_group_operations root_ops = {
	.make_item = make_gpu,
	.drop_item = drop_gpu,
};

static const struct config_item_type root_type = {
	.ct_group_ops = &root_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "nvgpu-sim",
			.ci_type = &root_type,
		},
	},
};

int sim_configfs_init(void)
{
	config_group_init(&subsystem.su_group);
	mutex_init(&subsystem.su_mutex);
	return configfs_register_subsystem(&subsystem);
}

void sim_configfs_exit(void)
{
	configfs_unregister_subsystem(&subsystem);
	mutex_destroy(&subsystem.su_mutex);
}
