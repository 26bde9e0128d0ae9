// SPDX-License-Identifier: GPL-2.0-only
/* The simulated GPUs: configfs attributes, plugging in, binding. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

#define DRIVER	"nvgpu_vfio_pci"

static void sim_path(const struct gpu_kind *kind, const char *attr, char *path, size_t len)
{
	snprintf(path, len, "/sys/kernel/config/nvgpu-sim/%s/%s", kind->name, attr);
}

int sim_attr_write(const struct gpu_kind *kind, const char *attr, const char *val)
{
	char path[128];

	sim_path(kind, attr, path, sizeof(path));
	return __file_write(path, val);
}

/* Return: 0 or -errno. @buf is one line without its end, empty on failure. */
int sim_attr_read(const struct gpu_kind *kind, const char *attr, char *buf, size_t len)
{
	char path[128];

	sim_path(kind, attr, path, sizeof(path));
	return __file_read(path, buf, len);
}

/* Return: 0 with the address in @bdf (GPU_BDF_LEN bytes), -ENODEV if it has none. */
int gpu_find(const struct gpu_kind *kind, char *bdf)
{
	int ret = sim_attr_read(kind, "dev_name", bdf, GPU_BDF_LEN);

	return ret ? ret : bdf[0] ? 0 : -ENODEV;
}

int gpu_bind(const struct gpu_kind *kind)
{
	char bdf[GPU_BDF_LEN];
	int ret = gpu_find(kind, bdf);

	if (!ret)
		ret = __sysfs_write(bdf, "driver_override", DRIVER);
	if (!ret)
		ret = __sysfs_write(bdf, "subsystem/drivers/" DRIVER "/bind", bdf);
	return ret;
}

int gpu_unbind(const struct gpu_kind *kind)
{
	char bdf[GPU_BDF_LEN];
	int ret = gpu_find(kind, bdf);

	return ret ? ret : __sysfs_write(bdf, "driver/unbind", bdf);
}

/* Makes the GPU, plugs it in and binds it. */
int gpu_make(const struct gpu_kind *kind)
{
	const char * const *attribute = kind->attributes;
	char path[128], name[32];
	const char *val;
	int ret;

	sim_path(kind, "", path, sizeof(path));
	if (mkdir(path, 0755))
		return -errno;
	for (; *attribute; attribute++) {
		val = strchr(*attribute, '=') + 1;
		snprintf(name, sizeof(name), "%.*s", (int)(val - *attribute - 1), *attribute);
		ret = sim_attr_write(kind, name, val);
		if (ret)
			return ret;
	}
	ret = sim_attr_write(kind, "live", "1");
	return ret ? ret : gpu_bind(kind);
}

/* Return: 0 or why the GPU does not go away. */
int gpu_take_away(const struct gpu_kind *kind)
{
	char path[128];
	int ret = sim_attr_write(kind, "live", "0");

	if (ret)
		return ret;
	sim_path(kind, "", path, sizeof(path));
	return rmdir(path) ? -errno : 0;
}
