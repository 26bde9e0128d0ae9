// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended GPU memory: the memory of a CPU socket that GPUs of the socket share, with
 * the list of its retired blocks behind it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/property.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "sim.h"

#define EGM_ALIGN	SZ_512M		/* a huge page of kernels with pages of 64K */
#define EGM_TABLE_SIZE	(4097 * sizeof(u64))

/**
 * struct sim_egm - memory of the pool that is the EGM of a socket
 * @node: in egms
 * @users: GPUs of the socket that are plugged in
 * @pxm: proximity domain of the socket
 * @size: in bytes, without the table
 * @res: in the pool; the table is at its end
 */
struct sim_egm {
	struct list_head node;
	unsigned int users;
	u64 pxm;
	u64 size;
	struct resource res;
};

static LIST_HEAD(egms);
static DEFINE_MUTEX(egms_lock);	/* egms and the users of each */

static struct sim_egm *egm_find(u64 pxm)
{
	struct sim_egm *egm;

	list_for_each_entry(egm, &egms, node)
		if (egm->pxm == pxm)
			return egm;
	return NULL;
}

static void egm_free(struct sim_egm *egm)
{
	list_del(&egm->node);
	sim_pool_free(&egm->res);
	kfree(egm);
}

/* The memory stays where a driver has claimed it, as that of a socket does. */
static void egm_free_unused(void)
{
	struct sim_egm *egm, *next;

	list_for_each_entry_safe(egm, next, &egms, node)
		if (!egm->users && !egm->res.child)
			egm_free(egm);
}

static int egm_write_table(const struct sim_egm *egm, const struct sim_identity *id)
{
	u64 *table = memremap(egm->res.start + egm->size, EGM_TABLE_SIZE, MEMREMAP_WB);
	unsigned int i;

	if (!table)
		return -ENOMEM;
	table[0] = id->egm_count;
	for (i = 0; i < id->egm_nr_retired; i++)
		table[1 + i] = egm->res.start + id->egm_retired[i];
	memunmap(table);
	return 0;
}

static struct sim_egm *egm_alloc(const struct sim_identity *id, const char *name)
{
	struct sim_egm *egm = kzalloc(sizeof(*egm), GFP_KERNEL);

	if (!egm)
		return ERR_PTR(-ENOMEM);
	egm->pxm = id->egm_pxm;
	egm->size = ALIGN(id->egm_size, SZ_64K);
	egm->res.flags = IORESOURCE_MEM;
	if (sim_pool_alloc(&egm->res, "nvgpu-sim egm", egm->size + EGM_TABLE_SIZE, EGM_ALIGN)) {
		pr_err("%s: egm_size=%llu: not free in the pool at a multiple of 512 MiB; reduce it or memory_size\n",
		       name, id->egm_size);
		kfree(egm);
		return ERR_PTR(-ENOSPC);
	}
	if (egm_write_table(egm, id)) {
		sim_pool_free(&egm->res);
		kfree(egm);
		return ERR_PTR(-ENOMEM);
	}
	list_add(&egm->node, &egms);
	return egm;
}

/**
 * sim_egm_create - find or make the EGM of the GPU's socket
 * @gpu: the GPU
 *
 * The first GPU of a socket decides about size and retired blocks. An explicit address
 * is only reported.
 *
 * Return: 0, -ENOSPC or -ENOMEM.
 */
int sim_egm_create(struct sim_gpu *gpu)
{
	const struct sim_identity *id = &gpu->identity;
	struct sim_egm *egm;

	gpu->egm = NULL;
	if (!id->egm_size || id->egm_base.kind != SIM_PLACE_AUTO)
		return 0;
	guard(mutex)(&egms_lock);
	egm_free_unused();
	egm = egm_find(id->egm_pxm);
	if (!egm)
		egm = egm_alloc(id, config_item_name(&gpu->item));
	if (IS_ERR(egm))
		return PTR_ERR(egm);
	egm->users++;
	gpu->egm = egm;
	return 0;
}

void sim_egm_destroy(struct sim_gpu *gpu)
{
	guard(mutex)(&egms_lock);
	if (gpu->egm)
		gpu->egm->users--;
	egm_free_unused();
}

void sim_egm_exit(void)
{
	egm_free_unused();
}

/**
 * sim_egm_properties - what firmware says of the EGM
 * @gpu: the GPU
 * @props: room for four properties
 *
 * Return: how many were filled in.
 */
unsigned int sim_egm_properties(const struct sim_gpu *gpu, struct property_entry *props)
{
	const struct sim_identity *id = &gpu->identity;
	u64 base = gpu->egm ? gpu->egm->res.start : id->egm_base.at;
	u64 table = gpu->egm ? base + gpu->egm->size : 0;
	unsigned int n = 0;

	if (id->egm_pxm != SIM_EGM_NO_PXM)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,egm-pxm", id->egm_pxm);
	if (id->egm_size)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,egm-size", id->egm_size);
	if (gpu->egm || id->egm_base.kind == SIM_PLACE_AT)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,egm-base-pa", base);
	if (id->egm_table.kind == SIM_PLACE_AT)
		table = id->egm_table.at;
	if (table && id->egm_table.kind != SIM_PLACE_NONE)
		props[n++] = PROPERTY_ENTRY_U64("nvidia,egm-retired-pages-data-base", table);
	return n;
}

/**
 * sim_egm_poison - report a memory failure of a page of the EGM
 * @gpu: a GPU of the socket
 * @offset: of a byte in the page
 *
 * Return: as sim_mem_poison().
 */
int sim_egm_poison(struct sim_gpu *gpu, u64 offset)
{
	scoped_guard(mutex, &gpu->mutex) {
		if (gpu->state != SIM_ON)
			return -ENODEV;
		if (!gpu->egm)
			return -ENXIO;
		if (offset >= gpu->egm->size)
			return -EINVAL;
		offset += gpu->egm->res.start;
	}
	return sim_mem_fail(offset);
}
