// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended GPU memory: the regions of nvgpu-egm, or of another module with its interface,
 * and VMs whose RAM they are.
 */
#include "vm.h"

#define EGM_CLASS "/sys/class/egm"

/**
 * egm_load() - Find the EGM of a GPU's socket
 * @gpu: the GPU
 */
void egm_load(struct gpu *gpu)
{
	struct names names;
	unsigned int i;

	root_names(&names, EGM_CLASS);
	for (i = 0; i < names.nr && !gpu->egm[0]; i++) {
		if (!root_exists(EGM_CLASS "/%s/%s", names.name[i], gpu->bdf))
			continue;
		snprintf(gpu->egm, sizeof(gpu->egm), "%.15s", names.name[i]);
		root_read_u64(&gpu->egm_size, EGM_CLASS "/%s/egm_size", gpu->egm);
		gpu->has_egm_retired = !root_read_u64(&gpu->egm_retired,
						      EGM_CLASS "/%s/egm_retired", gpu->egm);
	}
	names_free(&names);
}

/* "480 GiB in /dev/egm4, 2 retired blocks" */
const char *egm_text(const struct gpu *gpu, char *buf, size_t len)
{
	char size[32], retired[64] = "";

	if (gpu->has_egm_retired)
		snprintf(retired, sizeof(retired), ", %llu retired block%s", gpu->egm_retired,
			 gpu->egm_retired == 1 ? "" : "s");
	snprintf(buf, len, "%s in /dev/%s%s", format_size(size, sizeof(size), gpu->egm_size),
		 gpu->egm, retired);
	return buf;
}

/* A GPU of the same socket that is not among some, which share its EGM. */
static bool find_other(const struct gpu *gpu, const struct gpus *gpus, char *bdf, size_t len)
{
	struct names names;
	struct bdf address;
	unsigned int i;
	bool found = false;

	root_names(&names, EGM_CLASS "/%s", gpu->egm);
	for (i = 0; i < names.nr && !found; i++) {
		found = parse_bdf(names.name[i], &address) && !gpus_have(gpus, names.name[i]);
		if (found)
			snprintf(bdf, len, "%.31s", names.name[i]);
	}
	names_free(&names);
	return found;
}

/* False after a message. */
static bool check_gpu(const struct vm *vm, const struct gpu *gpu)
{
	char other[32];

	if (!gpu->egm[0])
		complain_of(gpu->bdf,
			    "its socket has no EGM: modprobe nvgpu-egm, see the kernel log");
	else if (find_other(gpu, vm->gpus, other, sizeof(other)))
		complain_of(gpu->bdf, "%s belongs to %s, too: all GPUs of a socket go to one VM",
			    gpu->egm, other);
	else if (gpu->has_egm_retired && gpu->egm_retired)
		complain_of(gpu->egm,
			    "%llu of its blocks cannot be mapped: QEMU needs memory backends around them (offset=), which have to be written by hand",
			    gpu->egm_retired);
	else
		return true;
	return false;
}

/* A node has its RAM in the EGM of the GPUs that are on it. False after a message. */
static bool check_node(const struct vm *vm, unsigned int node)
{
	const struct gpu *gpu, *first = NULL;
	__u64 memory = vm_node_memory(vm, node);
	char has[32], needed[32];
	unsigned int i;

	for (i = 0; i < vm->gpus->nr; i++) {
		gpu = &vm->gpus->v[i];
		if (vm_socket(vm, i) != node)
			continue;
		if (first && strcmp(first->egm, gpu->egm))
			break;
		first = gpu;
	}
	if (!first || i < vm->gpus->nr) {
		complain_of("--egm",
			    "each node with RAM needs GPUs of one socket: leave --host-node out");
		return false;
	}
	if (memory <= first->egm_size)
		return true;
	complain_of("--memory", "%s of it in %s, which has %s",
		    format_size(needed, sizeof(needed), memory), first->egm,
		    format_size(has, sizeof(has), first->egm_size));
	return false;
}

/* Name of the region that is a node's RAM. */
const char *egm_of_node(const struct vm *vm, unsigned int node)
{
	unsigned int i;

	for (i = 0; i < vm->gpus->nr && vm_socket(vm, i) != node; i++)
		;
	return vm->gpus->v[i].egm;
}

/**
 * egm_check() - Can the RAM of a VM be EGM, if that is requested?
 * @vm: the VM
 * @which: VMM that runs it
 *
 * Return: false after a message.
 */
bool egm_check(const struct vm *vm, enum vmm which)
{
	unsigned int i;

	if (!vm->egm)
		return true;
	if (which != QEMU) {
		complain_of(vmms[which].name, which == LIBVIRT ?
			    "--egm: RAM cannot be a device file there; use gen qemu" :
			    "--egm: only gen qemu writes it");
		return false;
	}
	if (vm->hugepages || vm->iommufd == VM_ON) {
		complain_of("--egm", vm->hugepages ? "it replaces --hugepages" :
			    "iommufd cannot map it: leave --iommufd out, or use --iommufd off");
		return false;
	}
	for (i = 0; i < vm->gpus->nr; i++)
		if (!check_gpu(vm, &vm->gpus->v[i]))
			return false;
	for (i = 0; i < vm->nr_nodes; i++)
		if (!check_node(vm, i))
			return false;
	return true;
}
