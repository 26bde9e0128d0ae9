// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configfs subsystem: one directory is one GPU.
 */
#include <linux/configfs.h>
#include <linux/module.h>

#include "sim.h"

#define MAX_ATTRS	40

/* All knobs, filled once at module load. */
static struct configfs_attribute *gpu_attrs[MAX_ATTRS + 1];

static void gpu_release(struct config_item *item)
{
	sim_gpu_free(to_sim_gpu(item));
}

static struct configfs_item_operations gpu_item_ops = {
	.release = gpu_release,
};

static const struct config_item_type gpu_type = {
	.ct_item_ops = &gpu_item_ops,
	.ct_attrs = gpu_attrs,
	.ct_bin_attrs = sim_state_bin_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *make_gpu(struct config_group *group, const char *name)
{
	struct sim_gpu *gpu = sim_gpu_alloc();

	if (!gpu)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(&gpu->item, name, &gpu_type);
	return &gpu->item;
}

static struct configfs_group_operations root_ops = {
	.make_item = make_gpu,
};

static const struct config_item_type root_type = {
	.ct_group_ops = &root_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "nvgpu-sim",
			.ci_type = &root_type,
		},
	},
};

/**
 * sim_configfs_pin - make rmdir of a GPU fail
 * @gpu: the GPU; one of its attributes is being written
 *
 * rmdir would wait for the GPU's users with the directory locked and deadlock
 * with a user that opens one of its attributes.
 *
 * Return: 0, or -ENOENT if it is being removed.
 */
int sim_configfs_pin(struct sim_gpu *gpu)
{
	return configfs_depend_item_unlocked(&subsystem, &gpu->item);
}

/**
 * sim_configfs_unpin - undo sim_configfs_pin()
 * @gpu: the GPU
 */
void sim_configfs_unpin(struct sim_gpu *gpu)
{
	configfs_undepend_item_unlocked(&gpu->item);
}

static unsigned int append(unsigned int used, struct configfs_attribute **attrs)
{
	while (*attrs && used < MAX_ATTRS)
		gpu_attrs[used++] = *attrs++;
	return used;
}

int sim_configfs_init(void)
{
	unsigned int used;

	used = append(0, sim_identity_attrs);
	used = append(used, sim_fault_attrs);
	append(used, sim_state_attrs);
	config_group_init(&subsystem.su_group);
	mutex_init(&subsystem.su_mutex);
	return configfs_register_subsystem(&subsystem);
}

void sim_configfs_exit(void)
{
	configfs_unregister_subsystem(&subsystem);
	mutex_destroy(&subsystem.su_mutex);
}
