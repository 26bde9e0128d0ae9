// SPDX-License-Identifier: GPL-2.0-only
/* What happens to a GPU from outside: its administrator, its host, bad luck. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "stress.h"

#define MEMORY_SYSFS	"/sys/devices/system/memory/"

/* Binds what is there and not bound; others may be at it too. */
static int bind_again(struct actor *actor)
{
	int ret = gpu_bind(actor->kind);

	return ret == -EBUSY ? 0 : ret;
}

/* Return: @wanted or any but the bus, out of the words of @text; NULL if it has none. */
static char *pick_method(struct actor *actor, char *text, const char *wanted)
{
	char *word, *save, *picked = NULL;
	unsigned int nr = 0;

	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (wanted ? strcmp(word, wanted) : !strcmp(word, "bus"))
			continue;
		if (random_below(actor, ++nr) == 0)
			picked = word;
	}
	return picked;
}

static int reset_by_sysfs(struct actor *actor, const char *wanted)
{
	char bdf[GPU_BDF_LEN], text[128], *method;
	int ret = gpu_find(actor->kind, bdf);

	if (!ret)
		ret = __sysfs_read(bdf, "reset_method", text, sizeof(text));
	if (ret)
		return ret;
	method = pick_method(actor, text, wanted);
	if (!method)
		return -ENOENT;
	ret = __sysfs_write(bdf, "reset_method", method);
	if (!ret)
		ret = __sysfs_write(bdf, "reset", "1");
	__sysfs_write(bdf, "reset_method", "default");
	return ret;
}

int act_sysfs_reset(struct actor *actor)
{
	return reset_by_sysfs(actor, NULL);
}

int act_bus_reset(struct actor *actor)
{
	return reset_by_sysfs(actor, "bus");
}

int act_sysfs_read(struct actor *actor)
{
	static const char * const files[] = {
		"coherent_memory/ready", "coherent_memory/resets",
		"coherent_memory/poisoned_pages", "config", "resource", "reset_method",
	};
	char bdf[GPU_BDF_LEN], buf[256];
	int ret = gpu_find(actor->kind, bdf);

	return ret ? ret : __sysfs_read(bdf, files[random_below(actor, ARRAY_SIZE(files))],
					buf, sizeof(buf));
}

/* Waits until the session lets go. */
int act_rebind(struct actor *actor)
{
	int ret = gpu_unbind(actor->kind);

	usleep((useconds_t)random_below(actor, 50000));
	return bind_again(actor) ? -EIO : ret;
}

static int plug_in_again(struct actor *actor)
{
	int ret = sim_attr_write(actor->kind, "live", "0");

	if (ret)
		return ret;
	guard_lose(actor->gpu);
	ret = sim_attr_write(actor->kind, "live", "1");
	return ret ? ret : bind_again(actor);
}

/* Orderly removal; may go on while the device is in use. */
int act_replug(struct actor *actor)
{
	return plug_in_again(actor);
}

int act_tear_out(struct actor *actor)
{
	int ret = sim_attr_write(actor->kind, "unplug", "1");

	usleep((useconds_t)random_below(actor, 300000));
	return plug_in_again(actor) ? -EIO : ret;
}

static __u64 bad_offset(struct actor *actor)
{
	return GUARD_LEN + random_below(actor, SCRATCH_LEN);
}

int act_poison(struct actor *actor)
{
	char val[32];

	snprintf(val, sizeof(val), "%llu", bad_offset(actor));
	return sim_attr_write(actor->kind, "poison", val);
}

/* The same through the kernel's own door, which wants a physical address. */
int act_offline_page(struct actor *actor)
{
	char range[64], val[32];
	__u64 first, last;
	int ret;

	if (access(MEMORY_SYSFS "hard_offline_page", W_OK))
		return not_here(actor, "this kernel has no hard_offline_page");
	ret = sim_attr_read(actor->kind, "memory_range", range, sizeof(range));
	if (ret)
		return ret;
	if (sscanf(range, "%llx-%llx", &first, &last) != 2)
		return -ENODEV;
	snprintf(val, sizeof(val), "0x%llx", first + bad_offset(actor));
	return __file_write(MEMORY_SYSFS "hard_offline_page", val);
}

/* Resets from here on take longer, or not; and the C2C link goes down for a moment. */
int act_slow_training(struct actor *actor)
{
	char val[16];
	int ret;

	snprintf(val, sizeof(val), "%llu", random_below(actor, 3) ? 0 : random_below(actor, 300));
	ret = sim_attr_write(actor->kind, random_below(actor, 2) ? "training_ms" : "config_ff_ms",
			     val);
	if (ret)
		return ret;
	return sim_attr_write(actor->kind, "c2c_down", "1") ||
	       usleep((useconds_t)random_below(actor, 100000)) ||
	       sim_attr_write(actor->kind, "c2c_down", "0") ? -EIO : 0;
}

/* Return: a file descriptor of the module that hot-adds memory, or -errno. */
static int open_hot_ram(void)
{
	struct utsname name;
	char path[256];
	int fd;

	if (uname(&name))
		return -errno;
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/nvgpu-hot-ram.ko", name.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Must be refused, as long as the GPU is bound: the driver has claimed the range. */
int act_hot_add(struct actor *actor)
{
	char range[64], args[96], block[32];
	__u64 first, last;
	int fd, ret;

	fd = open_hot_ram();
	if (fd < 0)
		return not_here(actor, "there is no module nvgpu-hot-ram");
	ret = sim_attr_read(actor->kind, "memory_range", range, sizeof(range));
	if (!ret)
		ret = __file_read(MEMORY_SYSFS "block_size_bytes", block, sizeof(block));
	if (!ret && sscanf(range, "%llx-%llx", &first, &last) == 2) {
		snprintf(args, sizeof(args), "start=0x%llx size=0x%s", first, block);
		ret = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
		if (!ret)
			damage(actor, "hot-add, which was not refused", 0, 0, 0);
	}
	close(fd);
	return ret == -EBUSY ? 0 : ret;
}
