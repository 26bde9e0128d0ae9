# SPDX-License-Identifier: GPL-2.0-only
# What the kernel at hand lacks of the newest API, found by looking for identifiers
# in its headers. Out of tree only; the driver itself knows nothing of this. Each name
# is probed by itself: no release decides which of them a distribution backports.
#
# The wrappers in include/ come before the kernel's own headers and include those
# first. What a probe gets wrong the compiler finds: each wrapper redefines a name of
# the kernel's, so a wrong "lacks" is a redefinition and a wrong "has" is undeclared.

nvgpu-has = $(shell grep -qsw '$(1)' $(srctree)/include/$(2) && echo y)

ifneq ($(call nvgpu-has,vfio_pci_core_device,linux/vfio_pci_core.h),y)
$(error No linux/vfio_pci_core.h in $(srctree)/include: are the kernel headers complete?)
endif

NOSTDINC_FLAGS += -I$(src)/tools/compat/include

nvgpu-probe = $(if $(call nvgpu-has,$(2),$(3)),,-DNVGPU_LACKS_$(1))

ccflags-y += $(call nvgpu-probe,REGION_INFO_CAPS,get_region_info_caps,linux/vfio.h)
ccflags-y += $(call nvgpu-probe,MATCH_TOKEN_UUID,match_token_uuid,linux/vfio.h)
ccflags-y += $(call nvgpu-probe,PASID_IOAS,pasid_attach_ioas,linux/vfio.h)
ccflags-y += $(call nvgpu-probe,VMF_INSERT_PFN,vfio_pci_vmf_insert_pfn,linux/vfio_pci_core.h)
ccflags-y += $(call nvgpu-probe,PFN_T,__pfn_to_pfn_t,linux/pfn_t.h)
ccflags-y += $(call nvgpu-probe,PHYS_VEC,struct phys_vec,linux/vfio_pci_core.h)
ccflags-y += $(call nvgpu-probe,ALIGNED_FOR_ORDER,is_aligned_for_order,linux/vfio_pci_core.h)
ccflags-y += $(call nvgpu-probe,GET_IOMAP,vfio_pci_core_get_iomap,linux/vfio_pci_core.h)
ccflags-y += $(call nvgpu-probe,MEMORY_ENABLED,__vfio_pci_memory_enabled,linux/vfio_pci_core.h)
ccflags-y += $(call nvgpu-probe,PFN_ADDRESS_SPACE,register_pfn_address_space,linux/memory-failure.h)
ccflags-y += $(call nvgpu-probe,CACHEABLE_PFNMAP,KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED,uapi/linux/kvm.h)

# The opt-out from CXL support of the core, which distributions have before Linux has.
ccflags-y += $(if $(call nvgpu-has,disable_cxl,linux/vfio_pci_core.h),-DNVGPU_HAS_DISABLE_CXL)

# An unnamed struct member with a tag, which newer kernels use themselves.
ccflags-y += -fms-extensions
