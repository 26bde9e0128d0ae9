# SPDX-License-Identifier: GPL-2.0-only
# What the kernel's headers lack, so that tools/sim can be written to the newest
# API. Headers are asked, versions never. A wrong answer does not go unnoticed:
# the fallback then redefines a kernel name, or the name is not there.

sim-header = $(srctree)/include/linux/$(1)
sim-has = $(shell grep -qsw '$(2)' $(call sim-header,$(1)) && echo y)

ifeq ($(wildcard $(call sim-header,iommu.h)),)
$(error nvgpu-sim: no $(call sim-header,iommu.h); install the headers of this kernel)
endif

# The compat headers come first and pull the kernel's own in by include_next.
NOSTDINC_FLAGS += -I$(src)/../compat/sim/include

ifeq ($(call sim-has,pci.h,pci_bus_find_emul_domain_nr),y)
ccflags-y += -DSIM_HAVE_EMUL_DOMAIN
endif

# attach_dev gained the old domain, on the line below its first two arguments
ifneq ($(shell grep -A1 'int .\*attach_dev' $(call sim-header,iommu.h) | grep -w old),)
ccflags-y += -DSIM_HAVE_ATTACH_OLD
endif

ifeq ($(call sim-has,../uapi/linux/iommufd.h,IOMMU_HWPT_ALLOC_PASID),y)
ccflags-y += -DSIM_HAVE_PASID
endif
