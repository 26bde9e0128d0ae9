// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own tracing: events, and calls of its functions, as text. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

static void tracefs_path(const char *file, char *path, size_t len)
{
	snprintf(path, len, "/sys/kernel/tracing/%s", file);
}

bool tracefs_has(const char *file)
{
	char path[128];

	tracefs_path(file, path, sizeof(path));
	return !access(path, F_OK);
}

/* Emptied first: "trace" of what was logged, a filter of what it lets through. */
void tracefs_write(const char *file, const char *val)
{
	char path[128];
	int fd;

	tracefs_path(file, path, sizeof(path));
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, val, strlen(val)) < 0)
		die("%s: cannot write \"%s\": %s", path, val, strerror(errno));
	close(fd);
}

/* What was logged so far, of that what comes first if it is too long. Return: its length. */
size_t tracefs_log(char *log, size_t size)
{
	ssize_t done;
	size_t len = 0;
	char path[128];
	int fd;

	tracefs_path("trace", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	while ((done = read(fd, log + len, size - 1 - len)) > 0)
		len += (size_t)done;
	close(fd);
	log[len] = '\0';
	return len;
}
