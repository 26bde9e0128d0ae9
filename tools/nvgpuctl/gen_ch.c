// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cloud-hypervisor command line, as a commented script. It sizes MMIO windows by
 * itself and has one PCI bus, so that GPUs have no NUMA node but their own.
 */
#include "vm.h"

static void put_memory(const struct vm *vm, const struct script *out)
{
	char extra[64], text[32];
	unsigned int i;

	script_option(out, "--memory", "size=0");
	for (i = 0; i < vm->nr_nodes; i++) {
		extra[0] = '\0';
		if (vm->hugepage)
			snprintf(extra, sizeof(extra), ",hugepages=on,hugepage_size=%s",
				 format_unit(text, sizeof(text), vm->hugepage));
		if (vm->host_node[i] >= 0)
			snprintf(extra + strlen(extra), sizeof(extra) - strlen(extra),
				 ",host_numa_node=%d", vm->host_node[i]);
		script_option(out, i ? NULL : "--memory-zone", "id=m%u,size=%lluM%s", i,
			      vm_node_memory(vm, i) / SZ_M, extra);
	}
}

/* ",distances=[...]" of a node, empty if the default is right; to be freed. */
static char *distances(const struct vm *vm, unsigned int node)
{
	char *text = NULL;
	unsigned int i;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		abort();
	for (i = 0; vm_needs_distances(vm) && i < vm_nr_nodes(vm); i++)
		if (i != node)
			fprintf(to, "%s%u@%u", ftell(to) ? "," : ",distances=[", i,
				vm_distance(vm, node, i));
	if (ftell(to))
		fputc(']', to);
	fclose(to);
	return text;
}

static void put_nodes(const struct vm *vm, const struct script *out)
{
	unsigned int i, j;

	script_note(out, "RAM and CPUs.");
	for (i = 0; i < vm->nr_nodes; i++) {
		char *far __free(pointer) = distances(vm, i);

		script_option(out, i ? NULL : "--numa",
			      "guest_numa_id=%u,cpus=[%u-%u],memory_zones=[m%u]%s", i,
			      vm_first_cpu(vm, i), vm_first_cpu(vm, i + 1) - 1, i, far);
	}
	script_note(out, VM_EMPTY_NODES, VM_NODES_PER_GPU);
	for (i = 0; i < vm->gpus->nr; i++) {
		for (j = 0; j < VM_NODES_PER_GPU; j++) {
			char *far __free(pointer) = distances(vm, vm_node(vm, i, j));

			script_option(out, NULL, "guest_numa_id=%u,device_id=gpu%u%s",
				      vm_node(vm, i, j), i, far);
		}
	}
}

/**
 * gen_cloud_hypervisor() - Write a script that starts cloud-hypervisor
 * @vm: the VM
 * @out: output
 */
void gen_cloud_hypervisor(const struct vm *vm, const struct script *out)
{
	unsigned int i;

	script_begin(out, vm, CLOUD_HYPERVISOR);
	script_option(out, "--kernel", "%s", vm->firmware);
	script_option(out, "--cpus", "boot=%u", vm->cpus);
	put_memory(vm, out);
	if (vm->disk)
		script_option(out, "--disk", "path=%s", vm->disk);
	if (vm->iommufd == VM_ON) {
		script_note(out, "P2P DMA: kernels let iommufd map BARs as dma-bufs only,");
		script_note(out, "which no known version of cloud-hypervisor does.");
		script_option(out, "--platform", "iommufd=on,vfio_p2p_dma=off");
	}
	for (i = 0; i < vm->gpus->nr; i++)
		script_option(out, i ? NULL : "--device",
			      "id=gpu%u,path=/sys/bus/pci/devices/%s/", i, vm->gpus->v[i].bdf);
	put_nodes(vm, out);
	script_end(out, vm);
}
