// SPDX-License-Identifier: GPL-2.0-only
/*
 * A long read, of data or of padding, ends when its process is killed, and does
 * not go on for the gigabytes that are left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define LEN		SZ_1G
#define FIRST_LEN	(32 * SZ_1M)
#define LONG_US		2000000ULL

FIXTURE(rdwr_kill) {
	struct gpu gpu;
	struct gpu_region usemem;
	__u64 offset;
	void *buf;
};

FIXTURE_VARIANT(rdwr_kill) {
	bool is_padding;
};

FIXTURE_VARIANT_ADD(rdwr_kill, memory) { .is_padding = false };
FIXTURE_VARIANT_ADD(rdwr_kill, padding) { .is_padding = true };

/* Address space for all of it with only 2 MiB of memory behind it. */
static void *large_buffer(void)
{
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	__u8 *buf = mmap(NULL, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 at;

	if (fd < 0 || ftruncate(fd, SZ_2M) || buf == MAP_FAILED)
		die("no buffer: %s", strerror(errno));
	for (at = 0; at < LEN; at += SZ_2M)
		if (mmap(buf + at, SZ_2M, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, 0) == MAP_FAILED)
			die("no buffer: %s", strerror(errno));
	close(fd);
	return buf;
}

FIXTURE_SETUP(rdwr_kill)
{
	struct model model;

	model_from_sim(&model);
	gpu_open(&self->gpu);
	config_set_memory(&self->gpu, true);
	gpu_region(&self->gpu, model.usemem.index, &self->usemem);
	self->offset = variant->is_padding ? self->usemem.mem_len : 0;
	ASSERT_LE(self->offset + LEN, self->usemem.size);
	self->buf = large_buffer();
}

FIXTURE_TEARDOWN(rdwr_kill)
{
	gpu_close(&self->gpu);
}

static __u64 read_us(struct _test_data_rdwr_kill *self, __u64 len)
{
	__u64 began = now_us();

	gpu_pread(&self->gpu, &self->usemem, self->buf, len, self->offset);
	return now_us() - began;
}

TEST_F_TIMEOUT(rdwr_kill, ends_early, 120)
{
	__u64 began, whole, len = FIRST_LEN;
	int status;
	pid_t pid;

	/* An emulated x86 copies single bytes, at a minute for a GiB; others need 2 s. */
	read_us(self, len);
	whole = read_us(self, len);
	for (; len < LEN && whole < LONG_US; whole = read_us(self, len))
		len *= 2;
	ksft_print_msg("%llu MiB in %llu ms\n", len / SZ_1M, whole / 1000);

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		for (;;)
			read_us(self, len);
	}
	usleep((useconds_t)(whole / 8));
	began = now_us();
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_LE(now_us() - began, whole / 2)
		TH_LOG("a read that takes %llu us went on for %llu us after SIGKILL", whole,
		       now_us() - began);
}

TEST_HARNESS_MAIN
