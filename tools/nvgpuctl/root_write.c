// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write access to the machine: sysfs, driverctl's files. With --dry-run nothing is
 * written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root.h"

static struct json_object *writes;

/**
 * root_note() - Record a write to the machine, and print it in a dry run
 * @verb: "write", "replace", "remove" or "load"
 * @what: name of the file or module, without the sysroot
 * @value: what is written, or NULL
 */
void root_note(const char *verb, const char *what, const char *value)
{
	struct json_object *step = json_object_new_object();

	json_add_string(step, "do", verb);
	json_add_string(step, "what", what);
	if (value)
		json_add_string(step, "value", value);
	if (!writes)
		writes = json_object_new_array();
	json_object_array_add(writes, step);
	if (!opts.dry_run || opts.json)
		return;
	if (value)
		printf("%s \"%.*s\" to %s\n", verb, (int)strcspn(value, "\n"), value, what);
	else
		printf("%s %s\n", verb, what);
}

/* All recorded writes, owned by the caller; NULL if there are none. */
struct json_object *root_writes(void)
{
	return json_object_get(writes);
}

static int write_fd(int fd, const char *value)
{
	size_t len = strlen(value);
	ssize_t n = write(fd, value, len);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

struct sysfs_write {
	const char *path;
	const char *value;
};

static int write_sysfs(const void *arg)
{
	const struct sysfs_write *to = arg;
	int fd = open(to->path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_fd(fd, to->value);
}

/**
 * root_write() - Write to an existing file with one write(), as sysfs requires
 * @value: what to write
 * @fmt: name of the file
 *
 * Return: 0 or the kernel's negative errno, or that of step_run().
 */
int root_write(const char *value, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	const struct sysfs_write to = { path, value };
	char what[256];

	root_note("write", path + root_len(), value);
	if (opts.dry_run)
		return 0;
	snprintf(what, sizeof(what), "for the kernel: write \"%.*s\" to %s",
		 (int)strcspn(value, "\n"), value, path + root_len());
	return step_run(write_sysfs, &to, what);
}

static int make_parent(const char *path)
{
	char *dir __free(pointer) = strdup(path);

	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	return 0;
}

/* A rename is persistent only after fsync() of its directory. */
static int sync_parent(const char *path)
{
	char *dir __free(pointer) = strdup(path);
	int fd, ret;

	*strrchr(dir, '/') = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

static int write_synced(const char *path, const char *value)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	ret = write_fd(fd, value);
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

/* Hidden, as driverctl takes every other file name for a device. */
static char *new_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name;

	if (asprintf(&name, "%.*s/.%s.new", (int)(slash - path), path, slash + 1) < 0)
		abort();
	return name;
}

/**
 * root_replace() - Create or replace a regular file
 * @value: its contents
 * @fmt: name of the file; its directory is created, but no further parents
 *
 * Readers, also after a power failure, see the old contents or the new.
 *
 * Return: 0 or a negative errno.
 */
int root_replace(const char *value, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	char *new __free(pointer) = NULL;
	int ret;

	root_note("replace", path + root_len(), value);
	if (opts.dry_run)
		return 0;
	ret = make_parent(path);
	if (ret)
		return ret;
	new = new_name(path);
	ret = write_synced(new, value);
	if (!ret && rename(new, path))
		ret = -errno;
	if (ret)
		unlink(new);
	return ret ? ret : sync_parent(path);
}

/**
 * root_remove() - Remove a regular file, which need not exist
 * @fmt: name of the file
 *
 * Removes the temporary file of an interrupted root_replace() as well.
 *
 * Return: 0 or a negative errno.
 */
int root_remove(const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	char *new __free(pointer) = NULL;

	new = new_name(path);
	if (!opts.dry_run && !access(new, F_OK))
		unlink(new);
	if (access(path, F_OK))
		return 0;
	root_note("remove", path + root_len(), NULL);
	if (opts.dry_run)
		return 0;
	if (unlink(path))
		return -errno;
	return sync_parent(path);
}

/* Not inherited by children: a step that the kernel does not return from keeps no lock. */
static bool is_locked(void *arg)
{
	return !lockf(*(int *)arg, F_TLOCK, 0) || (errno != EACCES && errno != EAGAIN);
}

/**
 * root_lock() - Take a lock that is held until this process exits
 * @name: of the lock file, which is created
 * @what: what is waited for, for the user
 *
 * Return: 0 or a negative errno, or that of step_wait().
 */
int root_lock(const char *name, const char *what)
{
	char *path __free(pointer) = root_path("%s", name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int ret;

	if (fd < 0)
		return -errno;
	ret = step_wait(is_locked, &fd, what);
	if (ret)
		close(fd);
	return ret;
}
