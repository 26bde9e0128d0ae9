// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the host: processor, kernel, KVM.
 */
#include <errno.h>

#include "doctor.h"

/* The guest's GPU driver onlines the memory of each MIG slice as a node. */
#define NODES_PER_GPU 8
#define QEMU_MAX_NODES 128

static void check_arch(const struct patient *patient)
{
	char machine[32];

	if (fact(machine, sizeof(machine), "machine"))
		finding(SKIP, NULL, "the architecture is unknown");
	else if (!strcmp(machine, "aarch64"))
		finding(PASS, NULL, "aarch64");
	else
		finding(FAIL, "run this on the Grace host itself",
			"%s: Grace is aarch64", machine);
}

static void check_kernel(const struct patient *patient)
{
	unsigned int version = parse_version(kernel_release());

	if (!version)
		finding(SKIP, NULL, "the version of the kernel is unknown");
	else if (version < VERSION(6, 12, 0))
		finding(FAIL, "boot Linux 6.12 or newer, 6.17 for VMs with KVM",
			"Linux %s is too old: the driver needs 6.12", kernel_release());
	else
		finding(PASS, NULL, "Linux %s", kernel_release());
}

static void check_page_size(const struct patient *patient)
{
	char text[32];
	unsigned int size;

	if (fact(text, sizeof(text), "page.size")) {
		finding(SKIP, NULL, "the page size is unknown");
		return;
	}
	size = strtoul(text, NULL, 10) / SZ_K;
	if (size == 64)
		finding(PASS, NULL, "64 KiB pages");
	else
		finding(WARN,
			"boot the 64K flavour of your distribution's kernel (linux-image-*-64k)",
			"%u KiB pages work, but NVIDIA recommends 64 KiB on Grace", size);
}

struct symbol {
	const char *name;
	enum verdict without;
	const char *todo;
};

static void check_config(const struct patient *patient)
{
	static const struct symbol wanted[] = {
		{ "CONFIG_VFIO", FAIL, "boot a kernel with CONFIG_VFIO" },
		{ "CONFIG_VFIO_PCI_CORE", FAIL, "boot a kernel with CONFIG_VFIO_PCI" },
		{ "CONFIG_ARM_SMMU_V3", FAIL, "boot a kernel with CONFIG_ARM_SMMU_V3" },
		{ "CONFIG_KVM", FAIL, "boot a kernel with CONFIG_KVM" },
		{ "CONFIG_IOMMUFD", WARN,
		  "accelerated SMMUs need it; other VMs work with the vfio container" },
		{ "CONFIG_VFIO_DEVICE_CDEV", WARN, "iommufd needs it, see CONFIG_IOMMUFD" },
		{ "CONFIG_PCI_P2PDMA", WARN, "dma-bufs need it, see CONFIG_VFIO_PCI_DMABUF" },
		{ "CONFIG_VFIO_PCI_DMABUF", WARN,
		  "with iommufd, DMA of other devices to GPU memory needs it (Linux 6.19)" },
		{ "CONFIG_MEMORY_FAILURE", WARN,
		  "without it hwpoisoned pages of the GPU stay in use" },
	};
	unsigned int i, bad = 0;

	if (!patient->config) {
		finding(SKIP, NULL, "no configuration of kernel %s in /boot, /lib/modules or /proc",
			kernel_release());
		return;
	}
	for (i = 0; i < NR_ITEMS(wanted); i++) {
		if (config_is_on(patient, wanted[i].name))
			continue;
		finding(wanted[i].without, wanted[i].todo, "%s is not set in kernel %s",
			wanted[i].name, kernel_release());
		bad++;
	}
	if (!bad)
		finding(PASS, NULL, "kernel %s has what is needed", kernel_release());
}

static void check_kvm(const struct patient *patient)
{
	char text[16];
	int ret = fact(text, sizeof(text), "kvm.cacheable_pfnmap");

	if (ret == -EACCES || ret == -EPERM)
		finding(SKIP, NULL, "this user may not open /dev/kvm");
	else if (ret)
		finding(FAIL, "boot the kernel at EL2 (see dmesg | grep -i kvm), load kvm",
			"KVM is not available (%s)", errno_name(ret));
	else if (!strcmp(text, "1"))
		finding(PASS, NULL, "KVM maps device memory cacheable");
	else
		finding(FAIL,
			"boot Linux 6.17 or newer; the CPU needs FWB and DIC, which Grace has",
			"KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED is 0: KVM maps usemem uncached into guests, unaligned accesses and atomics fault");
}

static void check_sea(const struct patient *patient)
{
	char text[16];

	if (fact(text, sizeof(text), "kvm.sea_to_user"))
		finding(SKIP, NULL, "KVM cannot be asked, see host.kvm");
	else if (!strcmp(text, "1"))
		finding(PASS, NULL, "KVM reports hwpoisoned pages to the VMM");
	else
		finding(WARN, "boot Linux 6.19 or newer",
			"KVM_CAP_ARM_SEA_TO_USER is 0: a guest's access to a hwpoisoned page may end it, or the host");
}

static void check_nodes(const struct patient *patient)
{
	unsigned int wanted = NODES_PER_GPU * patient->gpus->nr + 1;
	char value[16];

	if (wanted > QEMU_MAX_NODES)
		finding(FAIL, "assign fewer GPUs to one VM",
			"%u GPUs need %u NUMA nodes in a guest, QEMU has %u", patient->gpus->nr,
			wanted, QEMU_MAX_NODES);
	else if (!patient->config ||
		 parse_config(patient->config, "CONFIG_NODES_SHIFT", value, sizeof(value)))
		finding(SKIP, NULL, "CONFIG_NODES_SHIFT is unknown");
	else if (wanted > 1U << (atoi(value) & 15))
		finding(WARN, "boot a kernel with a larger CONFIG_NODES_SHIFT, in guests as well",
			"CONFIG_NODES_SHIFT=%s allows %u NUMA nodes, %u GPUs need %u", value,
			1U << (atoi(value) & 15), patient->gpus->nr, wanted);
	else
		finding(PASS, NULL, "up to %u NUMA nodes, %u needed", 1U << (atoi(value) & 15),
			wanted);
}

const struct check host_checks[] = {
	{ "host.kernel", "version of the kernel", check_kernel, NULL },
	{ "host.arch", "processor of a Grace host", check_arch, NULL },
	{ "host.page_size", "base pages of the kernel", check_page_size, NULL },
	{ "host.config", "configuration of the kernel", check_config, NULL },
	{ "host.kvm", "KVM maps device memory cacheable", check_kvm, NULL },
	{ "host.sea", "KVM reports hwpoisoned pages to the VMM", check_sea, NULL },
	{ "host.nodes", "enough NUMA nodes for the GPUs", check_nodes, NULL },
	{ }
};
