// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the VMM: QEMU, libvirt, device files, limits.
 */
#include <linux/capability.h>

#include "doctor.h"
#include "vm.h"

static bool sizes_are_known(const struct gpus *gpus)
{
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		if (!gpus->v[i].has_size)
			return false;
	return true;
}

static void check_qemu(const struct patient *patient)
{
	__u64 window = vm_mmio_size(patient->chosen);
	unsigned int version;
	char text[128], size[32];

	if (fact(text, sizeof(text), "qemu.version")) {
		finding(SKIP, NULL, "neither qemu-system-aarch64 nor qemu-kvm is installed");
		return;
	}
	version = parse_version(text);
	if (!version_has(version, QEMU_GENERIC_INITIATOR))
		finding(FAIL, "install QEMU 10.0 or newer",
			"%s lacks acpi-generic-initiator: no NUMA nodes for the GPU in a guest",
			text);
	else if (!version_has(version, QEMU_MMIO_SIZE) && window > VM_MMIO_DEFAULT)
		finding(FAIL, "install QEMU 10.0 or newer",
			"%s lacks highmem-mmio-size: the BARs of these GPUs need a window of %s, it has 512 GiB",
			text, format_size(size, sizeof(size), window));
	else if (!version_has(version, QEMU_MMIO_SIZE) && !sizes_are_known(patient->chosen))
		finding(SKIP, NULL,
			"%s has an MMIO window of 512 GiB; whether the BARs fit is unknown", text);
	else if (!version_has(version, QEMU_SMMU_ACCEL))
		finding(PASS, NULL, "%s (an accelerated guest SMMU needs %u.%u)", text,
			MAJOR(features[QEMU_SMMU_ACCEL].version),
			MINOR(features[QEMU_SMMU_ACCEL].version));
	else
		finding(PASS, NULL, "%s", text);
}

static void check_libvirt(const struct patient *patient)
{
	unsigned int version;
	char text[128];

	if (fact(text, sizeof(text), "libvirt.version")) {
		finding(SKIP, NULL, "libvirt is not installed");
		return;
	}
	version = parse_version(text);
	if (!version_has(version, LIBVIRT_DRIVER_MODEL))
		finding(WARN, "install libvirt 10.0 or newer, or bind by hand and use managed='no'",
			"%s lacks <driver model=>: the variant driver cannot be chosen",
			text);
	else if (!version_has(version, LIBVIRT_SMMU_ACCEL))
		finding(PASS, NULL,
			"%s (iommufd needs %u.%u, an accelerated guest SMMU %u.%u)", text,
			MAJOR(features[LIBVIRT_IOMMUFD].version),
			MINOR(features[LIBVIRT_IOMMUFD].version),
			MAJOR(features[LIBVIRT_SMMU_ACCEL].version),
			MINOR(features[LIBVIRT_SMMU_ACCEL].version));
	else
		finding(PASS, NULL, "%s", text);
}

/* A device file exists before its module is loaded; /proc/misc has what is. */
static bool is_registered(const char *name)
{
	char *data __free(pointer) = NULL;
	char word[16];

	snprintf(word, sizeof(word), " %s\n", name);
	return root_load(&data, "/proc/misc") > 0 && strstr(data, word);
}

static void check_devices(const struct patient *patient)
{
	static const char *const file[] = { "/dev/iommu", "/dev/vfio/vfio" };
	bool exists = root_exists("%s", file[0]) || root_exists("%s", file[1]);
	bool is_there[] = { is_registered("iommu"), is_registered("vfio") };
	unsigned int i;

	for (i = 0; i < NR_ITEMS(file); i++) {
		if (!is_there[i] || !root_may_use(file[i]))
			continue;
		finding(PASS, NULL, "this user may open %s", file[i]);
		return;
	}
	if (!exists)
		finding(FAIL, "modprobe vfio_iommu_type1 or iommufd",
			"neither /dev/iommu nor /dev/vfio/vfio exists: devices cannot be assigned to VMs");
	else if (is_there[0] || is_there[1])
		finding(WARN, "run the VMM as root, or let its user open them (udev, groups)",
			"this user may open neither /dev/iommu nor /dev/vfio/vfio");
	else
		finding(SKIP, NULL,
			"/dev/iommu or /dev/vfio/vfio exist, but their modules are not loaded");
}

static void check_access(const struct patient *patient, const struct gpu *gpu)
{
	char group[32], cdev[64];
	bool may_use;

	if (!strstr(gpu->driver, "vfio") || gpu->group < 0) {
		finding(SKIP, NULL, "not bound to a vfio driver, or without IOMMU group");
		return;
	}
	snprintf(group, sizeof(group), "/dev/vfio/%d", gpu->group);
	snprintf(cdev, sizeof(cdev), "/dev/vfio/devices/%s", gpu->vfio_dev);
	may_use = root_may_use(group);
	if (may_use || (gpu->vfio_dev[0] && root_may_use(cdev)))
		finding(PASS, NULL, "this user may open %s", may_use ? group : cdev);
	else
		finding(WARN,
			"run this as QEMU's user; let it open the file by udev (libvirt does so by itself)",
			"this user may not open %s", group);
}

/* What "gen --smmu" relies on; other VMs need none of it. */
static void check_smmu(const struct patient *patient)
{
	static const char *const symbol[] = { "CONFIG_IOMMUFD", "CONFIG_ARM_SMMU_V3_IOMMUFD" };
	char text[128];
	unsigned int i;

	for (i = 0; patient->config && i < NR_ITEMS(symbol); i++) {
		if (config_is_on(patient, symbol[i]))
			continue;
		finding(WARN, "boot a kernel that has it, or use gen without --smmu",
			"%s is not set in kernel %s: no accelerated guest SMMU", symbol[i],
			kernel_release());
		return;
	}
	if (!patient->config || fact(text, sizeof(text), "qemu.version")) {
		finding(SKIP, NULL, "the kernel's configuration or QEMU is unknown");
		return;
	}
	if (version_has(parse_version(text), QEMU_SMMU_ACCEL))
		finding(PASS, NULL, "kernel and QEMU have accelerated guest SMMUs");
	else
		finding(WARN, "install a newer QEMU, or use gen without --smmu",
			"%s has no %s", text, features[QEMU_SMMU_ACCEL].name);
}

static bool needs_no_limit(void)
{
	char *data __free(pointer) = NULL, *line = NULL;
	__u64 capabilities;

	if (root_load(&data, "/proc/self/status") > 0)
		line = strstr(data, "CapEff:");
	return line && sscanf(line, "CapEff: %llx", &capabilities) == 1 &&
	       capabilities >> CAP_IPC_LOCK & 1;
}

static void check_memlock(const struct patient *patient)
{
	char *data __free(pointer) = NULL;
	__u64 wanted = vm_memlock(patient->chosen, patient->guest_memory), limit;
	char have[32], want[32], todo[160];
	ssize_t len = root_load(&data, "/proc/self/limits");

	format_size(want, sizeof(want), wanted);
	if (needs_no_limit()) {
		finding(PASS, NULL, "this user has CAP_IPC_LOCK and needs no limit");
	} else if (len <= 0 || parse_memlock(data, &limit)) {
		finding(SKIP, NULL, "/proc/self/limits cannot be read; %s are needed", want);
	} else if (limit < wanted) {
		snprintf(todo, sizeof(todo),
			 "ulimit -l %llu for QEMU's user (LimitMEMLOCK=%llu in systemd); libvirt does so by itself",
			 wanted / SZ_K, wanted);
		finding(WARN, todo, "this user may lock %s; a VM with %llu GiB of RAM needs %s",
			format_size(have, sizeof(have), limit), patient->guest_memory / SZ_G, want);
	} else if (limit != UINT64_MAX && !sizes_are_known(patient->chosen)) {
		finding(SKIP, NULL, "the size of GPU memory is unknown; more than %s are needed",
			want);
	} else {
		finding(PASS, NULL, "%s may be locked, %s are needed",
			limit == UINT64_MAX ? "all memory" :
			format_size(have, sizeof(have), limit), want);
	}
}

const struct check vmm_checks[] = {
	{ "vmm.qemu", "version of QEMU", check_qemu, NULL },
	{ "vmm.libvirt", "version of libvirt", check_libvirt, NULL },
	{ "vmm.devices", "device files of vfio and iommufd", check_devices, NULL },
	{ "vmm.access", "device files of the GPU", NULL, check_access },
	{ "vmm.smmu", "accelerated guest SMMUs, for gen --smmu", check_smmu, NULL },
	{ "vmm.memlock", "limit of locked memory", check_memlock, NULL },
	{ }
};
