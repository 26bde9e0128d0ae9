// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's mapping of the memory. A reset ends it, and leaves nothing in a TLB. However
 * many read at once then, the kernel maps the memory once: such a mapping costs memory of
 * the host, and a user could have as many as there are threads. The kernel's function
 * tracer counts them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define FUNCTION	"memremap"
#define LOG_LEN		SZ_1M
#define AREAS		"/proc/vmallocinfo"
#define READERS		8
#define ROUNDS		60

FIXTURE(rdwr_map) {
	struct mem mem;
	char *log;
};

FIXTURE_VARIANT(rdwr_map) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(rdwr_map, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(rdwr_map, resmem) { .is_resmem = true };

FIXTURE_SETUP(rdwr_map)
{
	if (!tracefs_has("set_ftrace_filter"))
		SKIP(return, "this kernel has no function tracer");
	sim_calm();
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	self->log = calloc(1, LOG_LEN);
	ASSERT_NE(self->log, NULL);
	tracefs_write("set_ftrace_filter", FUNCTION);
	tracefs_write("current_tracer", "function");
}

FIXTURE_TEARDOWN(rdwr_map)
{
	tracefs_write("current_tracer", "nop");
	tracefs_write("set_ftrace_filter", "");
	free(self->log);
	gpu_close(&self->mem.gpu);
}

/* Return: how often the function was called since its tracer was set. */
static unsigned int count_calls(struct _test_data_rdwr_map *self)
{
	unsigned int calls = 0;
	char *at;

	tracefs_log(self->log, LOG_LEN);
	for (at = self->log; (at = strstr(at, ": " FUNCTION " <-")); at++)
		calls++;
	return calls;
}

/**
 * struct reader - a thread that reads once in each round
 * @mem: what it reads
 * @barrier: where all of them meet before they read, and after that
 * @result: of its reads, 0 or an errno
 */
struct reader {
	struct mem *mem;
	pthread_barrier_t *barrier;
	int result;
};

static void *read_in_rounds(void *data)
{
	struct reader *reader = data;
	unsigned int round;
	ssize_t done;
	__u32 val;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(reader->barrier);
		done = __gpu_pread(&reader->mem->gpu, &reader->mem->region, &val, sizeof(val), 0);
		if (done != sizeof(val) && !reader->result)
			reader->result = done < 0 ? (int)-done : EIO;
		pthread_barrier_wait(reader->barrier);
	}
	return NULL;
}

/**
 * struct areas - what the kernel's address space has of the size of this memory
 * @mapped: areas that show this memory
 * @stale: areas of any memory that wait for a purge, until when TLBs may have them. vmalloc
 *	lets up to 32 MiB for each doubling of processors wait: a memory that is larger than
 *	that will not be seen here
 */
struct areas {
	unsigned int mapped;
	unsigned int stale;
};

static struct areas count_areas(struct _test_data_rdwr_map *self)
{
	__u64 page = self->mem.page, len = self->mem.want->mem_len;
	struct areas areas = {};
	char line[512], phys[64];
	FILE *file = fopen(AREAS, "r");
	__u64 size;

	if (!file)
		die(AREAS ": %s", strerror(errno));
	snprintf(phys, sizeof(phys), "phys=0x%016llx", self->mem.want->phys);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %llu", &size) != 1)
			continue;
		areas.mapped += !!strstr(line, phys);
		areas.stale += strstr(line, "unpurged vm_area") && size >= len &&
			       size <= len + page;
	}
	fclose(file);
	return areas;
}

TEST_F(rdwr_map, gone_after_a_reset)
{
	struct areas before, after;
	__u32 val;

	gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), 0);
	before = count_areas(self);
	ASSERT_EQ(before.mapped, 1)
		TH_LOG(AREAS " shows %u mappings of %s after a read", before.mapped,
		       self->mem.want->name);
	gpu_reset(&self->mem.gpu);
	after = count_areas(self);
	EXPECT_EQ(after.mapped, 0)
		TH_LOG("the kernel's mapping of %s has outlived a reset", self->mem.want->name);
	EXPECT_LE(after.stale, before.stale)
		TH_LOG("TLBs may have the kernel's mapping of %s after a reset",
		       self->mem.want->name);
}

TEST_F_TIMEOUT(rdwr_map, once_after_a_reset, 120)
{
	struct reader reader[READERS];
	pthread_t thread[READERS];
	pthread_barrier_t barrier;
	unsigned int round, i;

	pthread_barrier_init(&barrier, NULL, READERS + 1);
	for (i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .mem = &self->mem, .barrier = &barrier };
		ASSERT_EQ(pthread_create(&thread[i], NULL, read_in_rounds, &reader[i]), 0);
	}
	for (round = 0; round < ROUNDS; round++) {
		gpu_reset(&self->mem.gpu);
		config_set_memory(&self->mem.gpu, true);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	for (i = 0; i < READERS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(reader[i].result, 0);
	}
	EXPECT_EQ(count_calls(self), ROUNDS)
		TH_LOG("%u threads read after each of %u resets of a GPU: %u mappings of its %s",
		       READERS, ROUNDS, count_calls(self), self->mem.want->name);
}

TEST_HARNESS_MAIN
