// SPDX-License-Identifier: GPL-2.0-only
/* Timing of short and long operations on a machine that does other things too. */
#include <stdlib.h>
#include <time.h>

#include "measure.h"

#define NS_PER_S	1000000000ULL

/* No figure is measured for much longer, once it has been measured at all. */
#define FIGURE_NS	NS_PER_S

__u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

/* Return: a number from the environment. */
unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *val = getenv(name);

	return val && *val ? strtoul(val, NULL, 10) : otherwise;
}

/* Return: true if the harness is to be tried, not the driver. */
bool is_quick(void)
{
	return setting("BENCH_QUICK", 0);
}

static double time_batch(const struct work *work, unsigned long calls)
{
	__u64 start = now_ns();
	unsigned long i;

	for (i = 0; i < calls; i++)
		work->run(work);
	return (double)(now_ns() - start);
}

/* Return: nanoseconds of the one and only call. */
double time_once(const struct work *work)
{
	return time_batch(work, 1);
}

/* How many calls are long enough for the clock and for scheduling not to matter. */
static unsigned long calls_in_batch(const struct work *work)
{
	double enough = 1000.0 * (double)setting("BENCH_BATCH_US", 5000);
	unsigned long calls = 1;

	while (time_batch(work, calls) < enough)
		calls *= 2;
	return calls;
}

static void keep_quickest(double *best, const struct work *work, unsigned long calls)
{
	double ns = time_batch(work, calls) / (double)calls;

	if (!*best || ns < *best)
		*best = ns;
}

/**
 * time_both() - nanoseconds per call of an operation and of its limit
 * @work: the operation
 * @limit: what cannot be beaten; NULL if there is no such thing
 *
 * Batches of both alternate, and the quickest of each counts: whatever else the
 * machine does only adds to the time.
 */
struct timing time_both(const struct work *work, const struct work *limit)
{
	unsigned long batches = setting("BENCH_BATCHES", 5);
	unsigned long calls = calls_in_batch(work);
	unsigned long limit_calls = limit ? calls_in_batch(limit) : 0;
	struct timing best = { 0, 0 };
	__u64 start = now_ns();
	unsigned long i;

	for (i = 0; i < batches; i++) {
		keep_quickest(&best.value, work, calls);
		if (limit)
			keep_quickest(&best.limit, limit, limit_calls);
		if (now_ns() - start > FIGURE_NS)
			break;
	}
	return best;
}

void print_figure(const char *name, const char *unit, double value,
		  const char *limit_name, double limit)
{
	printf("bench\t%s\t%s\t%.10g\t%s\t%.10g\n", name, unit, value,
	       limit_name ? limit_name : "-", limit_name ? limit : 0.0);
	fflush(stdout);
}

/* "64K" for 65536; the answer is good until the next call. */
const char *size_name(__u64 size)
{
	static const char units[] = { '\0', 'K', 'M', 'G' };
	static char name[32];
	unsigned int i = 0;

	while (i + 1 < ARRAY_SIZE(units) && size >= SZ_1K && !(size % SZ_1K)) {
		size /= SZ_1K;
		i++;
	}
	snprintf(name, sizeof(name), "%llu%c", size, units[i]);
	return name;
}
