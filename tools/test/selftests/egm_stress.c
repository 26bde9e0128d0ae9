// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once that can happen to a region of extended GPU memory: owners that map,
 * touch, fork and are killed, pages that fail, the GPU unplugged, the module unloaded. What
 * must not happen is for the kernel's log and for the lab's kernel with KASAN and lockdep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/egm.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define SECONDS		20
#define OWNERS		3
#define MAX_BLOCKS	64

FIXTURE(egm_stress) {
	char node[32];
	__u64 size;
	__u64 page;
	unsigned long *owned;
};

FIXTURE_SETUP(egm_stress)
{
	snprintf(self->node, sizeof(self->node), "/dev/egm%llu", sim_read_u64("egm_pxm"));
	self->size = sim_read_u64("egm_size");
	self->page = (__u64)sysconf(_SC_PAGESIZE);
	self->owned = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->owned, MAP_FAILED);
}

FIXTURE_TEARDOWN(egm_stress)
{
}

static bool one_in(long n)
{
	return random() % n == 0;
}

static __u64 random_page(struct _test_data_egm_stress *self)
{
	return (__u64)random() % (self->size / self->page) * self->page;
}

/* Accesses may raise SIGBUS at any time. */
static void touch_some(struct _test_data_egm_stress *self, __u8 *map)
{
	__u32 val;
	int i;

	for (i = 0; i < 50; i++) {
		touch_write(map + random_page(self), 1);
		touch_read(map + random_page(self), &val);
	}
}

static void list_retired(int fd)
{
	struct {
		struct egm_retired_pages_list head;
		struct egm_retired_pages_info blocks[MAX_BLOCKS];
	} list = { .head.argsz = sizeof(list) };

	ioctl(fd, EGM_RETIRED_PAGES_LIST, &list);
}

static void own_once(struct _test_data_egm_stress *self)
{
	int fd = open(self->node, O_RDWR | O_CLOEXEC);
	__u8 *map;

	if (fd < 0)
		return;
	__atomic_fetch_add(self->owned, 1, __ATOMIC_RELAXED);
	map = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED) {
		if (one_in(3) && !fork()) {
			touch_some(self, map);
			_exit(0);
		}
		touch_some(self, map);
		if (one_in(2))
			munmap(map + self->size / 2, self->page);
		touch_some(self, map);
	}
	list_retired(fd);
	if (one_in(4))
		_exit(0);
	close(fd);
	if (map != MAP_FAILED)
		munmap(map, self->size);
}

static void fail_page(struct _test_data_egm_stress *self)
{
	usleep(20000);
	/* So few blocks fail that most stay in use. */
	__sim_write("egm_poison", random_page(self) % (MAX_BLOCKS / 2 * 64 * SZ_1K));
}

static void replug(struct _test_data_egm_stress *self)
{
	usleep((useconds_t)random() % 400000);
	__sim_write("live", 0);
	usleep((useconds_t)random() % 50000);
	__sim_write("live", 1);
}

static void reload(struct _test_data_egm_stress *self)
{
	usleep((useconds_t)random() % 700000);
	if (!system("modprobe -r nvgpu-egm 2>/dev/null"))
		usleep((useconds_t)random() % 50000);
	system("modprobe nvgpu-egm");
}

/* Return: a process that does it again and again. */
static pid_t start(struct _test_data_egm_stress *self,
		   void (*act)(struct _test_data_egm_stress *self), unsigned int seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	signal(SIGCHLD, act == own_once ? SIG_IGN : SIG_DFL);
	touch_install();
	srandom(seed);
	for (;;)
		act(self);
}

TEST_F_TIMEOUT(egm_stress, everything_at_once, 150)
{
	void (*const acts[])(struct _test_data_egm_stress *self) = {
		fail_page, replug, reload
	};
	__u64 end = now_ms() + SECONDS * 1000;
	pid_t pids[ARRAY_SIZE(acts)], owners[OWNERS] = {};
	unsigned int i, seed = 1;
	int fd = -1;

	/* To wait for what those who are killed have started. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	ASSERT_EQ(system("modprobe nvgpu-egm"), 0);
	for (i = 0; i < ARRAY_SIZE(acts); i++)
		pids[i] = start(self, acts[i], seed++);
	while (now_ms() < end) {
		i = seed % OWNERS;
		if (owners[i]) {
			kill(owners[i], SIGKILL);
			waitpid(owners[i], NULL, 0);
		}
		owners[i] = start(self, own_once, seed++);
		usleep((useconds_t)random() % 200000);
	}
	for (i = 0; i < OWNERS; i++)
		kill(owners[i], SIGKILL);
	for (i = 0; i < ARRAY_SIZE(acts); i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;

	/* What was killed may have left the GPU unplugged, the module unloaded. */
	sim_write("live", 1);
	ASSERT_EQ(system("modprobe nvgpu-egm"), 0);
	for (i = 0; i < 10000 && fd < 0; i++) {
		fd = open(self->node, O_RDWR | O_CLOEXEC);
		usleep(1000);
	}
	EXPECT_GE(fd, 0)
		TH_LOG("%s cannot be opened afterwards: %s", self->node, strerror(errno));
	EXPECT_GT(*self->owned, 0)
		TH_LOG("nobody ever owned the region");
	ksft_print_msg("owned %lu times\n", *self->owned);
}

TEST_HARNESS_MAIN
