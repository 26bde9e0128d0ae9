// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's part of sysfs, for a machine made of files: linked by --wrap, so that
 * the objects under test are those of the installed program.
 *
 *   drivers/NAME/unbind, bind, drivers_probe, driver_override act as in the kernel.
 *   SYSROOT/refuse/NAME   errno and text: the probe of driver NAME fails with it
 *   SYSROOT/default       name of the driver that drivers_probe chooses
 *   SYSROOT/slow/NAME     seconds that bind and unbind of driver NAME take
 *   FAKE_FAIL=N:ERRNO     the N-th change of a file fails, by any process
 *   FAKE_TERMINAL=1       all files are terminals
 *   FAKE_IMMORTAL=1       SIGKILL ends no process, as in an uninterruptible wait
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

/* Shared with children. */
static int *changes;

__attribute__((constructor)) static void share(void)
{
	changes = mmap(NULL, sizeof(*changes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
}

/* Before a change: the error to inject, or 0. */
static int due_error(void)
{
	const char *fail = getenv("FAKE_FAIL");
	char *colon;

	++*changes;
	if (!fail || strtol(fail, &colon, 10) != *changes)
		return 0;
	return atoi(colon + 1);
}

static char *path_in(char *buf, const char *root, const char *fmt, const char *a, const char *b)
{
	char rest[PATH_MAX / 2];

	/* The formats are those below. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(rest, sizeof(rest), fmt, a, b);
	snprintf(buf, PATH_MAX, "%.2000s%s", root, rest);
	return buf;
}

static void read_text(char *buf, size_t len, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, len - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void take_time(const char *root, const char *driver)
{
	char path[PATH_MAX], text[16];

	read_text(text, sizeof(text), path_in(path, root, "/slow/%s%s", driver, ""));
	sleep(atoi(text));
}

static int unbind(const char *root, const char *bdf, const char *driver)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	take_time(root, driver);
	n = readlink(path_in(path, root, "/sys/bus/pci/devices/%s/driver%s", bdf, ""), target,
		     sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (n < 0 || strcmp(strrchr(target, '/') + 1, driver))
		return -ENODEV;
	__real_unlink(path);
	return 0;
}

static void tell(const char *root, const char *driver, const char *bdf, const char *text)
{
	char path[PATH_MAX];
	FILE *log = fopen(path_in(path, root, "/dev/kmsg%s%s", "", ""), "a");

	fprintf(log, "3,%d,0,-;%s %s: %s\n SUBSYSTEM=pci\n", 100 + *changes, driver, bdf, text);
	fclose(log);
}

/* In the kernel's order: driver, then driver core. */
static int bind(const char *root, const char *bdf, const char *driver)
{
	char path[PATH_MAX], target[PATH_MAX], text[256], *reason;
	int err;

	take_time(root, driver);
	read_text(text, sizeof(text),
		  path_in(path, root, "/sys/bus/pci/devices/%s/driver_override%s", bdf, ""));
	if (strcmp(text, "(null)") && text[0] && strcmp(text, driver))
		return -ENODEV;
	read_text(text, sizeof(text), path_in(path, root, "/refuse/%s%s", driver, ""));
	err = strtol(text, &reason, 10);
	if (err) {
		tell(root, driver, bdf, reason + strspn(reason, " "));
		snprintf(path, sizeof(path), "probe with driver %s failed with error -%d", driver,
			 err);
		tell(root, driver, bdf, path);
		return -err;
	}
	path_in(target, "", "../../../bus/pci/drivers/%s%s", driver, "");
	path_in(path, root, "/sys/bus/pci/devices/%s/driver%s", bdf, "");
	return symlink(target, path) ? -EBUSY : 0;
}

static int probe(const char *root, const char *bdf)
{
	char path[PATH_MAX], driver[256];

	read_text(driver, sizeof(driver),
		  path_in(path, root, "/sys/bus/pci/devices/%s/driver_override%s", bdf, ""));
	if (!strcmp(driver, "(null)") || !driver[0])
		read_text(driver, sizeof(driver), path_in(path, root, "/default%s%s", "", ""));
	if (driver[0])
		bind(root, bdf, driver);
	return 0;
}

/* Acts on a write to this file like the kernel; returns 1 for a regular file. */
static int attribute(char *path, const char *value)
{
	char *name = strrchr(path, '/') + 1, *sys = strstr(path, "/sys/");
	char driver[64] = "";

	if (!sys)
		return 1;
	*sys = '\0';
	if (!strcmp(name, "drivers_probe"))
		return probe(path, value);
	if (sscanf(sys + 1, "sys/bus/pci/drivers/%63[^/]", driver) != 1)
		return 1;
	if (!strcmp(name, "unbind"))
		return unbind(path, value, driver);
	if (!strcmp(name, "bind"))
		return bind(path, value, driver);
	return 1;
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	char link[64], path[PATH_MAX], value[256];
	ssize_t n;
	int ret;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)buf);
	ret = -due_error();
	if (!ret)
		ret = attribute(path, value);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	if (ret > 0) {
		/* driver_override shows "(null)" after an empty line. */
		if (ftruncate(fd, 0))
			return -1;
		__real_write(fd, strcmp(value, "\n") ? value : "(null)\n",
			     strcmp(value, "\n") ? strlen(value) : 7);
	}
	return len;
}

int __wrap_rename(const char *from, const char *to)
{
	int err = due_error();
	int ret = err ? -1 : __real_rename(from, to);

	errno = err ? err : errno;
	return ret;
}

int __wrap_unlink(const char *path)
{
	int err = due_error();
	int ret = err ? -1 : __real_unlink(path);

	errno = err ? err : errno;
	return ret;
}

int __wrap_isatty(int fd)
{
	return getenv("FAKE_TERMINAL") ? 1 : __real_isatty(fd);
}

int __wrap_kill(pid_t pid, int number)
{
	return getenv("FAKE_IMMORTAL") ? 0 : __real_kill(pid, number);
}
