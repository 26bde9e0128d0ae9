// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open, close, reset, and how long after a reset the memory can be used. The limit
 * of that is what the hardware takes: the reset itself, or the training of the
 * memory, which begins with it, whichever is longer.
 *
 * With the argument "plain" only what vfio-pci can do as well.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

#define NS_PER_MS	1000000.0

static const unsigned int trainings[] = { 0, 30, 150, 900, 2500 };

static void measure_lifetime(struct gpu *gpu)
{
	__u64 start = now_ns(), opened;

	gpu_open(gpu);
	opened = now_ns();
	print_figure("reset/open", "ns", (double)(opened - start), NULL, 0);
	start = now_ns();
	gpu_close(gpu);
	print_figure("reset/close", "ns", (double)(now_ns() - start), NULL, 0);
	gpu_open(gpu);
	start = now_ns();
	gpu_reset(gpu);
	print_figure("reset/reset", "ns", (double)(now_ns() - start), NULL, 0);
	config_set_memory(gpu, true);
}

/* Return: moment of the last reset, by the simulator's log, as now_ns() counts. */
static double reset_moment(void)
{
	char line[256], path[256], event[32];
	double seconds = 0, at;
	FILE *log;

	snprintf(path, sizeof(path), "%s/config_log", env_or_skip("NVGPU_SIM"));
	log = fopen(path, "re");
	if (!log)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), log))
		if (sscanf(line, "%lf %*s %31s", &at, event) == 2 &&
		    (strstr(event, "reset") || !strcmp(event, "flr")))
			seconds = at;
	fclose(log);
	if (!seconds)
		errx(1, "%s: no reset", path);
	return seconds * 1000.0 * NS_PER_MS;
}

static void use_memory(struct access *access)
{
	int ret = access_now(access);

	if (ret)
		errx(1, "%s after the reset gave %d", access_name[access->way], ret);
}

static void measure_first_access(struct gpu *gpu, struct access *access,
				 unsigned int training_ms)
{
	double start, reset, used, ready;
	char name[80];

	sim_write("training_ms", training_ms);
	start = (double)now_ns();
	gpu_reset(gpu);
	reset = (double)now_ns();
	config_set_memory(gpu, true);
	use_memory(access);
	used = (double)now_ns();
	ready = reset_moment() + training_ms * NS_PER_MS;
	if (ready < reset)
		ready = reset;

	snprintf(name, sizeof(name), "reset/to-%s/%u", access_name[access->way],
		 training_ms);
	print_figure(name, "ns", used - start, "hardware", ready - start);
}

static void measure_training(struct gpu *gpu)
{
	struct gpu_region region;
	struct access access = { .gpu = gpu, .region = &region };
	unsigned int i;

	gpu_region(gpu, VFIO_PCI_BAR4_REGION_INDEX, &region);
	access.map = gpu_map(gpu, &region, 0, SZ_2M);
	for (i = 0; i < (is_quick() ? 2 : ARRAY_SIZE(trainings)); i++) {
		access.way = ACCESS_READ;
		measure_first_access(gpu, &access, trainings[i]);
		access.way = ACCESS_TOUCH;
		measure_first_access(gpu, &access, trainings[i]);
	}
	sim_calm();
	munmap(access.map, SZ_2M);
}

int main(int argc, char **argv)
{
	struct gpu gpu;

	measure_lifetime(&gpu);
	if (argc < 2)
		measure_training(&gpu);
	gpu_close(&gpu);
	return 0;
}
