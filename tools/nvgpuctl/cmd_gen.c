// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl gen: configuration of a VM with GPUs.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>

#include "vm.h"

#define CLOUD_FIRMWARE "/usr/share/cloud-hypervisor/CLOUDHV_EFI.fd"

struct format {
	const char *name;
	const char *firmware;
	void (*run)(const struct vm *vm, FILE *to, struct json_object *argv);
};

static const struct format formats[] = {
	{ "qemu", "/usr/share/AAVMF/AAVMF_CODE.fd", gen_qemu },
	{ "libvirt", "", gen_libvirt },
	{ "cloud-hypervisor", CLOUD_FIRMWARE, gen_cloud_hypervisor },
};

enum {
	OPT_MEMORY = 512,
	OPT_CPUS,
	OPT_NAME,
	OPT_FIRMWARE,
	OPT_DISK,
	OPT_DRIVER,
	OPT_SMMU,
	OPT_IOMMUFD,
	OPT_QEMU,
	OPT_LIBVIRT,
};

static const struct option own[] = {
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "firmware", required_argument, NULL, OPT_FIRMWARE },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "smmu", no_argument, NULL, OPT_SMMU },
	{ "iommufd", required_argument, NULL, OPT_IOMMUFD },
	{ "qemu-version", required_argument, NULL, OPT_QEMU },
	{ "libvirt-version", required_argument, NULL, OPT_LIBVIRT },
	{ }
};

static void print_help(void)
{
	puts("usage: nvgpuctl gen qemu|libvirt|cloud-hypervisor [OPTION...] GPU...\n"
	     "Writes a complete, commented configuration of a VM with these GPUs: 8 NUMA nodes\n"
	     "and generic initiators for each, an MMIO window for the BARs, the limit of\n"
	     "locked memory. The output is a script, or a domain for libvirt.\n"
	     "\n"
	     "  --memory SIZE          RAM, default 16G\n"
	     "  --cpus N               processors, default 4\n"
	     "  --name NAME            of the VM, default grace-vm\n"
	     "  --disk FILE            a disk, default none\n"
	     "  --firmware FILE        default /usr/share/AAVMF/AAVMF_CODE.fd (qemu)\n"
	     "  --driver NAME          of the host, for libvirt; default nvgpu_vfio_pci\n"
	     "  --smmu                 a guest SMMU for each host SMMU; needs iommufd, QEMU\n"
	     "                         11.1, libvirt 12.7 and a Grace host with KVM\n"
	     "  --iommufd WHEN         auto (default: where this host has it), on, off\n"
	     "  --qemu-version V, --libvirt-version V\n"
	     "                         target versions, default: those on this host\n"
	     "  --help                 this text; options for every command: nvgpuctl --help\n"
	     "\n"
	     "Exit status: 0 written, 1 a GPU's memory is unknown or QEMU or libvirt is too\n"
	     "old, 2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static int set_cpus(struct vm *vm, const char *text)
{
	char *end;

	vm->cpus = strtoul(text, &end, 10);
	return *end || vm->cpus < 1 || vm->cpus > 512 ? -EINVAL : 0;
}

static int set_memory(struct vm *vm, const char *text)
{
	return parse_size(text, &vm->memory) && vm->memory >= SZ_M && !(vm->memory % SZ_M) ?
	       0 : -EINVAL;
}

static int set_iommufd(struct vm *vm, const char *when)
{
	static const char *const value[] = { [VM_OFF] = "off", [VM_ON] = "on", [VM_AUTO] = "auto" };
	unsigned int i;

	for (i = 0; i < NR_ITEMS(value); i++) {
		if (!strcmp(when, value[i])) {
			vm->iommufd = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_version(unsigned int *version, const char *text)
{
	*version = parse_version(text);
	return *version ? 0 : -EINVAL;
}

/* Text for a script and for XML must not end a string there. */
static int set_text(const char **to, const char *text)
{
	*to = text;
	return !*text || strpbrk(text, "'\"<>&\n") ? -EINVAL : 0;
}

static int set_option(struct vm *vm, int opt)
{
	switch (opt) {
	case OPT_MEMORY:
		return set_memory(vm, optarg);
	case OPT_CPUS:
		return set_cpus(vm, optarg);
	case OPT_NAME:
		return set_text(&vm->name, optarg);
	case OPT_FIRMWARE:
		return set_text(&vm->firmware, optarg);
	case OPT_DISK:
		return set_text(&vm->disk, optarg);
	case OPT_DRIVER:
		return set_text(&vm->driver, optarg);
	case OPT_SMMU:
		vm->smmu = true;
		return 0;
	case OPT_IOMMUFD:
		return set_iommufd(vm, optarg);
	case OPT_QEMU:
		return set_version(&vm->qemu, optarg);
	case OPT_LIBVIRT:
		return set_version(&vm->libvirt, optarg);
	default:
		return -EINVAL;
	}
}

static enum status refuse(const struct format *format, const char *why)
{
	complain_of(format->name, "%s", why);
	return ST_FAILED;
}

static enum status check_versions(const struct vm *vm, const struct format *format)
{
	bool libvirt = format->run == gen_libvirt;

	if (libvirt && vm->libvirt < LIBVIRT_DRIVER_MODEL)
		return refuse(format,
			      "libvirt before 10.0 cannot choose the driver: bind the GPU and use gen qemu");
	if (format->run != gen_cloud_hypervisor && vm->qemu < QEMU_GENERIC_INITIATOR)
		return refuse(format,
			      "QEMU before 9.0 lacks acpi-generic-initiator: install a newer one, or give --qemu-version");
	if (format->run != gen_cloud_hypervisor && vm->mmio_size > VM_MMIO_DEFAULT &&
	    vm->qemu < QEMU_MMIO_SIZE)
		return refuse(format,
			      "the BARs of these GPUs need highmem-mmio-size: install QEMU 10.0 or newer");
	if (!vm->smmu)
		return ST_OK;
	if (vm->iommufd != VM_ON || format->run == gen_cloud_hypervisor)
		return refuse(format,
			      "--smmu needs QEMU and iommufd (a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV)");
	if (vm->qemu < QEMU_SMMU_ACCEL || (libvirt && vm->libvirt < LIBVIRT_SMMU_ACCEL))
		return refuse(format,
			      "--smmu needs QEMU 11.1, and libvirt 12.7 for a domain");
	return ST_OK;
}

static enum status check_gpus(const struct vm *vm)
{
	unsigned int i;

	if (vm->gpus->nr > VM_MAX_GPUS) {
		complain("%u GPUs exceed the NUMA nodes of a VM: at most %d GPUs", vm->gpus->nr,
			 VM_MAX_GPUS);
		return ST_FAILED;
	}
	for (i = 0; i < vm->gpus->nr; i++) {
		if (vm->gpus->v[i].usemem.size)
			continue;
		complain_of(vm->gpus->v[i].bdf,
			    "its memory is unknown: bind it (nvgpuctl bind), or run this as root");
		return ST_FAILED;
	}
	return ST_OK;
}

static void print_json(const struct vm *vm, const struct format *format, const char *text,
		       struct json_object *argv)
{
	struct json_object *document = json_document("nvgpu.gen/1");

	json_add_string(document, "format", format->name);
	json_add_u64(document, "mmio_size", vm->mmio_size);
	json_add_u64(document, "memlock", vm->memlock);
	json_add_int(document, "numa_nodes", 1 + VM_NODES_PER_GPU * vm->gpus->nr);
	json_add_bool(document, "iommufd", vm->iommufd == VM_ON);
	json_add_string(document, "text", text);
	json_add_array(document, "argv", json_object_get(argv));
	json_put_out(document);
}

static enum status generate(struct vm *vm, const struct format *format)
{
	struct json_object *argv;
	enum status status;
	char *text = NULL;
	size_t len;
	FILE *to;

	status = check_gpus(vm);
	if (status != ST_OK)
		return status;
	vm->mmio_size = vm_mmio_size(vm->gpus);
	vm->memlock = vm_memlock(vm->gpus, vm->memory);
	status = check_versions(vm, format);
	if (status != ST_OK)
		return status;
	to = open_memstream(&text, &len);
	if (!to)
		abort();
	argv = json_object_new_array();
	format->run(vm, to, argv);
	fclose(to);
	if (opts.json)
		print_json(vm, format, text, argv);
	else
		fputs(text, stdout);
	json_object_put(argv);
	free(text);
	return ST_OK;
}

/* Unknown versions are taken for the newest; the output names them. */
static void look_at_host(struct vm *vm)
{
	char text[128];

	if (vm->iommufd == VM_AUTO)
		vm->iommufd = root_exists("/dev/iommu") && root_exists("/dev/vfio/devices") ?
			      VM_ON : VM_OFF;
	if (!vm->qemu)
		vm->qemu = fact(text, sizeof(text), "qemu.version") ? QEMU_SMMU_ACCEL :
								     parse_version(text);
	if (!vm->libvirt)
		vm->libvirt = fact(text, sizeof(text), "libvirt.version") ? LIBVIRT_NODESET :
									   parse_version(text);
}

static const struct format *find_format(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; optind < argc && i < NR_ITEMS(formats); i++)
		if (!strcmp(argv[optind], formats[i].name))
			return &formats[i];
	complain_of(optind < argc ? argv[optind] : "gen", "qemu, libvirt or cloud-hypervisor?");
	return NULL;
}

enum status cmd_gen(int argc, char **argv)
{
	struct vm vm = {
		.name = "grace-vm", .memory = 16 * SZ_G, .cpus = 4, .driver = DRIVER_NAME,
		.iommufd = VM_AUTO,
	};
	const struct format *format;
	struct gpus *all, *chosen;
	enum status status;
	int opt;

	while ((opt = next_option(argc, argv, own, print_help)) != -1) {
		if (opt == '?' || set_option(&vm, opt)) {
			if (opt != '?')
				complain("gen: \"%s\" is not a valid value of this option", optarg);
			return ST_USAGE;
		}
	}
	format = find_format(argc, argv);
	if (!format)
		return ST_USAGE;
	optind++;
	if (!vm.firmware)
		vm.firmware = format->firmware;
	status = load_and_select(argc, argv, &all, &chosen);
	look_at_host(&vm);
	vm.gpus = chosen;
	if (status == ST_OK)
		status = generate(&vm, format);
	return status;
}
