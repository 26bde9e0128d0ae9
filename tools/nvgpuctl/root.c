// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read access to the machine, or with --sysroot to a directory.
 *
 * Invariant: only this file and root_write.c open files of the machine; facts.c
 * queries the running machine only.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "root.h"

/* Limit for the largest files, ACPI tables and modules.alias. */
#define LOAD_MAX (16 * SZ_M)
#define RECORD_MAX (8 * SZ_K)

static char root[PATH_MAX];

/**
 * root_set() - Set the root directory
 * @dir: the directory, "/" for the machine itself
 *
 * Return: 0 or a negative errno.
 */
int root_set(const char *dir)
{
	struct stat st;

	if (stat(dir, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (!realpath(dir, root))
		return -errno;
	if (!strcmp(root, "/"))
		root[0] = '\0';
	return 0;
}

size_t root_len(void)
{
	return strlen(root);
}

bool root_is_host(void)
{
	return !root[0];
}

/* Used by this file and root_write.c, through FORMATTED_PATH(). */
char *root_path_va(const char *fmt, va_list args)
{
	char *name, *path;

	if (vasprintf(&name, fmt, args) < 0)
		abort();
	if (asprintf(&path, "%s%s", root, name) < 0)
		abort();
	free(name);
	return path;
}

char *root_path(const char *fmt, ...)
{
	return FORMATTED_PATH();
}

bool root_exists(const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();

	return !access(path, F_OK);
}

/* By this user, for reading and writing. */
bool root_may_use(const char *path)
{
	char *whole __free(pointer) = root_path("%s", path);

	return !access(whole, R_OK | W_OK);
}

/*
 * A read of /dev/kmsg returns one record, needs a buffer that holds it, and fails
 * with EPIPE for lost records, EAGAIN at the end.
 */
static ssize_t load_fd(int fd, char **data)
{
	size_t len = 0, room = 0;
	char *buf = NULL;
	ssize_t n;

	do {
		if (room - len < RECORD_MAX) {
			room = 2 * room + RECORD_MAX;
			buf = realloc(buf, room);
			if (!buf)
				abort();
		}
		n = read(fd, buf + len, room - len - 1);
		if (n > 0)
			len += n;
	} while ((n > 0 && len < LOAD_MAX) || (n < 0 && errno == EPIPE));
	if (n < 0 && errno != EAGAIN) {
		n = -errno;
		free(buf);
		return n;
	}
	buf[len] = '\0';
	*data = buf;
	return len;
}

/* O_NONBLOCK: reads of device files such as /dev/kmsg must not block. */
static ssize_t load_path(const char *path, char **data)
{
	ssize_t ret;
	int fd;

	*data = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = load_fd(fd, data);
	close(fd);
	return ret;
}

/**
 * root_load() - Read a whole file
 * @data: set to the NUL-terminated contents, to be freed; NULL on failure
 * @fmt: its name
 *
 * Return: length or a negative errno.
 */
ssize_t root_load(char **data, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();

	return load_path(path, data);
}

/**
 * root_load_gz() - Read a file that may be compressed by gzip
 * @data: set to the NUL-terminated contents, to be freed; NULL on failure
 * @fmt: its name
 *
 * Return: length or a negative errno.
 */
ssize_t root_load_gz(char **data, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	__auto_type file = gzopen(path, "re");
	int len;

	*data = NULL;
	if (!file)
		return -errno;
	*data = calloc(1, LOAD_MAX);
	len = *data ? gzread(file, *data, LOAD_MAX - 1) : -1;
	gzclose(file);
	return len < 0 ? -EIO : len;
}

static int read_line(const char *path, char *buf, size_t len)
{
	char *data __free(pointer) = NULL;
	ssize_t n = load_path(path, &data);

	buf[0] = '\0';
	if (n < 0)
		return n;
	data[strcspn(data, "\n")] = '\0';
	snprintf(buf, len, "%s", data);
	return 0;
}

/**
 * root_read() - Read the first line of a file
 * @buf: gets it without its newline; empty on failure
 * @len: size of @buf
 * @fmt: name of the file
 *
 * Return: 0 or a negative errno.
 */
int root_read(char *buf, size_t len, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();

	return read_line(path, buf, len);
}

/**
 * root_read_u64() - Read a number, decimal or with 0x
 * @value: unchanged on failure
 * @fmt: name of the file
 *
 * Return: 0 or a negative errno, -EINVAL if it is not a number.
 */
int root_read_u64(__u64 *value, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	char line[64], *end;
	__u64 number;
	int ret;

	ret = read_line(path, line, sizeof(line));
	if (ret)
		return ret;
	errno = 0;
	number = strtoull(line, &end, 0);
	if (errno || end == line || *end)
		return -EINVAL;
	*value = number;
	return 0;
}

/* Number of a character device, -1 of another file; follows links. 0 if it cannot be read. */
dev_t root_number(const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	struct stat st;

	if (stat(path, &st))
		return 0;
	return S_ISCHR(st.st_mode) ? st.st_rdev : (dev_t)-1;
}

static int read_target(const char *path, char *buf, size_t len)
{
	ssize_t n = readlink(path, buf, len - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n < 0 ? -errno : 0;
}

/**
 * root_target() - Read a symbolic link
 * @buf: gets its target; empty on failure
 * @len: size of @buf
 * @fmt: name of the link
 *
 * Return: 0 or a negative errno.
 */
int root_target(char *buf, size_t len, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();

	return read_target(path, buf, len);
}

/**
 * root_link() - Read the last component of a symbolic link's target
 * @buf: gets it; empty on failure
 * @len: size of @buf
 * @fmt: name of the link
 *
 * Return: 0 or a negative errno.
 */
int root_link(char *buf, size_t len, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	char target[PATH_MAX];
	char *slash;
	int ret;

	ret = read_target(path, target, sizeof(target));
	slash = strrchr(target, '/');
	snprintf(buf, len, "%s", slash ? slash + 1 : target);
	return ret;
}

static int skip_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/**
 * root_names() - List a directory
 * @names: gets the sorted names, without hidden ones; to be freed
 * @fmt: name of the directory
 *
 * Return: 0 or a negative errno.
 */
int root_names(struct names *names, const char *fmt, ...)
{
	struct dirent **entry __free(pointer) = NULL;
	char *path __free(pointer) = FORMATTED_PATH();
	int i, nr;

	*names = (struct names) {};
	nr = scandir(path, &entry, skip_dots, versionsort);
	if (nr < 0)
		return -errno;
	names->name = calloc(nr + 1, sizeof(*names->name));
	if (!names->name)
		abort();
	for (i = 0; i < nr; i++) {
		names->name[names->nr++] = strdup(entry[i]->d_name);
		free(entry[i]);
	}
	return 0;
}

void names_free(struct names *names)
{
	unsigned int i;

	for (i = 0; i < names->nr; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names) {};
}

/**
 * root_peek32() - Read a register by mapping a file, as resourceN requires
 * @value: gets its value
 * @offset: a multiple of 4
 * @fmt: name of the file
 *
 * Return: 0 or a negative errno.
 */
int root_peek32(__u32 *value, off_t offset, const char *fmt, ...)
{
	char *path __free(pointer) = FORMATTED_PATH();
	off_t page = sysconf(_SC_PAGESIZE);
	struct stat st;
	void *map;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_SYNC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_size < offset + (off_t)sizeof(*value)) {
		close(fd);
		return -ERANGE;
	}
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, offset & ~(page - 1));
	close(fd);
	if (map == MAP_FAILED)
		return -errno;
	/* Atomic, hence a single 32-bit access. */
	*value = __atomic_load_n((__u32 *)((char *)map + (offset & (page - 1))), __ATOMIC_RELAXED);
	munmap(map, page);
	return 0;
}
