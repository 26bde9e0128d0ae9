// SPDX-License-Identifier: GPL-2.0-only
/*
 * Change the driver of one GPU and undo it. Set driver_override first, so that no
 * other driver binds in between; then unbind the old driver, then bind the new one.
 */
#include <errno.h>

#include "nvgpuctl.h"

static int write_override(const char *bdf, const char *override)
{
	/* An empty line clears driver_override. */
	return root_write(override[0] ? override : "\n", "/sys/bus/pci/devices/%s/driver_override",
			  bdf);
}

static int write_driver(const char *bdf, const char *driver, const char *file)
{
	return root_write(bdf, "/sys/bus/pci/drivers/%s/%s", driver, file);
}

static void current_driver(char *buf, size_t len, const char *bdf)
{
	root_link(buf, len, "/sys/bus/pci/devices/%s/driver", bdf);
}

/**
 * change_prepare() - Load the driver if it is missing; changes no GPU
 * @change: the change
 *
 * Return: 0 or a negative errno.
 */
int change_prepare(const struct change *change)
{
	int ret;

	if (!change->driver || !change->driver[0])
		return 0;
	if (root_exists("/sys/bus/pci/drivers/%s", change->driver))
		return 0;
	ret = module_load(change->driver);
	if (ret || opts.dry_run)
		return ret;
	return root_exists("/sys/bus/pci/drivers/%s", change->driver) ? 0 : -ENOENT;
}

static int bind_to(const struct change *change, char *why, size_t len)
{
	const char *bdf = change->gpu->bdf;
	__u64 before = kmsg_last();
	char prefix[96];
	int ret;

	ret = write_driver(bdf, change->driver, "bind");
	if (!ret)
		return 0;
	snprintf(prefix, sizeof(prefix), "%s %s: ", change->driver, bdf);
	if (!kmsg_error(before, prefix, why, len))
		snprintf(why, len, "no reason in the kernel log, see dmesg");
	return ret;
}

/* If the kernel chooses the driver, any result is right, none included. */
static int check_result(const struct change *change, char *why, size_t len)
{
	char driver[64];

	current_driver(driver, sizeof(driver), change->gpu->bdf);
	if (opts.dry_run || !change->driver || !change->driver[0] ||
	    !strcmp(driver, change->driver))
		return 0;
	snprintf(why, len, "bound to %s afterwards", driver[0] ? driver : "no driver");
	return -EIO;
}

/**
 * change_apply() - Change the driver of a GPU
 * @change: the change
 * @why: on failure, the reason in the kernel log
 * @len: of @why
 *
 * On failure the caller must call change_undo().
 *
 * Return: 0 or a negative errno.
 */
int change_apply(const struct change *change, char *why, size_t len)
{
	const struct gpu *gpu = change->gpu;
	int ret;

	snprintf(why, len, "writing to sysfs failed");
	ret = write_override(gpu->bdf, change->override);
	if (ret || (change->driver && change->driver[0] && !strcmp(gpu->driver, change->driver)))
		return ret;
	if (gpu->driver[0]) {
		ret = write_driver(gpu->bdf, gpu->driver, "unbind");
		if (ret)
			return ret;
	}
	if (!change->driver)
		return 0;
	if (change->driver[0])
		ret = bind_to(change, why, len);
	else
		ret = root_write(gpu->bdf, "/sys/bus/pci/drivers_probe");
	return ret ? ret : check_result(change, why, len);
}

static int undo_persisted(const struct gpu *gpu)
{
	char text[80];

	if (!gpu->persisted[0])
		return root_remove(PERSIST_FILE, gpu->bdf);
	if (!strcmp(gpu->persisted, "?"))
		return 0;
	snprintf(text, sizeof(text), "%s\n", gpu->persisted);
	return root_replace(text, PERSIST_FILE, gpu->bdf);
}

/**
 * change_undo() - Restore the driver of a GPU, after any step of a change
 * @gpu: its address, and the driver, the override and the persisted driver it had
 *
 * May be called again after it was interrupted.
 *
 * Return: 0 or a negative errno.
 */
int change_undo(const struct gpu *gpu)
{
	char driver[64];
	int ret;

	current_driver(driver, sizeof(driver), gpu->bdf);
	if (driver[0] && strcmp(driver, gpu->driver)) {
		ret = write_driver(gpu->bdf, driver, "unbind");
		if (ret)
			return ret;
		driver[0] = '\0';
	}
	ret = write_override(gpu->bdf, gpu->override);
	if (!ret && gpu->driver[0] && !driver[0])
		ret = write_driver(gpu->bdf, gpu->driver, "bind");
	return ret ? ret : undo_persisted(gpu);
}
