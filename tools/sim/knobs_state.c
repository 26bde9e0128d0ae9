// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attribute that plugs the GPU in, and the read-only state.
 */
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "sim.h"

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
	if ((gpu->state != SIM_ON && gpu->state != SIM_STOPPING) || !gpu->identity.memory_size)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "0x%llx-0x%llx\n", gpu->memory_base,
			  gpu->memory_base + gpu->identity.memory_size - 1);
}
CONFIGFS_ATTR_RO(sim_gpu_, memory_range);

static ssize_t sim_gpu_config_log_read(struct config_item *item, void *buf, size_t len)
{
	ssize_t used = sim_log_list(to_sim_gpu(item), buf, len);

	/* The list may have become shorter since its length was read. */
	if (buf)
		memset(buf + used, '\n', len - used);
	return used;
}
CONFIGFS_BIN_ATTR_RO(sim_gpu_, config_log, NULL, 0);

static ssize_t sim_gpu_dma_map_read(struct config_item *item, void *buf, size_t len)
{
	ssize_t used = sim_iommu_list(to_sim_gpu(item), buf, len);

	/* The list may have become shorter since its length was read. */
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

static int plug_in(struct sim_gpu *gpu)
{
	int ret = sim_configfs_pin(gpu);

	if (ret)
		return ret;
	ret = sim_gpu_start(gpu);
	if (ret)
		sim_configfs_unpin(gpu);
	return ret;
}

static int pull_out(struct sim_gpu *gpu)
{
	int ret = sim_gpu_stop(gpu);

	if (!ret)
		sim_configfs_unpin(gpu);
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

struct configfs_attribute *sim_state_attrs[] = {
	&sim_gpu_attr_dev_name,
	&sim_gpu_attr_resets,
	&sim_gpu_attr_memory_range,
	&sim_gpu_attr_live,
	NULL
};

struct configfs_bin_attribute *sim_state_bin_attrs[] = {
	&sim_gpu_attr_config_log,
	&sim_gpu_attr_dma_map,
	NULL
};
