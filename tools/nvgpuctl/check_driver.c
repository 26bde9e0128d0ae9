// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of drivers: bound, persisted, chosen by libvirt; and their users.
 */
#include <errno.h>

#include "doctor.h"

static void check_bound(const struct patient *patient,
			const struct gpu *gpu)
{
	char todo[192];

	snprintf(todo, sizeof(todo), "nvgpuctl bind %s", gpu->bdf);
	if (!strcmp(gpu->driver, DRIVER_NAME))
		finding(PASS, NULL, "bound to " DRIVER_NAME);
	else if (!gpu->driver[0])
		finding(PASS, NULL, "no driver bound: ready for bind");
	else
		finding(WARN, todo, "bound to %s", gpu->driver);
}

static bool agrees(const char *wanted, const char *driver)
{
	return !strcmp(wanted, driver) || (!strcmp(wanted, DRIVER_NONE) && !driver[0]);
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
			"driver_override is %s, the name of the module, not the driver",
			gpu->override);
	else
		finding(WARN, todo,
			"driver_override is %s, which is stale: the GPU is bound to %s",
			gpu->override,
			gpu->driver[0] ? gpu->driver : "no driver");
}

static void check_persisted(const struct patient *patient,
			    const struct gpu *gpu)
{
	char todo[192], bind[64];

	snprintf(bind, sizeof(bind), "nvgpuctl bind --persist %s", gpu->bdf);
	snprintf(todo, sizeof(todo), "nvgpuctl bind --persist %s, or rm " PERSIST_FILE,
		 gpu->bdf, gpu->bdf);
	if (gpu->is_persisted_hidden)
		finding(SKIP, NULL, PERSIST_FILE " cannot be read", gpu->bdf);
	else if (!gpu->persisted[0] && !strcmp(gpu->driver, DRIVER_NAME))
		finding(WARN, bind, "bound, but not at the next boot");
	else if (!gpu->persisted[0])
		finding(PASS, NULL, "no driver is persisted in /etc/driverctl.d");
	else if (!strcmp(gpu->persisted, "?"))
		finding(FAIL, todo, PERSIST_FILE " is not the name of a driver", gpu->bdf);
	else if (!same_module(gpu->persisted, gpu->driver) &&
		 !agrees(gpu->persisted, gpu->driver))
		finding(WARN, todo, PERSIST_FILE " says %s, but it is bound to %s", gpu->bdf,
			gpu->persisted, gpu->driver[0] ? gpu->driver : "no driver");
	else
		finding(PASS, NULL, "%s is persisted", gpu->persisted);
}

static void check_alias(const struct patient *patient,
			const struct gpu *gpu)
{
	char *data __free(pointer) = NULL;
	struct candidates found;
	ssize_t len;

	len = root_load(&data, "/lib/modules/%s/modules.alias", kernel_release());
	if (len < 0 || alias_search(data, gpu->modalias, &found)) {
		finding(len == -ENOENT ? FAIL : SKIP, "run depmod",
			"/lib/modules/%s/modules.alias cannot be read", kernel_release());
		return;
	}
	if (!alias_is_claimed(&found))
		finding(FAIL, "install the module for this kernel and run depmod",
			"no variant driver matches: libvirt would take vfio-pci");
	else if (!same_module(found.v[found.best].module, DRIVER_NAME))
		finding(WARN,
			"write <driver model='nvgpu_vfio_pci'/> into the hostdev; why: nvgpuctl alias",
			"libvirt would take %s, by its alias", found.v[found.best].module);
	else
		finding(PASS, NULL, "libvirt would take %s", found.v[found.best].module);
	candidates_free(&found);
}

#define STOP_NVIDIA \
	"systemctl stop nvidia-persistenced nvidia-dcgm nvidia-fabricmanager nvidia-mig-manager nvidia-imex; end what remains"

static void check_users(const struct patient *patient,
			const struct gpu *gpu)
{
	bool nvidia = !strncmp(gpu->driver, "nvidia", 6);
	char list[512];
	int nr = users_of_gpu(gpu, list, sizeof(list));

	if (nr > 0)
		finding(nvidia ? FAIL : WARN, nvidia ? STOP_NVIDIA :
			"end it before giving the GPU to another VM", "in use by %s", list);
	else if (!nvidia && !strstr(gpu->driver, "vfio"))
		finding(SKIP, NULL, "bound neither to nvidia nor to a vfio driver");
	else if (nr == -EACCES)
		finding(SKIP, NULL, "only root can inspect processes of other users");
	else if (nr)
		finding(SKIP, NULL, "/proc cannot be read");
	else
		finding(PASS, NULL, "no process has it open");
}

const struct check driver_checks[] = {
	{ "driver.bound", "the bound driver", NULL, check_bound },
	{ "driver.override", "driver_override is not stale", NULL, check_override },
	{ "driver.persisted", "/etc/driverctl.d agrees", NULL, check_persisted },
	{ "driver.alias", "the driver libvirt would take", NULL, check_alias },
	{ "driver.users", "processes that have the GPU open", NULL, check_users },
	{ }
};
