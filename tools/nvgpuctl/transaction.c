// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic driver changes of several GPUs, also if this program is killed.
 *
 * The journal is written first and removed last. /etc/driverctl.d is written after
 * all other steps, so that a boot after a power failure applies the old drivers or
 * the new ones. A child makes the changes: if it dies, the parent undoes them; if
 * the parent dies as well, the next nvgpuctl does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nvgpuctl.h"

struct work {
	struct change *change;
	unsigned int nr;
	enum persist persist;
};

static const char *shown(const char *driver)
{
	return driver && driver[0] ? driver : "no driver";
}

static int persist(const struct change *change, enum persist persist)
{
	char text[80];

	if (persist == PERSIST_KEEP)
		return 0;
	if (persist == PERSIST_CLEAR)
		return root_remove(PERSIST_FILE, change->gpu->bdf);
	snprintf(text, sizeof(text), "%s\n", change->driver);
	if (!strcmp(change->gpu->persisted, change->driver))
		return 0;
	return root_replace(text, PERSIST_FILE, change->gpu->bdf);
}

static int apply_all(const struct work *work, char *why, size_t len, unsigned int *failed)
{
	unsigned int i;
	int ret;

	*failed = 0;
	ret = journal_write(work->change, work->nr);
	if (ret)
		snprintf(why, len, "/run/nvgpuctl cannot be written");
	for (i = 0; i < work->nr && !ret; i++) {
		*failed = i;
		ret = change_apply(&work->change[i], why, len);
	}
	for (i = 0; i < work->nr && !ret; i++) {
		*failed = i;
		ret = persist(&work->change[i], work->persist);
		if (ret)
			snprintf(why, len, "/etc/driverctl.d cannot be written");
	}
	if (ret)
		return ret;
	ret = journal_remove();
	if (ret)
		snprintf(why, len, "/run/nvgpuctl cannot be written");
	return ret;
}

/* Returns true if all GPUs have their previous drivers. */
static bool undo_all(const struct work *work)
{
	bool is_back = true;
	unsigned int i;
	int ret;

	for (i = work->nr; journal_pending(NULL) && i-- > 0;) {
		const struct gpu *gpu = work->change[i].gpu;

		ret = change_undo(gpu);
		if (!ret)
			continue;
		complain_of(gpu->bdf,
			    "cannot bind it to %s again (%s): see dmesg, then run nvgpuctl unbind %s",
			    shown(gpu->driver), errno_name(ret), gpu->bdf);
		is_back = false;
	}
	return is_back && !journal_remove();
}

static void tell_results(const struct work *work)
{
	struct json_object *document = json_document("nvgpu.change/1");
	struct json_object *array = json_object_new_array(), *json;
	char driver[64];
	unsigned int i;

	for (i = 0; i < work->nr; i++) {
		const struct gpu *gpu = work->change[i].gpu;

		root_link(driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", gpu->bdf);
		json = json_object_new_object();
		json_add_string(json, "bdf", gpu->bdf);
		json_add_string(json, "driver_before", gpu->driver);
		json_add_string(json, "driver", driver);
		json_object_array_add(array, json);
		if (!opts.dry_run)
			say("%s: %s, was %s%s", gpu->bdf, shown(driver), shown(gpu->driver),
			    work->persist == PERSIST_SET ? ", persisted" : "");
	}
	json_add_bool(document, "dry_run", opts.dry_run);
	json_add_array(document, "gpus", array);
	json_add_array(document, "steps", root_writes());
	if (opts.json)
		json_put_out(document);
	else
		json_object_put(document);
}

static enum status work_on(const struct work *work)
{
	unsigned int failed;
	char why[256];
	int ret;

	ret = apply_all(work, why, sizeof(why), &failed);
	if (ret) {
		const struct change *change = &work->change[failed];
		bool is_back = undo_all(work);

		complain("%s: not changed to %s (%s): %s%s%s", change->gpu->bdf,
			 shown(change->driver), errno_name(ret), why,
			 is_back ? "; bound to " : "",
			 is_back ? shown(change->gpu->driver) : "");
		return ret == -EACCES || ret == -EPERM ? ST_PERM : ST_FAILED;
	}
	tell_results(work);
	return ST_OK;
}

static void ignore_signals(bool ignore)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	unsigned int i;

	for (i = 0; i < NR_ITEMS(numbers); i++)
		signal(numbers[i], ignore ? SIG_IGN : SIG_DFL);
}

/* Without a journal the child died before the first change or after the last. */
static enum status after_death(const struct work *work, int signal)
{
	const struct change *first = &work->change[0];
	bool was_pending = journal_pending(NULL);
	char driver[64];

	undo_all(work);
	root_link(driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", first->gpu->bdf);
	complain("interrupted by signal %d (%s)%s: %s is bound to %s", signal, sigabbrev_np(signal),
		 was_pending ? ", changes undone" : "", first->gpu->bdf, shown(driver));
	return ST_FAILED;
}

/* Signals such as Ctrl-C kill the child; the parent ignores them and undoes changes. */
static enum status guard(const struct work *work)
{
	int status;
	pid_t pid;

	fflush(NULL);
	ignore_signals(true);
	pid = fork();
	if (!pid) {
		ignore_signals(false);
		status = work_on(work);
		fflush(NULL);
		_exit(status);
	}
	if (pid < 0) {
		ignore_signals(false);
		complain("fork: %s", strerror(errno));
		return ST_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ignore_signals(false);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return after_death(work, WTERMSIG(status));
}

static enum status take_lock(void)
{
	int ret = journal_lock();

	if (!ret)
		return journal_recover() ? ST_FAILED : ST_OK;
	if (ret == -EWOULDBLOCK) {
		complain("another nvgpuctl is changing GPUs: wait for it");
		return ST_BUSY;
	}
	complain("/run/nvgpuctl: %s", strerror(-ret));
	return ret == -EACCES || ret == -EPERM ? ST_PERM : ST_FAILED;
}

/**
 * transaction_run() - Change the drivers of GPUs, all or none
 * @change: the changes
 * @nr: how many
 * @persist: the change of /etc/driverctl.d
 *
 * Prints the result.
 *
 * Return: exit status.
 */
enum status transaction_run(struct change *change, unsigned int nr, enum persist persist)
{
	const struct work work = { change, nr, persist };
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = change_prepare(&change[i]);
		if (!ret)
			continue;
		complain_of(change[i].gpu->bdf,
			    "no driver %s (%s): install its module for kernel %s. Nothing was changed",
			    change[i].driver, errno_name(ret), kernel_release());
		return ST_FAILED;
	}
	return opts.dry_run ? work_on(&work) : guard(&work);
}

/**
 * transaction_begin() - Take the lock and undo an interrupted change
 *
 * Call this before loading the GPUs, as it may change their drivers.
 *
 * Return: ST_OK, or another after a message.
 */
enum status transaction_begin(void)
{
	if (opts.dry_run)
		return ST_OK;
	if (root_is_host() && geteuid()) {
		complain("only root can change drivers: use sudo, or -n for a dry run");
		return ST_PERM;
	}
	return take_lock();
}
