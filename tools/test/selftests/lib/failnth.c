// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's fault injection: lets the nth thing that can fail (allocation of
 * memory, copy from or to user space) fail in a system call of the calling thread.
 * Documentation/fault-injection/fault-injection.rst of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

#define DEBUGFS	"/sys/kernel/debug/"

/*
 * What to tell the injectors: allocations that may sleep fail too (by default
 * only atomic ones do), those of one page too, no stack dump for any, and no
 * function of the kernel is spared.
 */
static const struct {
	const char *file;
	const char *val;
} settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "failslab/reject-start", "0" },
	{ DEBUGFS "failslab/reject-end", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/reject-start", "0" },
	{ DEBUGFS "fail_page_alloc/reject-end", "0" },
	{ DEBUGFS "fail_usercopy/verbose", "0" },
};

static __thread int fail_nth = -1;

static bool put(const char *path, const char *val)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, val, strlen(val)) > 0;
	close(fd);
	return done;
}

/**
 * fail_nth_available() - prepare to inject failures into this thread
 *
 * Return: false where the kernel lacks one of failslab, fail_page_alloc and
 * fail_usercopy, or their files in debugfs.
 */
bool fail_nth_available(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (!put(settings[i].file, settings[i].val))
			return false;
	if (fail_nth < 0)
		fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_nth >= 0;
}

/* Where a function of the kernel begins, and the next symbol behind it. */
static bool kernel_function(const char *name, __u64 *start, __u64 *end)
{
	char line[512], symbol[256];
	unsigned long long addr;
	FILE *f = fopen("/proc/kallsyms", "re");

	*start = 0;
	*end = UINT64_MAX;
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %255s", &addr, symbol) == 2 && !strcmp(symbol, name))
			*start = addr;
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		addr = strtoull(line, NULL, 16);
		if (addr > *start && addr < *end)
			*end = addr;
	}
	fclose(f);
	return *start;
}

/**
 * fail_nth_spare() - let nothing fail below a function of the kernel
 * @function: its name
 *
 * Until fail_nth_available() is called again.
 *
 * Return: false where the kernel has no such function of its own.
 */
bool fail_nth_spare(const char *function)
{
	char begin[32], behind[32];
	__u64 start, end;

	if (!kernel_function(function, &start, &end))
		return false;
	snprintf(begin, sizeof(begin), "0x%llx", start);
	snprintf(behind, sizeof(behind), "0x%llx", end);
	return put(DEBUGFS "failslab/reject-start", begin) &&
	       put(DEBUGFS "failslab/reject-end", behind) &&
	       put(DEBUGFS "fail_page_alloc/reject-start", begin) &&
	       put(DEBUGFS "fail_page_alloc/reject-end", behind);
}

/* The @nth thing that can fail from now on, counted from 1, fails. */
void fail_nth_arm(unsigned int nth)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", nth);

	if (pwrite(fail_nth, buf, (size_t)len, 0) != len)
		die("arming fail-nth: %s", strerror(errno));
}

/*
 * The count goes on while it is read and stopped: both copy to or from user space
 * and may be what fails. Then the call before did not.
 *
 * Return: true if something was made to fail since fail_nth_arm().
 */
bool fail_nth_disarm(void)
{
	char buf[16] = "";
	ssize_t len = pread(fail_nth, buf, sizeof(buf) - 1, 0);
	bool fired = len > 0 && !strtoul(buf, NULL, 10);

	if (pwrite(fail_nth, "0", 1, 0) != 1 && pwrite(fail_nth, "0", 1, 0) != 1)
		die("stopping fail-nth: %s", strerror(errno));
	return fired;
}
