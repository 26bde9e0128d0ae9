/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A planned virtual machine, and its output formats.
 */
#ifndef VM_H
#define VM_H

#include "nvgpuctl.h"

/* Nodes without memory for each GPU: the guest's driver uses one for each MIG slice. */
#define VM_NODES_PER_GPU 8

enum vmm {
	QEMU,
	LIBVIRT,
	CLOUD_HYPERVISOR,
	NR_VMMS,
};

/**
 * struct vmm_name - the names of a VMM
 * @name: as it calls itself
 * @key: in options and facts
 */
struct vmm_name {
	const char *name, *key;
};

extern const struct vmm_name vmms[NR_VMMS];

/* Features of VMMs that came with a version, see vm.c. */
enum feature {
	QEMU_GENERIC_INITIATOR,
	QEMU_MMIO_SIZE,
	QEMU_SMMU_ACCEL,
	LIBVIRT_DRIVER_MODEL,
	LIBVIRT_RAS,
	LIBVIRT_PCI_SMMU,
	LIBVIRT_IOMMUFD,
	LIBVIRT_SMMU_ACCEL,
	LIBVIRT_NODESET,
	LIBVIRT_PCIHOLE64,
	CLOUD_GENERIC_INITIATOR,
	CLOUD_IOMMUFD,
	NR_FEATURES,
};

/**
 * struct feature_since - the first version with a feature
 * @name: its name
 * @vmm: that has it
 * @version: of @vmm
 */
struct feature_since {
	const char *name;
	enum vmm vmm;
	unsigned int version;
};

extern const struct feature_since features[NR_FEATURES];

#define MAJOR(version) ((version) / 1000000)
#define MINOR(version) ((version) / 1000 % 1000)

/* Nodes of RAM and CPUs, each on a node of the host. */
#define VM_MAX_RAM_NODES 8
/* MAX_NODES of QEMU. */
#define VM_MAX_NODES 128
#define VM_EMPTY_NODES \
	"%d empty nodes for each GPU: the guest's driver onlines its memory there."

enum vm_switch {
	VM_OFF,
	VM_ON,
	VM_AUTO,
};

/**
 * struct vm - requested properties of a VM, and values computed from them
 * @gpus: its GPUs
 * @name: its name
 * @memory: RAM in bytes
 * @cpus: number of CPUs
 * @host_nodes: list of host nodes as requested, or NULL
 * @hugepages: size of huge pages as requested, empty for the host's default, or NULL
 * @emulator: file of the VMM
 * @firmware: file, NULL for libvirt's choice
 * @disk: file, or NULL
 * @disk_format: its format
 * @driver: host driver, for libvirt
 * @output: file to write, NULL for the standard output
 * @iommufd: use iommufd, not the vfio container; VM_AUTO only while parsing options
 * @smmu: a guest SMMU, accelerated, for each SMMU of the host
 * @version: of each VMM
 * @is_assumed: it was neither found nor given
 * @nr_nodes: number of nodes with RAM and CPUs
 * @host_node: host node of each, -1 for any
 * @hugepage: size of huge pages for RAM, 0 for none
 * @mmio_size: size of the MMIO window for the BARs, a power of two
 * @memlock: bytes that the VMM must be able to lock
 */
struct vm {
	const struct gpus *gpus;
	const char *name;
	__u64 memory;
	unsigned int cpus;
	const char *host_nodes;
	const char *hugepages;
	const char *emulator;
	const char *firmware;
	const char *disk;
	const char *disk_format;
	const char *driver;
	const char *output;
	enum vm_switch iommufd;
	bool smmu;
	unsigned int version[NR_VMMS];
	bool is_assumed[NR_VMMS];
	unsigned int nr_nodes;
	int host_node[VM_MAX_RAM_NODES];
	__u64 hugepage;
	__u64 mmio_size;
	__u64 memlock;
};

/* QEMU's default window, which is also the minimum. */
#define VM_MMIO_DEFAULT (512 * SZ_G)

bool version_has(unsigned int version, enum feature feature);
bool vm_has(const struct vm *vm, enum feature feature);
const char *vm_made_for(const struct vm *vm, enum vmm which, char *buf, size_t len);
__u64 vm_mmio_size(const struct gpus *gpus);
__u64 vm_memlock(const struct gpus *gpus, __u64 memory);
unsigned int vm_cpu_sockets(const struct vm *vm);
unsigned int vm_bus_of(const struct vm *vm, unsigned int gpu);
bool vm_bus_is_first(const struct vm *vm, unsigned int gpu);
unsigned int vm_nr_nodes(const struct vm *vm);
unsigned int vm_node(const struct vm *vm, unsigned int gpu, unsigned int i);
unsigned int vm_socket(const struct vm *vm, unsigned int gpu);
unsigned int vm_first_cpu(const struct vm *vm, unsigned int node);
__u64 vm_node_memory(const struct vm *vm, unsigned int node);
bool vm_needs_distances(const struct vm *vm);
unsigned int vm_distance(const struct vm *vm, unsigned int from, unsigned int to);

/* nodes.c: host nodes and huge pages */

/* As in ACPI's SLIT; 255 is unreachable. */
#define DISTANCE_LOCAL 10
#define DISTANCE_REMOTE 20
#define DISTANCE_MAX 254

unsigned int nodes_distance(int from, int to);
bool nodes_choose(struct vm *vm);
bool hugepages_choose(struct vm *vm);
void hugepages_warn(const struct vm *vm);

/**
 * struct script - output of a generator
 * @to: gets the text
 * @argv: gets the words of the command line, unused for libvirt
 */
struct script {
	FILE *to;
	struct json_object *argv;
};

void script_begin(const struct script *script, const struct vm *vm, enum vmm which);
void script_note(const struct script *script, const char *fmt, ...) FORMAT(2, 3);
void script_option(const struct script *script, const char *name, const char *fmt, ...)
	FORMAT(3, 4);
void script_end(const struct script *script, const struct vm *vm);

void gen_qemu(const struct vm *vm, const struct script *out);
void gen_libvirt(const struct vm *vm, const struct script *out);
void gen_cloud_hypervisor(const struct vm *vm, const struct script *out);

#endif /* VM_H */
