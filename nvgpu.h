/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO variant driver for GPUs with CPU-coherent memory that is no PCI BAR.
 *
 * Words used everywhere in this driver:
 *
 * usemem	the cacheable part of the GPU memory, presented as BAR4/5
 * resmem	the write-combining part at its end that GPUs with the MIG bug
 *		need, presented as BAR2/3; other GPUs have none
 * mem_len	how many bytes really exist
 * bar_size	how many bytes the BAR claims: mem_len raised to a power of two
 * padding	what lies between mem_len and bar_size: reads ~0, drops writes
 *
 * Locks, outermost first. The arrow is "may be taken while holding".
 *
 *   device_lock, dev_set->lock -> mm locks -> vdev->memory_lock
 *   -> nvdev->map_lock -> nvdev->access_lock -> nvdev->huge_lock
 *
 * mm locks come before memory_lock because page faults take memory_lock for
 * read. Hence a user copy that may fault never runs under memory_lock.
 *
 * access_lock is held for read by whoever lets a CPU reach the memory, over the
 * check that it may and the copy or page table entry that follows; for write by
 * who ends that, for a moment. memory_lock cannot serve: the PCI core calls
 * .reset_prepare and .reset_done with memory_lock held for write by this very
 * thread (resets that come through vfio) or not held at all (sysfs, AER, a
 * sibling's bus reset), also while the device is being opened or closed. Those
 * callbacks take map_lock, access_lock, mapping locks, bars.lock and poison.lock, and
 * do not look at vdev->vconfig. The last two are leaf spinlocks; poison.lock is also
 * taken with the mapping locks that memory-failure holds.
 *
 * huge_lock is held by a page fault while it makes an entry in a part of a mapping
 * that can have huge ones. map_lock is held while the kernel's mapping of a region is
 * made or taken away, so that a reset waits for one that is being made.
 */
#ifndef NVGPU_H
#define NVGPU_H

#include <linux/atomic.h>
#include <linux/memory-failure.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#define NVGPU_VERSION "0.1.0"

/* What the bind line adds where the host kernel restricts what guests get. */
#ifndef NVGPU_BIND_NOTE
#define NVGPU_BIND_NOTE ""
#endif

enum nvgpu_region_id {
	NVGPU_RESMEM,
	NVGPU_USEMEM,
	NVGPU_NR_REGIONS,
};

/**
 * struct nvgpu_region - one contiguous part of the GPU memory
 * @mem_base: physical address, page aligned; immutable after probe
 * @mem_len: bytes that exist, a multiple of PAGE_SIZE, 0 if the GPU has no such
 *	region; immutable after probe
 * @bar_size: size of the BAR that presents it, a power of two; immutable after
 *	probe
 * @bar_index: lower one of the two BARs; immutable after probe
 * @kva: kernel mapping of all of @mem_len or NULL; nvdev->access_lock
 */
struct nvgpu_region {
	phys_addr_t mem_base;
	u64 mem_len;
	u64 bar_size;
	unsigned int bar_index;
	void *kva;
};

/**
 * struct nvgpu_bar - a synthetic 64-bit prefetchable memory BAR
 * @size: size in bytes, a power of two of at least 16, or 0 for a slot without
 *	a BAR; immutable after probe
 * @mem_len: bytes of @size that user space can map; immutable after probe
 * @index: number of the lower register, even; immutable after probe
 * @val: what was last written to the register pair; nvgpu_bars.lock
 * @undo_val: @val before the last reset; nvgpu_bars.lock
 */
struct nvgpu_bar {
	u64 size;
	u64 mem_len;
	unsigned int index;
	u64 val;
	u64 undo_val;
};

/**
 * struct nvgpu_bars - all synthetic BARs of a function
 * @lock: leaf spinlock over the registers
 * @resets: how often they were reset; @lock
 * @can_undo: the last reset may yet turn out to have failed, and nothing was
 *	written since; @lock
 * @bar: the BARs
 */
struct nvgpu_bars {
	spinlock_t lock;	/* leaf, over all below */
	unsigned int resets;
	bool can_undo;
	struct nvgpu_bar bar[NVGPU_NR_REGIONS];
};

/**
 * struct nvgpu_ready - is the memory usable since the last reset
 * @cxl_dvsec: config offset of the CXL device DVSEC, 0 if readiness is told by
 *	BAR0 registers instead; immutable after probe
 * @bar0: mapping of BAR0, valid during probe's wait and while the device is
 *	open, NULL where @cxl_dvsec is set
 * @resets: how often readiness became unknown. Counted, not flagged: a reset that
 *	lands between a check of the hardware and the note of its result must not
 *	be lost
 * @resets_seen: resets, for information only
 * @in_reset: between .reset_prepare and .reset_done, written under device_lock; a
 *	reader that also reads @resets orders the two, see ready.c
 * @ready_at: value of @resets for which the hardware said ready; a plain word
 *	with READ_ONCE/WRITE_ONCE, any writer has proven what it writes
 * @gave_up_at: value of @resets for which a wait ran out of time; likewise
 */
struct nvgpu_ready {
	u16 cxl_dvsec;
	void __iomem *bar0;
	atomic_t resets;
	atomic_t resets_seen;
	bool in_reset;
	int ready_at;
	int gave_up_at;
};

/**
 * struct nvgpu_poison - corrupted pages
 * @pfns: the page frames, as keys; readers by RCU, changed under @lock
 * @lock: leaf spinlock over @pfns and @forgotten
 * @forgotten: a reset made the pages good, or so it seems: @pfns does not count;
 *	written under @lock, read with READ_ONCE
 * @zap_work: revokes their mappings
 * @space: registration of each region with memory-failure; dev_set->lock
 * @registered: bit for each of @space that succeeded; dev_set->lock
 */
struct nvgpu_poison {
	struct xarray pfns;
	spinlock_t lock;	/* leaf, over pfns and forgotten */
	bool forgotten;
	struct work_struct zap_work;
	struct pfn_address_space space[NVGPU_NR_REGIONS];
	unsigned long registered;
};

/**
 * struct nvgpu_device - a bound GPU
 * @vdev: the vfio-pci-core device; stays first, vfio frees it by this address
 * @region: parts of the memory, by enum nvgpu_region_id
 * @bars: the synthetic BARs, in the same order
 * @ready: readiness after resets
 * @poison: corrupted pages
 * @access_lock: see the lock map above
 * @huge_lock: see the lock map above
 * @map_lock: see the lock map above
 * @resetter: who has asked for a reset last and will learn whether it failed, or NULL;
 *	only compared, by READ_ONCE and WRITE_ONCE
 */
struct nvgpu_device {
	struct vfio_pci_core_device vdev;
	struct nvgpu_region region[NVGPU_NR_REGIONS];
	struct nvgpu_bars bars;
	struct nvgpu_ready ready;
	struct nvgpu_poison poison;
	struct rw_semaphore access_lock;
	struct mutex huge_lock;	/* the kind of page table entries */
	struct mutex map_lock;	/* making and taking away of region[].kva */
	struct task_struct *resetter;
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
			 struct nvgpu_region *region, const char **rule);
int nvgpu_geometry_init(struct nvgpu_device *nvdev);
bool nvgpu_geometry_present(struct pci_dev *pdev);
struct nvgpu_region *nvgpu_geometry_region(struct nvgpu_device *nvdev,
					   unsigned int bar_index);

/* config.c */
void nvgpu_config_init(struct nvgpu_bars *bars,
		       const struct nvgpu_region *region);
void nvgpu_config_reset(struct nvgpu_bars *bars, bool can_undo);
void nvgpu_config_commit_reset(struct nvgpu_bars *bars);
void nvgpu_config_undo_reset(struct nvgpu_bars *bars);
bool nvgpu_config_overlaps(const struct nvgpu_bars *bars, u64 pos,
			   size_t count);
unsigned int nvgpu_config_load(struct nvgpu_bars *bars, u8 *regs);
void nvgpu_config_store(struct nvgpu_bars *bars, const u8 *regs, size_t first,
			size_t end, unsigned int resets);
ssize_t nvgpu_config_read(struct nvgpu_device *nvdev, char __user *buf,
			  size_t count, loff_t *ppos);
ssize_t nvgpu_config_write(struct nvgpu_device *nvdev, const char __user *buf,
			   size_t count, loff_t *ppos);
int nvgpu_config_region_info(const struct nvgpu_bar *bar,
			     struct vfio_region_info *info,
			     struct vfio_info_cap *caps);

/* ready.c */
int nvgpu_ready_probe(struct nvgpu_device *nvdev);
int nvgpu_ready_open(struct nvgpu_device *nvdev);
void nvgpu_ready_close(struct nvgpu_device *nvdev);
void nvgpu_ready_forget(struct nvgpu_device *nvdev);
void nvgpu_ready_reset_prepare(struct nvgpu_device *nvdev);
void nvgpu_ready_reset_done(struct nvgpu_device *nvdev);
bool nvgpu_ready_is(struct nvgpu_device *nvdev);
bool nvgpu_ready_failed(struct nvgpu_device *nvdev);
int nvgpu_ready_try(struct nvgpu_device *nvdev);
int nvgpu_ready_wait(struct nvgpu_device *nvdev);
bool nvgpu_ready_enabled_locked(struct nvgpu_device *nvdev);
int nvgpu_ready_usable_locked(struct nvgpu_device *nvdev);

/* poison.c */
void nvgpu_poison_init(struct nvgpu_device *nvdev);
int nvgpu_poison_open(struct nvgpu_device *nvdev);
void nvgpu_poison_close(struct nvgpu_device *nvdev);
void nvgpu_poison_reset(struct nvgpu_device *nvdev, bool can_undo);
void nvgpu_poison_commit_reset(struct nvgpu_device *nvdev);
void nvgpu_poison_undo_reset(struct nvgpu_device *nvdev);
unsigned long nvgpu_poison_clean(struct nvgpu_device *nvdev, unsigned long pfn,
				 unsigned long nr);
unsigned long nvgpu_poison_count(struct nvgpu_device *nvdev);

/* rdwr.c */
ssize_t nvgpu_rdwr(struct nvgpu_device *nvdev, struct nvgpu_region *region,
		   char __user *buf, size_t count, loff_t *ppos, bool write);
void nvgpu_rdwr_unmap(struct nvgpu_device *nvdev);

/* mmap.c; the ops are also how a mapping of the memory is told from others */
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
void nvgpu_dmabuf_init(struct nvgpu_device *nvdev);
#else
static inline void nvgpu_dmabuf_init(struct nvgpu_device *nvdev)
{
}
#endif

#endif /* NVGPU_H */
