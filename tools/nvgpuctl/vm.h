/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A planned virtual machine, and its output formats.
 */
#ifndef VM_H
#define VM_H

#include "nvgpuctl.h"

/* Nodes without memory for each GPU: the guest's driver uses one for each MIG slice. */
#define VM_NODES_PER_GPU 8
#define VM_MAX_GPUS 15

enum vmm {
	QEMU,
	LIBVIRT,
	CLOUD_HYPERVISOR,
	NR_VMMS,
};

extern const char *const vmm_names[NR_VMMS];

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
 * @emulator: file
 * @firmware: file, NULL for libvirt's choice
 * @disk: file, or NULL
 * @disk_format: its format
 * @driver: host driver, for libvirt
 * @iommufd: use iommufd, not the vfio container; VM_AUTO only while parsing options
 * @smmu: a guest SMMU, accelerated, for each SMMU of the host
 * @version: of each VMM
 * @is_assumed: it was neither found nor given
 * @mmio_size: size of the MMIO window for the BARs, a power of two
 * @memlock: bytes that the VMM must be able to lock
 */
struct vm {
	const struct gpus *gpus;
	const char *name;
	__u64 memory;
	unsigned int cpus;
	const char *emulator;
	const char *firmware;
	const char *disk;
	const char *disk_format;
	const char *driver;
	enum vm_switch iommufd;
	bool smmu;
	unsigned int version[NR_VMMS];
	bool is_assumed[NR_VMMS];
	__u64 mmio_size;
	__u64 memlock;
};

/* QEMU's default window, which is also the minimum. */
#define VM_MMIO_DEFAULT (512 * SZ_G)

bool version_has(unsigned int version, enum feature feature);
bool vm_has(const struct vm *vm, enum feature feature);
__u64 vm_mmio_size(const struct gpus *gpus);
__u64 vm_memlock(const struct gpus *gpus, __u64 memory);
unsigned int vm_smmu_of(const struct vm *vm, unsigned int gpu);
bool vm_smmu_is_first(const struct vm *vm, unsigned int gpu);
unsigned int vm_node(unsigned int gpu, unsigned int i);

void gen_qemu(const struct vm *vm, FILE *to, struct json_object *argv);
void gen_libvirt(const struct vm *vm, FILE *to, struct json_object *argv);
void gen_cloud_hypervisor(const struct vm *vm, FILE *to, struct json_object *argv);

#endif /* VM_H */
