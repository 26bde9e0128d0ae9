// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl bind and unbind.
 */
#include <getopt.h>
#include <json-c/json.h>

#include "nvgpuctl.h"

struct wanted {
	const char *driver;
	bool persist;
	bool from_file;
	bool is_each;
};

static void print_bind_help(void)
{
	puts("usage: nvgpuctl bind [OPTION...] GPU... | --persisted\n"
	     "Binds GPUs to nvgpu-vfio-pci, all or none. Fails while a process uses a GPU or\n"
	     "its IOMMU group is not viable. Ctrl-C undoes what was done.\n"
	     "\n"
	     "  --driver NAME   another driver than nvgpu_vfio_pci; \"none\" for no driver\n"
	     "  --persist       also at each boot, through /etc/driverctl.d like driverctl\n"
	     "  --persisted     bind to the driver in /etc/driverctl.d; without GPU, each that\n"
	     "                  has one (for nvgpu-bind.service)\n"
	     "  --wait SECONDS  longest wait for each step of the kernel, and for another\n"
	     "                  nvgpuctl (default 300)\n"
	     "  -n, --dry-run   print writes instead of making them\n"
	     "\n"
	     "Exit status: 0 bound, 1 failed and nothing changed, 2 wrong usage, 3 no such\n"
	     "GPU, 4 not permitted, 5 busy, 6 failed and a GPU could not be put back: its\n"
	     "driver is printed, 77 no Grace GPU.");
}

static void print_unbind_help(void)
{
	puts("usage: nvgpuctl unbind [OPTION...] GPU...\n"
	     "Clears driver_override and binds GPUs to the driver that the kernel chooses, all\n"
	     "or none. Fails while a process (a VM) uses a GPU.\n"
	     "\n"
	     "  --none          bind no driver, and let none bind (driver_override \"none\")\n"
	     "  --persist       also at each boot: remove it from /etc/driverctl.d, or with\n"
	     "                  --none write \"none\" there\n"
	     "  --wait SECONDS  longest wait for each step of the kernel, and for another\n"
	     "                  nvgpuctl (default 300)\n"
	     "  -n, --dry-run   print writes instead of making them\n"
	     "\n"
	     "Exit status: 0 unbound, 1 failed and nothing changed, 2 wrong usage, 3 no such\n"
	     "GPU, 4 not permitted, 5 busy, 6 failed and a GPU could not be put back: its\n"
	     "driver is printed, 77 no Grace GPU.");
}

static enum status check_group(const struct gpus *gpus, const struct gpu *gpu)
{
	enum status status = ST_OK;
	struct group group;
	unsigned int i;

	if (gpu->group < 0) {
		complain_of(gpu->bdf,
			    "no IOMMU group, so it cannot be assigned to a VM: enable the SMMU in the firmware and the kernel. Nothing was changed");
		return ST_BUSY;
	}
	if (group_load(gpu->group, &group))
		return ST_OK;
	for (i = 0; i < group.nr && status == ST_OK; i++) {
		if (!group.v[i].blocks || gpus_have(gpus, group.v[i].bdf))
			continue;
		complain_of(gpu->bdf,
			    "IOMMU group %d is not viable while %s is bound to %s: unbind that first (driverctl set-override %s none). Nothing was changed",
			    gpu->group, group.v[i].bdf, group.v[i].driver, group.v[i].bdf);
		status = ST_BUSY;
	}
	group_free(&group);
	return status;
}

static enum status check_users(const struct gpu *gpu)
{
	char list[512];

	if (users_of_gpu(gpu, list, sizeof(list)) <= 0)
		return ST_OK;
	complain_of(gpu->bdf, "in use by %s: end it first. Nothing was changed", list);
	return ST_BUSY;
}

/* Reject what would make the kernel wait or a VM fail later. */
static enum status check(const struct gpus *gpus, const struct change *change)
{
	enum status status;

	if (change->driver && same_module(change->driver, change->gpu->driver))
		return ST_OK;
	status = check_users(change->gpu);
	if (status == ST_OK && change->driver && strstr(change->driver, "vfio"))
		status = check_group(gpus, change->gpu);
	return status;
}

static enum status plan(struct change *change, const struct gpu *gpu, const struct wanted *wanted)
{
	*change = (struct change) {
		.gpu = gpu, .driver = wanted->driver, .override = wanted->driver
	};
	if (wanted->from_file) {
		if (!gpu->persisted[0] || !strcmp(gpu->persisted, "?")) {
			complain("%s: " PERSIST_FILE " has no valid driver name", gpu->bdf,
				 gpu->bdf);
			return ST_FAILED;
		}
		change->driver = gpu->persisted;
		change->override = gpu->persisted;
	}
	if (!strcmp(change->driver, DRIVER_NONE))
		change->driver = NULL;
	return ST_OK;
}

/* To change the driver of one of several GPUs takes a domain; lists them otherwise. */
static enum status check_domains(const struct gpus *gpus, char **spec, unsigned int nr)
{
	char list[256];
	unsigned int i, j;
	struct bdf bdf;
	size_t used;

	for (i = 0; i < nr; i++) {
		if (!parse_bdf(spec[i], &bdf) || bdf.domain != ANY_DOMAIN)
			continue;
		strcpy(list, " ");
		for (j = 0, used = 0; j < gpus->nr && used < sizeof(list); j++)
			if (gpu_matches(&gpus->v[j], spec[i]))
				used += snprintf(list + used, sizeof(list) - used, " %s",
						 gpus->v[j].bdf);
		if (!strchr(list + 1, ' '))
			continue;
		complain("%s is ambiguous, give one of%s", spec[i], list);
		return ST_USAGE;
	}
	return ST_OK;
}

/* Changes the GPUs all or none; with is_each, as many as possible. */
static enum status change_gpus(const struct gpus *gpus, const struct wanted *wanted)
{
	struct change *change = calloc(gpus->nr, sizeof(*change));
	struct changes changes = {
		.v = change, .persist = wanted->persist, .is_each = wanted->is_each
	};
	enum status status = ST_OK, one;
	unsigned int i;

	for (i = 0; i < gpus->nr && (status == ST_OK || wanted->is_each); i++) {
		if (wanted->is_each && !gpus->v[i].persisted[0])
			continue;
		one = plan(&change[changes.nr], &gpus->v[i], wanted);
		if (one == ST_OK)
			one = check(gpus, &change[changes.nr]);
		if (one == ST_OK)
			changes.nr++;
		else
			status = one;
	}
	one = status == ST_OK || wanted->is_each ? changes_run(&changes) : ST_OK;
	free(change);
	return one == ST_OK ? status : one;
}

static enum status run(int argc, char **argv, struct wanted *wanted)
{
	struct gpus *all, *chosen;
	enum status status;

	wanted->is_each = wanted->from_file && optind >= argc;
	if (optind >= argc && !wanted->from_file) {
		complain("no GPU given: add its address, or \"all\"");
		return ST_USAGE;
	}
	status = changes_begin();
	if (status == ST_OK)
		status = load_and_select(argc, argv, &all, &chosen);
	if (status == ST_OK)
		status = check_domains(all, argv + optind, argc - optind);
	return status == ST_OK ? change_gpus(chosen, wanted) : status;
}

static bool set_none(void *value, const char *text)
{
	*(const char **)value = DRIVER_NONE;
	return true;
}

static bool set_driver(void *value, const char *text)
{
	return set_text(value, text) && parse_driver_file(text, strlen(text), (char [64]) {}, 64);
}

#define SET_PERSIST { "persist", NULL, no_argument, set_flag, &wanted.persist }
#define SET_WAIT { "wait", "a number of seconds, at least 1", required_argument, set_number, \
		   &opts.wait }

enum status cmd_bind(int argc, char **argv)
{
	struct wanted wanted = { .driver = DRIVER_NAME };
	const struct setting own[] = {
		{ "driver", "a driver's name or none", required_argument, set_driver,
		  &wanted.driver },
		{ "persisted", NULL, no_argument, set_flag, &wanted.from_file },
		SET_PERSIST,
		SET_WAIT,
		{ }
	};

	return settings_parse(own, argc, argv, print_bind_help) ? run(argc, argv, &wanted) :
								  ST_USAGE;
}

enum status cmd_unbind(int argc, char **argv)
{
	struct wanted wanted = { .driver = "" };
	const struct setting own[] = {
		{ "none", NULL, no_argument, set_none, &wanted.driver },
		SET_PERSIST,
		SET_WAIT,
		{ }
	};

	return settings_parse(own, argc, argv, print_unbind_help) ? run(argc, argv, &wanted) :
								    ST_USAGE;
}
