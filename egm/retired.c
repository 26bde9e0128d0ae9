// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that are never mapped: those that firmware has retired, and those that failed
 * since. Nothing is removed while the region exists.
 */
#include <kunit/visibility.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/uaccess.h>

#include <uapi/linux/egm.h>

#include "egm.h"

int egm_retired_parse(const struct egm_table *table,
		      const struct egm_props *props, struct xarray *bad)
{
	u64 i, addr, count = le64_to_cpu(table->count);
	int ret = 0;

	if (count > EGM_TABLE_ENTRIES)
		return egm_err(-EINVAL, "%llu retired blocks are more than the table's %u",
			       count, EGM_TABLE_ENTRIES);

	for (i = 0; i < count && !ret; i++) {
		addr = le64_to_cpu(table->addr[i]);
		if (!IS_ALIGNED(addr, EGM_BLOCK) || addr < props->base ||
		    addr - props->base >= props->size)
			return egm_err(-EINVAL,
				       "retired block %llu at %#llx is no block of 64 KiB in %#llx bytes at %#llx",
				       i, addr, props->size, props->base);
		ret = xa_err(xa_store(bad, (addr - props->base) / EGM_BLOCK,
				      xa_mk_value(0), GFP_KERNEL));
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(egm_retired_parse);

int egm_retired_load(struct egm_region *region)
{
	const struct egm_props *props = &region->props;
	u64 addr = props->table, last;
	struct egm_table *table;
	int ret;

	if (!addr)
		return 0;
	if (!IS_ALIGNED(addr, sizeof(table->count)) ||
	    check_add_overflow(addr, sizeof(*table) - 1, &last) ||
	    last >> MAX_PHYSMEM_BITS ||
	    (addr < props->base + props->size && last >= props->base) ||
	    region_intersects(addr, sizeof(*table), IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return egm_err(-EINVAL,
			       "the table of retired blocks at %#llx, %zu bytes, is misaligned, exceeds the address space or is in System RAM or EGM",
			       addr, sizeof(*table));

	table = memremap(addr, sizeof(*table), MEMREMAP_WB);
	if (!table)
		return -ENOMEM;
	ret = egm_retired_parse(table, props, &region->bad);
	memunmap(table);
	return ret;
}

u64 egm_retired_next(struct xarray *bad, u64 from, u64 end)
{
	unsigned long block = from / EGM_BLOCK;

	if (!xa_find(bad, &block, (end - 1) / EGM_BLOCK, XA_PRESENT))
		return end;
	return max(from, (u64)block * EGM_BLOCK);
}
EXPORT_SYMBOL_IF_KUNIT(egm_retired_next);

/* Blocks that fail after they were counted are left for the next call. */
static int egm_retired_copy(struct xarray *bad, unsigned long nr,
			    struct egm_retired_pages_info __user *to)
{
	struct egm_retired_pages_info info = { .size = EGM_BLOCK };
	unsigned long block, done = 0;
	void *entry;

	xa_for_each(bad, block, entry) {
		info.offset = (u64)block * EGM_BLOCK;
		if (done < nr && copy_to_user(&to[done++], &info, sizeof(info)))
			return -EFAULT;
	}
	return 0;
}

/* No locks are held: the copies to the user may fault in the region. */
static long egm_retired_list(struct egm_region *region,
			     struct egm_retired_pages_list __user *list)
{
	struct egm_retired_pages_list head;
	unsigned long block, nr = 0;
	size_t need;
	void *entry;

	if (copy_from_user(&head, list, sizeof(head)))
		return -EFAULT;
	if (head.argsz < sizeof(head))
		return -EINVAL;

	xa_for_each(&region->bad, block, entry)
		nr++;
	need = struct_size(list, retired_pages, nr);
	head.count = head.argsz < need ? 0 : nr;
	if (head.argsz < need)
		head.argsz = need;
	else if (egm_retired_copy(&region->bad, nr, list->retired_pages))
		return -EFAULT;
	return copy_to_user(list, &head, sizeof(head)) ? -EFAULT : 0;
}

long egm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct egm_region *region = file->private_data;

	if (cmd != EGM_RETIRED_PAGES_LIST)
		return -ENOTTY;
	if (READ_ONCE(region->revoked))
		return -ENODEV;
	return egm_retired_list(region, (void __user *)arg);
}

void egm_poison_work(struct work_struct *work)
{
	struct egm_region *region = container_of(work, struct egm_region, poison.work);
	unsigned long pfn;
	u64 offset;

	guard(rwsem_write)(&region->lock);

	while (kfifo_get(&region->poison.pfns, &pfn)) {
		offset = round_down(PFN_PHYS(pfn) - region->props.base, EGM_BLOCK);
		xa_store(&region->bad, offset / EGM_BLOCK, xa_mk_value(0),
			 GFP_KERNEL | __GFP_NOFAIL);
		unmap_mapping_range(region->mapping, offset, EGM_BLOCK, true);
		pr_warn("%s: the 64 KiB at %#llx failed and are out of use\n",
			region->name, region->props.base + offset);
	}
}

/*
 * Tells memory-failure at which file offset a VMA shows a page. It would kill a
 * process for an offset that the VMA does not cover. Called in atomic context, by one
 * task at a time. A page that finds the fifo full is noted when it is accessed again.
 */
static int egm_poison_pgoff(struct vm_area_struct *vma, unsigned long pfn,
			    pgoff_t *pgoff)
{
	struct egm_region *region = vma->vm_private_data;
	pgoff_t at;

	if (vma->vm_ops != &egm_mmap_ops)
		return -ENOENT;

	kfifo_put(&region->poison.pfns, pfn);
	schedule_work(&region->poison.work);

	at = pfn - PHYS_PFN(region->props.base);
	if (at < vma->vm_pgoff || at - vma->vm_pgoff >= vma_pages(vma))
		return -EFAULT;
	*pgoff = at;
	return 0;
}

int egm_poison_open(struct egm_region *region)
{
	struct pfn_address_space *space = &region->poison.space;
	int ret;

	space->node.start = PHYS_PFN(region->props.base);
	space->node.last = space->node.start + PHYS_PFN(region->props.size) - 1;
	space->mapping = region->mapping;
	space->pfn_to_vma_pgoff = egm_poison_pgoff;

	ret = register_pfn_address_space(space);
	region->poison.is_registered = !ret;
	return ret == -EOPNOTSUPP ? 0 : ret;
}

void egm_poison_close(struct egm_region *region)
{
	if (region->poison.is_registered)
		unregister_pfn_address_space(&region->poison.space);
	region->poison.is_registered = false;
	flush_work(&region->poison.work);
}
