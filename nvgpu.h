/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO variant driver for GPUs with CPU-coherent memory that is not a PCI BAR.
 *
 * Terms:
 *
 * usemem	the cacheable part of the GPU memory, presented as BAR4/5
 * resmem	the write-combining part at its end, presented as BAR2/3; only GPUs
 *		with the MIG bug have it
 * mem_len	bytes that exist
 * bar_size	bytes that the BAR claims: mem_len raised to a power of two
 * padding	bytes from mem_len to bar_size: reads return ~0, writes are dropped
 *
 * Locks, outermost first. The arrow means "may be taken while holding".
 *
 *   device_lock, dev_set->lock -> mmap_lock or VMA lock -> vdev->memory_lock
 *   -> nvdev->access_lock -> i_mmap_rwsem, page table locks
 *
 * A page fault takes memory_lock for read. Hence a user copy that may fault never
 * runs under memory_lock.
 *
 * access_lock is read-held across the check that the memory may be accessed and the
 * copy or PTE insertion that relies on it, and write-held to revoke access.
 * memory_lock cannot serve: the PCI core calls .reset_prepare and .reset_done with
 * memory_lock write-held by the same thread (resets through vfio) or not held at all
 * (sysfs, AER, a sibling's bus reset), also while the device is opened or closed.
 * Those callbacks hold device_lock, take access_lock and bars.lock, and do not look
 * at vdev->vconfig.
 *
 * bars.lock is a leaf spinlock.
 */
#ifndef NVGPU_H
#define NVGPU_H

#include <linux/atomic.h>
#include <linux/memory-failure.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#define NVGPU_VERSION "0.1.0"

/* Each synthetic BAR takes two of the six registers. */
#define NVGPU_MAX_BARS	(PCI_STD_NUM_BARS / 2)

/**
 * struct nvgpu_region - memory that is presented as a 64-bit prefetchable BAR
 * @mem_base: physical address, page aligned
 * @mem_len: bytes that exist and can be mapped, a multiple of PAGE_SIZE
 * @bar_size: size of the BAR in bytes, a power of two of at least 16
 * @bar_index: number of the lower register, even
 * @wc: mapped write-combining, else cacheable
 * @rebar: config offset of the Resizable BAR entry of the BAR that it hides, or 0
 * @rebar_val: what the entry reads instead
 * @bar_val: what was last written to the register pair; nvgpu_bars.lock
 * @kva: kernel mapping of all of @mem_len or NULL; set once by cmpxchg() while the
 *	device is open
 *
 * Immutable after probe but for @bar_val and @kva.
 */
struct nvgpu_region {
	phys_addr_t mem_base;
	u64 mem_len;
	u64 bar_size;
	unsigned int bar_index;
	bool wc;
	u16 rebar;
	u64 rebar_val;
	u64 bar_val;
	void *kva;
};

/**
 * struct nvgpu_bars - the synthetic BARs of a function
 * @lock: leaf spinlock over the @bar_val of each region
 * @nr: number of regions, 0 if the function has no synthetic BAR; immutable after
 *	probe
 * @region: the regions; those from @nr on are zero
 */
struct nvgpu_bars {
	spinlock_t lock;	/* leaf, over region[].bar_val */
	unsigned int nr;
	struct nvgpu_region region[NVGPU_MAX_BARS];
};

/* Of struct nvgpu_bars.region. */
enum nvgpu_region_id {
	NVGPU_USEMEM,
	NVGPU_RESMEM,
};

struct nvgpu_ready_method;

/**
 * struct nvgpu_ready - is the memory usable since the last reset
 * @method: how the hardware tells; immutable after probe
 * @dvsec: CXL: config offset of the device DVSEC; immutable after probe
 * @bar0: BAR0: mapping of the registers; valid during probe's wait and while the
 *	device is open
 * @seq: advances whenever the memory may have lost its training; odd while a reset
 *	is going on, which only holders of device_lock change
 * @ready_at: value of @seq for which the hardware said ready; READ_ONCE/WRITE_ONCE,
 *	each writer has proven what it writes
 * @timed_out_at: value of @seq for which a wait timed out; likewise
 */
struct nvgpu_ready {
	const struct nvgpu_ready_method *method;
	u16 dvsec;
	void __iomem *bar0;
	atomic64_t seq;
	u64 ready_at;
	u64 timed_out_at;
};

/**
 * struct nvgpu_poison - hwpoisoned pages
 * @pfns: by page frame, the value of nvgpu_device.resets when the page failed; a
 *	mark tells the settled ones, see poison.c
 * @work: settles new notes
 * @space: registration of each region with memory-failure; dev_set->lock
 * @registered: bit for each of @space that succeeded; dev_set->lock
 */
struct nvgpu_poison {
	struct xarray pfns;
	struct work_struct work;
	struct pfn_address_space space[NVGPU_MAX_BARS];
	unsigned long registered;
};

/**
 * struct nvgpu_device - a bound GPU
 * @vdev: the vfio-pci-core device; stays first, vfio frees it by this address
 * @bars: the memory and the synthetic BARs
 * @ready: readiness after resets
 * @poison: hwpoisoned pages
 * @access_lock: see the lock map above
 * @resets: resets since probe; written under device_lock, READ_ONCE/WRITE_ONCE
 */
struct nvgpu_device {
	struct vfio_pci_core_device vdev;
	struct nvgpu_bars bars;
	struct nvgpu_ready ready;
	struct nvgpu_poison poison;
	struct rw_semaphore access_lock;
	unsigned int resets;
};

static inline struct nvgpu_device *
nvgpu_from_vdev(struct vfio_pci_core_device *vdev)
{
	return container_of(vdev, struct nvgpu_device, vdev);
}

static inline struct nvgpu_device *nvgpu_from_core(struct vfio_device *core_vdev)
{
	return container_of(core_vdev, struct nvgpu_device, vdev.vdev);
}

static inline struct nvgpu_device *nvgpu_from_pdev(struct pci_dev *pdev)
{
	return nvgpu_from_vdev(pci_get_drvdata(pdev));
}

/* geometry.c */
int nvgpu_geometry_split(u64 base, u64 len, bool has_resmem,
			 struct nvgpu_bars *bars, const char **rule);
int nvgpu_geometry_init(struct nvgpu_device *nvdev);
bool nvgpu_geometry_present(struct pci_dev *pdev);

/* config.c */
struct nvgpu_region *nvgpu_config_region(struct nvgpu_bars *bars,
					 unsigned int index);
u64 nvgpu_config_rebar_entry(u64 bar_size, u32 ctrl);
void nvgpu_config_init(struct pci_dev *pdev, struct nvgpu_bars *bars);
void nvgpu_config_reset(struct nvgpu_bars *bars);
u64 nvgpu_config_load(struct nvgpu_bars *bars,
		      const struct nvgpu_region *region);
void nvgpu_config_store(struct nvgpu_bars *bars, struct nvgpu_region *region,
			size_t reg, size_t len, u64 data);
ssize_t nvgpu_config_read(struct vfio_pci_core_device *vdev,
			  struct nvgpu_bars *bars, char __user *buf,
			  size_t count, loff_t *ppos);
ssize_t nvgpu_config_write(struct vfio_pci_core_device *vdev,
			   struct nvgpu_bars *bars, const char __user *buf,
			   size_t count, loff_t *ppos);
int nvgpu_config_region_info(const struct nvgpu_region *region,
			     struct vfio_region_info *info,
			     struct vfio_info_cap *caps);

/* ready.c */
int nvgpu_ready_probe(struct nvgpu_device *nvdev);
int nvgpu_ready_open(struct nvgpu_device *nvdev);
void nvgpu_ready_invalidate(struct nvgpu_device *nvdev);
void nvgpu_ready_reset_begin(struct nvgpu_device *nvdev);
void nvgpu_ready_reset_end(struct nvgpu_device *nvdev);
bool nvgpu_ready_is_known(struct nvgpu_device *nvdev);
bool nvgpu_ready_timed_out(struct nvgpu_device *nvdev);
int nvgpu_ready_query(struct nvgpu_device *nvdev);
int nvgpu_ready_wait(struct nvgpu_device *nvdev, unsigned int state);
int nvgpu_access_begin(struct nvgpu_device *nvdev);
void nvgpu_access_end(struct nvgpu_device *nvdev);

/* poison.c */
void nvgpu_poison_init(struct nvgpu_device *nvdev);
void nvgpu_poison_destroy(struct nvgpu_device *nvdev);
int nvgpu_poison_open(struct nvgpu_device *nvdev);
void nvgpu_poison_close(struct nvgpu_device *nvdev);
bool nvgpu_poison_is_current(struct nvgpu_device *nvdev, unsigned long pfn);
bool nvgpu_poison_in_range(struct nvgpu_device *nvdev, unsigned long pfn,
			   unsigned long nr);
unsigned long nvgpu_poison_free_run(struct nvgpu_device *nvdev,
				    unsigned long pfn, unsigned long nr);
unsigned long nvgpu_poison_count(struct nvgpu_device *nvdev);

/* rdwr.c */
ssize_t nvgpu_rdwr(struct nvgpu_device *nvdev, struct nvgpu_region *region,
		   char __user *buf, size_t count, loff_t *ppos, bool write);
void nvgpu_rdwr_close(struct nvgpu_device *nvdev);

/* mmap.c; the ops also tell a mapping of the memory from others */
extern const struct vm_operations_struct nvgpu_mmap_ops;
int nvgpu_mmap(struct nvgpu_device *nvdev, struct nvgpu_region *region,
	       struct vm_area_struct *vma);
void nvgpu_mmap_zap(struct nvgpu_device *nvdev);

/* feature.c */
int nvgpu_feature(struct vfio_device *core_vdev, u32 flags, void __user *arg,
		  size_t argsz);

/* sysfs.c */
extern const struct attribute_group *nvgpu_sysfs_groups[];

/* dmabuf.c */
#if IS_ENABLED(CONFIG_VFIO_PCI_DMABUF)
int nvgpu_dmabuf_feature_result(struct nvgpu_device *nvdev, u32 flags,
				void __user *arg, int ret);
void nvgpu_dmabuf_init(struct nvgpu_device *nvdev);
#else
static inline int nvgpu_dmabuf_feature_result(struct nvgpu_device *nvdev,
					      u32 flags, void __user *arg,
					      int ret)
{
	return ret;
}

static inline void nvgpu_dmabuf_init(struct nvgpu_device *nvdev)
{
}
#endif

#endif /* NVGPU_H */
