// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU command line, as a commented script.
 */
#include "vm.h"

/* A text as a value among others, in which QEMU wants commas twice; to be freed. */
static char *suboption(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *to = copy;

	if (!copy)
		abort();
	do {
		if (*text == ',')
			*to++ = ',';
		*to++ = *text;
	} while (*text++);
	return copy;
}

static void put_machine(const struct vm *vm, const struct script *out)
{
	char *name __free(pointer) = suboption(vm->name);
	char *disk __free(pointer) = suboption(vm->disk ? vm->disk : "");
	char size[32], extra[64] = "";

	script_note(out, "ras reports hwpoisoned pages to the guest. It needs ACPI, hence -bios,");
	script_note(out, "which has no Secure Boot: the guest's GPU driver need not be signed.");
	if (vm->mmio_size > VM_MMIO_DEFAULT) {
		script_note(out, "MMIO window above RAM for the BARs: %s.",
			    format_size(size, sizeof(size), vm->mmio_size));
		snprintf(extra, sizeof(extra), ",highmem-mmio-size=%lluG",
			 vm->mmio_size / SZ_G);
	} else {
		script_note(out, "The BARs fit QEMU's default MMIO window, 512 GiB.");
	}
	script_option(out, "-name", "%s", name);
	script_option(out, "-machine", "virt,accel=kvm,gic-version=3,ras=on%s", extra);
	script_option(out, "-cpu", "host");
	script_option(out, "-smp", "%u,sockets=%u", vm->cpus, vm_cpu_sockets(vm));
	script_option(out, "-m", "%lluM", vm->memory / SZ_M);
	script_option(out, "-bios", "%s", vm->firmware);
	script_option(out, "-nodefaults", "%s", "");
	script_option(out, "-display", "none");
	script_option(out, "-serial", "mon:stdio");
	if (vm->disk)
		script_option(out, "-drive", "if=virtio,format=%s,file=%s", vm->disk_format, disk);
}

/* A node's RAM and CPUs. */
static void put_ram(const struct vm *vm, const struct script *out, unsigned int node)
{
	char pages[64] = "", place[64] = "", size[32];

	if (vm->hugepage)
		snprintf(pages, sizeof(pages), ",hugetlb=on,hugetlbsize=%s,prealloc=on",
			 format_unit(size, sizeof(size), vm->hugepage));
	if (vm->host_node[node] >= 0)
		snprintf(place, sizeof(place), ",host-nodes=%d,policy=bind", vm->host_node[node]);
	script_option(out, "-object", "memory-backend-%s,id=m%u,size=%lluM%s%s",
		      vm->hugepage ? "memfd" : "ram", node, vm_node_memory(vm, node) / SZ_M,
		      pages, place);
	script_option(out, "-numa", "node,nodeid=%u,cpus=%u-%u,memdev=m%u", node,
		      vm_first_cpu(vm, node), vm_first_cpu(vm, node + 1) - 1, node);
}

static void put_nodes(const struct vm *vm, const struct script *out)
{
	unsigned int i, j, nr = vm_nr_nodes(vm);

	fputc('\n', out->to);
	script_note(out, "RAM and CPUs%s.", vm->host_node[0] < 0 ? "" : ", on nodes of the host");
	for (i = 0; i < vm->nr_nodes; i++)
		put_ram(vm, out, i);
	script_note(out, VM_EMPTY_NODES, VM_NODES_PER_GPU);
	for (i = vm->nr_nodes; i < nr; i++)
		script_option(out, "-numa", "node,nodeid=%u", i);
	if (!vm_needs_distances(vm))
		return;
	script_note(out, "QEMU takes all distances or none.");
	for (i = 0; i < nr; i++)
		for (j = i + 1; j < nr; j++)
			script_option(out, "-numa", "dist,src=%u,dst=%u,val=%u", i, j,
				      vm_distance(vm, i, j));
}

static void put_bus(const struct vm *vm, const struct script *out, unsigned int gpu)
{
	unsigned int number = vm_bus_of(vm, gpu);

	if (!number || !vm_bus_is_first(vm, gpu))
		return;
	script_note(out, "Its own bus%s.", vm->smmu ? ", and an SMMU accelerated by the host's" :
		    ", on its node");
	script_option(out, "-device", "pxb-pcie,id=pcie.%u,bus_nr=%u,bus=pcie.0,numa_node=%u",
		      number, 16 * number, vm_socket(vm, gpu));
	if (!vm->smmu)
		return;
	script_note(out, "For %s. ats, ril, ssidsize and oas are \"auto\": the host's.",
		    vm->gpus->v[gpu].iommu);
	script_option(out, "-device", "arm-smmuv3,primary-bus=pcie.%u,id=smmuv3.%u,accel=on",
		      number, number);
}

static void put_gpu(const struct vm *vm, const struct script *out, unsigned int i)
{
	const struct gpu *gpu = &vm->gpus->v[i];
	unsigned int j;

	fputc('\n', out->to);
	script_note(out, "%s %s", gpu->bdf, gpu->name);
	put_bus(vm, out, i);
	script_option(out, "-device",
		      "pcie-root-port,id=port%u,bus=pcie.%u,chassis=%u,io-reserve=0", i,
		      vm_bus_of(vm, i), i + 1);
	script_option(out, "-device",
		      "vfio-pci-nohotplug,host=%s,bus=port%u,rombar=0,id=dev%u%s", gpu->bdf,
		      i, i, vm->iommufd == VM_ON ? ",iommufd=iommufd0" : "");
	script_note(out, "Generic initiators in the guest's SRAT: the GPU's nodes.");
	for (j = 0; j < VM_NODES_PER_GPU; j++)
		script_option(out, "-object",
			      "acpi-generic-initiator,id=gi%u,pci-dev=dev%u,node=%u",
			      i * VM_NODES_PER_GPU + j, i, vm_node(vm, i, j));
}

/**
 * gen_qemu() - Write a script that starts QEMU
 * @vm: the VM
 * @out: output
 */
void gen_qemu(const struct vm *vm, const struct script *out)
{
	unsigned int i;

	script_begin(out, vm, QEMU);
	put_machine(vm, out);
	put_nodes(vm, out);
	if (vm->iommufd == VM_ON) {
		fputc('\n', out->to);
		script_note(out, "DMA through iommufd, which this host has.");
		script_option(out, "-object", "iommufd,id=iommufd0");
	}
	for (i = 0; i < vm->gpus->nr; i++)
		put_gpu(vm, out, i);
	script_end(out, vm);
}
