// SPDX-License-Identifier: GPL-2.0-only
/*
 * One, two and four threads at once: operations per second of reading, of faulting
 * and of writing config space. The limit is the same number of threads that copy
 * from a mapping; with two processors nothing gets more than twice as much done.
 *
 * The last figure has readers and one thread that switches memory access off and
 * on, for which the driver has to take memory_lock for itself: how long it waits at
 * most. With the arguments "wait NUMBER" this figure only, for so many readers.
 *
 * With "faults", one to eight threads that fault huge pages in, each its own; with
 * "touch" one does so once, for a trace.
 */
#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

#define MAX_THREADS	8
#define READ_LEN	(256 * SZ_1K)
#define FAULT_LEN	(8 * SZ_1M)
#define LONG_READ	(16 * SZ_1M)

/**
 * struct worker - a thread that does one thing again and again
 * @work: what it does
 * @thread: the thread
 * @done: how often it has done it
 */
struct worker {
	struct work work;
	pthread_t thread;
	unsigned long done;
};

static int stop;

static void device_read(const struct work *work)
{
	gpu_pread(work->gpu, work->region, work->buf, work->len, work->offset);
}

/* Memory access may be switched off meanwhile: any result will do. */
static void device_try_read(const struct work *work)
{
	__gpu_pread(work->gpu, work->region, work->buf, work->len, work->offset);
}

static void copy_out(const struct work *work)
{
	memcpy(work->buf, work->map + work->offset, work->len);
	asm volatile("" : : : "memory");
}

static void map_and_touch(const struct work *work, __u64 skew, __u64 step)
{
	char *map = gpu_map_aligned(work->gpu, work->region, work->offset, work->len,
				    SZ_2M, skew);
	__u64 at;

	for (at = 0; at < work->len; at += step)
		load32(map + at);
	munmap(map, work->len);
}

/* A mapping that no huge page fits, so that each page or table of pages faults. */
static void fault_small(const struct work *work)
{
	map_and_touch(work, SZ_4K, SZ_4K);
}

static void fault_huge(const struct work *work)
{
	map_and_touch(work, 0, SZ_2M);
}

static void write_config(const struct work *work)
{
	config_write32(work->gpu, PCI_BASE_ADDRESS_4, 0);
}

static void *run_worker(void *data)
{
	struct worker *worker = data;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		worker->work.run(&worker->work);
		worker->done++;
	}
	return NULL;
}

static void start_workers(struct worker *workers, unsigned int nr)
{
	unsigned int i;

	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++)
		if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]))
			errx(1, "cannot start a thread");
}

static unsigned long stop_workers(struct worker *workers, unsigned int nr)
{
	unsigned long done = 0;
	unsigned int i;

	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++) {
		pthread_join(workers[i].thread, NULL);
		done += workers[i].done;
	}
	return done;
}

static void prepare_workers(struct worker *workers, const struct work *work,
			    void (*run)(const struct work *work), size_t len)
{
	unsigned int i;

	for (i = 0; i < MAX_THREADS; i++) {
		workers[i] = (struct worker){ .work = *work };
		workers[i].work.run = run;
		workers[i].work.len = len;
		workers[i].work.offset = i * (len > LONG_READ ? len : LONG_READ);
		workers[i].work.buf += i * LONG_READ;
	}
}

static double rate(const struct work *work, void (*run)(const struct work *work),
		   size_t len, unsigned int nr)
{
	struct worker workers[MAX_THREADS];
	unsigned int ms = is_quick() ? 50 : 500;
	__u64 start = now_ns();

	prepare_workers(workers, work, run, len);
	start_workers(workers, nr);
	usleep(ms * 1000);
	return (double)stop_workers(workers, nr) * 1e9 / (double)(now_ns() - start);
}

/**
 * struct race - what threads do at once
 * @name: of the figures
 * @run: does it once
 * @len: bytes
 * @times: how often one call of @run does what is counted
 * @max: largest number of threads
 */
struct race {
	const char *name;
	void (*run)(const struct work *work);
	size_t len;
	double times;
	unsigned int max;
};

static void measure(const struct work *work, const struct race *race)
{
	double one = 0, limit_one = 0;
	unsigned int nr;
	char name[80];

	/* What runs for the first time is slower. */
	rate(work, race->run, race->len, 1);
	for (nr = 1; nr <= race->max; nr *= 2) {
		double now = rate(work, race->run, race->len, nr);
		double limit = rate(work, copy_out, READ_LEN, nr);

		if (nr == 1) {
			one = now;
			limit_one = limit;
		}
		snprintf(name, sizeof(name), "%s/%u", race->name, nr);
		print_figure(name, "/s", now * race->times, NULL, 0);
		snprintf(name, sizeof(name), "%s-gain/%u", race->name, nr);
		print_figure(name, "times", now / one, "memcpy", limit / limit_one);
	}
}

/* Return: nanoseconds that the longest switch took. */
static double longest_switch(struct gpu *gpu, unsigned int times)
{
	double longest = 0;
	unsigned int i;

	for (i = 0; i < times; i++) {
		__u64 start = now_ns();
		double took;

		config_set_memory(gpu, i % 2);
		took = (double)(now_ns() - start);
		if (took > longest)
			longest = took;
		usleep(2000);
	}
	return longest;
}

static void measure_wait(const struct work *work, unsigned int readers)
{
	unsigned int times = is_quick() ? 4 : 100;
	struct worker workers[MAX_THREADS];
	double alone, among;
	char name[80];

	alone = longest_switch(work->gpu, times);
	prepare_workers(workers, work, device_try_read, LONG_READ);
	start_workers(workers, readers);
	among = longest_switch(work->gpu, times);
	stop_workers(workers, readers);
	snprintf(name, sizeof(name), "threads/longest-wait/%u", readers);
	print_figure(name, "ns", among, "no readers", alone);
}

static void measure_faults(const struct work *work)
{
	static const struct race race = {
		"faults/huge", fault_huge, SZ_1G, SZ_1G / SZ_2M, MAX_THREADS
	};

	measure(work, &race);
}

static void measure_all(const struct work *work)
{
	static const struct race races[] = {
		{ "threads/read", device_read, READ_LEN, 1, 4 },
		{ "threads/fault", fault_small, FAULT_LEN, 1, 4 },
		{ "threads/config-write", write_config, 0, 1, 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(races); i++)
		measure(work, &races[i]);
	measure_wait(work, 4);
}

static void run(const struct work *work, int argc, char **argv)
{
	unsigned long readers;

	if (argc == 1) {
		measure_all(work);
	} else if (argc == 2 && !strcmp(argv[1], "faults")) {
		measure_faults(work);
	} else if (argc == 2 && !strcmp(argv[1], "touch")) {
		fault_huge(work);
	} else {
		readers = argc == 3 && !strcmp(argv[1], "wait") ? strtoul(argv[2], NULL, 10) : 0;
		if (!readers || readers > MAX_THREADS)
			errx(2, "usage: %s [faults | touch | wait NUMBER], at most %d",
			     argv[0], MAX_THREADS);
		measure_wait(work, (unsigned int)readers);
	}
}

int main(int argc, char **argv)
{
	struct gpu_region region;
	struct work work = { .region = &region, .len = SZ_1G };
	struct gpu gpu;

	gpu_open(&gpu);
	config_set_memory(&gpu, true);
	gpu_region(&gpu, VFIO_PCI_BAR4_REGION_INDEX, &region);
	work.gpu = &gpu;
	work.map = gpu_map_aligned(&gpu, &region, 0, SZ_1G, SZ_1G, 0);
	work.buf = mmap(NULL, MAX_THREADS * LONG_READ, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (work.buf == MAP_FAILED)
		err(1, "no memory for buffers");

	run(&work, argc, argv);
	gpu_close(&gpu);
	return 0;
}
