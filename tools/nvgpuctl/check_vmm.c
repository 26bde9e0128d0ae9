// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the VMM: QEMU, libvirt, device files, limits.
 */

#include "doctor.h"
#include "vm.h"

static void check_qemu(const struct patient *patient)
{
	char text[128];
	unsigned int version;

	if (fact(text, sizeof(text), "qemu.version")) {
		finding(SKIP, NULL, "qemu-system-aarch64 is not installed");
		return;
	}
	version = parse_version(text);
	if (version < QEMU_GENERIC_INITIATOR)
		finding(FAIL, "install QEMU 10.0 or newer",
			"%s lacks acpi-generic-initiator (9.0): no NUMA nodes for the GPU in a guest",
			text);
	else if (version < QEMU_MMIO_SIZE)
		finding(WARN, "install QEMU 10.0 or newer",
			"%s lacks highmem-mmio-size (10.0): BARs of more than 512 GiB in all do not fit",
			text);
	else if (version < QEMU_SMMU_ACCEL)
		finding(PASS, NULL, "%s (an accelerated guest SMMU needs 11.1)", text);
	else
		finding(PASS, NULL, "%s", text);
}

static void check_libvirt(const struct patient *patient)
{
	char text[128];
	unsigned int version;

	if (fact(text, sizeof(text), "libvirt.version")) {
		finding(SKIP, NULL, "libvirt is not installed");
		return;
	}
	version = parse_version(text);
	if (version < LIBVIRT_DRIVER_MODEL)
		finding(WARN, "install libvirt 10.0 or newer, or bind by hand and use managed='no'",
			"%s lacks <driver model=>: the variant driver cannot be chosen",
			text);
	else if (version < LIBVIRT_PCI_SMMU)
		finding(PASS, NULL,
			"%s (iommufd needs 12.2, a guest SMMU for each GPU 11.10)",
			text);
	else
		finding(PASS, NULL, "%s", text);
}

static void check_nodes(const struct patient *patient)
{
	bool iommufd = root_exists("/dev/iommu"), vfio = root_exists("/dev/vfio/vfio");

	if (iommufd)
		finding(PASS, NULL,
			"/dev/iommu exists%s", vfio ? ", /dev/vfio/vfio as well" : "");
	else if (vfio)
		finding(PASS, NULL, "/dev/vfio/vfio exists (no iommufd)");
	else
		finding(FAIL, "modprobe vfio_iommu_type1 or iommufd",
			"neither /dev/iommu nor /dev/vfio/vfio exists: devices cannot be assigned to VMs");
}

static void check_memlock(const struct patient *patient)
{
	char *data __free(pointer) = NULL;
	__u64 wanted = vm_memlock(patient->chosen, patient->guest_memory), limit;
	char have[32], want[32], todo[160];
	ssize_t len;

	len = root_load(&data, "/proc/self/limits");
	format_size(want, sizeof(want), wanted);
	if (len <= 0 || parse_memlock(data, len, &limit)) {
		finding(SKIP, NULL, "/proc/self/limits cannot be read; %s are needed", want);
		return;
	}
	if (limit == UINT64_MAX || limit >= wanted) {
		finding(PASS, NULL, "%s may be locked, %s are needed",
			limit == UINT64_MAX ? "all memory" :
			format_size(have, sizeof(have), limit), want);
		return;
	}
	snprintf(todo, sizeof(todo),
		 "ulimit -l %llu for QEMU's user (LimitMEMLOCK=%llu in systemd); libvirt does so by itself",
		 wanted / SZ_K, wanted);
	finding(WARN, todo, "this user may lock %s; a VM with %llu GiB of RAM needs %s",
		format_size(have, sizeof(have), limit), patient->guest_memory / SZ_G, want);
}

const struct check vmm_checks[] = {
	{ "vmm.qemu", "version of QEMU", check_qemu, NULL },
	{ "vmm.libvirt", "version of libvirt", check_libvirt, NULL },
	{ "vmm.devices", "device files of vfio and iommufd", check_nodes, NULL },
	{ "vmm.memlock", "limit of locked memory", check_memlock, NULL },
	{ }
};
