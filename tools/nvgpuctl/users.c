// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that have a GPU's device file open or mapped. An unbind would wait for them.
 * A device file is known by its number, whatever its name, which differs in containers;
 * by the end of its name where the number cannot be read.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include "nvgpuctl.h"

/* NV_MAJOR_DEVICE_NUMBER of NVIDIA's open kernel modules. */
#define NVIDIA_MAJOR 195

/**
 * struct node - a device file
 * @name: end of its name, from a slash on; an "N" at the end stands for any number
 * @number: 0 if unknown
 */
struct node {
	char name[64];
	dev_t number;
};

static bool name_matches(const char *file, const char *name)
{
	size_t n = strlen(name), len = strlen(file);

	if (n && name[n - 1] == 'N') {
		while (len && isdigit((unsigned char)file[len - 1]))
			len--;
		if (!file[len])
			return false;
		n--;
	}
	return n && len >= n && !memcmp(file + len - n, name, n);
}

/* @number: of the open file, 0 if it could not be read. */
static bool is_one(const struct node *node, unsigned int nr, const char *file, dev_t number)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (number && node[i].number ? number == node[i].number :
					       name_matches(file, node[i].name))
			return true;
	return false;
}

/* A mapping holds the device after the file is closed. */
static bool is_mapped(int pid, const struct node *node, unsigned int nr, char name[PATH_MAX])
{
	char *data __free(pointer) = NULL, *rest, *line;
	char range[40];

	root_load(&data, "/proc/%d/maps", pid);
	rest = data;
	while ((line = strsep(&rest, "\n")))
		/* address perms offset dev inode, then the name */
		if (sscanf(line, "%39s %*s %*s %*s %*s %4095[^\n]", range, name) == 2 &&
		    is_one(node, nr, name, root_number("/proc/%d/map_files/%s", pid, range)))
			return true;
	return false;
}

/* Does this process use one of the files, and which? -EACCES if that cannot be seen. */
static int look_at(int pid, const struct node *node, unsigned int nr, char file[PATH_MAX])
{
	struct names fds;
	unsigned int i;
	bool found;

	if (root_names(&fds, "/proc/%d/fd", pid))
		return root_exists("/proc/%d", pid) ? -EACCES : 0;
	for (i = 0; i < fds.nr; i++) {
		root_target(file, PATH_MAX, "/proc/%d/fd/%s", pid, fds.name[i]);
		if (is_one(node, nr, file, root_number("/proc/%d/fd/%s", pid, fds.name[i])))
			break;
	}
	found = i < fds.nr || is_mapped(pid, node, nr, file);
	names_free(&fds);
	return found;
}

static dev_t number_in(const char *text)
{
	unsigned int major, minor;

	return sscanf(text, "%u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

static unsigned int vfio_nodes(const struct gpu *gpu, struct node node[2])
{
	char text[32];

	snprintf(node[0].name, sizeof(node[0].name), "/vfio/%d", gpu->group);
	root_read(text, sizeof(text), "/sys/class/vfio/%d/dev", gpu->group);
	node[0].number = number_in(text);
	snprintf(node[1].name, sizeof(node[1].name), "/vfio/devices/%s", gpu->vfio_dev);
	root_read(text, sizeof(text), "/sys/bus/pci/devices/%s/vfio-dev/%s/dev", gpu->bdf,
		  gpu->vfio_dev);
	node[1].number = number_in(text);
	return 2;
}

/* Without its minor number, any GPU's node may be this one's. */
static unsigned int nvidia_nodes(const struct gpu *gpu, struct node node[2])
{
	char *data __free(pointer) = NULL;
	const char *at = NULL;
	unsigned int minor;

	if (root_load(&data, "/proc/driver/nvidia/gpus/%s/information", gpu->bdf) > 0)
		at = strstr(data, "Device Minor:");
	if (at && sscanf(at, "Device Minor: %u", &minor) == 1) {
		snprintf(node->name, sizeof(node->name), "/nvidia%u", minor);
		node->number = makedev(NVIDIA_MAJOR, minor);
	} else {
		*node = (struct node) { "/nvidiaN", 0 };
	}
	return 1;
}

static void add_user(struct users *users, int pid, const char *file)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/proc/%d/cmdline", pid);
	struct user *user;

	users->v = realloc(users->v, (users->nr + 1) * sizeof(*users->v));
	if (!users->v)
		abort();
	user = &users->v[users->nr++];
	*user = (struct user) { .pid = pid };
	snprintf(user->file, sizeof(user->file), "%.63s", file);
	if (len < 0 || !parse_vm_name(data, len, user->name, sizeof(user->name)))
		root_read(user->name, sizeof(user->name), "/proc/%d/comm", pid);
}

/**
 * users_load() - Find processes that use a GPU through its current driver
 * @gpu: the GPU
 * @users: gets them; to be freed
 *
 * Return: how many, -EACCES if none was found but some could not be seen, or another
 * negative errno.
 */
int users_load(const struct gpu *gpu, struct users *users)
{
	struct node node[2] = {};
	char file[PATH_MAX];
	struct names pids;
	bool hidden = false;
	unsigned int i, nr = 0;
	int ret;

	*users = (struct users) {};
	if (strstr(gpu->driver, "vfio"))
		nr = vfio_nodes(gpu, node);
	else if (!strncmp(gpu->driver, "nvidia", 6))
		nr = nvidia_nodes(gpu, node);
	if (!nr)
		return 0;
	ret = root_names(&pids, "/proc");
	if (ret)
		return ret;
	for (i = 0; i < pids.nr; i++) {
		if (!isdigit((unsigned char)pids.name[i][0]))
			continue;
		ret = look_at(atoi(pids.name[i]), node, nr, file);
		hidden |= ret < 0;
		if (ret > 0)
			add_user(users, atoi(pids.name[i]), file);
	}
	names_free(&pids);
	return users->nr ? (int)users->nr : hidden ? -EACCES : 0;
}

void users_free(struct users *users)
{
	free(users->v);
	*users = (struct users) {};
}

/* The same, as a text for the user. */
int users_of_gpu(const struct gpu *gpu, char *list, size_t len)
{
	struct users users;
	int ret = users_load(gpu, &users);
	size_t used = 0;
	unsigned int i;

	list[0] = '\0';
	for (i = 0; i < users.nr && used < len; i++)
		used += snprintf(list + used, len - used, "%s%s (process %d, %s)", i ? ", " : "",
				 users.v[i].name, users.v[i].pid, users.v[i].file);
	users_free(&users);
	return ret;
}
