// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power on, resets and their duration. Config accessors call this under a raw
 * lock, so nothing here waits: there are two deadlines (config space responds, HBM
 * training ends) and one timer for the nearer one.
 */
#include <linux/jiffies.h>
#include <linux/timekeeping.h>

#include "sim.h"

static bool link_is_up(const struct sim_gpu *gpu)
{
	return !gpu->unplugged && !gpu->reset_failed;
}

/**
 * sim_power_answers_locked - check whether the GPU responds on PCI
 * @gpu: the GPU
 *
 * Return: false if config and BAR0 reads give ~0 and writes are lost.
 */
bool sim_power_answers_locked(struct sim_gpu *gpu)
{
	lockdep_assert_held(&gpu->lock);
	return link_is_up(gpu) && !gpu->in_bus_reset && ktime_get_ns() >= gpu->answers_at;
}

/* One jiffy is added because mod_timer() may be early by a fraction of one. */
static void wake_at(struct sim_gpu *gpu, u64 now, u64 then)
{
	mod_timer(&gpu->timer, jiffies + nsecs_to_jiffies(then - now) + 1);
}

static void train(struct sim_gpu *gpu, u64 now)
{
	if (now < gpu->trained_at)
		wake_at(gpu, now, gpu->trained_at);
	else if (gpu->memory_lost)
		queue_work(sim_workqueue, &gpu->scrubber);
	else
		gpu->trained = true;
}

/**
 * sim_power_refresh_locked - update the observable state
 * @gpu: the GPU; may be powered off
 *
 * Call this after each change of a fault or of the power state.
 */
void sim_power_refresh_locked(struct sim_gpu *gpu)
{
	u64 now = ktime_get_ns();

	lockdep_assert_held(&gpu->lock);
	if (!gpu->host)
		return;
	if (!gpu->faults.fail_reset)
		gpu->reset_failed = false;

	if (now < gpu->answers_at)
		wake_at(gpu, now, gpu->answers_at);
	else if (!gpu->trained)
		train(gpu, now);
	sim_port_show_link(gpu->port, link_is_up(gpu) && !gpu->in_bus_reset);
	sim_caps_show_active(gpu->fn[0], gpu->trained && !gpu->faults.never_ready &&
			     !gpu->faults.cxl_inactive);
	sim_regs_show_locked(gpu);
}

static void power_timer(struct timer_list *timer)
{
	struct sim_gpu *gpu = container_of(timer, struct sim_gpu, timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	sim_power_refresh_locked(gpu);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

/*
 * A state update may requeue this work while it runs. The second run must not touch
 * the memory, which may be in use by then, unless a reset has set memory_lost again.
 */
static void scrubber(struct work_struct *work)
{
	struct sim_gpu *gpu = container_of(work, struct sim_gpu, scrubber);
	unsigned int resets;
	unsigned long flags;
	bool lost;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	resets = gpu->resets;
	lost = gpu->memory_lost;
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	if (!lost)
		return;

	sim_mem_scrub(gpu);
	raw_spin_lock_irqsave(&gpu->lock, flags);
	if (resets == gpu->resets)
		gpu->memory_lost = false;
	sim_power_refresh_locked(gpu);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

static void start_training(struct sim_gpu *gpu)
{
	u64 now = ktime_get_ns();

	gpu->trained = false;
	gpu->trained_at = now + gpu->faults.training_ms * NSEC_PER_MSEC;
}

static void come_back(struct sim_gpu *gpu)
{
	WRITE_ONCE(gpu->resets, gpu->resets + 1);
	gpu->reset_failed = gpu->faults.fail_reset;
	gpu->answers_at = ktime_get_ns() + gpu->faults.config_ff_ms * NSEC_PER_MSEC;
}

static void reset_function(struct sim_function *fn)
{
	sim_config_reset(fn);
	fn->in_d3hot = false;
	if (fn->index)
		return;
	sim_msi_reset_locked(fn->gpu);
	fn->gpu->memory_lost |= fn->gpu->faults.lose_memory;
	start_training(fn->gpu);
}

/**
 * sim_power_reset_locked - FLR, or the reset on the way out of D3hot
 * @fn: the function that is reset; only function 0 has memory to train
 * @why: the kind of reset, for the log
 */
void sim_power_reset_locked(struct sim_function *fn, enum sim_log_event why)
{
	lockdep_assert_held(&fn->gpu->lock);
	sim_log_add_locked(fn, why, 0, 0);
	reset_function(fn);
	come_back(fn->gpu);
	sim_power_refresh_locked(fn->gpu);
}

/**
 * sim_power_bus_reset_locked - handle a write of the root port's bus reset bit
 * @gpu: the GPU below
 * @asserted: state of the bit; the reset happens when it is released
 */
void sim_power_bus_reset_locked(struct sim_gpu *gpu, bool asserted)
{
	bool released = gpu->in_bus_reset && !asserted;
	unsigned int i;

	lockdep_assert_held(&gpu->lock);
	gpu->in_bus_reset = asserted;
	if (released) {
		sim_log_add_locked(gpu->port, SIM_LOG_BUS_RESET, 0, 0);
		for (i = 0; i < gpu->identity.functions; i++)
			reset_function(gpu->fn[i]);
		come_back(gpu);
	}
	sim_power_refresh_locked(gpu);
}

/**
 * sim_power_on - enable config accesses and start the first training
 * @gpu: the GPU, complete
 * @host: the host bridge whose accessors reach the GPU
 */
void sim_power_on(struct sim_gpu *gpu, struct sim_host *host)
{
	unsigned long flags;

	timer_setup(&gpu->timer, power_timer, 0);
	INIT_WORK(&gpu->scrubber, scrubber);

	raw_spin_lock_irqsave(&gpu->lock, flags);
	gpu->host = host;
	gpu->unplugged = false;
	gpu->in_bus_reset = false;
	gpu->reset_failed = false;
	gpu->memory_lost = false;
	gpu->answers_at = 0;
	gpu->resets = 0;
	sim_msi_reset_locked(gpu);
	start_training(gpu);
	sim_power_refresh_locked(gpu);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

/**
 * sim_power_surprise_remove - stop responding, for surprise removal
 * @gpu: the GPU
 */
void sim_power_surprise_remove(struct sim_gpu *gpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	gpu->unplugged = true;
	sim_power_refresh_locked(gpu);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

/**
 * sim_power_off - detach the GPU from the accessors
 * @gpu: the GPU
 */
void sim_power_off(struct sim_gpu *gpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	WRITE_ONCE(gpu->host, NULL);	/* read without the lock by sim_mem_scrub() */
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	timer_shutdown_sync(&gpu->timer);
	cancel_work_sync(&gpu->scrubber);
}
