// SPDX-License-Identifier: GPL-2.0-only
/*
 * A long read, of data or of padding, ends when its process is killed, and does
 * not go on for the gigabytes that are left. How far it got is seen in the buffer,
 * since the end of a process with such a buffer takes longer than the read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
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
#define PIECE		SZ_2M
#define MAX_ATTEMPTS	10
#define MARK_MS		60000

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

/*
 * Address space for all of it with little memory behind it: one piece that is mapped
 * again and again, but for the first page of each, which tells that a read was there.
 */
static void *large_buffer(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("buffer", MFD_CLOEXEC), prot = PROT_READ | PROT_WRITE;
	__u8 *buf = mmap(NULL, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	off_t own = PIECE;
	__u64 at;

	if (fd < 0 || ftruncate(fd, (off_t)(PIECE + LEN / PIECE * page)) || buf == MAP_FAILED)
		die("no buffer: %s", strerror(errno));
	for (at = 0; at < LEN; at += PIECE, own += (off_t)page)
		if (mmap(buf + at, PIECE, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
		    mmap(buf + at, page, prot, MAP_SHARED | MAP_FIXED, fd, own) == MAP_FAILED)
			die("no buffer: %s", strerror(errno));
	close(fd);
	return buf;
}

FIXTURE_SETUP(rdwr_kill)
{
	struct model model;
	__u32 mark = 1;
	__u64 at;

	usemem_open(&self->gpu, &model, &self->usemem);
	self->offset = variant->is_padding ? self->usemem.mem_len : 0;
	ASSERT_LE(self->offset + LEN, self->usemem.size);
	self->buf = large_buffer();
	for (at = 0; at < LEN; at += PIECE)
		gpu_pwrite(&self->gpu, &self->usemem, &mark, sizeof(mark), self->offset + at);
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

/*
 * The first read maps the buffer in this process: a page that is missing would end a
 * read that has been killed, whatever the driver does. The second one begins when the
 * parent says so.
 */
static void read_twice(struct _test_data_rdwr_kill *self, __u64 len, int ready, int go)
{
	char c = 0;

	read_us(self, len);
	if (write(ready, &c, 1) != 1 || read(go, &c, 1) != 1)
		die("cannot talk to the parent: %s", strerror(errno));
	read_us(self, len);
	for (;;)
		pause();
}

static void clear_marks(struct _test_data_rdwr_kill *self, __u64 len)
{
	__u64 at;

	for (at = 0; at < len; at += PIECE)
		store32(self->buf + at, 0);
}

static void wait_for_mark(const void *mark)
{
	__u64 end = now_ms() + MARK_MS;

	while (!load32(mark)) {
		if (now_ms() > end)
			die("no read has begun within %d ms", MARK_MS);
		sched_yield();
	}
}

/* Return: whether a read that was killed early ended before it was through. */
static bool read_ends(struct __test_metadata *_metadata, struct _test_data_rdwr_kill *self,
		      __u64 len)
{
	int status, ready[2], go[2];
	pid_t pid;
	char c = 0;

	if (pipe(ready) || pipe(go))
		die("no pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		read_twice(self, len, ready[1], go[0]);
	if (pid < 0 || read(ready[0], &c, 1) != 1)
		die("no child: %s", strerror(errno));
	clear_marks(self, len);
	if (write(go[1], &c, 1) != 1)
		die("cannot talk to the child: %s", strerror(errno));
	wait_for_mark(self->buf + len / PIECE / 8 * PIECE);
	kill(pid, SIGKILL);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
	return !load32(self->buf + len - PIECE);
}

/* On a busy machine a read may be through before its process is killed. */
TEST_F_TIMEOUT(rdwr_kill, ends_early, 120)
{
	__u64 len = FIRST_LEN;
	unsigned int i;
	bool ends = false;

	/* An emulated x86 copies single bytes, at a minute for a GiB; others need 2 s. */
	while (read_us(self, len) < LONG_US && len < LEN)
		len *= 2;
	for (i = 0; i < MAX_ATTEMPTS && !ends; i++)
		ends = read_ends(_metadata, self, len);
	ksft_print_msg("a read of %llu MiB, killed %u times\n", len / SZ_1M, i);
	EXPECT_TRUE(ends)
		TH_LOG("%u reads of %llu MiB went on to the end after SIGKILL", i, len / SZ_1M);
}

TEST_HARNESS_MAIN
