// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of drivers: who has the GPU, who will, who would like to.
 */
#include "doctor.h"

static void check_bound(const struct patient *patient,
			const struct gpu *gpu)
{
	char todo[192];

	snprintf(todo, sizeof(todo), "nvgpuctl bind %s", gpu->bdf);
	if (!strcmp(gpu->driver, DRIVER_NAME))
		finding(PASS, NULL, "bound to " DRIVER_NAME);
	else if (!gpu->driver[0])
		finding(PASS, NULL, "no driver has it: free to be bound");
	else
		finding(WARN, todo, "bound to %s", gpu->driver);
}

/* driverctl's word for no driver at all. */
static bool agrees(const char *wanted, const char *driver)
{
	return !strcmp(wanted, driver) || (!strcmp(wanted, "none") && !driver[0]);
}

static void check_override(const struct patient *patient,
			   const struct gpu *gpu)
{
	char todo[192];

	snprintf(todo, sizeof(todo),
		 "nvgpuctl bind %s, or echo > /sys/bus/pci/devices/%s/driver_override",
		 gpu->bdf, gpu->bdf);
	if (!gpu->override[0] || agrees(gpu->override, gpu->driver))
		finding(PASS, NULL,
			"driver_override is %s",
			gpu->override[0] ? gpu->override : "not set");
	else if (!strcmp(gpu->override, DRIVER_MODULE))
		finding(FAIL, "the driver is called " DRIVER_NAME ", with underscores",
			"driver_override is %s, which is the module, not the driver",
			gpu->override);
	else
		finding(WARN, todo,
			"driver_override is a stale %s: the GPU is on %s",
			gpu->override,
			gpu->driver[0] ? gpu->driver : "no driver");
}

static void check_persisted(const struct patient *patient,
			    const struct gpu *gpu)
{
	char todo[192];

	snprintf(todo, sizeof(todo), "nvgpuctl bind --persist %s, or rm " PERSIST_FILE,
		 gpu->bdf, gpu->bdf);
	if (!gpu->persisted[0])
		finding(PASS, NULL, "nothing is persisted in /etc/driverctl.d");
	else if (!strcmp(gpu->persisted, "?"))
		finding(FAIL, todo, PERSIST_FILE " is not the name of a driver", gpu->bdf);
	else if (!agrees(gpu->persisted, gpu->driver))
		finding(WARN, todo, PERSIST_FILE " says %s, but it is on %s", gpu->bdf,
			gpu->persisted, gpu->driver[0] ? gpu->driver : "no driver");
	else
		finding(PASS, NULL, "it will be on %s after a boot as well", gpu->persisted);
}

static void check_interrupted(const struct patient *patient,
			      const struct gpu *gpu)
{
	if (journal_pending(gpu->bdf))
		finding(FAIL, "run nvgpuctl bind or unbind again: it puts the GPU back first",
			"a change of its driver was interrupted half way");
	else
		finding(PASS, NULL, "no change of its driver was left half way");
}

static void check_alias(const struct patient *patient,
			const struct gpu *gpu)
{
	char *data __free(pointer) = NULL;
	struct candidates found;
	ssize_t len;

	len = root_load(&data, "/lib/modules/%s/modules.alias", kernel_release());
	if (len < 0 || alias_search(data, len, gpu->modalias, &found)) {
		finding(FAIL, "run depmod", "/lib/modules/%s/modules.alias cannot be read",
			kernel_release());
		return;
	}
	if (!alias_is_claimed(&found))
		finding(FAIL, "install the module for this kernel and run depmod",
			"no variant driver claims it: libvirt would take vfio-pci");
	else if (!same_module(found.v[found.best].module, DRIVER_NAME))
		finding(WARN,
			"write <driver model='nvgpu_vfio_pci'/> into the hostdev; why: nvgpuctl alias",
			"libvirt would take %s, by its alias", found.v[found.best].module);
	else
		finding(PASS, NULL, "libvirt would take %s", found.v[found.best].module);
	candidates_free(&found);
}

static void list_users(const struct users *users, char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < users->nr && used < len; i++)
		used += snprintf(buf + used, len - used, "%s%s (%d)", i ? ", " : "",
				 users->v[i].comm, users->v[i].pid);
}

static void check_nvidia(const struct patient *patient)
{
	static const char *const files[] = { "/dev/nvidia*", NULL };
	struct users users;
	char list[256];

	if (users_find(&users, files)) {
		finding(SKIP, NULL, "/proc cannot be read");
		return;
	}
	list_users(&users, list, sizeof(list));
	if (users.nr)
		finding(FAIL,
			"systemctl stop nvidia-persistenced nvidia-dcgm nvidia-fabricmanager nvidia-mig-manager nvidia-imex; end what remains",
			"/dev/nvidia* is open in %s: the NVIDIA driver cannot let go", list);
	else if (users.is_partial)
		finding(SKIP, NULL, "processes of others can be looked at by root only");
	else
		finding(PASS, NULL, "nobody has /dev/nvidia* open");
	users_free(&users);
}

static void check_users(const struct patient *patient,
			const struct gpu *gpu)
{
	struct users users;
	char list[256];

	if (!strstr(gpu->driver, "vfio") || users_of_gpu(gpu, &users)) {
		finding(SKIP, NULL, "not bound to a vfio driver");
		return;
	}
	list_users(&users, list, sizeof(list));
	if (users.nr)
		finding(WARN, "end it before the GPU is given to another VM", "in use by %s", list);
	else
		finding(PASS, NULL, "no process has it open");
	users_free(&users);
}

const struct check driver_checks[] = {
	{ "driver.bound", "which driver has it", NULL, check_bound },
	{ "driver.override", "is driver_override stale", NULL, check_override },
	{ "driver.persisted", "does /etc/driverctl.d agree", NULL, check_persisted },
	{ "driver.interrupted", "was a bind left half way", NULL, check_interrupted },
	{ "driver.alias", "which driver libvirt would take", NULL, check_alias },
	{ "driver.nvidia", "processes that hold /dev/nvidia*", check_nvidia, NULL },
	{ "driver.users", "processes that hold the vfio device", NULL, check_users },
	{ }
};
