// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the GPU memory usable: polling, and the gate after resets.
 *
 * Invariant: from the beginning of a reset until the hardware says that the memory
 * is ready, nvgpu_ready_is_known() is false under access_lock.
 *
 * An answer of the hardware is stored as the value of nvgpu_ready.seq for which it
 * was asked, so an answer that a reset has overtaken has no effect.
 *
 * Accessing the memory too early does no harm to the system but is logged as
 * corrected RAS errors. The next access after a reset polls, outside all locks,
 * for it may take minutes. tools/test/model checks the protocol.
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

#define NVGPU_POLL_MIN_NS	NSEC_PER_MSEC
#define NVGPU_POLL_MAX_NS	NSEC_PER_SEC

/**
 * struct nvgpu_ready_method - how hardware tells that its memory is ready
 * @name: what is awaited, for messages
 * @timeout_s: how long that may take after a reset, in seconds
 * @probe: detects the method and waits with it for the first time; -ENOENT if the
 *	function does not have it
 * @open: prepares @check on a device that is being opened; may be NULL
 * @check: reads the hardware once; may raise the timeout that it is given
 */
struct nvgpu_ready_method {
	const char *name;
	unsigned int timeout_s;
	int (*probe)(struct nvgpu_device *nvdev);
	int (*open)(struct nvgpu_device *nvdev);
	bool (*check)(struct nvgpu_device *nvdev, unsigned int *timeout_s);
};

/**
 * nvgpu_access_begin() - Begin an access to the memory or to its padding
 * @nvdev: device, open
 *
 * What is checked here, and nvgpu_ready_is_known(), hold until nvgpu_access_end():
 * pairs with nvgpu_revoke(), tools/test/model/reset-begin.litmus.
 *
 * Context: takes memory_lock and access_lock for read.
 * Return: 0 with both locks held; without them -EIO if memory decode is off, the
 * function is in D3hot or in low power, or was removed; -EINTR if killed.
 */
int nvgpu_access_begin(struct nvgpu_device *nvdev)
{
	struct vfio_pci_core_device *vdev = &nvdev->vdev;

	if (down_read_killable(&vdev->memory_lock))
		return -EINTR;
	if (down_read_killable(&nvdev->access_lock)) {
		up_read(&vdev->memory_lock);
		return -EINTR;
	}
	if (!vdev->pm_runtime_engaged && __vfio_pci_memory_enabled(vdev) &&
	    !pci_dev_is_disconnected(vdev->pdev))
		return 0;

	nvgpu_access_end(nvdev);
	return -EIO;
}

/**
 * nvgpu_access_end() - End what nvgpu_access_begin() began
 * @nvdev: device
 */
void nvgpu_access_end(struct nvgpu_device *nvdev)
{
	up_read(&nvdev->access_lock);
	up_read(&nvdev->vdev.memory_lock);
}

/*
 * Returns 0 if ready, -EAGAIN if not yet, -ETIME if not within the time that the
 * method allows from @start on.
 */
static int nvgpu_ready_check(struct nvgpu_device *nvdev, ktime_t start)
{
	const struct nvgpu_ready_method *method = nvdev->ready.method;
	unsigned int timeout_s = method->timeout_s;
	/* A descheduled vCPU must not turn a stale read into a timeout. */
	ktime_t now = ktime_get();

	if (method->check(nvdev, &timeout_s))
		return 0;
	return ktime_after(now, ktime_add_ms(start, timeout_s * MSEC_PER_SEC)) ?
	       -ETIME : -EAGAIN;
}

/* Each pause is a thirty-second of the time since @start: the wait ends that late. */
static int nvgpu_ready_pause(ktime_t start, unsigned int state)
{
	u64 waited = ktime_to_ns(ktime_sub(ktime_get(), start));
	u64 pause = clamp_t(u64, waited / 32, NVGPU_POLL_MIN_NS,
			    NVGPU_POLL_MAX_NS);
	ktime_t expires = ns_to_ktime(pause);

	set_current_state(state);
	schedule_hrtimeout_range(&expires, pause / 8, HRTIMER_MODE_REL);
	return signal_pending_state(state, current) ? -EINTR : 0;
}

/*
 * Read the hardware for @seq. No reset begins while access_lock is held, and one that
 * is going on is not asked: the time that it takes does not count.
 */
static int nvgpu_ready_ask(struct nvgpu_device *nvdev, u64 seq, ktime_t start)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	int ret;

	ret = nvgpu_access_begin(nvdev);
	if (ret)
		return ret;

	/* Pairs with nvgpu_ready_reset_end(): tools/test/model/reset-end.litmus. */
	ret = -EAGAIN;
	if (!(seq & 1) && atomic64_read_acquire(&ready->seq) == seq)
		ret = nvgpu_ready_check(nvdev, start);
	nvgpu_access_end(nvdev);

	if (!ret)
		WRITE_ONCE(ready->ready_at, seq);
	else if (ret == -ETIME)
		WRITE_ONCE(ready->timed_out_at, seq);
	else if (READ_ONCE(ready->timed_out_at) == seq)
		ret = -ETIME;
	return ret;
}

/**
 * nvgpu_ready_is_known() - Is the memory known to be ready
 * @nvdev: device
 *
 * Context: any; the answer stays true only under access_lock.
 * Return: true if the hardware said so since the last reset.
 */
bool nvgpu_ready_is_known(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;

	/* Pairs with nvgpu_ready_reset_end(): tools/test/model/reset-end.litmus. */
	return atomic64_read_acquire(&ready->seq) == READ_ONCE(ready->ready_at);
}

/**
 * nvgpu_ready_timed_out() - Has a wait for the memory timed out
 * @nvdev: device
 *
 * Context: any.
 * Return: true if so since the last reset.
 */
bool nvgpu_ready_timed_out(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;

	return READ_ONCE(ready->timed_out_at) == atomic64_read(&ready->seq);
}

/**
 * nvgpu_ready_query() - Find out without waiting whether the memory is ready
 * @nvdev: device, open
 *
 * Context: as nvgpu_access_begin().
 * Return: 0, -EAGAIN if it may become ready, -ETIME if a wait has timed out since the
 * last reset, or as nvgpu_access_begin().
 */
int nvgpu_ready_query(struct nvgpu_device *nvdev)
{
	return nvgpu_ready_ask(nvdev, atomic64_read(&nvdev->ready.seq),
			       ktime_get());
}

/**
 * nvgpu_ready_wait() - Wait until the memory is ready
 * @nvdev: device, open
 * @state: TASK_KILLABLE or TASK_INTERRUPTIBLE
 *
 * A reset during the wait starts it anew. A timeout is cached until the next reset,
 * so later accesses to a dead GPU fail at once.
 *
 * Context: no lock held; as nvgpu_access_begin().
 * Return: 0, -ETIME, -EINTR for a signal that ends @state, or as
 * nvgpu_access_begin().
 */
int nvgpu_ready_wait(struct nvgpu_device *nvdev, unsigned int state)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	ktime_t begin = ktime_get(), start = begin;
	u64 now, seq = atomic64_read(&ready->seq);
	int ret;

	for (;;) {
		ret = nvgpu_ready_ask(nvdev, seq, start);
		if (!ret || ret == -EIO || ret == -EINTR)
			break;

		now = atomic64_read(&ready->seq);
		if (now != seq) {
			seq = now;
			start = ktime_get();
			continue;
		}
		if (ret == -EAGAIN)
			ret = nvgpu_ready_pause(start, state);
		if (ret)
			break;
	}

	trace_nvgpu_ready_wait(nvdev->vdev.pdev,
			       ktime_ms_delta(ktime_get(), begin), ret);
	return ret;
}

/**
 * nvgpu_ready_invalidate() - The memory may have lost its training
 * @nvdev: device
 *
 * Context: any.
 */
void nvgpu_ready_invalidate(struct nvgpu_device *nvdev)
{
	atomic64_add(2, &nvdev->ready.seq);
}

/**
 * nvgpu_ready_reset_begin() - A reset begins: the hardware must not be asked
 * @nvdev: device
 *
 * A reset that has begun may begin again: AER tells of an error more than once.
 *
 * Context: device_lock held.
 */
void nvgpu_ready_reset_begin(struct nvgpu_device *nvdev)
{
	atomic64_t *seq = &nvdev->ready.seq;

	device_lock_assert(&nvdev->vdev.pdev->dev);
	atomic64_add(atomic64_read(seq) & 1 ? 2 : 1, seq);
}

/**
 * nvgpu_ready_reset_end() - A reset is over: the hardware may be asked again
 * @nvdev: device
 *
 * Context: device_lock held.
 */
void nvgpu_ready_reset_end(struct nvgpu_device *nvdev)
{
	device_lock_assert(&nvdev->vdev.pdev->dev);
	/* Pairs with the readers of seq: tools/test/model/reset-end.litmus. */
	WARN_ON_ONCE(atomic64_inc_return_release(&nvdev->ready.seq) & 1);
}

/* Nobody else has the device yet. */
static int nvgpu_ready_probe_wait(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	ktime_t start = ktime_get();
	int ret;

	for (;;) {
		ret = nvgpu_ready_check(nvdev, start);
		if (!ret)
			return 0;
		if (pci_dev_is_disconnected(pdev))
			return -ENODEV;
		if (ret == -ETIME) {
			pci_err(pdev, "memory is not ready after %lld ms (%s): reset the GPU or reboot the host\n",
				ktime_ms_delta(ktime_get(), start),
				nvdev->ready.method->name);
			return ret;
		}
		ret = nvgpu_ready_pause(start, TASK_KILLABLE);
		if (ret)
			return ret;
	}
}

/* VFs have no DVSEC of their own: pci_physfn(). */
static int nvgpu_cxl_probe(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = pci_physfn(nvdev->vdev.pdev);

	nvdev->ready.dvsec = pci_find_dvsec_capability(pdev,
						       PCI_VENDOR_ID_CXL,
						       PCI_DVSEC_CXL_DEVICE);
	return nvdev->ready.dvsec ? nvgpu_ready_probe_wait(nvdev) : -ENOENT;
}

/*
 * CXL 4.0, 8.1.3.8.2: MEM_INFO_VALID within 1 s, then MEM_ACTIVE within the time that
 * the register says. All ones is a function that does not answer while it is in
 * reset: not yet.
 */
static bool nvgpu_cxl_check(struct nvgpu_device *nvdev, unsigned int *timeout_s)
{
	u32 code, status;

	pci_read_config_dword(pci_physfn(nvdev->vdev.pdev), nvdev->ready.dvsec +
			      PCI_DVSEC_CXL_RANGE_SIZE_LOW(0), &status);
	if (PCI_POSSIBLE_ERROR(status) ||
	    !(status & PCI_DVSEC_CXL_MEM_INFO_VALID))
		return false;

	/* 1, 4, 16, 64, 256 s; the other codes are reserved. */
	code = FIELD_GET(PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT, status);
	*timeout_s += 1U << (2 * min(code, 4U));
	return status & PCI_DVSEC_CXL_MEM_ACTIVE;
}

static int nvgpu_bar0_probe(struct nvgpu_device *nvdev)
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
out_release:
	pci_release_selected_regions(pdev, BIT(0));
out_disable:
	pci_disable_device(pdev);
	return ret;
}

static int nvgpu_bar0_open(struct nvgpu_device *nvdev)
{
	nvdev->ready.bar0 = vfio_pci_core_get_iomap(&nvdev->vdev, 0);
	return PTR_ERR_OR_ZERO((__force void *)nvdev->ready.bar0);
}

static bool nvgpu_bar0_check(struct nvgpu_device *nvdev, unsigned int *timeout_s)
{
	void __iomem *bar0 = nvdev->ready.bar0;

	return ioread32(bar0 + NVGPU_BAR0_C2C) == NVGPU_STATUS_READY &&
	       ioread32(bar0 + NVGPU_BAR0_HBM) == NVGPU_STATUS_READY;
}

/* In the order in which they are tried. */
static const struct nvgpu_ready_method nvgpu_ready_methods[] = {
	{
		.name = "CXL memory not active",
		.timeout_s = 1,
		.probe = nvgpu_cxl_probe,
		.check = nvgpu_cxl_check,
	}, {
		.name = "C2C link or HBM training",
		.timeout_s = 30,
		.probe = nvgpu_bar0_probe,
		.open = nvgpu_bar0_open,
		.check = nvgpu_bar0_check,
	},
};

/**
 * nvgpu_ready_probe() - Wait until the memory is ready for the first time
 * @nvdev: device, not yet registered
 *
 * Context: probe, with device_lock held. Killable only where the PCI core calls
 * probe in the context of who asked for it: for a device with a NUMA node it uses a
 * kworker, which no signal reaches.
 * Return: 0, -ETIME after the hardware's timeout, -ENODEV, -EINTR if killed, or
 * what enabling BAR0 failed with.
 */
int nvgpu_ready_probe(struct nvgpu_device *nvdev)
{
	struct nvgpu_ready *ready = &nvdev->ready;
	int i, ret = -ENOENT;

	/* Odd, so never equal to a value that the hardware is asked for. */
	ready->ready_at = -1;
	ready->timed_out_at = -1;
	for (i = 0; ret == -ENOENT && i < ARRAY_SIZE(nvgpu_ready_methods); i++) {
		ready->method = &nvgpu_ready_methods[i];
		ret = ready->method->probe(nvdev);
	}
	return ret;
}

/**
 * nvgpu_ready_open() - Prepare to ask the hardware
 * @nvdev: device, with or without described memory, after vfio_pci_core_enable()
 *
 * The last close may have reset the function without callbacks, so readiness is
 * unknown even if no reset was seen.
 *
 * Return: 0 or why BAR0 is not mapped.
 */
int nvgpu_ready_open(struct nvgpu_device *nvdev)
{
	const struct nvgpu_ready_method *method = nvdev->ready.method;

	nvgpu_ready_invalidate(nvdev);
	return method && method->open ? method->open(nvdev) : 0;
}
