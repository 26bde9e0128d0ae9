// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module init and exit.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

#include "sim.h"

/* Unbound, for long-running work and work that waits for users. */
struct workqueue_struct *sim_workqueue;

static int __init sim_init(void)
{
	int ret;

	ret = sim_pool_init();
	if (ret)
		return ret;
	sim_workqueue = alloc_workqueue("nvgpu-sim", WQ_UNBOUND, 0);
	if (!sim_workqueue) {
		ret = -ENOMEM;
		goto err_pool;
	}
	ret = sim_iommu_init();
	if (ret)
		goto err_workqueue;
	ret = sim_configfs_init();
	if (ret)
		goto err_iommu;
	return 0;

err_iommu:
	sim_iommu_exit();
err_workqueue:
	destroy_workqueue(sim_workqueue);
err_pool:
	sim_pool_exit();
	return ret;
}

static void __exit sim_exit(void)
{
	sim_configfs_exit();
	sim_iommu_exit();
	destroy_workqueue(sim_workqueue);
	sim_pool_exit();
}

module_init(sim_init);
module_exit(sim_exit);

MODULE_DESCRIPTION("Simulated NVIDIA Grace Hopper and Grace Blackwell GPUs");
MODULE_LICENSE("GPL");
