// SPDX-License-Identifier: GPL-2.0-only
/* What the tests change at run time: the simulated GPU's faults, and sysfs files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

/* Faults that outlive the test that made them; 0 is "none" for each. */
static const char * const faults[] = {
	"c2c_down", "training_ms", "never_ready", "cxl_inactive", "fail_reset",
	"config_ff_ms",
};

/* Ends all faults. For the beginning of a test: the one before may have died. */
void sim_calm(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sim_write(faults[i], 0);
	sim_write_text("memory_on_reset", "keep");
}

int __file_write(const char *path, const char *val)
{
	size_t len = strlen(val);
	ssize_t done;
	int fd, ret;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, val, len);
	ret = done < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Return: 0 or -errno. @buf is one line without its end, empty on failure. */
int __file_read(const char *path, char *buf, size_t len)
{
	ssize_t done;
	int fd, ret;

	buf[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = read(fd, buf, len - 1);
	ret = done < 0 ? -errno : 0;
	close(fd);
	buf[ret ? 0 : done] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return ret;
}

static void sysfs_path(const char *bdf, const char *file, char *path, size_t len)
{
	snprintf(path, len, "/sys/bus/pci/devices/%s/%s", bdf, file);
}

int __sysfs_read(const char *bdf, const char *file, char *buf, size_t len)
{
	char path[256];

	sysfs_path(bdf, file, path, sizeof(path));
	return __file_read(path, buf, len);
}

__u64 sysfs_read_u64(const char *bdf, const char *file)
{
	char buf[64], *end;
	__u64 val;
	int ret = __sysfs_read(bdf, file, buf, sizeof(buf));

	if (ret)
		die("%s: sysfs file %s: %s", bdf, file, strerror(-ret));
	val = strtoull(buf, &end, 0);
	if (end == buf)
		die("%s: sysfs file %s: \"%s\" is not a number", bdf, file, buf);
	return val;
}

int __sysfs_write(const char *bdf, const char *file, const char *val)
{
	char path[256];

	sysfs_path(bdf, file, path, sizeof(path));
	return __file_write(path, val);
}

/* Name of the PCI driver that serves the function, as sysfs spells it. */
void sysfs_driver(const char *bdf, char *name, size_t len)
{
	char path[256], link[256];
	ssize_t done;

	sysfs_path(bdf, "driver", path, sizeof(path));
	done = readlink(path, link, sizeof(link) - 1);
	if (done < 0)
		die("%s: no driver is bound: %s", bdf, strerror(errno));
	link[done] = '\0';
	snprintf(name, len, "%s", strrchr(link, '/') + 1);
}

/*
 * Takes the GPU out, puts it in again (at the same address, as nobody else took
 * it) and has @driver bind to it. Return: 0 or -errno.
 */
int __gpu_replug(const char *bdf, const char *driver)
{
	char path[256];
	int ret;

	sim_write("live", 0);
	sim_write("live", 1);
	ret = __sysfs_write(bdf, "driver_override", driver);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	return __file_write(path, bdf);
}

/* Files of our own in sysfs are there with our driver, not with one compared to it. */
bool driver_is_ours(const char *bdf)
{
	char name[64];

	sysfs_driver(bdf, name, sizeof(name));
	return !strcmp(name, "nvgpu_vfio_pci");
}
