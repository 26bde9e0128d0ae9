// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl gen: configuration of a VM with GPUs.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>

#include "vm.h"

/* Places of Debian and Ubuntu, of Fedora and RHEL, of SUSE. */
static const char *const uefi[] = {
	"/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "/usr/share/AAVMF/AAVMF_CODE.fd",
	"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "/usr/share/edk2/aarch64/QEMU_EFI.fd",
	"/usr/share/qemu/aavmf-aarch64-code.bin", NULL
};

static const char *const cloud_uefi[] = {
	"/usr/share/cloud-hypervisor/CLOUDHV_EFI.fd", NULL
};

/* Values of options, beyond those of main.c. */
#define OPT_FIRST 512
#define VALID_TEXT "a text of one line"

struct format {
	const char *name;
	const char *const *firmware;
	void (*run)(const struct vm *vm, FILE *to, struct json_object *argv);
};

/* libvirt chooses the firmware itself. */
static const struct format formats[] = {
	{ "qemu", uefi, gen_qemu },
	{ "libvirt", NULL, gen_libvirt },
	{ "cloud-hypervisor", cloud_uefi, gen_cloud_hypervisor },
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
	     "  --emulator FILE        default qemu-system-aarch64, or /usr/libexec/qemu-kvm\n"
	     "  --firmware FILE        UEFI, default what this host has; libvirt chooses\n"
	     "  --driver NAME          of the host, for libvirt; default nvgpu_vfio_pci\n"
	     "  --smmu                 a guest SMMU for each host SMMU; needs iommufd, QEMU\n"
	     "                         11.1, libvirt 12.7 and a Grace host with KVM\n"
	     "  --iommufd WHEN         auto (default: where this host has it), on, off\n"
	     "  --qemu-version V, --libvirt-version V\n"
	     "                         target versions, default: those on this host\n"
	     "  --help                 this text; options for every command: nvgpuctl --help\n"
	     "\n"
	     "Exit status: 0 written, 1 a GPU's memory is unknown, QEMU or libvirt is too old,\n"
	     "a file is missing, 2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static bool set_cpus(struct vm *vm, const char *text)
{
	char *end;

	vm->cpus = strtoul(text, &end, 10);
	return !*end && vm->cpus >= 1 && vm->cpus <= 512;
}

static bool set_memory(struct vm *vm, const char *text)
{
	return parse_size(text, &vm->memory) && vm->memory >= SZ_M && !(vm->memory % SZ_M);
}

static bool set_iommufd(struct vm *vm, const char *when)
{
	static const char *const value[] = { [VM_OFF] = "off", [VM_ON] = "on", [VM_AUTO] = "auto" };

	for (vm->iommufd = 0; vm->iommufd < NR_ITEMS(value); vm->iommufd++)
		if (!strcmp(when, value[vm->iommufd]))
			return true;
	return false;
}

static bool set_smmu(struct vm *vm, const char *text)
{
	vm->smmu = true;
	return true;
}

static bool set_qemu(struct vm *vm, const char *text)
{
	vm->version[QEMU] = parse_version(text);
	return vm->version[QEMU];
}

static bool set_libvirt(struct vm *vm, const char *text)
{
	vm->version[LIBVIRT] = parse_version(text);
	return vm->version[LIBVIRT];
}

/**
 * struct setting - an option
 * @name: its name
 * @valid: its valid values
 * @set: sets it, false if the value is not valid; NULL for a text at @offset
 */
static const struct setting {
	const char *name;
	const char *valid;
	bool (*set)(struct vm *vm, const char *text);
	size_t offset;
} settings[] = {
	{ "memory", "a multiple of 1M, such as 16G", set_memory, 0 },
	{ "cpus", "1 to 512", set_cpus, 0 },
	{ "iommufd", "auto, on or off", set_iommufd, 0 },
	{ "qemu-version", "such as 11.1", set_qemu, 0 },
	{ "libvirt-version", "such as 12.8", set_libvirt, 0 },
	{ "smmu", NULL, set_smmu, 0 },
	{ "name", VALID_TEXT, NULL, offsetof(struct vm, name) },
	{ "emulator", VALID_TEXT, NULL, offsetof(struct vm, emulator) },
	{ "firmware", VALID_TEXT, NULL, offsetof(struct vm, firmware) },
	{ "disk", VALID_TEXT, NULL, offsetof(struct vm, disk) },
	{ "driver", VALID_TEXT, NULL, offsetof(struct vm, driver) },
};

/* False after a message. */
static bool set(struct vm *vm, const struct setting *setting, const char *text)
{
	bool is_valid;

	if (setting->set) {
		is_valid = setting->set(vm, text);
	} else {
		*(const char **)((char *)vm + setting->offset) = text;
		is_valid = *text && !strpbrk(text, "\r\n");
	}
	if (!is_valid)
		complain("gen: --%s %s: must be %s", setting->name, text, setting->valid);
	return is_valid;
}

/* False after a message. */
static bool parse_options(struct vm *vm, int argc, char **argv)
{
	struct option own[NR_ITEMS(settings) + 1] = {};
	unsigned int i;
	int opt;

	for (i = 0; i < NR_ITEMS(settings); i++)
		own[i] = (struct option) {
			settings[i].name, settings[i].valid ? required_argument : no_argument,
			NULL, OPT_FIRST + i
		};
	while ((opt = next_option(argc, argv, own, print_help)) != -1)
		if (opt == '?' || !set(vm, &settings[opt - OPT_FIRST], optarg))
			return false;
	return true;
}

/* Says so if the VM's QEMU or libvirt lacks a feature. */
static bool lacks(const struct vm *vm, enum feature feature)
{
	const struct feature_since *since = &features[feature];

	if (vm_has(vm, feature))
		return false;
	complain("gen: %s needs %s %u.%u: install it, or give --%s-version", since->name,
		 vmm_names[since->vmm], MAJOR(since->version), MINOR(since->version),
		 since->vmm == QEMU ? "qemu" : "libvirt");
	return true;
}

static enum status check_versions(const struct vm *vm, const struct format *format)
{
	bool libvirt = format->run == gen_libvirt, qemu = format->run != gen_cloud_hypervisor;

	if ((libvirt && lacks(vm, LIBVIRT_DRIVER_MODEL)) ||
	    (qemu && lacks(vm, QEMU_GENERIC_INITIATOR)) ||
	    (qemu && vm->mmio_size > VM_MMIO_DEFAULT && lacks(vm, QEMU_MMIO_SIZE)))
		return ST_FAILED;
	if (!vm->smmu)
		return ST_OK;
	if (vm->iommufd != VM_ON || !qemu) {
		complain_of(format->name,
			    "--smmu needs QEMU and iommufd (a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV)");
		return ST_FAILED;
	}
	return lacks(vm, QEMU_SMMU_ACCEL) || (libvirt && lacks(vm, LIBVIRT_SMMU_ACCEL)) ?
	       ST_FAILED : ST_OK;
}

/* By how the image begins; what has no header is raw. */
static const char *format_of(const char *data, ssize_t len)
{
	static const struct {
		const char *magic, *format;
	} known[] = { { "QFI\xfb", "qcow2" }, { "KDMV", "vmdk" }, { "vhdxfile", "vhdx" } };
	unsigned int i;

	for (i = 0; i < NR_ITEMS(known); i++)
		if (len >= (ssize_t)strlen(known[i].magic) &&
		    !memcmp(data, known[i].magic, strlen(known[i].magic)))
			return known[i].format;
	return "raw";
}

static enum status find_disk(struct vm *vm)
{
	char *data __free(pointer) = NULL;
	ssize_t len;

	if (!vm->disk)
		return ST_OK;
	len = root_load(&data, "%s", vm->disk);
	if (len < 0) {
		complain("--disk %s: %s; its format is read from it", vm->disk, strerror(-len));
		return ST_FAILED;
	}
	vm->disk_format = format_of(data, len);
	return ST_OK;
}

/* The files that the VM needs, of those that exist. */
static enum status find_files(struct vm *vm, const struct format *format)
{
	const char *const *file = format->firmware;

	while (!vm->firmware && file && *file) {
		if (root_exists("%s", *file))
			vm->firmware = *file;
		file++;
	}
	if (format->firmware && !vm->firmware) {
		complain("no UEFI firmware at %s or other places: install it, or give --firmware",
			 *format->firmware);
		return ST_FAILED;
	}
	if (vm->firmware && !root_exists("%s", vm->firmware)) {
		complain("--firmware %s: no such file", vm->firmware);
		return ST_FAILED;
	}
	if (vm->emulator && !root_exists("%s", vm->emulator)) {
		complain("--emulator %s: no such file", vm->emulator);
		return ST_FAILED;
	}
	if (!vm->emulator)
		vm->emulator = qemu_path();
	return find_disk(vm);
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
	json_object_object_add(document, "argv", json_object_get(argv));
	json_put_out(document);
}

/* What would fail when the VM starts, on stderr: the output may be a script. */
static void warn(const struct gpus *gpus)
{
	unsigned int i;

	for (i = 0; i < gpus->nr; i++) {
		const struct gpu *gpu = &gpus->v[i];

		if (gpu->driver[0] && !strstr(gpu->driver, "vfio"))
			complain_of(gpu->bdf, "bound to %s: nvgpuctl bind %s before the VM starts",
				    gpu->driver, gpu->bdf);
		if (gpu->group < 0)
			complain_of(gpu->bdf, "no IOMMU group: it cannot be assigned to a VM");
	}
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
	if (status == ST_OK)
		status = find_files(vm, format);
	if (status != ST_OK)
		return status;
	to = open_memstream(&text, &len);
	if (!to)
		abort();
	warn(vm->gpus);
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

/* Device files of vfio appear only once a GPU is bound: what matters is the kernel. */
static bool has_iommufd(void)
{
	char *config __free(pointer) = kernel_config();
	char value[8];

	return root_exists("/dev/iommu") &&
	       (!config || !parse_config(config, "CONFIG_VFIO_DEVICE_CDEV", value, sizeof(value)));
}

/* Unknown versions are taken for the newest; the output names them. */
static void look_at_host(struct vm *vm)
{
	char text[128] = "";

	if (vm->iommufd == VM_AUTO)
		vm->iommufd = has_iommufd() ? VM_ON : VM_OFF;
	if (!vm->version[QEMU] && vm->emulator && root_is_host())
		qemu_version(vm->emulator, text, sizeof(text));
	else if (!vm->version[QEMU])
		fact(text, sizeof(text), "qemu.version");
	vm->is_assumed[QEMU] = !vm->version[QEMU] && !text[0];
	if (!vm->version[QEMU])
		vm->version[QEMU] = text[0] ? parse_version(text) : features[QEMU_SMMU_ACCEL].version;
	if (!vm->version[LIBVIRT])
		vm->version[LIBVIRT] = fact(text, sizeof(text), "libvirt.version") ?
			      features[LIBVIRT_NODESET].version : parse_version(text);
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

	if (!parse_options(&vm, argc, argv))
		return ST_USAGE;
	format = find_format(argc, argv);
	if (!format)
		return ST_USAGE;
	optind++;
	status = load_and_select(argc, argv, &all, &chosen);
	look_at_host(&vm);
	vm.gpus = chosen;
	if (status == ST_OK)
		status = generate(&vm, format);
	return status;
}
