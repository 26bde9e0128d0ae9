// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cloud-hypervisor command line, as a commented script.
 */
#define _GNU_SOURCE
#include <json-c/json.h>
#include <stdarg.h>

#include "vm.h"

static void word(FILE *to, struct json_object *argv, const char *fmt, ...) FORMAT(3, 4);

static void word(FILE *to, struct json_object *argv, const char *fmt, ...)
{
	char *value __free(pointer) = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&value, fmt, args) < 0)
		abort();
	va_end(args);
	fputc('\t', to);
	put_shell(to, value);
	fputc('\n', to);
	json_object_array_add(argv, json_object_new_string(value));
}

static void put_nodes(const struct vm *vm, FILE *to, struct json_object *argv)
{
	unsigned int i, j;

	fprintf(to,
		"\t# Node 0 has RAM and CPUs; each GPU has %d empty nodes for its memory.\n",
		VM_NODES_PER_GPU);
	word(to, argv, "--numa");
	word(to, argv, "guest_numa_id=0,cpus=[0-%u],memory_zones=[m0]", vm->cpus - 1);
	for (i = 0; i < vm->gpus->nr; i++)
		for (j = 0; j < VM_NODES_PER_GPU; j++)
			word(to, argv, "guest_numa_id=%u,device_id=gpu%u", vm_node(i, j), i);
}

/**
 * gen_cloud_hypervisor() - Write a script that starts cloud-hypervisor
 * @vm: the VM
 * @to: output
 * @argv: gets the words of the command line
 */
void gen_cloud_hypervisor(const struct vm *vm, FILE *to, struct json_object *argv)
{
	unsigned int i;

	json_object_array_add(argv, json_object_new_string("cloud-hypervisor"));
	fprintf(to,
		"#!/bin/bash\n"
		"# Made by nvgpuctl " NVGPUCTL_VERSION ".\n"
		"# Arguments are passed on to cloud-hypervisor: --disk, --net, --console. It needs a version with\n"
		"# device_id in --numa (generic initiators), and sizes MMIO windows by itself.\n"
		"ulimit -l %llu 2>/dev/null || ulimit -l unlimited 2>/dev/null ||\n"
		"\techo \"$0: cannot raise the limit of locked memory, see nvgpuctl doctor\" >&2\n"
		"\nargs=(\n", vm->memlock / SZ_K);
	word(to, argv, "--kernel");
	word(to, argv, "%s", vm->firmware);
	word(to, argv, "--cpus");
	word(to, argv, "boot=%u", vm->cpus);
	word(to, argv, "--memory");
	word(to, argv, "size=0");
	word(to, argv, "--memory-zone");
	word(to, argv, "id=m0,size=%lluM", vm->memory / SZ_M);
	if (vm->disk) {
		word(to, argv, "--disk");
		word(to, argv, "path=%s", vm->disk);
	}
	if (vm->iommufd == VM_ON) {
		fprintf(to,
			"\t# iommufd does not map BARs for P2P DMA yet.\n");
		word(to, argv, "--platform");
		word(to, argv, "iommufd=on,vfio_p2p_dma=off");
	}
	word(to, argv, "--device");
	for (i = 0; i < vm->gpus->nr; i++)
		word(to, argv, "id=gpu%u,path=/sys/bus/pci/devices/%s/", i, vm->gpus->v[i].bdf);
	put_nodes(vm, to, argv);
	fputs(")\n\nexec cloud-hypervisor \"${args[@]}\" \"$@\"\n", to);
}
