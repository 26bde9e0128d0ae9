// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO variant driver for NVIDIA Grace Hopper and Grace Blackwell GPUs: PCI driver
 * and vfio ops, lifetime and dispatch and nothing else.
 *
 * Such a GPU has memory that the CPU reaches coherently and that is no PCI BAR.
 * The driver presents it as two 64-bit BARs of power-of-two size, so that any
 * VMM and any guest can use it as they use other PCI devices.
 *
 * Invariant: close undoes open in reverse, and a GPU without described memory is
 * served exactly as vfio-pci would.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "nvgpu.h"

/* From here on only a reset that is still to come can turn out to have failed. */
static void nvgpu_commit_resets(struct nvgpu_device *nvdev)
{
	nvgpu_config_commit_reset(&nvdev->bars);
	nvgpu_poison_commit_reset(nvdev);
}

/*
 * The PCI core calls .reset_done after failed resets too; who has asked for one learns
 * of its failure. Resets by others meanwhile are not to be undone with it, hence the
 * note of who asks. Of several that ask at once the last one counts: for the others a
 * failed reset is as good as one that worked, but never the other way round.
 */
static void nvgpu_begin_reset(struct nvgpu_device *nvdev)
{
	nvgpu_commit_resets(nvdev);
	WRITE_ONCE(nvdev->resetter, current);
}

static void nvgpu_end_reset(struct nvgpu_device *nvdev, bool failed)
{
	if (READ_ONCE(nvdev->resetter) != current)
		return;
	if (failed) {
		nvgpu_config_undo_reset(&nvdev->bars);
		nvgpu_poison_undo_reset(nvdev);
	}
	nvgpu_commit_resets(nvdev);
	cmpxchg(&nvdev->resetter, current, NULL);
}

/* Take away what was handed out while the memory was known to be ready. */
static void nvgpu_unmap(struct nvgpu_device *nvdev)
{
	nvgpu_rdwr_unmap(nvdev);
	nvgpu_mmap_zap(nvdev);
}

/* End all access to the memory until the hardware says that it is ready. */
static void nvgpu_revoke(struct nvgpu_device *nvdev)
{
	nvgpu_ready_forget(nvdev);
	nvgpu_unmap(nvdev);
}

static int nvgpu_open_device(struct vfio_device *core_vdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret;

	nvgpu_begin_reset(nvdev);
	ret = vfio_pci_core_enable(&nvdev->vdev);
	nvgpu_end_reset(nvdev, !nvdev->vdev.reset_works);
	if (ret)
		return ret;

	ret = nvgpu_ready_open(nvdev);
	if (ret)
		goto err_disable;

	nvgpu_config_reset(&nvdev->bars, false);

	ret = nvgpu_poison_open(nvdev);
	if (ret)
		goto err_ready_close;

	vfio_pci_core_finish_enable(&nvdev->vdev);
	return 0;

err_ready_close:
	nvgpu_ready_close(nvdev);
err_disable:
	vfio_pci_core_disable(&nvdev->vdev);
	return ret;
}

static void nvgpu_close_device(struct vfio_device *core_vdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);

	nvgpu_rdwr_unmap(nvdev);
	nvgpu_poison_close(nvdev);
	nvgpu_ready_close(nvdev);
	vfio_pci_core_close_device(core_vdev);
}

static ssize_t nvgpu_read(struct vfio_device *core_vdev, char __user *buf,
			  size_t count, loff_t *ppos)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct nvgpu_region *region;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvgpu_config_read(nvdev, buf, count, ppos);

	region = nvgpu_geometry_region(nvdev, index);
	if (region)
		return nvgpu_rdwr(nvdev, region, buf, count, ppos, false);
	return vfio_pci_core_read(core_vdev, buf, count, ppos);
}

static bool nvgpu_is_power_state(const struct pci_dev *pdev, u64 pos,
				 size_t count)
{
	u64 start = pdev->pm_cap + PCI_PM_CTRL;

	return pdev->pm_cap && pos < start + sizeof(u16) && pos + count > start;
}

/*
 * What D3hot does to the training of the memory is not known, and the way back may be
 * a reset. The state is not asked: another thread may have put it back already.
 */
static ssize_t nvgpu_write_config(struct nvgpu_device *nvdev,
				  const char __user *buf, size_t count,
				  loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	ssize_t done = nvgpu_config_write(nvdev, buf, count, ppos);

	if (nvgpu_is_power_state(nvdev->vdev.pdev, pos, count))
		nvgpu_revoke(nvdev);
	return done;
}

static ssize_t nvgpu_write(struct vfio_device *core_vdev,
			   const char __user *buf, size_t count, loff_t *ppos)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct nvgpu_region *region;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvgpu_write_config(nvdev, buf, count, ppos);

	region = nvgpu_geometry_region(nvdev, index);
	if (region)
		return nvgpu_rdwr(nvdev, region, (char __user *)buf, count,
				  ppos, true);
	return vfio_pci_core_write(core_vdev, buf, count, ppos);
}

static int nvgpu_mmap_device(struct vfio_device *core_vdev,
			     struct vm_area_struct *vma)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	unsigned int index = vma->vm_pgoff >>
			     (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT);
	struct nvgpu_region *region = nvgpu_geometry_region(nvdev, index);

	if (region)
		return nvgpu_mmap(nvdev, region, vma);
	return vfio_pci_core_mmap(core_vdev, vma);
}

static int nvgpu_get_region_info(struct vfio_device *core_vdev,
				 struct vfio_region_info *info,
				 struct vfio_info_cap *caps)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int i;

	for (i = 0; i < NVGPU_NR_REGIONS; i++) {
		const struct nvgpu_bar *bar = &nvdev->bars.bar[i];

		if (bar->size && bar->index == info->index)
			return nvgpu_config_region_info(bar, info, caps);
	}
	return vfio_pci_ioctl_get_region_info(core_vdev, info, caps);
}

/*
 * An ioeventfd writes to a physical BAR. Under a synthetic one that would be the
 * BAR that is hidden there, or none. The core reads the argument again, so one who
 * changes it meanwhile reaches the hidden BAR, which is harmless: it is the user's
 * own device.
 */
static int nvgpu_ioeventfd_allowed(struct nvgpu_device *nvdev,
				   void __user *arg)
{
	struct vfio_device_ioeventfd ioeventfd;
	size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);

	if (copy_from_user(&ioeventfd, arg, minsz))
		return -EFAULT;
	if (nvgpu_geometry_region(nvdev,
				  VFIO_PCI_OFFSET_TO_INDEX(ioeventfd.offset)))
		return -EINVAL;
	return 0;
}

/* Of a hot reset that fails, other functions do not learn. */
static long nvgpu_reset_ioctl(struct nvgpu_device *nvdev, unsigned int cmd,
			      unsigned long arg)
{
	long ret;

	nvgpu_begin_reset(nvdev);
	ret = vfio_pci_core_ioctl(&nvdev->vdev.vdev, cmd, arg);
	nvgpu_end_reset(nvdev, ret);
	return ret;
}

static long nvgpu_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
			unsigned long arg)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret;

	switch (cmd) {
	case VFIO_DEVICE_RESET:
	case VFIO_DEVICE_PCI_HOT_RESET:
		return nvgpu_reset_ioctl(nvdev, cmd, arg);
	case VFIO_DEVICE_IOEVENTFD:
		ret = nvgpu_ioeventfd_allowed(nvdev, (void __user *)arg);
		if (ret)
			return ret;
		break;
	}
	return vfio_pci_core_ioctl(core_vdev, cmd, arg);
}

/* Low power may be D3cold, which is a reset without callbacks. */
static int nvgpu_device_feature(struct vfio_device *core_vdev, u32 flags,
				void __user *arg, size_t argsz)
{
	int ret = nvgpu_feature(core_vdev, flags, arg, argsz);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		if (!ret && !(flags & VFIO_DEVICE_FEATURE_PROBE))
			nvgpu_revoke(nvgpu_from_core(core_vdev));
		break;
	}
	return ret;
}

static const struct vfio_device_ops nvgpu_ops = {
	.name		= "nvgpu-vfio-pci",
	.init		= vfio_pci_core_init_dev,
	.release	= vfio_pci_core_release_dev,
	.open_device	= nvgpu_open_device,
	.close_device	= nvgpu_close_device,
	.ioctl		= nvgpu_ioctl,
	.get_region_info_caps = nvgpu_get_region_info,
	.device_feature	= nvgpu_device_feature,
	.read		= nvgpu_read,
	.write		= nvgpu_write,
	.mmap		= nvgpu_mmap_device,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.match_token_uuid = vfio_pci_core_match_token_uuid,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};

static int nvgpu_core_open_device(struct vfio_device *core_vdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret;

	ret = vfio_pci_core_enable(&nvdev->vdev);
	if (ret)
		return ret;

	vfio_pci_core_finish_enable(&nvdev->vdev);
	return 0;
}

static const struct vfio_device_ops nvgpu_core_ops = {
	.name		= "nvgpu-vfio-pci-core",
	.init		= vfio_pci_core_init_dev,
	.release	= vfio_pci_core_release_dev,
	.open_device	= nvgpu_core_open_device,
	.close_device	= vfio_pci_core_close_device,
	.ioctl		= vfio_pci_core_ioctl,
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
	.device_feature	= nvgpu_feature,
	.read		= vfio_pci_core_read,
	.write		= vfio_pci_core_write,
	.mmap		= vfio_pci_core_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.match_token_uuid = vfio_pci_core_match_token_uuid,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};

static int nvgpu_probe_memory(struct nvgpu_device *nvdev)
{
	int ret;

	ret = nvgpu_geometry_init(nvdev);
	if (ret)
		return ret;
	return nvgpu_ready_probe(nvdev);
}

static int nvgpu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct vfio_device_ops *ops = &nvgpu_core_ops;
	struct nvgpu_device *nvdev;
	int ret;

	if (nvgpu_geometry_present(pdev))
		ops = &nvgpu_ops;

	nvdev = vfio_alloc_device(nvgpu_device, vdev.vdev, &pdev->dev, ops);
	if (IS_ERR(nvdev))
		return PTR_ERR(nvdev);

	init_rwsem(&nvdev->access_lock);
	mutex_init(&nvdev->huge_lock);
	mutex_init(&nvdev->map_lock);
	nvgpu_poison_init(nvdev);
	nvgpu_dmabuf_init(nvdev);
	pci_set_drvdata(pdev, &nvdev->vdev);

	if (ops == &nvgpu_ops) {
		ret = nvgpu_probe_memory(nvdev);
		if (ret)
			goto err_put_vdev;
	} else {
		pci_info(pdev, "firmware describes no GPU memory: serving the function as vfio-pci would\n");
	}
	nvgpu_config_init(&nvdev->bars, nvdev->region);

	ret = vfio_pci_core_register_device(&nvdev->vdev);
	if (ret)
		goto err_put_vdev;
	return 0;

err_put_vdev:
	vfio_put_device(&nvdev->vdev.vdev);
	return ret;
}

static void nvgpu_remove(struct pci_dev *pdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_pdev(pdev);

	vfio_pci_core_unregister_device(&nvdev->vdev);
	nvgpu_poison_reset(nvdev, false);
	vfio_put_device(&nvdev->vdev.vdev);
}

static void nvgpu_reset_prepare(struct pci_dev *pdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_pdev(pdev);

	nvgpu_ready_reset_prepare(nvdev);
	nvgpu_unmap(nvdev);
}

static void nvgpu_reset_done(struct pci_dev *pdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_pdev(pdev);
	bool can_undo = READ_ONCE(nvdev->resetter) == current;

	nvgpu_config_reset(&nvdev->bars, can_undo);
	nvgpu_poison_reset(nvdev, can_undo);
	nvgpu_ready_reset_done(nvdev);
}

/*
 * A frozen channel is about to be reset, without .reset_prepare and .reset_done.
 * The vote for a reset changes nothing of that but has .slot_reset called.
 */
static pci_ers_result_t nvgpu_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	pci_ers_result_t vote = vfio_pci_core_aer_err_detected(pdev, state);

	if (state != pci_channel_io_frozen)
		return vote;
	nvgpu_revoke(nvgpu_from_pdev(pdev));
	return PCI_ERS_RESULT_NEED_RESET;
}

/*
 * Revokes again: the memory may have been found ready between the error and the reset,
 * and a sibling's error gets here without one of our own. NONE is no vote, so the
 * recovery goes on as it would without this driver.
 */
static pci_ers_result_t nvgpu_slot_reset(struct pci_dev *pdev)
{
	nvgpu_revoke(nvgpu_from_pdev(pdev));
	nvgpu_reset_done(pdev);
	return PCI_ERS_RESULT_NONE;
}

static const struct pci_error_handlers nvgpu_err_handlers = {
	.error_detected	= nvgpu_error_detected,
	.slot_reset	= nvgpu_slot_reset,
	.reset_prepare	= nvgpu_reset_prepare,
	.reset_done	= nvgpu_reset_done,
};

/*
 * The class narrows the match: among variant drivers libvirt takes the one whose
 * alias has the fewest wildcards.
 */
#define NVGPU_DEVICE(_device)						\
	.vendor = PCI_VENDOR_ID_NVIDIA, .device = (_device),		\
	.subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID,		\
	.class = PCI_CLASS_DISPLAY_3D << 8, .class_mask = 0xffff00,	\
	.override_only = PCI_ID_F_VFIO_DRIVER_OVERRIDE

static const struct pci_device_id nvgpu_id_table[] = {
	{ NVGPU_DEVICE(0x2342) },	/* GH200 120GB */
	{ NVGPU_DEVICE(0x2345) },	/* GH200 480GB */
	{ NVGPU_DEVICE(0x2348) },	/* GH200 */
	{ NVGPU_DEVICE(0x2941) },	/* GB200 */
	{ NVGPU_DEVICE(0x31c2) },	/* GB300 */
	{}
};
MODULE_DEVICE_TABLE(pci, nvgpu_id_table);

static struct pci_driver nvgpu_driver = {
	.name			= KBUILD_MODNAME,
	.id_table		= nvgpu_id_table,
	.probe			= nvgpu_probe,
	.remove			= nvgpu_remove,
	.err_handler		= &nvgpu_err_handlers,
	.driver_managed_dma	= true,
	.dev_groups		= nvgpu_sysfs_groups,
};
module_pci_driver(nvgpu_driver);

MODULE_LICENSE("GPL");
MODULE_VERSION(NVGPU_VERSION);
MODULE_DESCRIPTION("VFIO driver for GPUs with coherent memory presented as PCI BARs");
