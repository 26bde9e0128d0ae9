// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of a VM: size of the MMIO window, locked memory, SMMU of each GPU.
 */
#include "vm.h"

/* As they call themselves, and in lower case as in options and facts. */
const char *const vmm_names[NR_VMMS] = {
	[QEMU] = "QEMU", [LIBVIRT] = "libvirt", [CLOUD_HYPERVISOR] = "cloud-hypervisor",
};

/*
 * Sources: QEMU's ChangeLog pages and qemu-options; libvirt's NEWS and formatdomain;
 * cloud-hypervisor's release notes.
 */
const struct feature_since features[NR_FEATURES] = {
	[QEMU_GENERIC_INITIATOR] = { "acpi-generic-initiator", QEMU, VERSION(9, 0, 0) },
	[QEMU_MMIO_SIZE] = { "highmem-mmio-size", QEMU, VERSION(10, 0, 0) },
	/* 11.0 has accel without "auto" for its properties. */
	[QEMU_SMMU_ACCEL] = { "arm-smmuv3 with accel=on", QEMU, VERSION(11, 1, 0) },
	[LIBVIRT_DRIVER_MODEL] = { "<driver model=>", LIBVIRT, VERSION(10, 0, 0) },
	[LIBVIRT_RAS] = { "<ras>", LIBVIRT, VERSION(10, 4, 0) },
	[LIBVIRT_PCI_SMMU] = { "<iommu> with pciBus", LIBVIRT, VERSION(11, 10, 0) },
	[LIBVIRT_IOMMUFD] = { "<iommufd>", LIBVIRT, VERSION(12, 2, 0) },
	[LIBVIRT_SMMU_ACCEL] = { "<iommu> with accel", LIBVIRT, VERSION(12, 7, 0) },
	/* The oldest version that is known to have them. */
	[LIBVIRT_NODESET] = { "<acpi nodeset=>", LIBVIRT, VERSION(12, 8, 0) },
	[LIBVIRT_PCIHOLE64] = { "<pcihole64> for arm64", LIBVIRT, VERSION(12, 8, 0) },
	[CLOUD_GENERIC_INITIATOR] = { "--numa with device_id", CLOUD_HYPERVISOR, VERSION(51, 0, 0) },
	[CLOUD_IOMMUFD] = { "--platform with iommufd", CLOUD_HYPERVISOR, VERSION(54, 0, 0) },
};

bool version_has(unsigned int version, enum feature feature)
{
	return version >= features[feature].version;
}

bool vm_has(const struct vm *vm, enum feature feature)
{
	return version_has(vm->version[features[feature].vmm], feature);
}

/*
 * Space for the window of a GPU's port, which is aligned to the largest BAR behind it.
 * A guest sees the hardware's BARs but for those that synthetic BARs replace: without
 * resmem, BAR2 is the hardware's.
 */
static __u64 bars_of(const struct gpu *gpu)
{
	__u64 sum = 0, largest = 1, size;
	int i;

	for (i = 0; i < NR_BARS; i++) {
		size = gpu->bar_size[i];
		if (gpu->usemem.size && i == gpu->usemem.bar)
			size = gpu->usemem.bar_size;
		else if (gpu->resmem.size && i == gpu->resmem.bar)
			size = gpu->resmem.bar_size;
		sum += size;
		if (size > largest)
			largest = size;
	}
	return (sum + largest - 1) / largest * largest;
}

/**
 * vm_mmio_size() - Compute the size of the MMIO window above RAM for the BARs
 * @gpus: the GPUs
 *
 * Return: a power of two, at least QEMU's default.
 */
__u64 vm_mmio_size(const struct gpus *gpus)
{
	__u64 sum = SZ_G;
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		sum += bars_of(&gpus->v[i]);
	return sum < VM_MMIO_DEFAULT ? VM_MMIO_DEFAULT : pow2_ceil(sum);
}

/**
 * vm_memlock() - Compute the memory that a VMM locks for a VM
 * @gpus: its GPUs
 * @memory: its RAM
 *
 * RAM, for DMA; GPU memory, which iommufd counts as well; a GiB for emulated
 * devices and tables, as in libvirt.
 *
 * Return: bytes.
 */
__u64 vm_memlock(const struct gpus *gpus, __u64 memory)
{
	__u64 sum = memory + SZ_G;
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		sum += gpus->v[i].mem_size;
	return sum;
}

/* Number of a GPU's guest SMMU: GPUs that share a host SMMU share it in the guest. */
unsigned int vm_smmu_of(const struct vm *vm, unsigned int gpu)
{
	unsigned int i, number = 0;

	for (i = 0; i < gpu && strcmp(vm->gpus->v[i].iommu, vm->gpus->v[gpu].iommu); i++)
		number += vm_smmu_is_first(vm, i);
	return i < gpu ? vm_smmu_of(vm, i) : number;
}

bool vm_smmu_is_first(const struct vm *vm, unsigned int gpu)
{
	unsigned int i;

	for (i = 0; i < gpu; i++)
		if (!strcmp(vm->gpus->v[i].iommu, vm->gpus->v[gpu].iommu))
			return false;
	return true;
}

/* Node 0 has RAM and CPUs. */
unsigned int vm_node(unsigned int gpu, unsigned int i)
{
	return 1 + gpu * VM_NODES_PER_GPU + i;
}
