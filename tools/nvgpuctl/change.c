// SPDX-License-Identifier: GPL-2.0-only
/*
 * Change the drivers of GPUs, all or none. Of each GPU, set driver_override first, so
 * that no other driver binds in between; then unbind the old driver, then bind the new
 * one. /etc/driverctl.d is written last, so that a boot after a power failure applies
 * the old drivers or the new ones. A failed step undoes all of them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

#include "nvgpuctl.h"

static const char *shown(const char *driver)
{
	return driver && driver[0] ? driver : "no driver";
}

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

/* The name in sysfs of a driver, in which "-" and "_" are equal; false if it is missing. */
static bool find_driver(struct change *change, const char *name)
{
	struct names drivers;
	unsigned int i;
	bool found = false;

	if (root_names(&drivers, "/sys/bus/pci/drivers"))
		return false;
	for (i = 0; i < drivers.nr && !found; i++) {
		found = same_module(drivers.name[i], name);
		if (found)
			snprintf(change->name, sizeof(change->name), "%s", drivers.name[i]);
	}
	names_free(&drivers);
	if (found) {
		change->driver = change->name;
		change->override = change->name;
	}
	return found;
}

/* Loads the driver if it is missing. */
static int prepare(struct change *change)
{
	int ret;

	if (!change->driver || !change->driver[0] || find_driver(change, change->driver))
		return 0;
	ret = module_load(change->driver);
	if (ret || opts.dry_run)
		return ret;
	return find_driver(change, change->driver) ? 0 : -ENOENT;
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
	snprintf(why, len, "bound to %s afterwards", shown(driver));
	return -EIO;
}

static int apply(const struct change *change, char *why, size_t len)
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

/* What the kernel chooses at boot needs no file. */
static int persist(const char *bdf, const char *driver)
{
	char text[80];

	if (!driver[0])
		return root_remove(PERSIST_FILE, bdf);
	snprintf(text, sizeof(text), "%s\n", driver);
	return root_replace(text, PERSIST_FILE, bdf);
}

/* All changes; on failure @failed is the index of the one that failed. */
static int apply_all(const struct changes *changes, char *why, size_t len, unsigned int *failed)
{
	const struct change *change = changes->v;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < changes->nr && !ret; i++) {
		*failed = i;
		ret = apply(&change[i], why, len);
	}
	for (i = 0; i < changes->nr && !ret && changes->persist; i++) {
		const char *driver = change[i].driver ? change[i].driver : DRIVER_NONE;

		*failed = i;
		if (strcmp(change[i].gpu->persisted, driver))
			ret = persist(change[i].gpu->bdf, driver);
		if (ret)
			snprintf(why, len, "/etc/driverctl.d cannot be written");
	}
	if (step_why(ret))
		snprintf(why, len, "%s", step_why(ret));
	return ret;
}

/* Restores the driver of a GPU after any step of a change; 0 or a negative errno. */
static int undo(const struct gpu *gpu)
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
	return ret;
}

/* Restores driver and file of a GPU, unless the kernel still works on it; says how. */
static int put_back(const struct changes *changes, const struct gpu *gpu, int err, char *how,
		    size_t len)
{
	char driver[64];
	int ret = err == -EINPROGRESS ? err : undo(gpu);

	if (changes->persist && strcmp(gpu->persisted, "?"))
		persist(gpu->bdf, gpu->persisted);
	current_driver(driver, sizeof(driver), gpu->bdf);
	if (ret == -EINPROGRESS)
		snprintf(how, len, "left to the kernel: see nvgpuctl list, try again later");
	else if (ret)
		snprintf(how, len, "cannot be bound to %s again (%s), bound to %s",
			 shown(gpu->driver), errno_name(ret), shown(driver));
	else
		snprintf(how, len, "bound to %s", shown(driver));
	return ret;
}

/* Undoes all changes; prints why one failed, and what could not be undone. */
static enum status undo_all(const struct changes *changes, unsigned int failed, int err,
			    const char *why)
{
	enum status status = err == -EACCES || err == -EPERM ? ST_PERM : ST_FAILED;
	unsigned int i;
	char how[256];
	int ret;

	for (i = 0; i < changes->nr; i++) {
		const struct change *change = &changes->v[i];

		ret = put_back(changes, change->gpu, i == failed ? err : 0, how, sizeof(how));
		if (ret)
			status = ST_NOT_BACK;
		if (i == failed)
			complain("%s: not changed to %s (%s): %s; %s", change->gpu->bdf,
				 shown(change->driver), errno_name(err), why, how);
		else if (ret)
			complain_of(change->gpu->bdf, "%s", how);
	}
	return status;
}

static void tell_results(const struct changes *changes)
{
	struct json_object *document = json_document("nvgpu.change/1");
	struct json_object *array = json_object_new_array(), *json;
	char driver[64];
	unsigned int i;

	for (i = 0; i < changes->nr; i++) {
		const struct gpu *gpu = changes->v[i].gpu;

		current_driver(driver, sizeof(driver), gpu->bdf);
		json = json_object_new_object();
		json_add_string(json, "bdf", gpu->bdf);
		json_add_string(json, "driver_before", gpu->driver);
		json_add_string(json, "driver", driver);
		json_object_array_add(array, json);
		if (!opts.dry_run)
			say("%s: %s, was %s%s", gpu->bdf, shown(driver), shown(gpu->driver),
			    changes->persist ? ", also at boot" : "");
	}
	json_add_bool(document, "dry_run", opts.dry_run);
	json_object_object_add(document, "gpus", array);
	json_object_object_add(document, "steps", root_writes());
	if (opts.json)
		json_put_out(document);
	else
		json_object_put(document);
}

static enum status run(const struct changes *changes)
{
	unsigned int i, failed;
	char why[256];
	int ret;

	for (i = 0; i < changes->nr; i++) {
		ret = prepare(&changes->v[i]);
		if (!ret)
			continue;
		complain_of(changes->v[i].gpu->bdf,
			    "no driver %s (%s): %s, kernel %s. Nothing was changed",
			    changes->v[i].driver, errno_name(ret),
			    ret == -ENOENT ? "install its module" : "see dmesg",
			    kernel_release());
		return ST_FAILED;
	}
	ret = apply_all(changes, why, sizeof(why), &failed);
	return ret ? undo_all(changes, failed, ret, why) : ST_OK;
}

/**
 * changes_run() - Change the drivers of GPUs
 * @changes: the changes
 *
 * Prints the result.
 *
 * Return: exit status.
 */
enum status changes_run(const struct changes *changes)
{
	unsigned int i, step = changes->is_each ? 1 : changes->nr;
	enum status status = ST_OK, one;

	for (i = 0; i < changes->nr; i += step) {
		const struct changes some = {
			.v = changes->v + i, .nr = step, .persist = changes->persist
		};

		one = run(&some);
		if (one != ST_OK)
			status = one;
	}
	if (status == ST_OK || changes->is_each)
		tell_results(changes);
	return status;
}

/**
 * changes_begin() - Lock out other changes of GPUs, until this process ends
 *
 * Call this before loading the GPUs.
 *
 * Return: ST_OK, or another after a message.
 */
enum status changes_begin(void)
{
	int ret;

	if (opts.dry_run)
		return ST_OK;
	if (root_is_host() && geteuid()) {
		complain("only root can change drivers: use sudo, or -n for a dry run");
		return ST_PERM;
	}
	step_hold_signals();
	ret = root_lock(LOCK_FILE, "for another nvgpuctl, which is changing GPUs");
	if (!ret)
		return ST_OK;
	if (ret == -EINTR || ret == -ECANCELED)
		complain("another nvgpuctl is changing GPUs: %s", step_why(ret));
	else
		complain(LOCK_FILE ": %s", strerror(-ret));
	return ret == -EINTR || ret == -ECANCELED ? ST_BUSY : ST_FAILED;
}
