// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's fault injection: lets the nth thing that can fail (allocation of
 * memory, copy from or to user space) fail in a system call of the calling thread.
 * Documentation/fault-injection/fault-injection.rst of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

#define DEBUGFS	"/sys/kernel/debug/"

/*
 * What to tell the injectors: allocations that may sleep fail too (by default
 * only atomic ones do), those of one page too, and no stack dump for any.
 */
static const struct {
	const char *file;
	const char *val;
} settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
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
