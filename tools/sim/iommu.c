// SPDX-License-Identifier: GPL-2.0-only
/*
 * A software IOMMU. It translates nothing, since the GPU does no DMA; it gives
 * each function a group, records mappings and lists them.
 *
 * A domain is a maple tree over IOVA page numbers. The value of a range is the
 * distance from IOVA to physical address, constant over the range, so unmapping
 * a part of it needs no splitting here; above it, the order of the IOMMU's pages.
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include <iommu-attach.h>
#include <iommu-pasid.h>
#include "sim.h"

#define IOVA_BITS	48
#define SIM_DISTANCE_BITS	(BITS_PER_LONG - PAGE_SHIFT)
#define LINE_LENGTH	76	/* four numbers of 18 characters, and separators */

struct sim_domain {
	struct iommu_domain domain;
	struct maple_tree map;
};

static struct iommu_device sim_iommu;
static const struct iommu_ops sim_iommu_ops;

static struct sim_domain *to_sim_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct sim_domain, domain);
}

/* The domain stays valid: it is detached, through here, before it is freed. */
static int attach(struct iommu_domain *domain, struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct sim_gpu *gpu = sim_bus_gpu(pdev->bus);

	if (pdev->devfn)
		return 0;
	guard(mutex)(&gpu->iommu_lock);
	gpu->domain = domain;
	return 0;
}

static int paging_attach_dev(SIM_ATTACH_DEV_ARGS)
{
	return attach(domain, dev);
}

static int static_attach_dev(SIM_ATTACH_DEV_ARGS)
{
	return attach(NULL, dev);
}

/*
 * The core rejects PASIDs without this callback, and calls it only for functions
 * with the PASID capability, which the GPU lacks.
 */
static int __maybe_unused set_dev_pasid(struct iommu_domain *domain, struct device *dev,
					ioasid_t pasid, struct iommu_domain *old)
{
	return -ENODEV;
}

static int domain_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr,
		      size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	size_t size = pgsize * pgcount;
	unsigned long distance = (paddr - iova) >> PAGE_SHIFT;
	unsigned long order = ilog2(pgsize) - PAGE_SHIFT;
	void *value = xa_mk_value(order << SIM_DISTANCE_BITS | distance);
	int ret;

	ret = mtree_insert_range(&to_sim_domain(domain)->map, PHYS_PFN(iova),
				 PHYS_PFN(iova + size - 1), value, gfp);
	if (!ret)
		*mapped = size;
	return ret;
}

/*
 * Stops at the first unmapped page. Unmapping must not fail, and the rest of a
 * range may need a new node.
 *
 * Erase range by range: storing NULL over all of it at once makes the maple tree
 * of Linux 7.3 free whole subtrees, and KASAN reports a double free of a node
 * (mt_free_walk(), after iommufd mapped and unmapped many small ranges).
 */
static size_t domain_unmap(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			   size_t pgcount, struct iommu_iotlb_gather *gather)
{
	struct maple_tree *map = &to_sim_domain(domain)->map;
	unsigned long first = PHYS_PFN(iova);
	unsigned long end = first + PHYS_PFN(pgsize * pgcount);
	unsigned long at = first, next;

	while (at < end) {
		next = at;
		if (!mt_find(map, &next, at))
			break;
		next = min(next, end);
		mtree_store_range(map, at, next - 1, NULL, GFP_KERNEL | __GFP_NOFAIL);
		at = next;
	}
	return PFN_PHYS(at - first);
}

/* PFN_PHYS() shifts the order out. */
static phys_addr_t translate(dma_addr_t iova, void *value)
{
	return iova + PFN_PHYS(xa_to_value(value));
}

static phys_addr_t domain_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	void *value = mtree_load(&to_sim_domain(domain)->map, PHYS_PFN(iova));

	return value ? translate(iova, value) : 0;
}

static void domain_free(struct iommu_domain *domain)
{
	struct sim_domain *sim = to_sim_domain(domain);

	mtree_destroy(&sim->map);
	kfree(sim);
}

static const struct iommu_domain_ops paging_ops = {
	.attach_dev = paging_attach_dev,
	SIM_PASID_OP(set_dev_pasid, set_dev_pasid)
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.iova_to_phys = domain_iova_to_phys,
	.free = domain_free,
};

static const struct iommu_domain_ops static_ops = {
	.attach_dev = static_attach_dev,
	SIM_PASID_OP(set_dev_pasid, set_dev_pasid)
};

static struct iommu_domain identity_domain = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &static_ops,
};

static struct iommu_domain blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &static_ops,
};

static struct iommu_domain *domain_alloc_paging(struct device *dev)
{
	struct sim_domain *sim = kzalloc(sizeof(*sim), GFP_KERNEL);

	if (!sim)
		return ERR_PTR(-ENOMEM);
	mt_init_flags(&sim->map, MT_FLAGS_USE_RCU);
	sim->domain.pgsize_bitmap = PAGE_SIZE | SZ_64K | SZ_2M | SZ_1G;
	sim->domain.geometry.aperture_end = BIT_ULL(IOVA_BITS) - 1;
	sim->domain.geometry.force_aperture = true;
	return &sim->domain;
}

/* iommufd's interface. A PASID domain is like any other here. */
static __maybe_unused struct iommu_domain *
domain_alloc_paging_flags(struct device *dev, u32 flags, const struct iommu_user_data *user_data)
{
	struct iommu_domain *domain;

	if (flags & ~IOMMU_HWPT_ALLOC_PASID || user_data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = domain_alloc_paging(dev);
	if (IS_ERR(domain))
		return domain;
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	domain->ops = &paging_ops;
	return domain;
}

static bool iommu_capable_of(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

/* Only the endpoint functions: root ports are not assigned to user space. */
static struct iommu_device *probe_device(struct device *dev)
{
	if (!dev_is_pci(dev) || !sim_owns_bus(to_pci_dev(dev)->bus) ||
	    pci_is_root_bus(to_pci_dev(dev)->bus))
		return ERR_PTR(-ENODEV);
	return &sim_iommu;
}

/* No DMA API for a device that does no DMA. */
static int def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops sim_iommu_ops = {
	.owner = THIS_MODULE,
	.capable = iommu_capable_of,
	.identity_domain = &identity_domain,
	.blocked_domain = &blocked_domain,
	.release_domain = &blocked_domain,
	.domain_alloc_paging = domain_alloc_paging,
	SIM_PASID_OP(domain_alloc_paging_flags, domain_alloc_paging_flags)
	.probe_device = probe_device,
	.device_group = generic_device_group,
	.def_domain_type = def_domain_type,
	.default_domain_ops = &paging_ops,
};

int sim_iommu_init(void)
{
	int ret;

	ret = iommu_device_sysfs_add(&sim_iommu, NULL, NULL, "nvgpu-sim");
	if (ret)
		return ret;
	ret = iommu_device_register(&sim_iommu, &sim_iommu_ops, NULL);
	if (ret)
		iommu_device_sysfs_remove(&sim_iommu);
	return ret;
}

void sim_iommu_exit(void)
{
	iommu_device_unregister(&sim_iommu);
	iommu_device_sysfs_remove(&sim_iommu);
}

/* One run of pages of a size that are contiguous in both address spaces. */
struct run {
	unsigned long first;
	unsigned long last;
	void *value;
};

static bool next_run(struct ma_state *mas, struct run *run)
{
	void *value = mas_find(mas, ULONG_MAX);

	if (!value)
		return false;
	*run = (struct run){ mas->index, mas->last, value };
	while (mas_next_range(mas, ULONG_MAX) == value && mas->index == run->last + 1)
		run->last = mas->last;
	/* The caller may sleep here, so the next walk starts where this run ends. */
	mas_set(mas, run->last + 1);
	return true;
}

static void format_run(char *line, const struct run *run)
{
	u64 iova = PFN_PHYS(run->first);
	u64 phys = translate(iova, run->value);
	u64 size = PFN_PHYS(run->last - run->first + 1);
	u64 page = PFN_PHYS(1UL << (xa_to_value(run->value) >> SIM_DISTANCE_BITS));
	char text[LINE_LENGTH + 1];

	snprintf(text, sizeof(text), "0x%016llx 0x%016llx 0x%016llx 0x%016llx\n", iova, phys,
		 size, page);
	memcpy(line, text, LINE_LENGTH);
}

/**
 * sim_iommu_list - list the mappings of function 0: IOVA, physical address, size, page size
 * @gpu: the GPU
 * @buf: filled, one line per contiguous mapping with pages of a size; NULL to ask for the length
 * @len: size of @buf
 *
 * Return: number of bytes needed or filled.
 */
ssize_t sim_iommu_list(struct sim_gpu *gpu, char *buf, size_t len)
{
	size_t used = 0;
	struct run run;

	guard(mutex)(&gpu->iommu_lock);
	if (!gpu->domain)
		return 0;

	MA_STATE(mas, &to_sim_domain(gpu->domain)->map, 0, 0);

	rcu_read_lock();
	while ((!buf || len - used >= LINE_LENGTH) && next_run(&mas, &run)) {
		if (buf)
			format_run(buf + used, &run);
		used += LINE_LENGTH;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return used;
}
