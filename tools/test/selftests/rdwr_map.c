// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's mapping of the memory, which costs the host page tables: made by the first
 * read, kept over resets and writes to PMCSR, gone when the device is closed. However many
 * read at once at first, one mapping stays. The kernel's function tracer counts the calls.
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
#define READERS		4
#define ROUNDS		10
#define OPENS		3

FIXTURE(rdwr_map) {
	struct mem mem;
	pthread_barrier_t barrier;
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
	pthread_barrier_init(&self->barrier, NULL, READERS);
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

/* Return: in how many places the kernel's address space shows this memory. */
static unsigned int count_areas(struct _test_data_rdwr_map *self)
{
	char line[512], phys[64];
	unsigned int nr = 0;
	FILE *file = fopen(AREAS, "r");

	if (!file)
		die(AREAS ": %s", strerror(errno));
	snprintf(phys, sizeof(phys), "phys=0x%016llx", self->mem.want->phys);
	while (fgets(line, sizeof(line), file))
		nr += !!strstr(line, phys);
	fclose(file);
	return nr;
}

static void *read_with_others(void *data)
{
	struct _test_data_rdwr_map *self = data;
	__u32 val;

	pthread_barrier_wait(&self->barrier);
	gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), 0);
	return NULL;
}

static void read_at_once(struct _test_data_rdwr_map *self)
{
	pthread_t thread[READERS];
	unsigned int i;

	for (i = 0; i < READERS; i++)
		if (pthread_create(&thread[i], NULL, read_with_others, self))
			die("cannot start a thread");
	for (i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
}

TEST_F_TIMEOUT(rdwr_map, one_from_first_read_to_close, 240)
{
	unsigned int i, areas;

	for (i = 0; i < OPENS; i++) {
		EXPECT_EQ(count_areas(self), 0);
		read_at_once(self);
		areas = count_areas(self);
		EXPECT_EQ(areas, 1)
			TH_LOG("%u threads read at once: %u mappings of %s", READERS, areas,
			       self->mem.want->name);
		gpu_close(&self->mem.gpu);
		areas = count_areas(self);
		EXPECT_EQ(areas, 0)
			TH_LOG("%u mappings of %s after close", areas, self->mem.want->name);
		ASSERT_TRUE(mem_open(&self->mem, variant->is_resmem));
	}
}

TEST_F(rdwr_map, kept_over_resets_and_power_writes)
{
	unsigned int calls, i;
	__u32 val;

	gpu_pread(&self->mem.gpu, &self->mem.region, &val, 1, 0);
	for (i = 0; i < ROUNDS; i++) {
		gpu_reset(&self->mem.gpu);
		config_set_memory(&self->mem.gpu, true);
		gpu_pread(&self->mem.gpu, &self->mem.region, &val, 1, 0);
		config_set_power(&self->mem.gpu, i % 2 ? 3 : 0);
		config_set_power(&self->mem.gpu, 0);
		config_set_memory(&self->mem.gpu, true);
		gpu_pread(&self->mem.gpu, &self->mem.region, &val, 1, 0);
	}
	calls = count_calls(self);
	EXPECT_EQ(calls, 1)
		TH_LOG("%u mappings of %s in %u resets and writes to PMCSR", calls,
		       self->mem.want->name, ROUNDS);
}

TEST_HARNESS_MAIN
