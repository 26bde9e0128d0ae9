// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of a VM: size of the MMIO window, locked memory, nodes, bus of each GPU.
 */
#include "vm.h"

const struct vmm_name vmms[NR_VMMS] = {
	[QEMU] = { "QEMU", "qemu" },
	[LIBVIRT] = { "libvirt", "libvirt" },
	[CLOUD_HYPERVISOR] = { "cloud-hypervisor", "cloud-hypervisor" },
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
	[CLOUD_GENERIC_INITIATOR] = { "--numa with device_id", CLOUD_HYPERVISOR,
				      VERSION(51, 0, 0) },
	/* The oldest version that is known to have it. */
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
 * Space for the window of a GPU's port: EDK2 aligns it to the largest BAR behind the port.
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

/* "QEMU 11.1", and whether that is only assumed. */
const char *vm_made_for(const struct vm *vm, enum vmm which, char *buf, size_t len)
{
	snprintf(buf, len, "%s %u.%u%s", vmms[which].name, MAJOR(vm->version[which]),
		 MINOR(vm->version[which]), vm->is_assumed[which] ? ", which is assumed" : "");
	return buf;
}

/* Linux wants no socket on two nodes. Sockets are equal, so else each CPU has its own. */
unsigned int vm_cpu_sockets(const struct vm *vm)
{
	return vm->cpus % vm->nr_nodes ? vm->cpus : vm->nr_nodes;
}

/* GPUs share a bus with an SMMU, or a bus on a node. */
static bool share_bus(const struct vm *vm, unsigned int a, unsigned int b)
{
	return vm->smmu ? !strcmp(vm->gpus->v[a].iommu, vm->gpus->v[b].iommu) :
			  vm_socket(vm, a) == vm_socket(vm, b);
}

/* Number of a GPU's expander bus, 0 for the root bus. */
unsigned int vm_bus_of(const struct vm *vm, unsigned int gpu)
{
	unsigned int i, number = 1;

	if (!vm->smmu && vm->nr_nodes == 1)
		return 0;
	for (i = 0; i < gpu && !share_bus(vm, i, gpu); i++)
		number += vm_bus_is_first(vm, i);
	return i < gpu ? vm_bus_of(vm, i) : number;
}

bool vm_bus_is_first(const struct vm *vm, unsigned int gpu)
{
	unsigned int i;

	for (i = 0; i < gpu && !share_bus(vm, i, gpu); i++)
		;
	return i == gpu;
}

/* Nodes with RAM and CPUs come first. */
unsigned int vm_nr_nodes(const struct vm *vm)
{
	return vm->nr_nodes + vm->gpus->nr * VM_NODES_PER_GPU;
}

unsigned int vm_node(const struct vm *vm, unsigned int gpu, unsigned int i)
{
	return vm->nr_nodes + gpu * VM_NODES_PER_GPU + i;
}

/* The guest's node on the same node of the host as a GPU, else the first. */
unsigned int vm_socket(const struct vm *vm, unsigned int gpu)
{
	unsigned int i;

	for (i = 0; i < vm->nr_nodes; i++)
		if (vm->host_node[i] == vm->gpus->v[gpu].node)
			return i;
	return 0;
}

/* CPUs and memory are divided evenly. */
unsigned int vm_first_cpu(const struct vm *vm, unsigned int node)
{
	return vm->cpus * node / vm->nr_nodes;
}

__u64 vm_node_memory(const struct vm *vm, unsigned int node)
{
	__u64 page = vm->hugepage > SZ_M ? vm->hugepage : SZ_M, pages = vm->memory / page;

	return (pages * (node + 1) / vm->nr_nodes - pages * node / vm->nr_nodes) * page;
}

/* With one node of RAM all others are as far from it, the default. */
bool vm_needs_distances(const struct vm *vm)
{
	return vm->nr_nodes > 1;
}

/* Beyond a socket's distance, the GPU's memory is one step away. */
unsigned int vm_distance(const struct vm *vm, unsigned int from, unsigned int to)
{
	const unsigned int nr = vm->nr_nodes;
	unsigned int a = from < nr ? from : vm_socket(vm, (from - nr) / VM_NODES_PER_GPU);
	unsigned int b = to < nr ? to : vm_socket(vm, (to - nr) / VM_NODES_PER_GPU);
	unsigned int distance = nodes_distance(vm->host_node[a], vm->host_node[b]);

	if (from != to && (from >= nr || to >= nr))
		distance += DISTANCE_LOCAL;
	return distance < DISTANCE_MAX ? distance : DISTANCE_MAX;
}
