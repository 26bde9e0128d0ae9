// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO variant driver for NVIDIA Grace Hopper and Grace Blackwell GPUs: PCI driver
 * and vfio ops, lifetime and dispatch and nothing else.
 *
 * Such a GPU has memory that the CPU reaches coherently and that is no PCI BAR.
 * The driver presents it as two 64-bit BARs of power-of-two size, so that any
 * VMM and any guest can use it as they use other PCI devices.
 *
 * Invariant: close undoes open in reverse. A GPU without described memory has no
 * synthetic BAR, so all that is done here for it is to call the core.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "nvgpu.h"
#include "trace.h"

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "Allow SR-IOV VFs of a bound PF, as the parameter of vfio-pci does (default: N)");

/*
 * End what relies on readiness. seq has changed, so new accesses wait for it: pairs with
 * nvgpu_access_begin(), tools/test/model/reset-begin.litmus.
 */
static void nvgpu_revoke(struct nvgpu_device *nvdev)
{
	guard(rwsem_write)(&nvdev->access_lock);

	nvgpu_mmap_zap(nvdev);
}

static void nvgpu_invalidate(struct nvgpu_device *nvdev)
{
	nvgpu_ready_invalidate(nvdev);
	nvgpu_revoke(nvdev);
}

static int nvgpu_open_device(struct vfio_device *core_vdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret;

	ret = vfio_pci_core_enable(&nvdev->vdev);
	if (ret)
		return ret;

	ret = nvgpu_ready_open(nvdev);
	if (ret)
		goto err_disable;

	nvgpu_config_reset(&nvdev->bars);

	ret = nvgpu_poison_open(nvdev);
	if (ret)
		goto err_disable;

	vfio_pci_core_finish_enable(&nvdev->vdev);
	return 0;

err_disable:
	vfio_pci_core_disable(&nvdev->vdev);
	return ret;
}

static void nvgpu_close_device(struct vfio_device *core_vdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);

	nvgpu_rdwr_close(nvdev);
	nvgpu_poison_close(nvdev);
	vfio_pci_core_close_device(core_vdev);
}

static ssize_t nvgpu_read(struct vfio_device *core_vdev, char __user *buf,
			  size_t count, loff_t *ppos)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct nvgpu_region *region;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvgpu_config_read(&nvdev->vdev, &nvdev->bars, buf, count,
					 ppos);

	region = nvgpu_config_region(&nvdev->bars, index);
	if (region)
		return nvgpu_rdwr(nvdev, region, buf, count, ppos, false);
	return vfio_pci_core_read(core_vdev, buf, count, ppos);
}

/* Does a write to config space put the function into another power state than D0? */
static bool nvgpu_leaves_d0(const struct pci_dev *pdev, const char __user *buf,
			    u64 pos, size_t count)
{
	u64 pmcsr = pdev->pm_cap + PCI_PM_CTRL;
	u8 state;

	if (!pdev->pm_cap || pos > pmcsr || pos + count <= pmcsr)
		return false;
	return get_user(state, (u8 __user *)buf + (pmcsr - pos)) ||
	       (state & PCI_PM_CTRL_STATE_MASK);
}

/*
 * What D3hot does to the training of the memory is not known, and the way back may be
 * a reset. The value decides and not the state, which another thread may have put back
 * already.
 */
static ssize_t nvgpu_write_config(struct nvgpu_device *nvdev,
				  const char __user *buf, size_t count,
				  loff_t *ppos)
{
	bool leaves_d0 = nvgpu_leaves_d0(nvdev->vdev.pdev, buf,
					 *ppos & VFIO_PCI_OFFSET_MASK, count);
	ssize_t done;

	done = nvgpu_config_write(&nvdev->vdev, &nvdev->bars, buf, count, ppos);
	if (leaves_d0 && done > 0)
		nvgpu_invalidate(nvdev);
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

	region = nvgpu_config_region(&nvdev->bars, index);
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
	struct nvgpu_region *region = nvgpu_config_region(&nvdev->bars, index);

	if (region)
		return nvgpu_mmap(nvdev, region, vma);
	return vfio_pci_core_mmap(core_vdev, vma);
}

static int nvgpu_get_region_info(struct vfio_device *core_vdev,
				 struct vfio_region_info *info,
				 struct vfio_info_cap *caps)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	struct nvgpu_region *region;

	region = nvgpu_config_region(&nvdev->bars, info->index);
	if (region)
		return nvgpu_config_region_info(region, info, caps);
	return vfio_pci_ioctl_get_region_info(core_vdev, info, caps);
}

/*
 * An ioeventfd writes to a physical BAR. Under a synthetic BAR that would be the
 * one that it hides, or none. The core reads the argument again: changing it in
 * between reaches the hidden BAR, which is harmless, the device is the user's own.
 */
static int nvgpu_ioeventfd_allowed(struct nvgpu_device *nvdev,
				   void __user *arg)
{
	struct vfio_device_ioeventfd ioeventfd;
	size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);

	if (copy_from_user(&ioeventfd, arg, minsz))
		return -EFAULT;
	if (nvgpu_config_region(&nvdev->bars,
				VFIO_PCI_OFFSET_TO_INDEX(ioeventfd.offset)))
		return -EINVAL;
	return 0;
}

static long nvgpu_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
			unsigned long arg)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret;

	if (cmd == VFIO_DEVICE_IOEVENTFD) {
		ret = nvgpu_ioeventfd_allowed(nvdev, (void __user *)arg);
		if (ret)
			return ret;
	}
	return vfio_pci_core_ioctl(core_vdev, cmd, arg);
}

/* Low power may be D3cold, which is a reset without callbacks. */
static int nvgpu_device_feature(struct vfio_device *core_vdev, u32 flags,
				void __user *arg, size_t argsz)
{
	struct nvgpu_device *nvdev = nvgpu_from_core(core_vdev);
	int ret = nvgpu_feature(core_vdev, flags, arg, argsz);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		if (!ret && !(flags & VFIO_DEVICE_FEATURE_PROBE))
			nvgpu_invalidate(nvdev);
		break;
	}
	return nvgpu_dmabuf_feature_result(nvdev, flags, arg, ret);
}

static const struct vfio_device_ops nvgpu_ops = {
	.name		= KBUILD_MODNAME,	/* the core's driver_override of VFs */
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

static int nvgpu_probe_memory(struct nvgpu_device *nvdev)
{
	struct pci_dev *pdev = nvdev->vdev.pdev;
	int ret;

	if (!nvgpu_geometry_present(pdev)) {
		pci_info(pdev, "firmware describes no GPU memory: serving the function as vfio-pci would\n");
		return 0;
	}

	ret = nvgpu_geometry_init(nvdev);
	if (ret)
		return ret;
	nvgpu_config_init(pdev, &nvdev->bars);
	return nvgpu_ready_probe(nvdev);
}

static int nvgpu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvgpu_device *nvdev;
	int ret;

	nvdev = vfio_alloc_device(nvgpu_device, vdev.vdev, &pdev->dev,
				  &nvgpu_ops);
	if (IS_ERR(nvdev))
		return PTR_ERR(nvdev);

	init_rwsem(&nvdev->access_lock);
	spin_lock_init(&nvdev->bars.lock);
	nvgpu_poison_init(nvdev);
	nvgpu_dmabuf_init(nvdev);
	pci_set_drvdata(pdev, &nvdev->vdev);

	ret = nvgpu_probe_memory(nvdev);
	if (ret)
		goto err_put_vdev;

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

	/* Unregistering waits for the user, whose mappings are of no device any more. */
	if (pci_dev_is_disconnected(pdev))
		nvgpu_invalidate(nvdev);
	vfio_pci_core_unregister_device(&nvdev->vdev);
	nvgpu_poison_destroy(nvdev);
	vfio_put_device(&nvdev->vdev.vdev);
}

static void nvgpu_reset_prepare(struct pci_dev *pdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_pdev(pdev);

	nvgpu_ready_reset_begin(nvdev);
	nvgpu_revoke(nvdev);
}

/* The PCI core also calls this after a failed reset. */
static void nvgpu_reset_done(struct pci_dev *pdev)
{
	struct nvgpu_device *nvdev = nvgpu_from_pdev(pdev);

	nvgpu_config_reset(&nvdev->bars);
	WRITE_ONCE(nvdev->resets, nvdev->resets + 1);
	nvgpu_ready_reset_end(nvdev);
	trace_nvgpu_reset(pdev, nvdev->resets);
}

/*
 * A frozen channel is about to be reset. The vote for a reset changes nothing of that
 * but has .slot_reset called. Where the recovery fails, this is called for a permanent
 * failure (not by kernels before 6.18: there the next reset ends this one).
 */
static pci_ers_result_t nvgpu_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	pci_ers_result_t vote = vfio_pci_core_aer_err_detected(pdev, state);

	switch (state) {
	case pci_channel_io_frozen:
		nvgpu_reset_prepare(pdev);
		return PCI_ERS_RESULT_NEED_RESET;
	case pci_channel_io_perm_failure:
		nvgpu_reset_prepare(pdev);
		nvgpu_reset_done(pdev);
		return vote;
	default:
		return vote;
	}
}

/*
 * A sibling's error gets here without one of our own. NONE is no vote, so the recovery
 * goes on as it would without this driver.
 */
static pci_ers_result_t nvgpu_slot_reset(struct pci_dev *pdev)
{
	nvgpu_reset_prepare(pdev);
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
 * As vfio-pci: VFs act for the user of the PF, so the administrator has to consent. The
 * core disables them when the PF is unbound.
 */
static int nvgpu_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	if (!enable_sriov)
		return -ENOENT;
	return vfio_pci_core_sriov_configure(pci_get_drvdata(pdev), nr_virtfn);
}

/*
 * The class narrows the match: among variant drivers libvirt takes the one whose
 * alias has the fewest wildcards. The kernel's nvgrace-gpu has some of these ids, others
 * are what lspci shows on hosts (kubevirt/kubevirt#19070, NVIDIA/NemoClaw#7235) or what
 * inventories of GPUs list.
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
	{ NVGPU_DEVICE(0x3041) },	/* Vera Rubin NVL */
	{ NVGPU_DEVICE(0x307f) },	/* Vera Rubin, a PF whose VFs are 3041 */
	{ NVGPU_DEVICE(0x31a1) },	/* GB300 */
	{ NVGPU_DEVICE(0x31c2) },	/* GB300 */
	{ NVGPU_DEVICE(0x31c3) },	/* GB300 of DGX Station */
	{}
};
MODULE_DEVICE_TABLE(pci, nvgpu_id_table);

static struct pci_driver nvgpu_driver = {
	.name			= KBUILD_MODNAME,
	.id_table		= nvgpu_id_table,
	.probe			= nvgpu_probe,
	.remove			= nvgpu_remove,
	.sriov_configure	= nvgpu_sriov_configure,
	.err_handler		= &nvgpu_err_handlers,
	.driver_managed_dma	= true,
	.dev_groups		= nvgpu_sysfs_groups,
};
module_pci_driver(nvgpu_driver);

MODULE_LICENSE("GPL");
MODULE_VERSION(NVGPU_VERSION);
MODULE_DESCRIPTION("VFIO driver for GPUs with coherent memory presented as PCI BARs");
