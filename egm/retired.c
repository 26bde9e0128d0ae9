// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that are never mapped: those that firmware has retired, and those that failed
 * since. Nothing is removed while the region exists. A bitmap each, for there to be room
 * for whatever fails in a context that cannot allocate.
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
		      const struct egm_props *props, unsigned long *bad)
{
	u64 i, addr, count = le64_to_cpu(table->count);

	if (count > EGM_TABLE_ENTRIES)
		return egm_err(-EINVAL, "%llu retired blocks are more than the table's %u",
			       count, EGM_TABLE_ENTRIES);

	for (i = 0; i < count; i++) {
		addr = le64_to_cpu(table->addr[i]);
		if (!IS_ALIGNED(addr, EGM_BLOCK) || addr < props->base ||
		    addr - props->base >= props->size)
			return egm_err(-EINVAL,
				       "retired block %llu at %#llx is no block of 64 KiB in %#llx bytes at %#llx",
				       i, addr, props->size, props->base);
		set_bit((addr - props->base) / EGM_BLOCK, bad);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(egm_retired_parse);

static int egm_retired_load(struct egm_region *region)
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
	ret = egm_retired_parse(table, props, region->bad);
	memunmap(table);
	return ret;
}

int egm_retired_init(struct egm_region *region)
{
	size_t nr = BITS_TO_LONGS(egm_nr_blocks(region));

	region->bad = kvcalloc(nr, sizeof(long), GFP_KERNEL | __GFP_NOWARN);
	region->poison.failed = kvcalloc(nr, sizeof(long), GFP_KERNEL | __GFP_NOWARN);
	if (!region->bad || !region->poison.failed)
		return -ENOMEM;
	return egm_retired_load(region);
}

void egm_retired_destroy(struct egm_region *region)
{
	kvfree(region->poison.failed);
	kvfree(region->bad);
}

u64 egm_retired_next(const unsigned long *bad, u64 from, u64 end)
{
	u64 block = find_next_bit(bad, DIV_ROUND_UP_ULL(end, EGM_BLOCK), from / EGM_BLOCK);

	return clamp(block * EGM_BLOCK, from, end);
}
EXPORT_SYMBOL_IF_KUNIT(egm_retired_next);

/*
 * No locks are held: the copies to the user may fault in the region. A block that fails
 * after they were counted is left for the next call, or the last one for it.
 */
long egm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct egm_retired_pages_list __user *list = (void __user *)arg;
	struct egm_retired_pages_info info = { .size = EGM_BLOCK };
	struct egm_region *region = file->private_data;
	unsigned long block, nr, done = 0;
	struct egm_retired_pages_list head;
	size_t need;

	if (cmd != EGM_RETIRED_PAGES_LIST)
		return -ENOTTY;
	if (READ_ONCE(region->revoked))
		return -ENODEV;
	if (copy_from_user(&head, list, sizeof(head)))
		return -EFAULT;
	if (head.argsz < sizeof(head))
		return -EINVAL;

	nr = egm_retired_count(region);
	need = struct_size(list, retired_pages, nr);
	head.count = head.argsz < need ? 0 : nr;
	head.argsz = max_t(size_t, head.argsz, need);

	for_each_set_bit(block, region->bad, egm_nr_blocks(region)) {
		if (done == head.count)
			break;
		info.offset = (u64)block * EGM_BLOCK;
		if (copy_to_user(&list->retired_pages[done++], &info, sizeof(info)))
			return -EFAULT;
	}
	return copy_to_user(list, &head, sizeof(head)) ? -EFAULT : 0;
}

void egm_poison_work(struct work_struct *work)
{
	struct egm_region *region = container_of(work, struct egm_region, poison.work);
	unsigned long block;
	u64 offset;

	guard(rwsem_write)(&region->lock);

	for_each_andnot_bit(block, region->poison.failed, region->bad, egm_nr_blocks(region)) {
		offset = (u64)block * EGM_BLOCK;
		set_bit(block, region->bad);
		unmap_mapping_range(region->mapping, offset, EGM_BLOCK, true);
		pr_warn("%s: the 64 KiB at %#llx failed and are out of use\n",
			region->name, region->props.base + offset);
	}
}

/*
 * Tells memory-failure at which file offset a VMA shows a page. It would kill a
 * process for an offset that the VMA does not cover. Called in atomic context.
 */
static int egm_poison_pgoff(struct vm_area_struct *vma, unsigned long pfn,
			    pgoff_t *pgoff)
{
	struct egm_region *region = vma->vm_private_data;
	pgoff_t at;

	if (vma->vm_ops != &egm_mmap_ops)
		return -ENOENT;

	set_bit((PFN_PHYS(pfn) - region->props.base) / EGM_BLOCK, region->poison.failed);
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
