// SPDX-License-Identifier: GPL-2.0-only
/*
 * NUMA nodes and huge pages of the host.
 */
#include <errno.h>

#include "vm.h"

#define NODES "/sys/devices/system/node"
#define HUGEPAGES "hugepages/hugepages-%llukB"
#define FREE_HUGEPAGES HUGEPAGES "/free_hugepages"
#define MAX_HOST_NODES 1024

/* A list in sysfs; how many numbers, 0 if it is unknown. */
static unsigned int load_list(unsigned int *node, const char *name)
{
	char text[4096];
	int nr;

	root_read(text, sizeof(text), NODES "/%s", name);
	nr = parse_list(text, node, MAX_HOST_NODES);
	return nr > 0 ? nr : 0;
}

/**
 * nodes_distance() - Get the distance of two nodes of the host
 * @from: a node, or -1
 * @to: another, or the same
 *
 * Return: as in the host's SLIT, the kernel's default if it is unknown.
 */
unsigned int nodes_distance(int from, int to)
{
	unsigned int online[MAX_HOST_NODES], nr = load_list(online, "online"), i;
	char text[8192], *at = text;

	if (from == to)
		return DISTANCE_LOCAL;
	/* A column for each node that is online. */
	root_read(text, sizeof(text), NODES "/node%d/distance", from);
	for (i = 0; i < nr; i++) {
		unsigned long distance = strtoul(at, &at, 10);

		if ((int)online[i] == to && distance > DISTANCE_LOCAL)
			return distance;
	}
	return DISTANCE_REMOTE;
}

static bool has_memory(int node)
{
	unsigned int known[MAX_HOST_NODES], nr = load_list(known, "has_memory"), i;

	for (i = 0; i < nr && (int)known[i] != node; i++)
		;
	return !nr || i < nr;
}

/* Once; false if there is no room. */
static bool add_node(struct vm *vm, int node)
{
	unsigned int i;

	for (i = 0; i < vm->nr_nodes; i++)
		if (vm->host_node[i] == node)
			return true;
	if (vm->nr_nodes == VM_MAX_RAM_NODES)
		return false;
	vm->host_node[vm->nr_nodes++] = node;
	return true;
}

static bool choose_requested(struct vm *vm)
{
	unsigned int node[MAX_HOST_NODES];
	int i, nr = parse_list(vm->host_nodes, node, MAX_HOST_NODES);
	char text[256];

	for (i = 0; i < nr; i++) {
		root_read(text, sizeof(text), NODES "/has_memory");
		if (!has_memory(node[i])) {
			complain("--host-node %s: node %u has no memory; nodes with memory: %s",
				 vm->host_nodes, node[i], text);
			return false;
		}
		if (!add_node(vm, node[i])) {
			complain("--host-node %s: more than %d nodes", vm->host_nodes,
				 VM_MAX_RAM_NODES);
			return false;
		}
	}
	return true;
}

/**
 * nodes_choose() - Choose the host's nodes for RAM: as requested, else the GPUs'
 * @vm: the VM
 *
 * Return: false after a message.
 */
bool nodes_choose(struct vm *vm)
{
	unsigned int i;

	if (vm->host_nodes && strcmp(vm->host_nodes, "any") && !choose_requested(vm))
		return false;
	for (i = 0; !vm->host_nodes && i < vm->gpus->nr; i++)
		if (vm->gpus->v[i].node >= 0 && has_memory(vm->gpus->v[i].node))
			add_node(vm, vm->gpus->v[i].node);
	if (!vm->nr_nodes)
		add_node(vm, -1);
	if (vm_nr_nodes(vm) <= VM_MAX_NODES && vm->cpus >= vm->nr_nodes)
		return true;
	if (vm->cpus < vm->nr_nodes)
		complain("--cpus %u: the VM has %u nodes of the host, each needs a CPU", vm->cpus,
			 vm->nr_nodes);
	else
		complain("%u GPUs need %u NUMA nodes; a VM has at most %d", vm->gpus->nr,
			 vm_nr_nodes(vm), VM_MAX_NODES);
	return false;
}

/* The kernel's default, 0 if it is unknown. */
static __u64 default_hugepage(void)
{
	char *data __free(pointer) = NULL, *line = NULL;
	static const char key[] = "Hugepagesize:";

	if (root_load(&data, "/proc/meminfo") > 0)
		line = strstr(data, key);
	return line ? strtoull(line + sizeof(key) - 1, NULL, 10) * SZ_K : 0;
}

static bool has_hugepages(__u64 size)
{
	return size && root_exists("/sys/kernel/mm/" HUGEPAGES, size / SZ_K);
}

static void complain_of_size(const char *size)
{
	struct names names;
	char list[256] = "none", text[32];
	size_t used = 0;
	unsigned int i;
	__u64 kib;

	root_names(&names, "/sys/kernel/mm/hugepages");
	for (i = 0; i < names.nr; i++)
		if (sscanf(names.name[i], "hugepages-%llukB", &kib) == 1 && used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 format_unit(text, sizeof(text), kib * SZ_K));
	names_free(&names);
	complain("--hugepages=%s: huge pages of this kernel: %s", size, list);
}

/**
 * hugepages_choose() - Choose the size of huge pages, if they were requested
 * @vm: the VM
 *
 * Return: false after a message.
 */
bool hugepages_choose(struct vm *vm)
{
	char text[32];

	if (vm->hugepages && !*vm->hugepages)
		vm->hugepage = default_hugepage();
	else if (vm->hugepages && !parse_size(vm->hugepages, &vm->hugepage))
		vm->hugepage = 0;
	if (vm->hugepages && !has_hugepages(vm->hugepage)) {
		complain_of_size(vm->hugepages);
		return false;
	}
	if (!(vm->hugepage && vm->memory % vm->hugepage) && vm_node_memory(vm, 0))
		return true;
	complain_of("--memory",
		    "%s: must be a multiple of the huge page, at least one for each of %u nodes",
		    format_unit(text, sizeof(text), vm->memory), vm->nr_nodes);
	return false;
}

/* On stderr, as they may be freed before the VM starts. */
void hugepages_warn(const struct vm *vm)
{
	__u64 kib = vm->hugepage / SZ_K, has, needed;
	char size[32], place[32];
	unsigned int i;
	int ret;

	for (i = 0; vm->hugepage && i < vm->nr_nodes; i++) {
		has = 0;
		if (vm->host_node[i] < 0)
			ret = root_read_u64(&has, "/sys/kernel/mm/" FREE_HUGEPAGES, kib);
		else
			ret = root_read_u64(&has, NODES "/node%d/" FREE_HUGEPAGES,
					    vm->host_node[i], kib);
		needed = vm_node_memory(vm, i) / vm->hugepage;
		if (ret || has >= needed)
			continue;
		snprintf(place, sizeof(place), "node %d", vm->host_node[i]);
		complain_of(vm->host_node[i] < 0 ? "this host" : place,
			    "the VM needs %llu huge pages of %s, %llu are free: raise nr_hugepages there",
			    needed, format_unit(size, sizeof(size), vm->hugepage), has);
	}
}
