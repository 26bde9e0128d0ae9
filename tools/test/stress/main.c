// SPDX-License-Identifier: GPL-2.0-only
/* Makes the GPUs, starts those who act on them, and says in TAP what came of it. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define DEFAULT_SECONDS	60
#define DEFAULT_WORKERS	2

struct shared *shared;

static const char * const calm[] = {
	"device_id=0x2342", "memory_size=1536M", "memory_on_reset=keep", NULL
};

static const char * const shaken[] = {
	"device_id=0x2941", "memory_size=1536M", "memory_on_reset=lose",
	"reset_methods=flr pm af_flr", "no_soft_reset=0", NULL
};

static const char * const fleeting[] = {
	"device_id=0x31c2", "memory_size=64M", "mig_fixed=1", "cxl=1", "cxl_timeout=1",
	"memory_on_reset=lose", NULL
};

const struct gpu_kind kinds[MAX_GPUS] = {
	{ .name = "calm", .attributes = calm, .keeps = true },
	{
		.name = "shaken", .attributes = shaken, .may_reset = true,
		.has_bus_reset = true, .may_rot = true,
	},
	{
		.name = "fleeting", .attributes = fleeting, .may_reset = true,
		.has_bus_reset = true, .may_rot = true, .may_leave = true,
	},
};

static void print_help(FILE *out)
{
	fprintf(out,
		"usage: stress [--seconds N] [--seed N] [--workers N] [--act-ms N]\n"
		"Does everything at once that can be done to %d simulated GPUs, and prints TAP:\n"
		"each kind of act must have succeeded, none may hang, and memory must stay as\n"
		"it was written. Needs root, loads the modules that it needs, and leaves it to\n"
		"the caller to look into the kernel log.\n\n"
		"  --seconds N   how long (default: %d)\n"
		"  --seed N      of the random numbers; repeats a run only as far as the\n"
		"                scheduler lets it (default: the time)\n"
		"  --workers N   processes with the device of each GPU, 1 to %d, of %d threads\n"
		"                each (default: %d)\n"
		"  --act-ms N    an act that takes longer hangs (default: %d)\n"
		"  --help        this text\n\n"
		"Exit status: 0 all passed, 1 something failed, 2 wrong usage.\n",
		MAX_GPUS, DEFAULT_SECONDS, MAX_WORKERS, THREADS, DEFAULT_WORKERS,
		ACT_MAX_MS);
}

bool stopping(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

/**
 * struct options - what the command line says
 * @seconds: how long
 * @seed: of the random numbers
 * @workers: processes of each session
 * @act_ms: what an act may take
 */
struct options {
	unsigned int seconds;
	__u64 seed;
	unsigned int workers;
	unsigned int act_ms;
};

static __u64 parse_number(const char *name, const char *text, __u64 min, __u64 max)
{
	char *end;
	__u64 val = strtoull(text, &end, 0);

	if (end != text && !*end && val >= min && val <= max)
		return val;
	fprintf(stderr, "--%s %s: not a number from %llu to %llu\n", name, text, min, max);
	exit(2);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "workers", required_argument, NULL, 'w' },
		{ "act-ms", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c, which;

	while ((c = getopt_long(argc, argv, "", known, &which)) != -1) {
		switch (c) {
		case 's':
			options->seconds = (unsigned int)parse_number("seconds", optarg, 1, 86400);
			break;
		case 'r':
			options->seed = parse_number("seed", optarg, 0, ~0ULL);
			break;
		case 'w':
			options->workers = (unsigned int)parse_number("workers", optarg, 1,
								      MAX_WORKERS);
			break;
		case 'a':
			options->act_ms = (unsigned int)parse_number("act-ms", optarg, 1,
								     86400000);
			break;
		case 'h':
			print_help(stdout);
			exit(0);
		default:
			print_help(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		print_help(stderr);
		exit(2);
	}
}

/* Slots: operators first, then each session with its workers. */
static unsigned int start_all(const struct options *options)
{
	unsigned int of_session = 1 + options->workers * THREADS;
	unsigned int gpu, nr = 0;

	for (gpu = 0; gpu < MAX_GPUS; gpu++) {
		__u64 seed = options->seed * MAX_GPUS + gpu;

		if (!fork()) {
			operator_run(gpu, gpu, seed);
			_exit(0);
		}
		if (!fork()) {
			session_run(MAX_GPUS + gpu * of_session, gpu, seed, options->workers);
			_exit(0);
		}
		nr += 2;
	}
	return nr;
}

static unsigned int results, failures;

static void result(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u ", good ? "" : "not ", ++results);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	failures += !good;
}

static void report_act(unsigned int act)
{
	int error = -shared->error[act];

	if (shared->not_here[act])
		result(true, "%s # SKIP %s", acts[act].name, shared->not_here[act]);
	else
		result(shared->done[act], "%s: %llu of %llu succeeded, last refusal: %s",
		       acts[act].name, shared->done[act], shared->tries[act],
		       error ? strerror(error) : "none");
}

static void take_all_away(void)
{
	unsigned int gpu;
	int ret;

	for (gpu = 0; gpu < MAX_GPUS; gpu++) {
		ret = gpu_take_away(&kinds[gpu]);
		result(!ret, "GPU %s goes away: %s", kinds[gpu].name, strerror(-ret));
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.seconds = DEFAULT_SECONDS,
		.seed = now_us(),
		.workers = DEFAULT_WORKERS,
		.act_ms = ACT_MAX_MS,
	};
	unsigned int i;
	int ret;

	/* A run that ends badly shall not take with it what it had to say. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv, &options);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("no memory");
	printf("TAP version 13\n1..%u\n", nr_acts + 2 + MAX_GPUS);
	printf("# seed %llu, %u s, %u workers of %u threads for each of %d GPUs\n",
	       options.seed, options.seconds, options.workers, THREADS, MAX_GPUS);
	if (system("modprobe -a nvgpu-sim nvgpu-vfio-pci vfio_iommu_type1"))
		die("cannot load the modules");
	for (i = 0; i < MAX_GPUS; i++) {
		guard_lose(i);
		ret = gpu_make(&kinds[i]);
		if (ret)
			die("cannot make GPU %s: %s", kinds[i].name, strerror(-ret));
	}

	ret = watchdog_run(start_all(&options), options.seconds, options.act_ms);
	result(!ret, "all who act come to their end: %s", strerror(-ret));
	for (i = 0; i < nr_acts; i++)
		report_act(i);
	result(!shared->damage, "memory is as it was written, but for %u pieces", shared->damage);
	if (ret)
		_exit(1);
	take_all_away();
	return failures ? 1 : 0;
}
