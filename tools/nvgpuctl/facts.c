// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts that are not in a file: answers of the kernel and of programs. With --sysroot
 * they are read from a file nvgpuctl.facts there, which has a line "name=value" for
 * each known fact, as written by "nvgpuctl report".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "nvgpuctl.h"

/* Headers older than Linux 6.17 and 6.19 lack them. */
#ifndef KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
#define KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED 243
#endif
#ifndef KVM_CAP_ARM_SEA_TO_USER
#define KVM_CAP_ARM_SEA_TO_USER 245
#endif

static int ask_machine(char *buf, size_t len)
{
	struct utsname name;

	uname(&name);
	snprintf(buf, len, "%s", name.machine);
	return 0;
}

static int ask_page_size(char *buf, size_t len)
{
	snprintf(buf, len, "%ld", sysconf(_SC_PAGESIZE));
	return 0;
}

/* Capabilities are per VM: querying /dev/kvm fails. */
static int ask_kvm(int capability, char *buf, size_t len)
{
	int kvm, vm, answer;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -errno;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	close(kvm);
	if (vm < 0)
		return -errno;
	answer = ioctl(vm, KVM_CHECK_EXTENSION, capability);
	close(vm);
	snprintf(buf, len, "%d", answer > 0);
	return 0;
}

static int ask_cacheable(char *buf, size_t len)
{
	return ask_kvm(KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED, buf, len);
}

static int ask_sea(char *buf, size_t len)
{
	return ask_kvm(KVM_CAP_ARM_SEA_TO_USER, buf, len);
}

/* First line of a program's output. */
static int ask_program(const char *command, char *buf, size_t len)
{
	FILE *pipe = popen(command, "re");
	bool got;

	if (!pipe)
		return -errno;
	got = fgets(buf, len, pipe);
	pclose(pipe);
	if (!got)
		return -ENOENT;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* QEMU of this machine; RHEL has its own name for it. */
const char *qemu_path(void)
{
	static const char *const known[] = {
		"/usr/bin/qemu-system-aarch64", "/usr/local/bin/qemu-system-aarch64",
		"/usr/libexec/qemu-kvm",
	};
	unsigned int i;

	for (i = 0; i < NR_ITEMS(known); i++)
		if (root_exists("%s", known[i]))
			return known[i];
	return "qemu-system-aarch64";
}

/* What a program says of its version. */
int program_version(const char *program, char *buf, size_t len)
{
	char *command = NULL;
	size_t size;
	FILE *to = open_memstream(&command, &size);
	int ret;

	if (!to)
		abort();
	put_shell(to, program);
	fputs(" --version 2>/dev/null", to);
	fclose(to);
	buf[0] = '\0';
	ret = ask_program(command, buf, len);
	free(command);
	return ret;
}

static int ask_qemu(char *buf, size_t len)
{
	return program_version(qemu_path(), buf, len);
}

static int ask_libvirt(char *buf, size_t len)
{
	static const char ask[] =
		"{ virtqemud --version || libvirtd --version || virsh --version; } 2>/dev/null";

	return ask_program(ask, buf, len);
}

static int ask_cloud_hypervisor(char *buf, size_t len)
{
	return program_version("cloud-hypervisor", buf, len);
}

const struct fact facts[] = {
	{ "machine", ask_machine },
	{ "page.size", ask_page_size },
	{ "kvm.cacheable_pfnmap", ask_cacheable },
	{ "kvm.sea_to_user", ask_sea },
	{ "qemu.version", ask_qemu },
	{ "libvirt.version", ask_libvirt },
	{ "cloud-hypervisor.version", ask_cloud_hypervisor },
};

const unsigned int nr_facts = NR_ITEMS(facts);

static int recorded(char *buf, size_t len, const char *name)
{
	char *data __free(pointer) = NULL;
	ssize_t n = root_load(&data, "/nvgpuctl.facts");

	if (n < 0)
		return n;
	return parse_config(data, name, buf, len);
}

/**
 * fact() - Get a fact
 * @buf: gets the answer, a line; empty on failure
 * @len: of @buf
 * @name: one of @facts
 *
 * Return: 0 or a negative errno.
 */
int fact(char *buf, size_t len, const char *name)
{
	unsigned int i;

	buf[0] = '\0';
	if (!root_is_host())
		return recorded(buf, len, name);
	for (i = 0; i < nr_facts; i++)
		if (!strcmp(facts[i].name, name))
			return facts[i].ask(buf, len);
	return -ENOENT;
}

const char *kernel_release(void)
{
	static char release[128];

	if (!release[0])
		root_read(release, sizeof(release), "/proc/sys/kernel/osrelease");
	return release;
}

/* Distributions install a file; the kernel has one with IKCONFIG_PROC. NULL if unknown. */
char *kernel_config(void)
{
	char *text;

	if (root_load(&text, "/boot/config-%s", kernel_release()) < 0 &&
	    root_load(&text, "/lib/modules/%s/config", kernel_release()) < 0)
		root_load_gz(&text, "/proc/config.gz");
	return text;
}

/* Page size of the inspected machine, 4096 if unknown. */
unsigned int page_size(void)
{
	char text[32];

	if (fact(text, sizeof(text), "page.size"))
		return 4096;
	return strtoul(text, NULL, 10);
}
