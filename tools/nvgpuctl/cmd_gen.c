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

struct format {
	const char *name;
	const char *const *firmware;
	void (*run)(const struct vm *vm, const struct script *out);
	enum vmm vmm;
};

/* libvirt chooses the firmware itself. */
static const struct format formats[] = {
	{ "qemu", uefi, gen_qemu, QEMU },
	{ "libvirt", NULL, gen_libvirt, LIBVIRT },
	{ "cloud-hypervisor", cloud_uefi, gen_cloud_hypervisor, CLOUD_HYPERVISOR },
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
	     "  --host-node NODES      nodes of the host for RAM, such as 0,1: as many in the\n"
	     "                         VM; default the GPUs' own; or any\n"
	     "  --hugepages[=SIZE]     RAM of huge pages, default size the host's default\n"
	     "  --name NAME            of the VM, default grace-vm\n"
	     "  --disk FILE            a disk, default none\n"
	     "  --emulator FILE        VMM, default qemu-system-aarch64, /usr/libexec/qemu-kvm\n"
	     "                         or cloud-hypervisor\n"
	     "  --firmware FILE        UEFI, default what this host has; libvirt chooses\n"
	     "  --driver NAME          of the host, for libvirt; default nvgpu_vfio_pci\n"
	     "  --smmu                 a guest SMMU for each host SMMU; needs iommufd, QEMU\n"
	     "                         11.1, libvirt 12.7 and a Grace host with KVM\n"
	     "  --iommufd WHEN         auto (default: where this host has it), on, off\n"
	     "  --qemu-version V, --libvirt-version V, --cloud-hypervisor-version V\n"
	     "                         target versions, default: those on this host\n"
	     "  --output FILE          write FILE, not the standard output\n"
	     "  --help                 this text; options for every command: nvgpuctl --help\n"
	     "\n"
	     "Exit status: 0 written, 1 a GPU's memory is unknown, a VMM is too old, a file, a\n"
	     "node or huge pages are missing, 2 wrong usage, 3 no such GPU, 77 no Grace GPU.");
}

static bool set_cpus(void *value, const char *text)
{
	return set_number(value, text) && *(unsigned int *)value <= 512;
}

static bool set_memory(void *value, const char *text)
{
	return set_size(value, text) && !(*(__u64 *)value % SZ_M);
}

static bool set_iommufd(void *value, const char *when)
{
	static const char *const name[] = { [VM_OFF] = "off", [VM_ON] = "on", [VM_AUTO] = "auto" };
	enum vm_switch *iommufd = value;

	for (*iommufd = 0; *iommufd < NR_ITEMS(name); (*iommufd)++)
		if (!strcmp(when, name[*iommufd]))
			return true;
	return false;
}

static bool set_version(void *value, const char *text)
{
	return (*(unsigned int *)value = parse_version(text));
}

static bool set_nodes(void *value, const char *text)
{
	unsigned int node[VM_MAX_RAM_NODES];

	return set_text(value, text) &&
	       (!strcmp(text, "any") || parse_list(text, node, VM_MAX_RAM_NODES) > 0);
}

#define SET(name, valid, set, value) { name, valid, required_argument, set, value }
#define SET_TEXT(name, value) SET(name, "a text of one line", set_text, value)

/* False after a message. */
static bool parse_options(struct vm *vm, int argc, char **argv)
{
	const struct setting own[] = {
		SET("memory", "a multiple of 1M, such as 16G", set_memory, &vm->memory),
		SET("cpus", "1 to 512", set_cpus, &vm->cpus),
		SET("host-node", "up to 8 nodes such as 0,1, or any", set_nodes, &vm->host_nodes),
		SET("iommufd", "auto, on or off", set_iommufd, &vm->iommufd),
		SET("qemu-version", "such as 11.1", set_version, &vm->version[QEMU]),
		SET("libvirt-version", "such as 12.8", set_version, &vm->version[LIBVIRT]),
		SET("cloud-hypervisor-version", "such as 54.0", set_version,
		    &vm->version[CLOUD_HYPERVISOR]),
		SET_TEXT("name", &vm->name),
		SET_TEXT("emulator", &vm->emulator),
		SET_TEXT("firmware", &vm->firmware),
		SET_TEXT("disk", &vm->disk),
		SET_TEXT("driver", &vm->driver),
		SET_TEXT("output", &vm->output),
		{ "hugepages", "a size such as 512M", optional_argument, set_text, &vm->hugepages },
		{ "smmu", NULL, no_argument, set_flag, &vm->smmu },
		{ }
	};

	return settings_parse(own, argc, argv, print_help);
}

/* Says so if a VMM lacks a feature. */
static bool lacks(const struct vm *vm, enum feature feature)
{
	const struct feature_since *since = &features[feature];

	if (vm_has(vm, feature))
		return false;
	complain("%s needs %s %u.%u: install it, or give --%s-version", since->name,
		 vmms[since->vmm].name, MAJOR(since->version), MINOR(since->version),
		 vmms[since->vmm].key);
	return true;
}

static enum status check_versions(const struct vm *vm, const struct format *format)
{
	bool libvirt = format->vmm == LIBVIRT, cloud = format->vmm == CLOUD_HYPERVISOR;

	if (vm->smmu && (vm->iommufd != VM_ON || cloud)) {
		complain_of(format->name,
			    "--smmu needs QEMU and iommufd (a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV)");
		return ST_FAILED;
	}
	if (cloud)
		return lacks(vm, CLOUD_GENERIC_INITIATOR) ||
		       (vm->iommufd == VM_ON && lacks(vm, CLOUD_IOMMUFD)) ? ST_FAILED : ST_OK;
	return lacks(vm, QEMU_GENERIC_INITIATOR) ||
	       (libvirt && lacks(vm, LIBVIRT_DRIVER_MODEL)) ||
	       (vm->mmio_size > VM_MMIO_DEFAULT && lacks(vm, QEMU_MMIO_SIZE)) ||
	       (vm->smmu && lacks(vm, QEMU_SMMU_ACCEL)) ||
	       (vm->smmu && libvirt && lacks(vm, LIBVIRT_SMMU_ACCEL)) ? ST_FAILED : ST_OK;
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
		vm->emulator = format->vmm == CLOUD_HYPERVISOR ? format->name : qemu_path();
	return find_disk(vm);
}

static enum status check_gpus(const struct vm *vm)
{
	unsigned int i;

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
	struct json_object *nodes = json_object_new_array();
	unsigned int i;

	json_add_string(document, "format", format->name);
	json_add_u64(document, "mmio_size", vm->mmio_size);
	json_add_u64(document, "memlock", vm->memlock);
	json_add_int(document, "numa_nodes", vm_nr_nodes(vm));
	for (i = 0; i < vm->nr_nodes; i++)
		json_object_array_add(nodes, vm->host_node[i] < 0 ? NULL :
				      json_object_new_int(vm->host_node[i]));
	json_object_object_add(document, "host_nodes", nodes);
	json_add_u64(document, "hugepage_size", vm->hugepage);
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

static enum status prepare(struct vm *vm, const struct format *format)
{
	enum status status = check_gpus(vm);

	if (status != ST_OK)
		return status;
	vm->mmio_size = vm_mmio_size(vm->gpus);
	vm->memlock = vm_memlock(vm->gpus, vm->memory);
	if (!nodes_choose(vm) || !hugepages_choose(vm))
		return ST_FAILED;
	status = check_versions(vm, format);
	return status == ST_OK ? find_files(vm, format) : status;
}

static enum status generate(const struct vm *vm, const struct format *format)
{
	struct script out = { .argv = json_object_new_array() };
	enum status status = ST_OK;
	char *text = NULL;
	size_t len;

	out.to = open_memstream(&text, &len);
	if (!out.to)
		abort();
	format->run(vm, &out);
	fclose(out.to);
	if (!out_redirect(vm->output))
		status = ST_FAILED;
	else if (opts.json)
		print_json(vm, format, text, out.argv);
	else
		fputs(text, stdout);
	json_object_put(out.argv);
	free(text);
	return status;
}

/* A device file may exist without what it needs: the kernel's configuration tells. */
static bool kernel_has(const char *file, const char *symbol)
{
	char *config __free(pointer) = kernel_config();
	char value[8];

	return root_exists("%s", file) &&
	       (!config || !parse_config(config, symbol, value, sizeof(value)));
}

/* An unknown version is taken for one with all features; the output says so. */
static void find_version(struct vm *vm, enum vmm which, const char *emulator)
{
	char text[128] = "", name[32];
	unsigned int i;

	if (vm->version[which])
		return;
	snprintf(name, sizeof(name), "%s.version", vmms[which].key);
	if (emulator && root_is_host())
		program_version(emulator, text, sizeof(text));
	else
		fact(text, sizeof(text), name);
	vm->version[which] = parse_version(text);
	vm->is_assumed[which] = !vm->version[which];
	for (i = 0; vm->is_assumed[which] && i < NR_FEATURES; i++)
		if (features[i].vmm == which && !version_has(vm->version[which], i))
			vm->version[which] = features[i].version;
}

/* cloud-hypervisor has no P2P DMA through iommufd: that is for hosts without the container. */
static void look_at_host(struct vm *vm, enum vmm which)
{
	bool has_iommufd = kernel_has("/dev/iommu", "CONFIG_VFIO_DEVICE_CDEV");

	find_version(vm, which == LIBVIRT ? QEMU : which, vm->emulator);
	if (which == LIBVIRT)
		find_version(vm, LIBVIRT, NULL);
	if (which == CLOUD_HYPERVISOR && kernel_has("/dev/vfio/vfio", "CONFIG_VFIO_CONTAINER"))
		has_iommufd = false;
	if (vm->iommufd == VM_AUTO)
		vm->iommufd = has_iommufd ? VM_ON : VM_OFF;
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
	if (status != ST_OK)
		return status;
	vm.gpus = chosen;
	look_at_host(&vm, format->vmm);
	status = prepare(&vm, format);
	if (status != ST_OK)
		return status;
	warn(chosen);
	hugepages_warn(&vm);
	return generate(&vm, format);
}
