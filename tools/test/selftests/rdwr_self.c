// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() into, and write() from, a mapping of the same device that has no
 * page table entries yet, while another thread keeps taking the device's
 * memory_lock for writing. A driver that faults a user page in while it
 * holds that lock for reading deadlocks here, and nothing can kill it:
 * tools/test/selftests/run-selftests then reports the test and stops.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define LEAST_MS	4000
#define MOST_MS		50000
#define LEAST_ROUNDS	6
#define CHUNK		(64 * SZ_1K)

FIXTURE(rdwr_self) {
	struct gpu gpu;
	struct gpu_region usemem;
	struct model model;
	atomic_bool stop;
	atomic_ulong writes;
};

FIXTURE_SETUP(rdwr_self)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
}

FIXTURE_TEARDOWN(rdwr_self)
{
	gpu_close(&self->gpu);
}

/* Any write of the command register takes memory_lock for writing. */
static void *take_memory_lock(void *arg)
{
	struct _test_data_rdwr_self *self = arg;
	__u16 cmd = config_read16(&self->gpu, PCI_COMMAND);

	while (!atomic_load(&self->stop)) {
		config_write16(&self->gpu, PCI_COMMAND, cmd);
		atomic_fetch_add(&self->writes, 1);
	}
	return NULL;
}

/* Go on for a while, on a busy machine until both sides have been at work. */
static bool goes_on(struct _test_data_rdwr_self *self, __u64 began, __u64 rounds)
{
	__u64 ms = now_ms() - began;

	if (ms < LEAST_MS)
		return true;
	return ms < MOST_MS && (rounds < LEAST_ROUNDS ||
				atomic_load(&self->writes) < LEAST_ROUNDS);
}

TEST_F_TIMEOUT(rdwr_self, read_into_own_mapping, 120)
{
	static __u8 buf[CHUNK];
	__u64 began = now_ms(), rounds = 0;
	pthread_t writer;
	size_t bad;
	__u8 *dst;

	pattern_fill(buf, CHUNK, 31);
	gpu_pwrite(&self->gpu, &self->usemem, buf, CHUNK, 0);
	ASSERT_EQ(pthread_create(&writer, NULL, take_memory_lock, self), 0);
	while (goes_on(self, began, rounds)) {
		dst = gpu_map(&self->gpu, &self->usemem, SZ_2M, CHUNK);
		gpu_pread(&self->gpu, &self->usemem, dst, CHUNK, 0);
		bad = pattern_check(dst, CHUNK, 31);
		ASSERT_EQ(bad, CHUNK)
			TH_LOG("round %llu: byte %zu is wrong", rounds, bad);
		munmap(dst, CHUNK);
		rounds++;
	}
	atomic_store(&self->stop, true);
	pthread_join(writer, NULL);
	EXPECT_GE(rounds, LEAST_ROUNDS);
	EXPECT_GE(atomic_load(&self->writes), LEAST_ROUNDS);
}

TEST_F_TIMEOUT(rdwr_self, write_from_own_mapping, 120)
{
	static __u8 buf[CHUNK];
	__u64 began = now_ms(), rounds = 0;
	pthread_t writer;
	size_t bad;
	__u8 *src;

	pattern_fill(buf, CHUNK, 32);
	gpu_pwrite(&self->gpu, &self->usemem, buf, CHUNK, SZ_2M);
	ASSERT_EQ(pthread_create(&writer, NULL, take_memory_lock, self), 0);
	while (goes_on(self, began, rounds)) {
		src = gpu_map(&self->gpu, &self->usemem, SZ_2M, CHUNK);
		gpu_pwrite(&self->gpu, &self->usemem, src, CHUNK, 0);
		munmap(src, CHUNK);
		rounds++;
	}
	atomic_store(&self->stop, true);
	pthread_join(writer, NULL);
	gpu_pread(&self->gpu, &self->usemem, buf, CHUNK, 0);
	bad = pattern_check(buf, CHUNK, 32);
	EXPECT_EQ(bad, CHUNK)
		TH_LOG("byte %zu is wrong", bad);
	EXPECT_GE(rounds, LEAST_ROUNDS);
	EXPECT_GE(atomic_load(&self->writes), LEAST_ROUNDS);
}

TEST_HARNESS_MAIN
