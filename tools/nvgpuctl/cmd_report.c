// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl report: one file for a bug report.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <time.h>
#include <unistd.h>

#include "nvgpuctl.h"

#define SECTION_MAX (256 * SZ_K)

/* Extended capability of config space. */
#define CAP_SERIAL_NUMBER 3
#define CONFIG_EXTENDED 0x100

static void print_help(void)
{
	puts("usage: nvgpuctl report [OPTION...]\n"
	     "Writes one file for a bug report: GPUs with their firmware properties and config\n"
	     "space, findings of doctor, kernel, versions, modules, modprobe.d, driverctl.d,\n"
	     "kernel log lines about GPUs and IOMMUs. Of the kernel's command line it has the\n"
	     "values of known options only, serial numbers and UUIDs are hidden. It contains\n"
	     "hardware addresses like the kernel log: read it before you publish it.\n"
	     "\n"
	     "  --full          with serial numbers and UUIDs\n"
	     "  --output FILE   default nvgpu-report-DATE.txt here; \"-\" is standard output\n"
	     "  --help          this text\n"
	     "\n"
	     "Exit status: 0 written, also without a Grace GPU, 1 FILE exists or cannot be\n"
	     "written, 2 wrong usage.");
}

static void heading(const char *title)
{
	printf("\n===== %s\n", title);
}

static void section_of_command(const char *title, enum status (*run)(int argc, char **argv))
{
	char *name = (char *)title, **argv = &name;
	enum status status;

	heading(title);
	optind = 0;
	status = run(1, argv);
	printf("(exit status %d)\n", status);
}

static void section_of_file(const char *name)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "%s", name);

	heading(name);
	if (len < 0)
		printf("(%s)\n", strerror(-len));
	else
		printf("%.*s%s", (int)SECTION_MAX, data, len && data[len - 1] == '\n' ? "" : "\n");
}

static bool is_of_interest(const char *line)
{
	static const char *const word[] = {
		"vfio", "nvgpu", "nvgrace", "nvidia", "NVRM", "smmu", "iommu", "KVM", "kvm", "EDAC",
		"Memory failure", "Hardware Error", "AER:", "10de:",
	};
	unsigned int i;

	for (i = 0; i < NR_ITEMS(word); i++)
		if (strstr(line, word[i]))
			return true;
	return false;
}

/* A record of /dev/kmsg as dmesg shows it. */
static void put_record(const char *line)
{
	unsigned long long us;
	int n = 0;

	if (sscanf(line, "%*u,%*u,%llu,%*[^;];%n", &us, &n) == 1 && n)
		printf("[%5llu.%06llu] %s\n", us / 1000000, us % 1000000, line + n);
	else
		puts(line);
}

/* Lines of a file that are about GPUs, IOMMUs or broken hardware; not the command line. */
static void section_of_lines(const char *name)
{
	char *data __free(pointer) = NULL;
	char *line, *rest;

	root_load(&data, "%s", name);
	printf("\n===== %s, lines about GPUs and IOMMUs\n", name);
	rest = data;
	while ((line = strsep(&rest, "\n")))
		if (is_of_interest(line) && !strstr(line, "ommand line: "))
			put_record(line);
}

/* Other values, such as credentials and UUIDs, are nobody's business. */
static void section_of_cmdline(void)
{
	static const char *const known[] = {
		"arm-smmu", "default_hugepagesz=", "hugepages", "init_on_alloc=", "intel_iommu=",
		"iommu", "kvm", "lockdown=", "mem=", "modprobe.blacklist=", "module.sig_enforce",
		"module_blacklist=", "numa_balancing=", "nvidia", "nouveau", "pci", "vfio",
	};
	char *data __free(pointer) = NULL;
	char *word, *rest;
	unsigned int i;

	root_load(&data, "/proc/cmdline");
	heading("/proc/cmdline, values of known options");
	rest = data;
	while ((word = strsep(&rest, "\n "))) {
		for (i = 0; i < NR_ITEMS(known); i++)
			if (!strncmp(word, known[i], strlen(known[i])))
				break;
		if (i < NR_ITEMS(known))
			puts(word);
		else if (*word)
			printf("%.*s%s\n", (int)strcspn(word, "="), word,
			       strchr(word, '=') ? "=(hidden)" : "");
	}
}

static void section_of_directory(const char *dir)
{
	struct names names;
	char name[512];
	unsigned int i;

	if (root_names(&names, "%s", dir))
		return;
	for (i = 0; i < names.nr; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, names.name[i]);
		section_of_file(name);
	}
	names_free(&names);
}

static void section_of_facts(void)
{
	char text[128];
	unsigned int i;
	int ret;

	heading("nvgpuctl.facts");
	for (i = 0; i < nr_facts; i++) {
		ret = fact(text, sizeof(text), facts[i].name);
		if (ret)
			printf("# %s: %s\n", facts[i].name, errno_name(ret));
		else
			printf("%s=%s\n", facts[i].name, text);
	}
}

/* As lspci -xxxx, whose -F reads it. */
static void put_hex(const char *data, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		if (i == from || !(i % 16))
			printf("%02zx:", i);
		printf(" %02x%s", (unsigned char)data[i], i + 1 == to || i % 16 == 15 ? "\n" : "");
	}
}

static void section_of_modules(void)
{
	static const char *const module[] = {
		DRIVER_MODULE, "nvgrace-gpu-vfio-pci", "vfio-pci-core", "vfio-iommu-type1",
		"iommufd", "nvidia",
	};
	unsigned int i;

	for (i = 0; i < NR_ITEMS(module); i++) {
		printf("\n===== modinfo %s\n", module[i]);
		if (module_print(module[i]))
			puts("(not installed)");
	}
}

/* The properties as the tables have them, AML around their names. */
static void section_of_acpi(void)
{
	static const char property[] = "nvidia,gpu-mem-";
	struct names names;
	unsigned int i;

	heading("ACPI tables around nvidia,gpu-mem-*");
	if (root_names(&names, "/sys/firmware/acpi/tables"))
		return;
	for (i = 0; i < names.nr; i++) {
		char *data __free(pointer) = NULL;
		ssize_t len = root_load(&data, "/sys/firmware/acpi/tables/%s", names.name[i]);
		const char *at = len > 0 ? memmem(data, len, property, sizeof(property) - 1) : NULL;

		while (at) {
			size_t from = (at - data) & ~15UL, to = from + 64;

			printf("%s\n", names.name[i]);
			put_hex(data, from, to < (size_t)len ? to : (size_t)len);
			at = memmem(at + 1, data + len - at - 1, property, sizeof(property) - 1);
		}
	}
	names_free(&names);
}

/* Overwrites the number in the capability that has it. */
static void hide_serial_number(char *config, size_t len)
{
	size_t at = CONFIG_EXTENDED;
	__u32 header;

	while (at >= CONFIG_EXTENDED && at + 12 <= len) {
		memcpy(&header, config + at, sizeof(header));
		header = le32toh(header);
		if ((header & 0xffff) == CAP_SERIAL_NUMBER)
			memset(config + at + 4, 0, 8);
		if (header >> 20 <= at)
			break;
		at = header >> 20;
	}
}

static void section_of_config(const char *bdf, bool is_full)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/sys/bus/pci/devices/%s/config", bdf);

	printf("\n===== config space%s%s\n%s\n", is_full ? "" : ", serial number as zero",
	       len > 64 ? "" : ", all of it for root only", bdf);
	if (len <= 0)
		return;
	if (!is_full)
		hide_serial_number(data, len);
	put_hex(data, 0, len);
}

static void section_of_gpu(const char *bdf, bool is_full)
{
	static const char *const attribute[] = {
		"class", "revision", "subsystem_vendor", "subsystem_device", "enable", "irq",
		"numa_node", "local_cpulist", "current_link_speed", "current_link_width",
		"driver_override", "reset_method", "power_state", "power/control",
		"power/runtime_status", "iommu_group/type",
	};
	static const char *const property[] = { "nvidia,gpu-mem-base-pa", "nvidia,gpu-mem-size" };
	char name[512], value[256];
	unsigned int i;

	printf("\n===== GPU %s: attributes, firmware properties\n", bdf);
	for (i = 0; i < NR_ITEMS(attribute); i++)
		if (!root_read(value, sizeof(value), "/sys/bus/pci/devices/%s/%s", bdf,
			       attribute[i]))
			printf("%s: %s\n", attribute[i], value);
	for (i = 0; i < NR_ITEMS(property); i++) {
		char *data __free(pointer) = NULL;
		ssize_t len = root_load(&data, "/sys/bus/pci/devices/%s/of_node/%s", bdf,
					property[i]);

		if (len > 0) {
			printf("%s\n", property[i]);
			put_hex(data, 0, len);
		}
	}
	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/resource", bdf);
	section_of_file(name);
	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/coherent_memory", bdf);
	section_of_directory(name);
	section_of_config(bdf, is_full);
}

static void write_report(bool is_full)
{
	static const char *const files[] = {
		"/proc/version", "/etc/os-release", "/proc/iomem",
		"/sys/devices/system/node/possible", "/sys/kernel/security/lockdown",
		"/proc/self/limits", "/proc/meminfo",
	};
	time_t now = time(NULL);
	struct gpus gpus;
	char name[128];
	unsigned int i;

	strftime(name, sizeof(name), "%F %T %z", localtime(&now));
	printf("nvgpuctl report, version " NVGPUCTL_VERSION ", kernel %s, %s\n", kernel_release(),
	       name);
	section_of_command("show", cmd_show);
	section_of_command("list", cmd_list);
	section_of_command("doctor", cmd_doctor);
	section_of_command("alias", cmd_alias);
	section_of_facts();
	for (i = 0; i < NR_ITEMS(files); i++)
		section_of_file(files[i]);
	section_of_cmdline();
	section_of_directory("/etc/modprobe.d");
	section_of_directory("/etc/driverctl.d");
	section_of_modules();
	section_of_lines("/proc/modules");
	section_of_lines("/dev/kmsg");
	snprintf(name, sizeof(name), "/lib/modules/%s/modules.alias", kernel_release());
	section_of_lines(name);
	section_of_acpi();
	gpus_load(&gpus, NULL, 0);
	for (i = 0; i < gpus.nr; i++)
		section_of_gpu(gpus.v[i].bdf, is_full);
	gpus_free(&gpus);
}

/* To a temporary file, as commands print to stdout, and from there as it may be shown. */
static FILE *collect_report(bool is_full)
{
	struct options before = opts;
	FILE *file = tmpfile();
	int saved;

	if (!file)
		return NULL;
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	opts = (struct options) { .ascii = opts.ascii, .width = opts.width };
	write_report(is_full);
	opts = before;
	if (fflush(stdout) || ferror(stdout)) {
		fclose(file);
		file = NULL;
	}
	dup2(saved, STDOUT_FILENO);
	close(saved);
	if (file)
		rewind(file);
	return file;
}

static int put_report(FILE *to, bool is_full)
{
	char *line __free(pointer) = NULL;
	FILE *from = collect_report(is_full);
	size_t size = 0;

	if (!from)
		return -EIO;
	while (getline(&line, &size, from) > 0) {
		if (!is_full)
			hide_ids(line);
		fputs(line, to);
	}
	fclose(from);
	return fflush(to) || ferror(to) ? -EIO : 0;
}

static enum status report_to(const char *name, bool is_full)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), ret = -errno;
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	struct json_object *document;

	if (to) {
		ret = put_report(to, is_full);
		fclose(to);
	}
	if (ret) {
		complain("%s: %s; choose another file with --output", name, strerror(-ret));
		return ST_FAILED;
	}
	if (opts.json) {
		document = json_document("nvgpu.report/1");
		json_add_string(document, "file", name);
		json_put_out(document);
	}
	say("%s: read it, then attach it to your report", name);
	return ST_OK;
}

enum status cmd_report(int argc, char **argv)
{
	time_t now = time(NULL);
	char name[64];
	const char *output = name;
	bool is_full = false;
	const struct setting own[] = {
		{ "output", "a file", required_argument, set_text, &output },
		{ "full", NULL, no_argument, set_flag, &is_full },
		{ }
	};

	strftime(name, sizeof(name), "nvgpu-report-%Y%m%d-%H%M%S.txt", localtime(&now));
	if (!settings_parse(own, argc, argv, print_help))
		return ST_USAGE;
	if (optind < argc) {
		complain("report takes no GPU: it covers all of them");
		return ST_USAGE;
	}
	if (strcmp(output, "-"))
		return report_to(output, is_full);
	if (opts.json) {
		complain("report --json needs --output FILE: the report is text");
		return ST_USAGE;
	}
	return put_report(stdout, is_full) ? ST_FAILED : ST_OK;
}
