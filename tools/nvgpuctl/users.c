// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that have a device file open or mapped. An unbind would wait for them
 * without limit.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "nvgpuctl.h"

static void add(struct users *users, int pid, const char *file)
{
	struct user *user;

	users->v = realloc(users->v, (users->nr + 1) * sizeof(*users->v));
	if (!users->v)
		abort();
	user = &users->v[users->nr++];
	*user = (struct user) { .pid = pid };
	root_read(user->comm, sizeof(user->comm), "/proc/%d/comm", pid);
	snprintf(user->file, sizeof(user->file), "%s", file);
}

/* A pattern that ends in "*" matches all names with that prefix. */
static bool file_matches(const char *file, const char *pattern)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncmp(file, pattern, n - 1);
	return !strcmp(file, pattern);
}

static const char *match(const char *file, const char *const *pattern)
{
	for (; *pattern; pattern++)
		if (file_matches(file, *pattern))
			return *pattern;
	return NULL;
}

/* A mapping holds the device after the file is closed. */
static bool is_mapped(int pid, const char *const *pattern, const char **which)
{
	char *data __free(pointer) = NULL;
	char prefix[PATH_MAX];
	ssize_t len = root_load(&data, "/proc/%d/maps", pid);

	for (; len > 0 && *pattern; pattern++) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)strcspn(*pattern, "*"), *pattern);
		*which = *pattern;
		if (maps_mention(data, len, prefix))
			return true;
	}
	return false;
}

static void look_at(struct users *users, int pid, const char *const *pattern)
{
	char target[PATH_MAX];
	struct names fds;
	const char *which;
	unsigned int i;

	if (root_names(&fds, "/proc/%d/fd", pid)) {
		users->is_partial |= root_exists("/proc/%d", pid);
		return;
	}
	for (i = 0; i < fds.nr; i++) {
		root_target(target, sizeof(target), "/proc/%d/fd/%s", pid, fds.name[i]);
		if (match(target, pattern)) {
			add(users, pid, target);
			break;
		}
	}
	if (i == fds.nr && is_mapped(pid, pattern, &which))
		add(users, pid, which);
	names_free(&fds);
}

/**
 * users_find() - Find processes that have device files open or mapped
 * @users: gets one entry per process; to be freed
 * @pattern: names of files, "*" at the end allowed, NULL ends the list
 *
 * Return: 0 or a negative errno. Sets @users->is_partial if processes of other
 * users could not be inspected.
 */
int users_find(struct users *users, const char *const *pattern)
{
	struct names pids;
	unsigned int i;
	int ret;

	*users = (struct users) {};
	ret = root_names(&pids, "/proc");
	if (ret)
		return ret;
	for (i = 0; i < pids.nr; i++)
		if (isdigit((unsigned char)pids.name[i][0]))
			look_at(users, atoi(pids.name[i]), pattern);
	names_free(&pids);
	return 0;
}

/**
 * users_of_gpu() - Find processes that use a GPU through its current driver
 * @gpu: the GPU
 * @users: gets them; to be freed
 *
 * Return: 0 or a negative errno.
 */
int users_of_gpu(const struct gpu *gpu, struct users *users)
{
	static const char *const nvidia[] = { "/dev/nvidia*", NULL };
	char group[32], cdev[64];
	const char *const vfio[] = { group, cdev, NULL };

	snprintf(group, sizeof(group), "/dev/vfio/%d", gpu->group);
	snprintf(cdev, sizeof(cdev), "/dev/vfio/devices/%s", gpu->vfio_dev);
	if (strstr(gpu->driver, "vfio"))
		return users_find(users, vfio);
	if (!strncmp(gpu->driver, "nvidia", 6))
		return users_find(users, nvidia);
	*users = (struct users) {};
	return 0;
}

void users_free(struct users *users)
{
	free(users->v);
	*users = (struct users) {};
}
