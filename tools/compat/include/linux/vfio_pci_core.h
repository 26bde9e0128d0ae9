/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio and vfio-pci-core as newer kernels have them, for older ones. Each part is
 * there if tools/compat/probe.mk found that the kernel lacks it.
 */
#include_next <linux/vfio_pci_core.h>

#ifndef NVGPU_COMPAT_VFIO_PCI_CORE_H
#define NVGPU_COMPAT_VFIO_PCI_CORE_H

#include <linux/err.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#if defined(NVGPU_LACKS_REGION_INFO_CAPS) || \
	defined(NVGPU_LACKS_MATCH_TOKEN_UUID) || \
	defined(NVGPU_LACKS_PASID_IOAS)
/*
 * The kernel's ops, and behind them what it lacks: the core sees the part that it
 * knows, the wrappers below see all.
 */
struct nvgpu_compat_ops {
	struct vfio_device_ops;
#ifdef NVGPU_LACKS_REGION_INFO_CAPS
	int (*get_region_info_caps)(struct vfio_device *core_vdev,
				    struct vfio_region_info *info,
				    struct vfio_info_cap *caps);
#endif
#ifdef NVGPU_LACKS_MATCH_TOKEN_UUID
	int (*match_token_uuid)(struct vfio_device *core_vdev,
				const uuid_t *uuid);
#endif
#ifdef NVGPU_LACKS_PASID_IOAS
	int (*pasid_attach_ioas)(struct vfio_device *core_vdev, u32 pasid,
				 u32 *pt_id);
	void (*pasid_detach_ioas)(struct vfio_device *core_vdev, u32 pasid);
#endif
};

static inline struct vfio_device *
nvgpu_compat_alloc(size_t size, struct device *dev,
		   const struct nvgpu_compat_ops *ops)
{
	return _vfio_alloc_device(size, dev,
				  (const struct vfio_device_ops *)ops);
}

/* vfio_alloc_device() is a macro that calls this. */
#define _vfio_alloc_device nvgpu_compat_alloc
#define vfio_device_ops nvgpu_compat_ops
#endif

#ifdef NVGPU_LACKS_MATCH_TOKEN_UUID
/* Never called: the older core checks the token in its own match op. */
static inline int
vfio_pci_core_match_token_uuid(struct vfio_device *core_vdev,
			       const uuid_t *uuid)
{
	return -EOPNOTSUPP;
}
#endif

#ifdef NVGPU_LACKS_PASID_IOAS
#define vfio_iommufd_physical_pasid_attach_ioas NULL
#define vfio_iommufd_physical_pasid_detach_ioas NULL
#endif

#ifdef NVGPU_LACKS_REGION_INFO_CAPS
/* The older core has no callable form of this: its ioctl does it, see below. */
static inline int
vfio_pci_ioctl_get_region_info(struct vfio_device *core_vdev,
			       struct vfio_region_info *info,
			       struct vfio_info_cap *caps)
{
	return -ENOIOCTLCMD;
}

static inline int nvgpu_compat_region_info_out(struct vfio_region_info *info,
					       struct vfio_info_cap *caps,
					       void __user *arg)
{
	if (caps->size) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info->argsz < sizeof(*info) + caps->size) {
			info->argsz = sizeof(*info) + caps->size;
			info->cap_offset = 0;
		} else {
			vfio_info_cap_shift(caps, sizeof(*info));
			if (copy_to_user(arg + sizeof(*info), caps->buf,
					 caps->size))
				return -EFAULT;
			info->cap_offset = sizeof(*info);
		}
	}
	return copy_to_user(arg, info, sizeof(*info)) ? -EFAULT : 0;
}

static inline long nvgpu_compat_region_info(struct vfio_device *core_vdev,
					    void __user *arg)
{
	const struct nvgpu_compat_ops *ops =
		(const struct nvgpu_compat_ops *)core_vdev->ops;
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	int ret;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info))
		return -EINVAL;

	ret = ops->get_region_info_caps(core_vdev, &info, &caps);
	if (!ret)
		ret = nvgpu_compat_region_info_out(&info, &caps, arg);
	kfree(caps.buf);
	return ret;
}

/*
 * Stands for the core's ioctl, also as an op. The driver's own answer comes first;
 * what it passes on to the core goes there with the user's pointer.
 */
static inline long nvgpu_compat_ioctl(struct vfio_device *core_vdev,
				      unsigned int cmd, unsigned long arg)
{
	long ret = -ENOIOCTLCMD;

	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		ret = nvgpu_compat_region_info(core_vdev, (void __user *)arg);
	if (ret == -ENOIOCTLCMD)
		ret = vfio_pci_core_ioctl(core_vdev, cmd, arg);
	return ret;
}

#define vfio_pci_core_ioctl nvgpu_compat_ioctl
#endif

#ifdef NVGPU_LACKS_MEMORY_ENABLED
/* As the core's, which it does not export. */
static inline bool __vfio_pci_memory_enabled(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	u16 command = le16_to_cpup((__le16 *)&vdev->vconfig[PCI_COMMAND]);

	if ((__force int)pdev->current_state >= (__force int)PCI_D3hot)
		return false;
	return pdev->no_command_memory || (command & PCI_COMMAND_MEMORY);
}
#endif

#ifdef NVGPU_LACKS_ALIGNED_FOR_ORDER
static inline bool is_aligned_for_order(struct vm_area_struct *vma,
					unsigned long addr, unsigned long pfn,
					unsigned int order)
{
	unsigned long size = PAGE_SIZE << order;

	if (!order)
		return true;
	return addr >= vma->vm_start && addr + size <= vma->vm_end &&
	       IS_ALIGNED(pfn, 1UL << order);
}
#endif

#ifdef NVGPU_LACKS_VMF_INSERT_PFN
#ifdef NVGPU_LACKS_PFN_T
#define nvgpu_compat_pfn(pfn) (pfn)
#else
#include <linux/pfn_t.h>

#define nvgpu_compat_pfn(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#endif

static inline vm_fault_t
vfio_pci_vmf_insert_pfn(struct vfio_pci_core_device *vdev,
			struct vm_fault *vmf, unsigned long pfn,
			unsigned int order)
{
	lockdep_assert_held_read(&vdev->memory_lock);

	if (vdev->pm_runtime_engaged || !__vfio_pci_memory_enabled(vdev))
		return VM_FAULT_SIGBUS;
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, nvgpu_compat_pfn(pfn), false);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, nvgpu_compat_pfn(pfn), false);
#endif
	return VM_FAULT_FALLBACK;
}
#endif

#ifdef NVGPU_LACKS_PHYS_VEC
#define phys_vec dma_buf_phys_vec
#endif

#ifdef NVGPU_LACKS_GET_IOMAP
/* The older core maps a BAR when it is first used, and without a lock. */
static inline void __iomem *
vfio_pci_core_get_iomap(struct vfio_pci_core_device *vdev, unsigned int bar)
{
	int ret;

	if (!pci_resource_len(vdev->pdev, bar))
		return IOMEM_ERR_PTR(-ENODEV);
	ret = vfio_pci_core_setup_barmap(vdev, bar);
	return ret ? IOMEM_ERR_PTR(ret) : vdev->barmap[bar];
}
#endif

#ifdef NVGPU_HAS_DISABLE_CXL
/* The core looks at this once, when the device is registered. */
static inline int
nvgpu_compat_register_without_cxl(struct vfio_pci_core_device *vdev)
{
	vdev->disable_cxl = true;
	return vfio_pci_core_register_device(vdev);
}

#define vfio_pci_core_register_device nvgpu_compat_register_without_cxl
#endif

#ifdef NVGPU_LACKS_CACHEABLE_PFNMAP
/* Says at bind what this kernel's KVM cannot do. */
static inline int
nvgpu_compat_register_device(struct vfio_pci_core_device *vdev)
{
	int ret = vfio_pci_core_register_device(vdev);

	if (!ret && device_property_present(&vdev->pdev->dev,
					    "nvidia,gpu-mem-size"))
		pci_info(vdev->pdev, "guests get usemem uncached: KVM of this kernel cannot map it cacheable\n");
	return ret;
}

#undef vfio_pci_core_register_device
#define vfio_pci_core_register_device nvgpu_compat_register_device
#endif

#endif
