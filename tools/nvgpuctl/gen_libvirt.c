// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libvirt domain. Options that this libvirt lacks are passed to QEMU through
 * qemu:commandline.
 */
#include <json-c/json.h>

#include "vm.h"

/* <name>text</name>, escaped. */
static void put_element(FILE *to, const char *indent, const char *name, const char *text)
{
	fprintf(to, "%s<%s>", indent, name);
	put_xml(to, text);
	fprintf(to, "</%s>\n", name);
}

static bool has_iommufd(const struct vm *vm)
{
	return vm->iommufd == VM_ON && vm_has(vm, LIBVIRT_IOMMUFD);
}

static void put_os(const struct vm *vm, FILE *to)
{
	fputs("  <!-- No Secure Boot: the guest's GPU driver need not be signed. -->\n", to);
	if (vm->firmware) {
		fputs("  <os>\n    <type arch='aarch64' machine='virt'>hvm</type>\n"
		      "    <loader type='rom'>", to);
		put_xml(to, vm->firmware);
		fputs("</loader>\n  </os>\n", to);
	} else {
		fputs("  <os firmware='efi'>\n"
		      "    <type arch='aarch64' machine='virt'>hvm</type>\n"
		      "    <firmware><feature enabled='no' name='secure-boot'/></firmware>\n"
		      "  </os>\n", to);
	}
	if (vm_has(vm, LIBVIRT_RAS))
		fputs("  <!-- ras: reports hwpoisoned pages to the guest. -->\n", to);
	fprintf(to, "  <features><acpi/><gic version='3'/>%s</features>\n",
		vm_has(vm, LIBVIRT_RAS) ? "<ras state='on'/>" : "");
}

static void put_head(const struct vm *vm, FILE *to)
{
	char lock[32];

	fprintf(to,
		"<!-- Made by nvgpuctl " NVGPUCTL_VERSION " for libvirt %u.%u and QEMU %u.%u%s.\n"
		"     Add disks, networks and a console,\n"
		"     then use virt-xml-validate and virsh define. -->\n"
		"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
		MAJOR(vm->version[LIBVIRT]), MINOR(vm->version[LIBVIRT]), MAJOR(vm->version[QEMU]), MINOR(vm->version[QEMU]),
		vm->is_assumed[QEMU] ? ", which is assumed" : "");
	put_element(to, "  ", "name", vm->name);
	fprintf(to,
		"  <memory unit='MiB'>%llu</memory>\n"
		"  <!-- Limit of locked memory: RAM, GPU memory and 1 GiB, %s. -->\n"
		"  <memtune><hard_limit unit='MiB'>%llu</hard_limit></memtune>\n"
		"  <vcpu>%u</vcpu>\n", vm->memory / SZ_M,
		format_size(lock, sizeof(lock), vm->memlock),
		(vm->memlock + SZ_M - 1) / SZ_M, vm->cpus);
	if (has_iommufd(vm))
		fputs("  <iommufd enabled='yes'/>\n", to);
	put_os(vm, to);
}

static void put_nodes(const struct vm *vm, FILE *to)
{
	unsigned int i;

	fprintf(to, "  <cpu mode='host-passthrough'>\n    <numa>\n"
		"      <cell id='0' cpus='0-%u' memory='%llu' unit='MiB'/>\n", vm->cpus - 1,
		vm->memory / SZ_M);
	if (vm_has(vm, LIBVIRT_NODESET)) {
		fprintf(to,
			"      <!-- %d empty cells for each GPU: the guest's driver onlines its memory there. -->\n",
			VM_NODES_PER_GPU);
		for (i = 0; i < VM_NODES_PER_GPU * vm->gpus->nr; i++)
			fprintf(to, "      <cell id='%u' memory='0' unit='KiB'/>\n", i + 1);
	}
	fputs("    </numa>\n  </cpu>\n", to);
}

static void put_smmus(const struct vm *vm, FILE *to)
{
	unsigned int i;

	for (i = 0; vm->smmu && i < vm->gpus->nr; i++) {
		unsigned int number = vm_smmu_of(vm, i) + 1;

		if (!vm_smmu_is_first(vm, i))
			continue;
		fprintf(to,
			"    <!-- For %s: its own bus, and an SMMU accelerated by the host's. -->\n"
			"    <controller type='pci' index='%u' model='pcie-expander-bus'><target busNr='%u'/></controller>\n"
			"    <iommu model='smmuv3'><driver pciBus='%u' accel='on'/></iommu>\n",
			vm->gpus->v[i].iommu, number, 16 * number, number);
	}
}

static void put_gpu(const struct vm *vm, FILE *to, unsigned int i)
{
	const struct gpu *gpu = &vm->gpus->v[i];
	/* Root ports follow the expander buses, up to one per GPU. */
	unsigned int port = vm->gpus->nr + 1 + i;

	if (vm->smmu)
		fprintf(to,
			"    <controller type='pci' index='%u' model='pcie-root-port'><address type='pci' bus='%u' slot='%u'/></controller>\n",
			port, vm_smmu_of(vm, i) + 1, i);
	fprintf(to, "    <!-- %s -->\n"
		"    <hostdev mode='subsystem' type='pci' managed='yes'>\n"
		"      <driver name='vfio' model='", gpu->bdf);
	put_xml(to, vm->driver);
	fprintf(to, "'%s/>\n"
		"      <source><address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/></source>\n"
		"      <alias name='ua-gpu%u'/>\n", has_iommufd(vm) ? " iommufd='yes'" : "",
		gpu->address.domain, gpu->address.bus, gpu->address.dev, gpu->address.fn, i);
	fputs("      <rom bar='off'/>\n", to);
	if (vm_has(vm, LIBVIRT_NODESET))
		fprintf(to, "      <acpi nodeset='%u-%u'/>\n", vm_node(i, 0),
			vm_node(i, VM_NODES_PER_GPU - 1));
	if (vm->smmu)
		fprintf(to, "      <address type='pci' bus='%u' slot='0'/>\n", port);
	fputs("    </hostdev>\n", to);
}

static void put_arg(FILE *to, const char *name, const char *value)
{
	fprintf(to, "    <qemu:arg value='%s'/><qemu:arg value='%s'/>\n", name, value);
}

static void put_node_args(FILE *to, unsigned int gpu)
{
	char text[96];
	unsigned int i;

	for (i = 0; i < VM_NODES_PER_GPU; i++) {
		snprintf(text, sizeof(text), "node,nodeid=%u", vm_node(gpu, i));
		put_arg(to, "-numa", text);
		snprintf(text, sizeof(text),
			 "acpi-generic-initiator,id=gi%u,pci-dev=ua-gpu%u,node=%u",
			 gpu * VM_NODES_PER_GPU + i, gpu, vm_node(gpu, i));
		put_arg(to, "-object", text);
	}
}

static void put_commandline(const struct vm *vm, FILE *to)
{
	char text[64];
	unsigned int i;

	bool has_mmio = vm->mmio_size > VM_MMIO_DEFAULT && !vm_has(vm, LIBVIRT_PCIHOLE64);

	if (vm_has(vm, LIBVIRT_NODESET) && vm_has(vm, LIBVIRT_RAS) && !has_mmio)
		return;
	fputs("  <qemu:commandline>\n", to);
	if (!vm_has(vm, LIBVIRT_RAS))
		put_arg(to, "-machine", "ras=on");
	if (has_mmio) {
		snprintf(text, sizeof(text), "highmem-mmio-size=%lluG",
			 vm->mmio_size / SZ_G);
		fputs("    <!-- MMIO window above RAM for the BARs. -->\n", to);
		put_arg(to, "-machine", text);
	}
	if (!vm_has(vm, LIBVIRT_NODESET)) {
		fprintf(to,
			"    <!-- %d empty nodes for each GPU: the guest's driver onlines its memory there. -->\n",
			VM_NODES_PER_GPU);
		for (i = 0; i < vm->gpus->nr; i++)
			put_node_args(to, i);
	}
	fputs("  </qemu:commandline>\n", to);
}

static void put_disk(const struct vm *vm, FILE *to)
{
	if (!vm->disk)
		return;
	fprintf(to,
		"    <disk type='file' device='disk'>\n      <driver name='qemu' type='%s'/>\n"
		"      <source file='",
		vm->disk_format);
	put_xml(to, vm->disk);
	fputs("'/>\n      <target dev='vda' bus='virtio'/>\n    </disk>\n", to);
}

static void put_root(const struct vm *vm, FILE *to)
{
	if (vm->mmio_size <= VM_MMIO_DEFAULT || !vm_has(vm, LIBVIRT_PCIHOLE64)) {
		fputs("    <controller type='pci' index='0' model='pcie-root'/>\n", to);
		return;
	}
	fprintf(to,
		"    <!-- MMIO window above RAM for the BARs. -->\n"
		"    <controller type='pci' index='0' model='pcie-root'><pcihole64 unit='KiB'>%llu</pcihole64></controller>\n",
		vm->mmio_size / SZ_K);
}

/**
 * gen_libvirt() - Write the XML of a domain
 * @vm: the VM
 * @to: output
 * @argv: unused, libvirt makes the command line
 */
void gen_libvirt(const struct vm *vm, FILE *to, struct json_object *argv)
{
	unsigned int i;

	put_head(vm, to);
	put_nodes(vm, to);
	fputs("  <devices>\n", to);
	put_element(to, "    ", "emulator",
		    *vm->emulator == '/' ? vm->emulator : "/usr/bin/qemu-system-aarch64");
	put_disk(vm, to);
	put_root(vm, to);
	put_smmus(vm, to);
	for (i = 0; i < vm->gpus->nr; i++)
		put_gpu(vm, to, i);
	fputs("    <serial type='pty'/>\n  </devices>\n", to);
	put_commandline(vm, to);
	fputs("</domain>\n", to);
}
