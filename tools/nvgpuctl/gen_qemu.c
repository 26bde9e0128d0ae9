// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU command line, as a commented script.
 */
#define _GNU_SOURCE
#include <json-c/json.h>
#include <stdarg.h>

#include "vm.h"

struct line {
	FILE *to;
	struct json_object *argv;
};

/* A text as a value among others, in which QEMU wants commas twice; to be freed. */
static char *suboption(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *to = copy;

	if (!copy)
		abort();
	do {
		if (*text == ',')
			*to++ = ',';
		*to++ = *text;
	} while (*text++);
	return copy;
}

/* One option and its value, as words of the script. */
static void option(const struct line *line, const char *name, const char *fmt, ...) FORMAT(3, 4);

static void option(const struct line *line, const char *name, const char *fmt, ...)
{
	char *value __free(pointer) = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&value, fmt, args) < 0)
		abort();
	va_end(args);
	fprintf(line->to, "\t%s", name);
	if (value[0]) {
		fputc(' ', line->to);
		put_shell(line->to, value);
	}
	fputc('\n', line->to);
	json_object_array_add(line->argv, json_object_new_string(name));
	if (value[0])
		json_object_array_add(line->argv, json_object_new_string(value));
}

static void put_head(const struct vm *vm, FILE *to)
{
	char ram[32], lock[32];

	fprintf(to, "#!/bin/bash\n"
		"# Made by nvgpuctl " NVGPUCTL_VERSION " for QEMU %u.%u%s.\n"
		"# Arguments are passed on to QEMU: disks, a network, -kernel.\n"
		"# The GPUs must be bound (nvgpuctl bind). QEMU locks %s of memory:\n"
		"# RAM (%s), GPU memory and 1 GiB. Users other than root need this limit:\n"
		"ulimit -l %llu 2>/dev/null || ulimit -l unlimited 2>/dev/null ||\n"
		"\techo \"$0: cannot raise the limit of locked memory, see nvgpuctl doctor\" >&2\n"
		"\nargs=(\n", MAJOR(vm->version[QEMU]), MINOR(vm->version[QEMU]),
		vm->is_assumed[QEMU] ? ", which is assumed" : "",
		format_size(lock, sizeof(lock), vm->memlock),
		format_size(ram, sizeof(ram), vm->memory), vm->memlock / SZ_K);
}

static void put_machine(const struct vm *vm, const struct line *line)
{
	char *name __free(pointer) = suboption(vm->name);
	char size[32], extra[64] = "";

	fprintf(line->to,
		"\t# ras: reports hwpoisoned pages to the guest. It needs ACPI, hence firmware;\n"
		"\t# -bios has no Secure Boot: the guest's GPU driver need not be signed.\n");
	if (vm->mmio_size > VM_MMIO_DEFAULT) {
		fprintf(line->to,
			"\t# MMIO window above RAM for the BARs: %s.\n",
			format_size(size, sizeof(size), vm->mmio_size));
		snprintf(extra, sizeof(extra), ",highmem-mmio-size=%lluG",
			 vm->mmio_size / SZ_G);
	} else {
		fprintf(line->to, "\t# The BARs fit QEMU's default MMIO window, 512 GiB.\n");
	}
	option(line, "-name", "%s", name);
	option(line, "-machine", "virt,accel=kvm,gic-version=3,ras=on%s", extra);
	option(line, "-cpu", "host");
	option(line, "-smp", "%u", vm->cpus);
	option(line, "-m", "%lluM", vm->memory / SZ_M);
	option(line, "-bios", "%s", vm->firmware);
	option(line, "-nodefaults", "%s", "");
	option(line, "-display", "none");
	option(line, "-serial", "mon:stdio");
	if (vm->disk) {
		char *disk __free(pointer) = suboption(vm->disk);

		option(line, "-drive", "if=virtio,format=%s,file=%s", vm->disk_format, disk);
	}
}

static void put_nodes(const struct vm *vm, const struct line *line)
{
	unsigned int i, j;

	fprintf(line->to, "\n\t# Node 0 has RAM and CPUs.\n");
	option(line, "-object", "memory-backend-ram,id=m0,size=%lluM", vm->memory / SZ_M);
	option(line, "-numa", "node,nodeid=0,cpus=0-%u,memdev=m0", vm->cpus - 1);
	fprintf(line->to,
		"\t# %d empty nodes for each GPU: the guest's driver onlines its memory there.\n",
		VM_NODES_PER_GPU);
	for (i = 0; i < vm->gpus->nr; i++)
		for (j = 0; j < VM_NODES_PER_GPU; j++)
			option(line, "-numa", "node,nodeid=%u", vm_node(i, j));
}

static void put_smmu(const struct vm *vm, const struct line *line, unsigned int gpu)
{
	unsigned int number = vm_smmu_of(vm, gpu) + 1;

	if (!vm->smmu || !vm_smmu_is_first(vm, gpu))
		return;
	fprintf(line->to, "\t# For %s: its own bus, and an SMMU accelerated by the host's.\n",
		vm->gpus->v[gpu].iommu);
	option(line, "-device", "pxb-pcie,id=pcie.%u,bus_nr=%u,bus=pcie.0", number, 16 * number);
	fprintf(line->to, "\t# ats, ril, ssidsize and oas are \"auto\": the host's.\n");
	option(line, "-device", "arm-smmuv3,primary-bus=pcie.%u,id=smmuv3.%u,accel=on", number,
	       number);
}

static void put_gpu(const struct vm *vm, const struct line *line, unsigned int i)
{
	const struct gpu *gpu = &vm->gpus->v[i];
	char bus[16] = "pcie.0";
	unsigned int j;

	fprintf(line->to, "\n\t# %s %s\n", gpu->bdf, gpu->name);
	put_smmu(vm, line, i);
	if (vm->smmu)
		snprintf(bus, sizeof(bus), "pcie.%u", vm_smmu_of(vm, i) + 1);
	option(line, "-device", "pcie-root-port,id=port%u,bus=%s,chassis=%u,io-reserve=0", i, bus,
	       i + 1);
	option(line, "-device", "vfio-pci-nohotplug,host=%s,bus=port%u,rombar=0,id=dev%u%s",
	       gpu->bdf, i, i, vm->iommufd == VM_ON ? ",iommufd=iommufd0" : "");
	fprintf(line->to, "\t# Generic initiators in the guest's SRAT: the GPU's nodes.\n");
	for (j = 0; j < VM_NODES_PER_GPU; j++)
		option(line, "-object", "acpi-generic-initiator,id=gi%u,pci-dev=dev%u,node=%u",
		       i * VM_NODES_PER_GPU + j, i, vm_node(i, j));
}

/**
 * gen_qemu() - Write a script that starts QEMU
 * @vm: the VM
 * @to: output
 * @argv: gets the words of the command line
 */
void gen_qemu(const struct vm *vm, FILE *to, struct json_object *argv)
{
	const struct line line = { to, argv };
	unsigned int i;

	json_object_array_add(argv, json_object_new_string(vm->emulator));
	put_head(vm, to);
	put_machine(vm, &line);
	put_nodes(vm, &line);
	if (vm->iommufd == VM_ON) {
		fprintf(to, "\n\t# DMA through iommufd, which this host has.\n");
		option(&line, "-object", "iommufd,id=iommufd0");
	}
	for (i = 0; i < vm->gpus->nr; i++)
		put_gpu(vm, &line, i);
	fputs(")\n\nexec ", to);
	put_shell(to, vm->emulator);
	fputs(" \"${args[@]}\" \"$@\"\n", to);
}
