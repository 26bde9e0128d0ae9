// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() and write() on GPU memory.
 *
 * Invariant: within mem_len the memory, from there to bar_size padding that reads
 * ~0 and drops writes, beyond it nothing.
 *
 * The memory is copied in bounded chunks, with page faults disabled, under
 * memory_lock and access_lock. Where the user page is missing the locks are
 * dropped before it is faulted in: it may be a mapping of this very device, whose
 * fault takes the same locks.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/pagemap.h>
#include <linux/pfn.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "nvgpu.h"

/*
 * Copied at once under the locks: a fraction of a millisecond at the speed of memory.
 * Uncached memory is slower by an order of magnitude, reads at least.
 */
#define NVGPU_CHUNK		SZ_1M
#define NVGPU_CHUNK_UNCACHED	SZ_64K

/*
 * Consecutive zero-byte copies, after a successful fault-in, before giving up: then
 * the GPU memory cannot be read or, in a write, the user page.
 */
#define NVGPU_COPY_RETRIES	16

static const u8 nvgpu_padding[SZ_16K] = { [0 ... SZ_16K - 1] = 0xff };

/**
 * struct nvgpu_xfer - one read or write, as far as it has come
 * @nvdev: device
 * @region: its region
 * @pos: next offset in the region, in bytes
 * @iter: what is left of the user buffer
 * @stalls: consecutive copies that moved nothing
 */
struct nvgpu_xfer {
	struct nvgpu_device *nvdev;
	struct nvgpu_region *region;
	u64 pos;
	struct iov_iter iter;
	unsigned int stalls;
};

static bool nvgpu_xfer_is_write(const struct nvgpu_xfer *xfer)
{
	return iov_iter_rw(&xfer->iter) == ITER_SOURCE;
}

/*
 * Map all of the region at its first use. resmem is never mapped cacheable: two
 * attributes for one page lose coherency. Of several that map at once one wins.
 */
static int nvgpu_rdwr_map(struct nvgpu_device *nvdev,
			  struct nvgpu_region *region)
{
	void *kva;
	int ret;

	/* Pairs with cmpxchg() below: tools/test/model/kva-publish.litmus. */
	if (READ_ONCE(region->kva))
		return 0;

	ret = nvgpu_ready_wait(nvdev, TASK_KILLABLE);
	if (ret)
		return ret;

	kva = memremap(region->mem_base, region->mem_len,
		       region->wc ? MEMREMAP_WC : MEMREMAP_WB);
	if (!kva)
		return -ENOMEM;
	if (cmpxchg(&region->kva, NULL, kva))
		memunmap(kva);
	return 0;
}

/**
 * nvgpu_rdwr_close() - Undo the kernel mappings
 * @nvdev: device, being closed
 */
void nvgpu_rdwr_close(struct nvgpu_device *nvdev)
{
	unsigned int i;

	for (i = 0; i < nvdev->bars.nr; i++) {
		struct nvgpu_region *region = &nvdev->bars.region[i];

		if (region->kva)
			memunmap(region->kva);
		region->kva = NULL;
	}
}

static size_t nvgpu_rdwr_chunk_size(const struct nvgpu_xfer *xfer)
{
	return xfer->region->wc ? NVGPU_CHUNK_UNCACHED : NVGPU_CHUNK;
}

/* How much to move next: within the memory, one chunk, short of hwpoisoned pages. */
static size_t nvgpu_rdwr_count(const struct nvgpu_xfer *xfer)
{
	u64 at = xfer->region->mem_base + xfer->pos;
	u64 count = min3((u64)iov_iter_count(&xfer->iter),
			 xfer->region->mem_len - xfer->pos,
			 (u64)nvgpu_rdwr_chunk_size(xfer));
	unsigned long nr = PFN_UP(offset_in_page(at) + count);
	u64 free = PFN_PHYS(nvgpu_poison_free_run(xfer->nvdev, PHYS_PFN(at), nr));

	return free ? min(count, free - offset_in_page(at)) : 0;
}

/* Move up to one chunk. Returns 0, -EFAULT if a user page is missing, -EIO. */
static int nvgpu_rdwr_chunk(struct nvgpu_xfer *xfer)
{
	void *mem = READ_ONCE(xfer->region->kva) + xfer->pos;
	size_t count = nvgpu_rdwr_count(xfer);
	size_t done;

	lockdep_assert_held_read(&xfer->nvdev->access_lock);

	if (!count)
		return -EIO;

	pagefault_disable();
	if (nvgpu_xfer_is_write(xfer))
		done = _copy_from_iter(mem, count, &xfer->iter);
	else
		done = _copy_mc_to_iter(mem, count, &xfer->iter);
	pagefault_enable();

	xfer->pos += done;
	return done ? 0 : -EFAULT;
}

/*
 * Move some data. Returns 0 if there was progress, -EFAULT if a user page is
 * missing, -EAGAIN to wait for readiness, or an error.
 */
static int nvgpu_rdwr_step(struct nvgpu_xfer *xfer)
{
	struct nvgpu_device *nvdev = xfer->nvdev;
	int ret;

	ret = nvgpu_access_begin(nvdev);
	if (ret)
		return ret;
	ret = nvgpu_ready_is_known(nvdev) ? nvgpu_rdwr_chunk(xfer) : -EAGAIN;
	nvgpu_access_end(nvdev);
	return ret;
}

/* Fault in what the next chunk needs of the user buffer, at least its start. */
static int nvgpu_rdwr_fault_in(struct nvgpu_xfer *xfer)
{
	size_t count = min(iov_iter_count(&xfer->iter),
			   nvgpu_rdwr_chunk_size(xfer));
	size_t left;

	if (xfer->stalls++ >= NVGPU_COPY_RETRIES)
		return nvgpu_xfer_is_write(xfer) ? -EFAULT : -EIO;

	if (nvgpu_xfer_is_write(xfer))
		left = fault_in_iov_iter_readable(&xfer->iter, count);
	else
		left = fault_in_iov_iter_writeable(&xfer->iter, count);
	return left == count ? -EFAULT : 0;
}

static int nvgpu_rdwr_data(struct nvgpu_xfer *xfer)
{
	int ret = 0;

	while (!ret && iov_iter_count(&xfer->iter) &&
	       xfer->pos < xfer->region->mem_len) {
		if (fatal_signal_pending(current))
			return -EINTR;

		ret = nvgpu_rdwr_map(xfer->nvdev, xfer->region);
		if (ret)
			return ret;

		ret = nvgpu_rdwr_step(xfer);
		switch (ret) {
		case 0:
			xfer->stalls = 0;
			cond_resched();
			break;
		case -EAGAIN:
			ret = nvgpu_ready_wait(xfer->nvdev, TASK_KILLABLE);
			break;
		case -EFAULT:
			ret = nvgpu_rdwr_fault_in(xfer);
			break;
		}
	}
	return ret;
}

/* Padding has no hardware behind it; checking memory decode once is enough. */
static int nvgpu_rdwr_padding(struct nvgpu_xfer *xfer)
{
	size_t count, done;
	int ret;

	if (!iov_iter_count(&xfer->iter))
		return 0;

	ret = nvgpu_access_begin(xfer->nvdev);
	if (ret)
		return ret;
	nvgpu_access_end(xfer->nvdev);

	if (nvgpu_xfer_is_write(xfer)) {
		xfer->pos += iov_iter_count(&xfer->iter);
		iov_iter_advance(&xfer->iter, iov_iter_count(&xfer->iter));
		return 0;
	}

	while (iov_iter_count(&xfer->iter)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		count = min(iov_iter_count(&xfer->iter), sizeof(nvgpu_padding));
		done = _copy_to_iter(nvgpu_padding, count, &xfer->iter);
		xfer->pos += done;
		if (done < count)
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/**
 * nvgpu_rdwr() - Read or write a region
 * @nvdev: device
 * @region: one of its regions
 * @buf: user buffer
 * @count: bytes
 * @ppos: file position, advanced by what was moved
 * @write: direction
 *
 * Context: process context without locks; may wait for readiness, killable.
 * Return: bytes moved, fewer than @count at the end of the BAR or where something
 * failed after a part; else -EINVAL beyond the BAR, -EFAULT, -EIO if memory access
 * is disabled or the memory cannot be read, -ETIME if it does not become ready,
 * -ENOMEM, -EINTR if killed.
 */
ssize_t nvgpu_rdwr(struct nvgpu_device *nvdev, struct nvgpu_region *region,
		   char __user *buf, size_t count, loff_t *ppos, bool write)
{
	u64 start = *ppos & VFIO_PCI_OFFSET_MASK;
	struct device *dev = &nvdev->vdev.pdev->dev;
	struct nvgpu_xfer xfer = {
		.nvdev = nvdev,
		.region = region,
		.pos = start,
	};
	int ret;

	if (!count)
		return 0;
	if (start >= region->bar_size)
		return -EINVAL;
	count = min_t(u64, count, region->bar_size - start);

	ret = import_ubuf(write ? ITER_SOURCE : ITER_DEST, buf, count,
			  &xfer.iter);
	if (ret)
		return ret;

	if (pm_runtime_resume_and_get(dev))
		return -EIO;
	ret = nvgpu_rdwr_data(&xfer);
	if (!ret)
		ret = nvgpu_rdwr_padding(&xfer);
	pm_runtime_put(dev);

	*ppos += xfer.pos - start;
	return xfer.pos > start ? xfer.pos - start : ret;
}
