// SPDX-License-Identifier: GPL-2.0-only
/*
 * The knobs. Identity is frozen while the GPU is plugged in; faults may change
 * at any time and take effect at once.
 */
#include <linux/configfs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/string_choices.h>
#include <linux/sysfs.h>

#include "sim.h"

static struct configfs_subsystem subsystem;

/* A number, decimal or 0x..., with an optional K, M, G as in memparse(). */
static int parse_number(const char *page, u64 max, u64 *val)
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
	ret = parse_number(page, _max, &val);					\
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
	ret = parse_number(page, _max, &val);					\
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

	ret = parse_number(page, U64_MAX, &offset);
	if (!ret)
		ret = sim_mem_poison(to_sim_gpu(item), offset);
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, poison);

static ssize_t sim_gpu_fire_msi_store(struct config_item *item, const char *page, size_t count)
{
	u64 vector;
	int ret;

	ret = parse_number(page, U32_MAX, &vector);
	if (!ret)
		ret = sim_msi_fire(to_sim_gpu(item), vector);
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, fire_msi);

static ssize_t sim_gpu_unplug_store(struct config_item *item, const char *page, size_t count)
{
	u64 val;
	int ret;

	ret = parse_number(page, 1, &val);
	if (!ret && !val)
		ret = -EINVAL;
	if (!ret)
		ret = sim_gpu_tear_out(to_sim_gpu(item));
	return ret ? ret : count;
}
CONFIGFS_ATTR_WO(sim_gpu_, unplug);

static ssize_t sim_gpu_dev_name_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	unsigned long flags;
	int len;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	len = sysfs_emit(page, "%s\n", gpu->dev_name);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	return len;
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

static ssize_t sim_gpu_config_log_read(struct config_item *item, void *buf, size_t len)
{
	ssize_t used = sim_log_list(to_sim_gpu(item), buf, len);

	/* The list may have become shorter since its length was asked for. */
	if (buf)
		memset(buf + used, '\n', len - used);
	return used;
}
CONFIGFS_BIN_ATTR_RO(sim_gpu_, config_log, NULL, 0);

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

/*
 * rmdir of a GPU that is plugged in is refused. It would have to wait for the
 * GPU's users with the directory locked, and a user that then opens one of its
 * attributes would never let go.
 */
static int plug_in(struct sim_gpu *gpu)
{
	int ret = configfs_depend_item_unlocked(&subsystem, &gpu->item);

	if (ret)
		return ret;
	ret = sim_gpu_start(gpu);
	if (ret)
		configfs_undepend_item_unlocked(&gpu->item);
	return ret;
}

static int pull_out(struct sim_gpu *gpu)
{
	int ret = sim_gpu_stop(gpu);

	if (!ret)
		configfs_undepend_item_unlocked(&gpu->item);
	return ret;
}

static ssize_t sim_gpu_live_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	bool live;
	int ret;

	ret = kstrtobool(page, &live);
	if (ret)
		return ret;
	ret = live ? plug_in(gpu) : pull_out(gpu);
	return ret && ret != -EALREADY ? ret : count;
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
	&sim_gpu_attr_poison,
	&sim_gpu_attr_unplug,
	&sim_gpu_attr_fire_msi,
	&sim_gpu_attr_dev_name,
	&sim_gpu_attr_resets,
	&sim_gpu_attr_memory_range,
	&sim_gpu_attr_live,
	NULL
};

static struct configfs_bin_attribute *gpu_bin_attrs[] = {
	&sim_gpu_attr_config_log,
	&sim_gpu_attr_dma_map,
	NULL
};

static void gpu_release(struct config_item *item)
{
	sim_gpu_free(to_sim_gpu(item));
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

static struct configfs_group_operations root_ops = {
	.make_item = make_gpu,
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
