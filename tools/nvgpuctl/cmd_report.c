// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl report: one file for a bug report.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <time.h>
#include <unistd.h>

#include "nvgpuctl.h"

#define SECTION_MAX (256 * SZ_K)

static void print_help(void)
{
	puts("usage: nvgpuctl report [OPTION...]\n"
	     "Writes one file for a bug report: GPUs, findings of doctor, kernel, versions,\n"
	     "modprobe.d, driverctl.d, kernel log lines about GPUs and IOMMUs. Of the kernel's\n"
	     "command line it has the values of known options only. It contains hardware\n"
	     "addresses like the kernel log: read it before you publish it.\n"
	     "\n"
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

static void write_report(void)
{
	static const char *const files[] = {
		"/proc/version", "/etc/os-release", "/proc/iomem",
		"/sys/devices/system/node/possible", "/sys/kernel/security/lockdown",
		"/proc/self/limits", "/proc/meminfo",
	};
	time_t now = time(NULL);
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
	section_of_lines("/proc/modules");
	section_of_lines("/dev/kmsg");
	snprintf(name, sizeof(name), "/lib/modules/%s/modules.alias", kernel_release());
	section_of_lines(name);
}

/* Redirect stdout to the file, as commands print there. */
static int redirect(const char *name, int *saved)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	fflush(stdout);
	*saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	return 0;
}

static int restore(int saved)
{
	int ret = fflush(stdout) || ferror(stdout) ? -EIO : 0;

	dup2(saved, STDOUT_FILENO);
	close(saved);
	return ret;
}

static enum status report_to(const char *name)
{
	struct options before = opts;
	struct json_object *document;
	int saved = -1, ret;

	ret = redirect(name, &saved);
	if (!ret) {
		opts.json = false;
		opts.quiet = false;
		opts.colour = false;
		opts.columns = NULL;
		write_report();
		opts = before;
		ret = restore(saved);
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
	static const struct option own[] = {
		{ "output", required_argument, NULL, 'O' },
		{ }
	};
	time_t now = time(NULL);
	char name[64];
	const char *output = name;
	int opt;

	strftime(name, sizeof(name), "nvgpu-report-%Y%m%d-%H%M%S.txt", localtime(&now));
	while ((opt = next_option(argc, argv, own, print_help)) != -1) {
		if (opt != 'O')
			return ST_USAGE;
		output = optarg;
	}
	if (optind < argc) {
		complain("report takes no GPU: it covers all of them");
		return ST_USAGE;
	}
	if (strcmp(output, "-"))
		return report_to(output);
	if (opts.json) {
		complain("report --json needs --output FILE: the report is text");
		return ST_USAGE;
	}
	opts.colour = false;
	write_report();
	return ST_OK;
}
