// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life cycle of a GPU: allocate, plug in, unplug, surprise removal.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "sim.h"

static void unplugger(struct work_struct *work)
{
	sim_bridge_surprise_remove(container_of(work, struct sim_gpu, unplugger));
}

/**
 * sim_gpu_alloc - allocate a GPU with the default identity, not plugged in
 *
 * Return: the GPU, or NULL if out of memory. Its config_item is not initialised.
 */
struct sim_gpu *sim_gpu_alloc(void)
{
	struct sim_gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return NULL;
	gpu->log = sim_log_create();
	if (!gpu->log) {
		kfree(gpu);
		return NULL;
	}
	mutex_init(&gpu->mutex);
	mutex_init(&gpu->msi_lock);
	mutex_init(&gpu->iommu_lock);
	raw_spin_lock_init(&gpu->lock);
	INIT_WORK(&gpu->unplugger, unplugger);
	gpu->state = SIM_OFF;
	sim_identity_init(&gpu->identity);
	return gpu;
}

/**
 * sim_gpu_free - undo sim_gpu_alloc()
 * @gpu: a GPU that is not plugged in, and whose bridges are all released
 */
void sim_gpu_free(struct sim_gpu *gpu)
{
	mutex_destroy(&gpu->iommu_lock);
	mutex_destroy(&gpu->msi_lock);
	mutex_destroy(&gpu->mutex);
	sim_log_destroy(gpu->log);
	kfree(gpu);
}

static void free_functions(struct sim_gpu *gpu)
{
	unsigned int i;

	for (i = 0; i < SIM_MAX_FUNCTIONS; i++) {
		kvfree(gpu->fn[i]);
		gpu->fn[i] = NULL;
	}
	kvfree(gpu->port);
	gpu->port = NULL;
}

static int create_functions(struct sim_gpu *gpu)
{
	unsigned int i;

	gpu->port = sim_port_create(gpu);
	if (!gpu->port)
		return -ENOMEM;
	for (i = 0; i < gpu->identity.functions; i++) {
		gpu->fn[i] = sim_endpoint_create(gpu, i);
		if (!gpu->fn[i]) {
			free_functions(gpu);
			return -ENOMEM;
		}
	}
	return 0;
}

static void program_as_firmware(struct sim_gpu *gpu, const struct sim_host *host)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	sim_port_open_window(gpu->port, &host->window);
	for (i = 0; i < gpu->identity.functions; i++)
		sim_endpoint_place_bars(gpu->fn[i]);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

static int gpu_build(struct sim_gpu *gpu)
{
	struct sim_host *host;
	int ret;

	ret = sim_identity_check(&gpu->identity, config_item_name(&gpu->item));
	if (ret)
		return ret;
	ret = sim_mem_create(gpu);
	if (ret)
		return ret;
	ret = sim_bridge_alloc(gpu);
	if (ret)
		goto err_mem;
	ret = sim_msi_create(gpu);
	if (ret)
		goto err_bridge;
	ret = create_functions(gpu);
	if (ret)
		goto err_msi;
	ret = sim_regs_create(gpu);
	if (ret)
		goto err_functions;
	host = pci_host_bridge_priv(gpu->bridge);
	sim_power_on(gpu, host);
	program_as_firmware(gpu, host);
	ret = sim_bridge_plug(gpu);
	if (ret)
		goto err_power;
	return 0;

err_power:
	sim_power_off(gpu);
	sim_regs_destroy(gpu);
err_functions:
	free_functions(gpu);
err_msi:
	sim_msi_destroy(gpu);
err_bridge:
	sim_bridge_free(gpu);
err_mem:
	sim_mem_destroy(gpu);
	return ret;
}

static void gpu_dismantle(struct sim_gpu *gpu)
{
	flush_work(&gpu->unplugger);
	sim_bridge_unplug(gpu);
	sim_power_off(gpu);
	sim_regs_destroy(gpu);
	free_functions(gpu);
	sim_msi_destroy(gpu);
	sim_bridge_free(gpu);
	sim_mem_destroy(gpu);
}

/**
 * sim_gpu_surprise_remove - surprise removal
 * @gpu: the GPU; stays "live" without a device until it is stopped
 *
 * The PCI core's part waits for users and runs asynchronously.
 *
 * Return: 0, or -ENODEV if the GPU is not plugged in.
 */
int sim_gpu_surprise_remove(struct sim_gpu *gpu)
{
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_ON)
		return -ENODEV;
	sim_power_surprise_remove(gpu);
	queue_work(sim_workqueue, &gpu->unplugger);
	return 0;
}

/* Returns -EALREADY if the GPU is in state @done, -EBUSY if it is not in @from. */
static int enter(struct sim_gpu *gpu, enum sim_state from, enum sim_state to,
		 enum sim_state done)
{
	guard(mutex)(&gpu->mutex);
	if (gpu->state == done)
		return -EALREADY;
	if (gpu->state != from)
		return -EBUSY;
	gpu->state = to;
	return 0;
}

static void settle(struct sim_gpu *gpu, enum sim_state state)
{
	guard(mutex)(&gpu->mutex);
	gpu->state = state;
}

/**
 * sim_gpu_start - plug the GPU in
 * @gpu: the GPU
 *
 * Return: 0, -EALREADY if it is plugged in, -EBUSY while another task plugs or
 * unplugs it, -EINVAL for an identity that cannot be simulated, -ENOSPC if the
 * pool is too small.
 */
int sim_gpu_start(struct sim_gpu *gpu)
{
	int ret = enter(gpu, SIM_OFF, SIM_STARTING, SIM_ON);

	if (ret)
		return ret;
	ret = gpu_build(gpu);
	settle(gpu, ret ? SIM_OFF : SIM_ON);
	return ret;
}

/**
 * sim_gpu_stop - unplug the GPU; waits for its users
 * @gpu: the GPU
 *
 * Return: 0, -EALREADY if it is not plugged in, -EBUSY while another task plugs
 * or unplugs it.
 */
int sim_gpu_stop(struct sim_gpu *gpu)
{
	int ret = enter(gpu, SIM_ON, SIM_STOPPING, SIM_OFF);

	if (ret)
		return ret;
	gpu_dismantle(gpu);
	settle(gpu, SIM_OFF);
	return 0;
}
