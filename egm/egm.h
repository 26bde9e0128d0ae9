/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended GPU memory (EGM): memory of a CPU socket that firmware keeps from the host
 * for the RAM of virtual machines, reachable by the GPUs of the socket.
 *
 * A region is the EGM of one socket. It exists while a GPU of the socket does or while
 * somebody owns it: from open() of its device file until the last mapping is gone.
 *
 * Locks, outermost first:
 *
 *   pci_lock_rescan_remove() -> egm_lock
 *   mmap_lock or VMA lock -> region->lock -> i_mmap_rwsem, page table locks
 *
 * egm_lock is over what exists and who owns it. Waits for it need not be killable: it is
 * held to unmap a region, or until threads end a step of zeroing, never for a user.
 * region->lock is read-held across the check that a page may be mapped and the insertion
 * of its entry, and write-held to change the answer. It may be taken under egm_lock.
 * zero.lock is a spinlock, under which only that of its wait queue is taken.
 */
#ifndef EGM_H
#define EGM_H

#include <linux/bitmap.h>
#include <linux/memory-failure.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct address_space;
struct class;
struct device;
struct file;
struct pci_dev;
struct task_struct;
struct vm_area_struct;

/* Firmware retires memory in blocks of this size, whatever the page size. */
#define EGM_BLOCK		SZ_64K

#define EGM_TABLE_ENTRIES	4096

/* The device file of a region has its proximity domain as minor. */
#define EGM_MINORS		256

/**
 * struct egm_table - firmware's list of retired blocks
 * @count: entries in use
 * @addr: physical address of each
 */
struct egm_table {
	__le64 count;
	__le64 addr[EGM_TABLE_ENTRIES];
};

/**
 * struct egm_props - what firmware says of a region
 * @pxm: proximity domain
 * @base: physical address
 * @size: bytes
 * @table: physical address of a struct egm_table, or 0
 */
struct egm_props {
	u64 pxm;
	u64 base;
	u64 size;
	u64 table;
};

/**
 * struct egm_zero - zeroing of a region
 * @lock: over @dirty and @busy
 * @dirty: bit for each chunk that is not known to be zero and that no task zeroes
 * @nr: number of chunks; constant
 * @busy: chunks that tasks zero; waited for without the lock
 * @wait: woken whenever @busy decreases
 * @threads: tasks of the background, each with a reference; egm_lock
 * @nr_threads: their number; egm_lock
 */
struct egm_zero {
	spinlock_t lock;	/* leaf, over dirty and busy */
	unsigned long *dirty;
	unsigned long nr;
	unsigned int busy;
	wait_queue_head_t wait;
	struct task_struct **threads;
	unsigned int nr_threads;
};

/**
 * struct egm_poison - memory failures of a region
 * @space: registration with memory-failure; the owner's open() and release()
 * @is_registered: whether that succeeded; likewise
 * @work: takes the blocks of @failed out of use
 * @failed: bit for each block that memory-failure has reported; set atomically, in a
 *	context that cannot take a lock, and never cleared
 */
struct egm_poison {
	struct pfn_address_space space;
	bool is_registered;
	struct work_struct work;
	unsigned long *failed;
};

/**
 * struct egm_region - the EGM of a socket
 * @props: firmware's description; constant
 * @name: of its device and its resource in iomem; constant
 * @node: NUMA node of its GPUs; constant
 * @dev: device of class egm, NULL without a GPU; egm_lock
 * @nr_gpus: GPUs that are there; egm_lock
 * @is_owned: somebody has the device file open or memory mapped; egm_lock
 * @mapping: of the device file while @is_owned; egm_lock
 * @lock: see the lock map above
 * @revoked: the last GPU went under the present owner; set under @lock and egm_lock,
 *	cleared under egm_lock when nothing is mapped; where it only ends an activity
 *	early it is read without a lock
 * @bad: bit for each block that is never mapped; set under @lock, never cleared
 * @zero: zeroing
 * @poison: memory failures
 */
struct egm_region {
	struct egm_props props;
	char name[8];
	int node;
	struct device *dev;
	unsigned int nr_gpus;
	bool is_owned;
	struct address_space *mapping;
	struct rw_semaphore lock;	/* outer: egm_lock or mmap_lock, see above */
	bool revoked;
	unsigned long *bad;
	struct egm_zero zero;
	struct egm_poison poison;
};

/* Number of blocks: of bits in the bitmaps of a region. */
static inline unsigned long egm_nr_blocks(const struct egm_region *region)
{
	return region->props.size / EGM_BLOCK;
}

/* How many blocks are never mapped; by now there may be more. */
static inline unsigned int egm_retired_count(const struct egm_region *region)
{
	return bitmap_weight(region->bad, egm_nr_blocks(region));
}

/* Logs what is wrong with firmware's description; the value is the error. */
#define egm_err(_err, _format, ...) ({					\
	pr_err("egm: " _format "\n", ##__VA_ARGS__);			\
	_err;								\
})

/* main.c */
extern struct mutex egm_lock;
extern const struct class egm_class;
extern int egm_major;

/* region.c */

/**
 * egm_region_check() - Check the arithmetic of a description
 * @props: the description
 *
 * Return: 0, or -EINVAL, -ERANGE after a line in the log.
 */
int egm_region_check(const struct egm_props *props);

/**
 * egm_gpu_add() - Look for EGM in the properties of a GPU
 * @pdev: the GPU; need not be new
 *
 * A description that is refused is logged, once for each GPU.
 *
 * Context: may sleep; the PCI device must not be removed meanwhile.
 */
void egm_gpu_add(struct pci_dev *pdev);

/**
 * egm_gpu_remove() - Forget a GPU that is about to go
 * @pdev: the GPU, known or not
 *
 * With the last GPU of a region the region goes, from under its owner too.
 *
 * Context: may sleep.
 */
void egm_gpu_remove(struct pci_dev *pdev);

/**
 * egm_gpu_remove_all() - Forget all GPUs
 *
 * Context: module exit. No GPU is added; one that goes unnoticed is still referenced.
 */
void egm_gpu_remove_all(void);

/**
 * egm_region_own() - Become the owner of a region
 * @pxm: its proximity domain
 * @mapping: of the device file
 *
 * Context: may sleep.
 * Return: the region, which stays until egm_region_disown(), or -ENODEV, -EBUSY.
 */
struct egm_region *egm_region_own(unsigned int pxm,
				  struct address_space *mapping);

/**
 * egm_region_disown() - End ownership
 * @region: the region, owned by the caller, without mappings; may be gone afterwards
 * @used: its memory may have been written
 *
 * Context: may sleep.
 */
void egm_region_disown(struct egm_region *region, bool used);

/* retired.c */

/**
 * egm_retired_parse() - Read firmware's list of retired blocks
 * @table: the list
 * @props: the region that it is about
 * @bad: gains the blocks
 *
 * Return: 0, or -EINVAL after a line in the log.
 */
int egm_retired_parse(const struct egm_table *table,
		      const struct egm_props *props, unsigned long *bad);

/**
 * egm_retired_init() - Find out which blocks of a region are bad
 * @region: a new region
 *
 * Return: 0, -ENOMEM, or -EINVAL after a line in the log.
 */
int egm_retired_init(struct egm_region *region);

/**
 * egm_retired_destroy() - Undo egm_retired_init()
 * @region: the region, without owner
 */
void egm_retired_destroy(struct egm_region *region);

/**
 * egm_retired_next() - Find the first bad block of a range
 * @bad: bit for each bad block
 * @from: offset of the range in the region
 * @end: its end, not @from
 *
 * Return: offset of the first byte of the range that is in a bad block, or @end.
 */
u64 egm_retired_next(const unsigned long *bad, u64 from, u64 end);

/**
 * egm_ioctl() - The ioctl of a device file
 * @file: the file
 * @cmd: EGM_RETIRED_PAGES_LIST
 * @arg: its argument
 *
 * Return: 0, -ENOTTY, -ENODEV if the region is gone, -EFAULT, -EINVAL.
 */
long egm_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/**
 * egm_poison_work() - Take the blocks of failed pages out of use
 * @work: of a region with an owner
 *
 * Firmware will retire whole blocks too. Huge entries go away in the same critical
 * section in which faults begin to see the block.
 */
void egm_poison_work(struct work_struct *work);

/**
 * egm_poison_open() - Start to learn of memory failures
 * @region: the region, owned by the caller
 *
 * Return: 0, also where the kernel does not report failures, or -EBUSY.
 */
int egm_poison_open(struct egm_region *region);

/**
 * egm_poison_close() - Undo egm_poison_open()
 * @region: the region, owned by the caller
 *
 * memory-failure would remove any range that intersects one that is not registered.
 */
void egm_poison_close(struct egm_region *region);

/* zero.c */

/**
 * egm_zero_init() - Prepare zeroing
 * @region: a new region
 *
 * Return: 0 or -ENOMEM.
 */
int egm_zero_init(struct egm_region *region);

/**
 * egm_zero_destroy() - Undo egm_zero_init() and egm_zero_start()
 * @region: the region, without owner
 *
 * Context: egm_lock held, may sleep.
 */
void egm_zero_destroy(struct egm_region *region);

/**
 * egm_zero_start() - Have a region zeroed in the background
 * @region: the region, without owner; its contents are unknown
 *
 * Threads that cannot be made are no error: open() does their part.
 *
 * Context: egm_lock held, may sleep.
 */
void egm_zero_start(struct egm_region *region);

/**
 * egm_zero_finish() - Zero what is not zero yet
 * @region: the region, owned by the caller
 *
 * Context: may sleep; killable.
 * Return: 0, -EINTR after a fatal signal, -ENODEV if the region went, -ENOMEM.
 */
int egm_zero_finish(struct egm_region *region);

/* mmap.c; the ops also tell the memory from other mappings */
extern const struct vm_operations_struct egm_mmap_ops;

/**
 * egm_mmap() - Map a part of a region
 * @file: the device file
 * @vma: the mapping; must be shared and lie within the region
 *
 * A private mapping is refused: copy-on-write of pages without struct page is a BUG()
 * in the fault path.
 *
 * Return: 0, -EINVAL, or -ENODEV if the region is gone.
 */
int egm_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* EGM_H */
