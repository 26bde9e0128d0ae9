// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the GPU memory usable: polling, and the gate after resets.
 *
 * Invariant: between a reset and the hardware's word that the memory is ready
 * again, nobody gets past nvgpu_ready_usable_locked(). A slot reset has no
 * .reset_prepare: until it comes the hardware of a frozen channel is asked, too.
 * pci_channel_offline() is no help, it stays so after a recovery that has failed.
 *
 * Accessing the memory before that does no harm to the system but is logged as
 * corrected RAS errors. Readiness becomes unknown with every reset; who accesses
 * the memory next finds out, outside all locks, for it may take minutes.
 */
#include <linux/bitfield.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "nvgpu.h"
#include "trace.h"

/* Facts of Grace Hopper and Grace Blackwell, from the nvgrace-gpu driver. */
#define NVGPU_BAR0_C2C		0x1498
#define NVGPU_BAR0_HBM		0x200bc
#define NVGPU_BAR0_MIN_LEN	(NVGPU_BAR0_HBM + sizeof(u32))
#define NVGPU_STATUS_READY	0xff
#define NVGPU_BAR0_TIMEOUT_S	30

/* CXL 4.0, 8.1.3.8.2: MEM_INFO_VALID within 1 s, then the encoded timeout. */
#define NVGPU_CXL_INFO_TIMEOUT_S	1

#define NVGPU_POLL_MIN_NS	NSEC_PER_MSEC
#define NVGPU_POLL_MAX_NS	NSEC_PER_SEC

/**
 * struct nvgpu_poll - progress of one wait
 * @resets: the reset count that is waited for
 * @start: when the wait began
 * @deadline: when the current phase has taken too long
 * @info_valid: CXL: in the second phase
 */
struct nvgpu_poll {
	int resets;
	ktime_t start;
	ktime_t deadline;
	bool info_valid;
};

static void nvgpu_poll_start(struct nvgpu_poll *poll, struct nvgpu_ready *ready)
{
	u64 timeout_s = ready->cxl_dvsec ? NVGPU_CXL_INFO_TIMEOUT_S :
					   NVGPU_BAR0_TIMEOUT_S;

	/* Pairs with the release in nvgpu_ready_reset_prepare(). */
	poll->resets = atomic_read_acquire(&ready->resets);
	poll->start = ktime_get();
	poll->deadline = ktime_add_ns(poll->start, timeout_s * NSEC_PER_SEC);
	poll->info_valid = false;
}

/*
 * Who waits looks at the clock before it asks the hardware, too: the time may run out
 * in between, on a host that lets it stand still, and then the answer was too early.
 *
 * Time in which a reset goes on does not count, it may take much longer than the
 * memory does afterwards. Its end starts the wait anew.
 */
static bool nvgpu_poll_expired(const struct nvgpu_poll *poll,
			       const struct nvgpu_ready *ready)
{
	/* Pairs with nvgpu_ready_reset_done(): who sees the end sees its count. */
	if (smp_load_acquire(&ready->in_reset) ||
	    atomic_read(&ready->resets) != poll->resets)
		return false;
	return ktime_after(ktime_get(), poll->deadline);
}

/*
 * Each pause is a thirty-second of the time waited so far, within limits: the wait
 * ends at most that much later than the hardware is ready. On a busy machine the
 * pause grows; a sixteenth left too little for that.
 */
static int nvgpu_poll_sleep(const struct nvgpu_poll *poll)
{
	u64 waited = ktime_to_ns(ktime_sub(ktime_get(), poll->start));
	u64 pause = clamp_t(u64, waited / 32, NVGPU_POLL_MIN_NS,
			    NVGPU_POLL_MAX_NS);
	ktime_t expires = ns_to_ktime(pause);

	set_current_state(TASK_KILLABLE);
	schedule_hrtimeout_range(&expires, pause / 8, HRTIMER_MODE_REL);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static bool nvgpu_ready_check_bar0(const struct nvgpu_ready *ready)
{
	return ioread32(ready->bar0 + NVGPU_BAR0_C2C) == NVGPU_STATUS_READY &&
	       ioread32(ready->bar0 + NVGPU_BAR0_HBM) == NVGPU_STATUS_READY;
}

static u64 nvgpu_ready_cxl_timeout_s(u32 status)
{
	u32 code = FIELD_GET(PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT, status);

	/* 1, 4, 16, 64, 256 s; the other codes are reserved. */
	return 1ULL << (2 * min(code, 4U));
}

/* All ones is a function that does not answer while it is in reset: not yet. */
static bool nvgpu_ready_check_cxl(struct nvgpu_device *nvdev,
				  struct nvgpu_poll *poll)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	u32 status;

	pci_read_config_dword(pdev, nvdev->ready.cxl_dvsec +
			      PCI_DVSEC_CXL_RANGE_SIZE_LOW(0), &status);
	if (PCI_POSSIBLE_ERROR(status) ||
	    !(status & PCI_DVSEC_CXL_MEM_INFO_VALID))
		return false;

	if (poll && !poll->info_valid) {
		poll->info_valid = true;
		poll->deadline = ktime_add_ns(ktime_get(), NSEC_PER_SEC *
					      nvgpu_ready_cxl_timeout_s(status));
	}
	return status & PCI_DVSEC_CXL_MEM_ACTIVE;
}

static bool nvgpu_ready_check(struct nvgpu_device *nvdev,
			      struct nvgpu_poll *poll)
{
	if (nvdev->ready.cxl_dvsec)
		return nvgpu_ready_check_cxl(nvdev, poll);
	return nvgpu_ready_check_bar0(&nvdev->ready);
}

/**
 * nvgpu_ready_enabled_locked() - May the function be accessed at all
 * @nvdev: device
 *
 * Context: memory_lock held for read; the answer holds as long.
 * Return: false with the memory enable bit off, in D3hot, in low power, and for a
 * function that was pulled out.
 */
bool nvgpu_ready_enabled_locked(struct nvgpu_device *nvdev)
{
	struct vfio_pci_core_device *vdev = &nvdev->vdev;

	lockdep_assert_held_read(&vdev->memory_lock);

	return !vdev->pm_runtime_engaged && __vfio_pci_memory_enabled(vdev) &&
	       !pci_dev_is_disconnected(vdev->pdev);
}

/*
 * Ask the hardware once. @resets must have been read before: what is noted
 * afterwards holds for that count only. Under access_lock, so that no reset begins
 * between the look at in_reset and the look at the hardware.
 */
static int nvgpu_ready_ask(struct nvgpu_device *nvdev, int resets,
			   struct nvgpu_poll *poll)
{
	struct vfio_pci_core_device *vdev = &nvdev->vdev;
	int ret = -EAGAIN;

	if (down_read_killable(&vdev->memory_lock))
		return -EINTR;
	if (down_read_killable(&nvdev->access_lock)) {
		up_read(&vdev->memory_lock);
		return -EINTR;
	}

	if (!nvgpu_ready_enabled_locked(nvdev))
		ret = -EIO;
	else if (!READ_ONCE(nvdev->ready.in_reset) &&
		 nvgpu_ready_check(nvdev, poll))
		ret = 0;

	up_read(&nvdev->access_lock);
	up_read(&vdev->memory_lock);

	if (!ret)
		WRITE_ONCE(nvdev->ready.ready_at, resets);
	return ret;
}

/**
 * nvgpu_ready_is() - Is the memory known to be usable
 * @nvdev: device
 *
 * Context: any; the answer stays true only under access_lock.
 * Return: true if the hardware said so since the last reset.
 */
bool nvgpu_ready_is(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;

	return READ_ONCE(ready->ready_at) == atomic_read(&ready->resets);
}

/**
 * nvgpu_ready_failed() - Has somebody waited for the memory in vain
 * @nvdev: device
 *
 * Context: any.
 * Return: true if so since the last reset.
 */
bool nvgpu_ready_failed(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;

	return READ_ONCE(ready->gave_up_at) == atomic_read(&ready->resets);
}

/**
 * nvgpu_ready_usable_locked() - May the memory be accessed
 * @nvdev: device
 *
 * Context: memory_lock and access_lock held for read; the answer holds as long.
 * Return: 0, -EIO if memory access is disabled (see
 * nvgpu_ready_enabled_locked()), -EAGAIN if readiness must be waited for.
 */
int nvgpu_ready_usable_locked(struct nvgpu_device *nvdev)
{
	lockdep_assert_held_read(&nvdev->access_lock);

	if (!nvgpu_ready_enabled_locked(nvdev))
		return -EIO;
	return nvgpu_ready_is(nvdev) ? 0 : -EAGAIN;
}

/**
 * nvgpu_ready_try() - Find out without waiting whether the memory is usable
 * @nvdev: device, open
 *
 * Context: takes memory_lock for read.
 * Return: 0, -EAGAIN if it is worth waiting, -ETIME if somebody has waited in
 * vain since the last reset, -EIO if memory access is disabled, -EINTR if killed.
 */
int nvgpu_ready_try(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	int resets = atomic_read_acquire(&ready->resets);
	int ret;

	if (READ_ONCE(ready->ready_at) == resets)
		return 0;

	ret = nvgpu_ready_ask(nvdev, resets, NULL);
	if (ret == -EAGAIN && READ_ONCE(ready->gave_up_at) == resets)
		return -ETIME;
	return ret;
}

/* One round of a wait. Returns -EAGAIN to go on. */
static int nvgpu_ready_wait_once(struct nvgpu_device *nvdev,
				 struct nvgpu_poll *poll)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	bool is_late;
	int ret;

	if (atomic_read(&ready->resets) != poll->resets)
		nvgpu_poll_start(poll, ready);
	if (READ_ONCE(ready->ready_at) == poll->resets)
		return 0;

	is_late = nvgpu_poll_expired(poll, ready);
	ret = nvgpu_ready_ask(nvdev, poll->resets, poll);
	if (ret != -EAGAIN)
		return ret;

	if (READ_ONCE(ready->gave_up_at) == poll->resets ||
	    (is_late && nvgpu_poll_expired(poll, ready))) {
		WRITE_ONCE(ready->gave_up_at, poll->resets);
		return -ETIME;
	}

	ret = nvgpu_poll_sleep(poll);
	return ret ? ret : -EAGAIN;
}

/**
 * nvgpu_ready_wait() - Wait until the memory is usable
 * @nvdev: device, open
 *
 * A reset during the wait starts it anew. One who has waited in vain is remembered
 * until the next reset, so that a dead GPU does not cost everybody the full time.
 *
 * Context: no lock held, or mm locks where they cannot be dropped. Takes
 * memory_lock for read, for moments.
 * Return: 0, -ETIME, -EIO if memory access is disabled, -EINTR if killed.
 */
int nvgpu_ready_wait(struct nvgpu_device *nvdev)
{
	ktime_t start = ktime_get();
	struct nvgpu_poll poll;
	int ret;

	nvgpu_poll_start(&poll, &nvdev->ready);
	do {
		ret = nvgpu_ready_wait_once(nvdev, &poll);
	} while (ret == -EAGAIN);

	trace_nvgpu_ready_wait(nvdev->vdev.pdev,
			       ktime_ms_delta(ktime_get(), start), ret);
	return ret;
}

/**
 * nvgpu_ready_forget() - The memory may have lost its training
 * @nvdev: device
 *
 * Context: any.
 */
void nvgpu_ready_forget(struct nvgpu_device *nvdev)
{
	atomic_inc(&nvdev->ready.resets);
}

/**
 * nvgpu_ready_reset_prepare() - A reset begins: readiness is unknown from here on
 * @nvdev: device
 *
 * Context: see the lock map in nvgpu.h.
 */
void nvgpu_ready_reset_prepare(struct nvgpu_device *nvdev)
{
	WRITE_ONCE(nvdev->ready.in_reset, true);
	atomic_fetch_inc_release(&nvdev->ready.resets);
}

/**
 * nvgpu_ready_reset_done() - A reset is over: hardware may be asked again
 * @nvdev: device
 *
 * Counts on its own: a waiter starts anew from here.
 *
 * Context: see the lock map in nvgpu.h.
 */
void nvgpu_ready_reset_done(struct nvgpu_device *nvdev)
{
	atomic_inc(&nvdev->ready.resets);
	/* Pairs with nvgpu_poll_expired(). */
	smp_store_release(&nvdev->ready.in_reset, false);
	trace_nvgpu_reset(nvdev->vdev.pdev,
			  atomic_inc_return(&nvdev->ready.resets_seen));
}

static int nvgpu_ready_probe_wait(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	struct nvgpu_poll poll;
	bool is_late = false;
	int ret;

	nvgpu_poll_start(&poll, &nvdev->ready);
	while (!nvgpu_ready_check(nvdev, &poll)) {
		if (pci_dev_is_disconnected(pdev))
			return -ENODEV;
		if (is_late && nvgpu_poll_expired(&poll, &nvdev->ready)) {
			pci_err(pdev, "memory is not ready after %lld ms (%s): reset the GPU or reboot the host\n",
				ktime_ms_delta(ktime_get(), poll.start),
				nvdev->ready.cxl_dvsec ? "CXL memory not active" :
							 "C2C link or HBM training");
			return -ETIME;
		}
		ret = nvgpu_poll_sleep(&poll);
		if (ret)
			return ret;
		is_late = nvgpu_poll_expired(&poll, &nvdev->ready);
	}
	return 0;
}

static int nvgpu_ready_probe_bar0(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	int ret;

	if (pci_resource_len(pdev, 0) < NVGPU_BAR0_MIN_LEN) {
		pci_err(pdev, "BAR0 has %llu bytes, the readiness registers need %zu: hardware that this driver does not know\n",
			(u64)pci_resource_len(pdev, 0), NVGPU_BAR0_MIN_LEN);
		return -ENODEV;
	}

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;

	ret = pci_request_selected_regions(pdev, BIT(0), KBUILD_MODNAME);
	if (ret)
		goto out_disable;

	nvdev->ready.bar0 = pci_iomap(pdev, 0, NVGPU_BAR0_MIN_LEN);
	if (!nvdev->ready.bar0) {
		ret = -ENOMEM;
		goto out_release;
	}

	ret = nvgpu_ready_probe_wait(nvdev);

	pci_iounmap(pdev, nvdev->ready.bar0);
	nvdev->ready.bar0 = NULL;
out_release:
	pci_release_selected_regions(pdev, BIT(0));
out_disable:
	pci_disable_device(pdev);
	return ret;
}

/**
 * nvgpu_ready_probe() - Wait until the memory is usable for the first time
 * @nvdev: device, not yet registered
 *
 * Context: probe, with device_lock held. Killable only where the PCI core calls
 * probe in the context of who asked for it: for a device with a NUMA node it uses a
 * kworker, which no signal reaches.
 * Return: 0, -ETIME after the hardware's time limit, -ENODEV, -EINTR if killed, or
 * what enabling BAR0 failed with.
 */
int nvgpu_ready_probe(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;

	ready->ready_at = -1;
	ready->gave_up_at = -1;
	ready->cxl_dvsec = pci_find_dvsec_capability(nvdev->vdev.pdev,
						     PCI_VENDOR_ID_CXL,
						     PCI_DVSEC_CXL_DEVICE);
	if (ready->cxl_dvsec)
		return nvgpu_ready_probe_wait(nvdev);
	return nvgpu_ready_probe_bar0(nvdev);
}

/**
 * nvgpu_ready_open() - Make the hardware's word on readiness available
 * @nvdev: device, after vfio_pci_core_enable()
 *
 * The last close may have reset the function without callbacks, so readiness is
 * unknown even if no reset was seen.
 *
 * Return: 0 or why BAR0 is not mapped.
 */
int nvgpu_ready_open(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	void __iomem *bar0;

	nvgpu_ready_forget(nvdev);
	if (ready->cxl_dvsec)
		return 0;

	bar0 = vfio_pci_core_get_iomap(&nvdev->vdev, 0);
	if (IS_ERR(bar0))
		return PTR_ERR(bar0);

	ready->bar0 = bar0;
	return 0;
}

/**
 * nvgpu_ready_close() - Undo nvgpu_ready_open()
 * @nvdev: device, before vfio_pci_core_disable()
 */
void nvgpu_ready_close(struct nvgpu_device *nvdev)
{
	nvdev->ready.bar0 = NULL;
}
