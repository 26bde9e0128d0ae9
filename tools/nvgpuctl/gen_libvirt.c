// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libvirt domain. Options that this libvirt lacks are passed to QEMU through
 * qemu:commandline.
 */
#include <stdarg.h>

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
	char lock[32], libvirt[64], qemu[64];

	fprintf(to,
		"<!-- Made by nvgpuctl " NVGPUCTL_VERSION " for %s and %s.\n"
		"     Add disks, networks and a console,\n"
		"     then use virt-xml-validate and virsh define. -->\n"
		"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
		vm_made_for(vm, LIBVIRT, libvirt, sizeof(libvirt)),
		vm_made_for(vm, QEMU, qemu, sizeof(qemu)));
	put_element(to, "  ", "name", vm->name);
	fprintf(to,
		"  <memory unit='MiB'>%llu</memory>\n"
		"  <!-- Limit of locked memory: RAM, GPU memory and 1 GiB, %s. -->\n"
		"  <memtune><hard_limit unit='MiB'>%llu</hard_limit></memtune>\n"
		"  <vcpu>%u</vcpu>\n", vm->memory / SZ_M,
		format_size(lock, sizeof(lock), vm->memlock),
		(vm->memlock + SZ_M - 1) / SZ_M, vm->cpus);
	if (vm->hugepage)
		fprintf(to,
			"  <memoryBacking><hugepages><page size='%llu' unit='KiB'/></hugepages></memoryBacking>\n",
			vm->hugepage / SZ_K);
	if (has_iommufd(vm))
		fputs("  <iommufd enabled='yes'/>\n", to);
	put_os(vm, to);
}

/* The rest of a cell, after its attributes. */
static void end_cell(const struct vm *vm, FILE *to, unsigned int node)
{
	unsigned int i;

	if (!vm_needs_distances(vm) || !vm_has(vm, LIBVIRT_NODESET)) {
		fputs("/>\n", to);
		return;
	}
	fputs("><distances>\n", to);
	for (i = 0; i < vm_nr_nodes(vm); i++)
		fprintf(to, "        <sibling id='%u' value='%u'/>\n", i,
			vm_distance(vm, node, i));
	fputs("      </distances></cell>\n", to);
}

static void put_nodes(const struct vm *vm, FILE *to)
{
	unsigned int i;

	if (vm->host_node[0] >= 0) {
		fputs("  <!-- RAM is on these nodes of the host. -->\n  <numatune>\n", to);
		for (i = 0; i < vm->nr_nodes; i++)
			fprintf(to, "    <memnode cellid='%u' mode='strict' nodeset='%d'/>\n", i,
				vm->host_node[i]);
		fputs("  </numatune>\n", to);
	}
	fprintf(to, "  <cpu mode='host-passthrough'>\n"
		"    <topology sockets='%u' cores='%u' threads='1'/>\n    <numa>\n",
		vm_cpu_sockets(vm), vm->cpus / vm_cpu_sockets(vm));
	for (i = 0; i < vm->nr_nodes; i++) {
		fprintf(to, "      <cell id='%u' cpus='%u-%u' memory='%llu' unit='MiB'", i,
			vm_first_cpu(vm, i), vm_first_cpu(vm, i + 1) - 1,
			vm_node_memory(vm, i) / SZ_M);
		end_cell(vm, to, i);
	}
	if (vm_has(vm, LIBVIRT_NODESET)) {
		fprintf(to, "      <!-- " VM_EMPTY_NODES " -->\n", VM_NODES_PER_GPU);
		for (; i < vm_nr_nodes(vm); i++) {
			fprintf(to, "      <cell id='%u' memory='0' unit='KiB'", i);
			end_cell(vm, to, i);
		}
	}
	fputs("    </numa>\n  </cpu>\n", to);
}

static void put_buses(const struct vm *vm, FILE *to)
{
	unsigned int i, number;

	for (i = 0; i < vm->gpus->nr; i++) {
		number = vm_bus_of(vm, i);
		if (!number || !vm_bus_is_first(vm, i))
			continue;
		fprintf(to,
			"    <controller type='pci' index='%u' model='pcie-expander-bus'>\n"
			"      <target busNr='%u'><node>%u</node></target>\n    </controller>\n",
			number, 16 * number, vm_socket(vm, i));
		if (vm->smmu)
			fprintf(to,
				"    <!-- For %s: an SMMU accelerated by the host's. -->\n"
				"    <iommu model='smmuv3'><driver pciBus='%u' accel='on'/></iommu>\n",
				vm->gpus->v[i].iommu, number);
	}
}

static void put_gpu(const struct vm *vm, FILE *to, unsigned int i)
{
	const struct gpu *gpu = &vm->gpus->v[i];
	unsigned int bus = vm_bus_of(vm, i), port = 1 + i, j;

	/* Root ports follow the expander buses: libvirt fills gaps with ports of its own. */
	for (j = 0; j < vm->gpus->nr; j++)
		port += vm_bus_is_first(vm, j);
	if (bus)
		fprintf(to,
			"    <controller type='pci' index='%u' model='pcie-root-port'><address type='pci' bus='%u' slot='%u'/></controller>\n",
			port, bus, i);
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
		fprintf(to, "      <acpi nodeset='%u-%u'/>\n", vm_node(vm, i, 0),
			vm_node(vm, i, VM_NODES_PER_GPU - 1));
	if (bus)
		fprintf(to, "      <address type='pci' bus='%u' slot='0'/>\n", port);
	fputs("    </hostdev>\n", to);
}

static void put_arg(FILE *to, const char *name, const char *fmt, ...) FORMAT(3, 4);

static void put_arg(FILE *to, const char *name, const char *fmt, ...)
{
	va_list args;

	fprintf(to, "    <qemu:arg value='%s'/><qemu:arg value='", name);
	va_start(args, fmt);
	vfprintf(to, fmt, args);
	va_end(args);
	fputs("'/>\n", to);
}

static void put_node_args(const struct vm *vm, FILE *to)
{
	unsigned int i, j, nr = vm_nr_nodes(vm);

	fprintf(to, "    <!-- " VM_EMPTY_NODES " -->\n", VM_NODES_PER_GPU);
	for (i = 0; i < nr - vm->nr_nodes; i++) {
		put_arg(to, "-numa", "node,nodeid=%u", vm->nr_nodes + i);
		put_arg(to, "-object", "acpi-generic-initiator,id=gi%u,pci-dev=ua-gpu%u,node=%u", i,
			i / VM_NODES_PER_GPU, vm->nr_nodes + i);
	}
	for (i = 0; vm_needs_distances(vm) && i < nr; i++)
		for (j = i + 1; j < nr; j++)
			put_arg(to, "-numa", "dist,src=%u,dst=%u,val=%u", i, j,
				vm_distance(vm, i, j));
}

static void put_commandline(const struct vm *vm, FILE *to)
{
	bool has_mmio = vm->mmio_size > VM_MMIO_DEFAULT && !vm_has(vm, LIBVIRT_PCIHOLE64);

	if (vm_has(vm, LIBVIRT_NODESET) && vm_has(vm, LIBVIRT_RAS) && !has_mmio)
		return;
	fputs("  <qemu:commandline>\n", to);
	if (!vm_has(vm, LIBVIRT_RAS))
		put_arg(to, "-machine", "ras=on");
	if (has_mmio) {
		fputs("    <!-- MMIO window above RAM for the BARs. -->\n", to);
		put_arg(to, "-machine", "highmem-mmio-size=%lluG", vm->mmio_size / SZ_G);
	}
	if (!vm_has(vm, LIBVIRT_NODESET))
		put_node_args(vm, to);
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
 * @out: output
 */
void gen_libvirt(const struct vm *vm, const struct script *out)
{
	FILE *to = out->to;
	unsigned int i;

	put_head(vm, to);
	put_nodes(vm, to);
	fputs("  <devices>\n", to);
	put_element(to, "    ", "emulator",
		    *vm->emulator == '/' ? vm->emulator : "/usr/bin/qemu-system-aarch64");
	put_disk(vm, to);
	put_root(vm, to);
	put_buses(vm, to);
	for (i = 0; i < vm->gpus->nr; i++)
		put_gpu(vm, to, i);
	fputs("    <serial type='pty'/>\n  </devices>\n", to);
	put_commandline(vm, to);
	fputs("</domain>\n", to);
}
