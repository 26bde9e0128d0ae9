// SPDX-License-Identifier: GPL-2.0-only
/*
 * From firmware properties of GPUs to regions, and who owns them.
 *
 * Invariant: regions are in no use by the host and are claimed in iomem, hence disjoint.
 * All GPUs of a region describe it in the same way.
 */
#include <kunit/visibility.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "egm.h"

#define EGM_PROP_PXM	"nvidia,egm-pxm"
#define EGM_PROP_BASE	"nvidia,egm-base-pa"
#define EGM_PROP_SIZE	"nvidia,egm-size"
#define EGM_PROP_TABLE	"nvidia,egm-retired-pages-data-base"

/*
 * Both: egm_lock. Regions by proximity domain; for each GPU, by its address and with a
 * reference, the region, or a value if its description was refused.
 */
static DEFINE_XARRAY(egm_regions);
static DEFINE_XARRAY(egm_gpus);

static int egm_prop_read(struct pci_dev *pdev, const char *name, u64 *val)
{
	int ret = device_property_read_u64(&pdev->dev, name, val);

	if (ret)
		pci_err(pdev, "no EGM: %s is missing or no 64-bit integer (%pe)\n",
			name, ERR_PTR(ret));
	return ret;
}

static int egm_props_read(struct pci_dev *pdev, struct egm_props *props)
{
	props->table = 0;
	if (egm_prop_read(pdev, EGM_PROP_PXM, &props->pxm) ||
	    egm_prop_read(pdev, EGM_PROP_BASE, &props->base) ||
	    egm_prop_read(pdev, EGM_PROP_SIZE, &props->size) ||
	    (device_property_present(&pdev->dev, EGM_PROP_TABLE) &&
	     egm_prop_read(pdev, EGM_PROP_TABLE, &props->table)))
		return -EINVAL;
	return 0;
}

int egm_region_check(const struct egm_props *props)
{
	u64 last;

	if (props->pxm >= EGM_MINORS)
		return egm_err(-ERANGE, EGM_PROP_PXM " is %llu and must be less than %u",
			       props->pxm, EGM_MINORS);
	if (!props->size || !IS_ALIGNED(props->size, EGM_BLOCK))
		return egm_err(-EINVAL, EGM_PROP_SIZE
			       " is %#llx and must be a multiple of 64 KiB, not 0", props->size);
	if (!IS_ALIGNED(props->base, EGM_BLOCK))
		return egm_err(-EINVAL, EGM_PROP_BASE
			       " is %#llx and must be a multiple of 64 KiB", props->base);
	if (check_add_overflow(props->base, props->size - 1, &last) ||
	    last >> MAX_PHYSMEM_BITS)
		return egm_err(-EINVAL, "%#llx bytes at %#llx exceed the physical address space",
			       props->size, props->base);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(egm_region_check);

/* The test for System RAM is there for its message: the claim keeps all RAM out. */
static int egm_region_claim(struct egm_region *region)
{
	const struct egm_props *props = &region->props;

	if (region_intersects(props->base, props->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return egm_err(-EBUSY,
			       "%#llx bytes at %#llx are System RAM: firmware has to keep EGM from the host (hypervisor mode)",
			       props->size, props->base);

	snprintf(region->name, sizeof(region->name), "egm%llu", props->pxm);
	if (!request_mem_region(props->base, props->size, region->name))
		return egm_err(-EBUSY,
			       "%#llx bytes at %#llx are claimed: see /proc/iomem for the owner",
			       props->size, props->base);
	return 0;
}

static void egm_region_free(struct egm_region *region)
{
	lockdep_assert_held(&egm_lock);

	xa_erase(&egm_regions, region->props.pxm);
	egm_zero_destroy(region);
	egm_retired_destroy(region);
	release_mem_region(region->props.base, region->props.size);
	kfree(region);
}

static struct egm_region *egm_region_create(const struct egm_props *props, int node)
{
	struct egm_region *region = kzalloc(sizeof(*region), GFP_KERNEL);
	int ret;

	if (!region)
		return ERR_PTR(-ENOMEM);
	region->props = *props;
	region->node = node;
	init_rwsem(&region->lock);
	INIT_WORK(&region->poison.work, egm_poison_work);

	ret = egm_region_check(props);
	if (!ret)
		ret = egm_region_claim(region);
	if (ret) {
		kfree(region);
		return ERR_PTR(ret);
	}
	ret = egm_retired_init(region);
	if (!ret)
		ret = egm_zero_init(region);
	if (!ret)
		ret = xa_err(xa_store(&egm_regions, props->pxm, region, GFP_KERNEL));
	if (ret) {
		egm_region_free(region);
		return ERR_PTR(ret);
	}
	return region;
}

/*
 * The memory is unmapped, and whatever the owner tries from here on fails. It stays
 * claimed until the owner is gone, who may have told devices of it.
 */
static void egm_region_revoke(struct egm_region *region)
{
	lockdep_assert_held(&egm_lock);

	guard(rwsem_write)(&region->lock);

	WRITE_ONCE(region->revoked, true);
	unmap_mapping_range(region->mapping, 0, region->props.size, true);
}

static void egm_region_leave(struct egm_region *region)
{
	lockdep_assert_held(&egm_lock);

	if (--region->nr_gpus)
		return;
	device_unregister(region->dev);
	region->dev = NULL;
	if (region->is_owned)
		egm_region_revoke(region);
	else
		egm_region_free(region);
}

static int egm_region_join(struct egm_region *region)
{
	struct device *dev;

	lockdep_assert_held(&egm_lock);

	if (!region->nr_gpus) {
		dev = device_create(&egm_class, NULL, MKDEV(egm_major, region->props.pxm),
				    region, "%s", region->name);
		if (IS_ERR(dev) && !region->is_owned)
			egm_region_free(region);
		if (IS_ERR(dev))
			return PTR_ERR(dev);
		region->dev = dev;
		if (!region->is_owned)
			egm_zero_start(region);
	}
	region->nr_gpus++;
	return 0;
}

/* Find or make the region that a GPU describes, and join it. */
static struct egm_region *egm_gpu_region(struct pci_dev *pdev)
{
	struct egm_region *region;
	struct egm_props props;
	int ret;

	ret = egm_props_read(pdev, &props);
	if (ret)
		return ERR_PTR(ret);
	region = xa_load(&egm_regions, props.pxm);
	if (!region)
		region = egm_region_create(&props, dev_to_node(&pdev->dev));
	else if (memcmp(&region->props, &props, sizeof(props)))
		return ERR_PTR(egm_err(-EINVAL,
				       "%#llx bytes at %#llx, retired blocks at %#llx are not what other GPUs of proximity domain %llu have",
				       props.size, props.base, props.table, props.pxm));
	if (IS_ERR(region))
		return region;
	ret = egm_region_join(region);
	return ret ? ERR_PTR(ret) : region;
}

void egm_gpu_add(struct pci_dev *pdev)
{
	struct egm_region *region;

	if (!device_property_present(&pdev->dev, EGM_PROP_BASE) &&
	    !device_property_present(&pdev->dev, EGM_PROP_SIZE))
		return;

	guard(mutex)(&egm_lock);

	/* The placeholder is what a refusal leaves. */
	if (xa_insert(&egm_gpus, (unsigned long)pdev, xa_mk_value(0), GFP_KERNEL))
		return;
	pci_dev_get(pdev);
	region = egm_gpu_region(pdev);
	if (IS_ERR(region)) {
		pci_err(pdev, "its EGM cannot be used (%pe)\n", region);
		return;
	}
	xa_store(&egm_gpus, (unsigned long)pdev, region, GFP_KERNEL);
	if (sysfs_create_link(&region->dev->kobj, &pdev->dev.kobj, pci_name(pdev)))
		pci_warn(pdev, "no link in the directory of %s\n", region->name);
	pci_info(pdev, "EGM %#llx-%#llx is %s\n", region->props.base,
		 region->props.base + region->props.size - 1, region->name);
}

void egm_gpu_remove(struct pci_dev *pdev)
{
	struct egm_region *region;

	guard(mutex)(&egm_lock);

	region = xa_erase(&egm_gpus, (unsigned long)pdev);
	if (!region)
		return;
	if (!xa_is_value(region)) {
		sysfs_remove_link(&region->dev->kobj, pci_name(pdev));
		egm_region_leave(region);
	}
	pci_dev_put(pdev);
}

void egm_gpu_remove_all(void)
{
	unsigned long pdev;
	void *region;

	xa_for_each(&egm_gpus, pdev, region)
		egm_gpu_remove((struct pci_dev *)pdev);
}

struct egm_region *egm_region_own(unsigned int pxm,
				  struct address_space *mapping)
{
	struct egm_region *region;

	guard(mutex)(&egm_lock);

	region = xa_load(&egm_regions, pxm);
	if (!region || !region->nr_gpus)
		return ERR_PTR(-ENODEV);
	if (region->is_owned)
		return ERR_PTR(-EBUSY);
	region->is_owned = true;
	region->mapping = mapping;
	return region;
}

void egm_region_disown(struct egm_region *region, bool used)
{
	guard(mutex)(&egm_lock);

	region->is_owned = false;
	WRITE_ONCE(region->revoked, false);
	if (!region->nr_gpus)
		egm_region_free(region);
	else if (used)
		egm_zero_start(region);
}
