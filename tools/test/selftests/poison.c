// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page that hardware reports as corrupted: whoever maps it is told by SIGBUS
 * with the address, nobody is killed for it, and it stays out of reach until
 * the function is reset, of read() and write() until the GPU is unbound.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define POISONED	"coherent_memory/poisoned_pages"
#define PROBE	(7 * SZ_2M)
#define BAD	(3 * SZ_2M + 5 * SZ_4K * 16)	/* a multiple of every page size */

static sigjmp_buf env;
static siginfo_t seen;
static int nr_seen;

FIXTURE(poison) {
	struct mem mem;
	__u8 *map;
};

FIXTURE_VARIANT(poison) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(poison, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(poison, resmem) { .is_resmem = true };

static void on_notice(int sig, siginfo_t *info, void *context)
{
	seen = *info;
	nr_seen++;
	if (info->si_code == BUS_MCEERR_AR)
		siglongjmp(env, 1);
}

/*
 * Has the kernel believe that the page at @offset of the region went bad.
 * Return: 0 or -errno; a signal that interrupts the call counts as success.
 */
static int poison(struct _test_data_poison *self, __u64 offset)
{
	struct sigaction action = {
		.sa_sigaction = on_notice,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(env, 1))
		return 0;
	return __sim_write("poison", self->mem.want->phys - self->mem.model.usemem.phys + offset);
}

FIXTURE_SETUP(poison)
{
	__u64 i;

	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	if (poison(self, PROBE) == -ENXIO)
		SKIP(return, "this kernel cannot handle bad memory without struct page");
	self->map = gpu_map_aligned(&self->mem.gpu, &self->mem.region, 0, 4 * SZ_2M, SZ_2M, 0);
	for (i = 0; i < 4 * SZ_2M; i += self->mem.page)
		store64(self->map + i, i);
}

FIXTURE_TEARDOWN(poison)
{
	gpu_reset(&self->mem.gpu);
	gpu_close(&self->mem.gpu);
}

/* Return: si_code of the SIGBUS that reading the word raised, 0 if none. */
static int read_code(const __u8 *p)
{
	nr_seen = 0;
	memset(&seen, 0, sizeof(seen));
	if (!sigsetjmp(env, 1))
		(void)load32(p);
	return nr_seen ? seen.si_code : 0;
}

TEST_F(poison, mapping_process_is_told)
{
	__u8 *bad = self->map + BAD;

	/* A second mapping of the same process, which does not show the page. */
	store32(gpu_map(&self->mem.gpu, &self->mem.region, 5 * SZ_2M, SZ_2M), 1);
	nr_seen = 0;
	poison(self, BAD);
	EXPECT_GE(nr_seen, 1)
		TH_LOG("the process that maps the page got no signal");
	EXPECT_EQ((__u64)(uintptr_t)seen.si_addr & ~(self->mem.page - 1),
		  (__u64)(uintptr_t)bad)
		TH_LOG("the signal names address %p, the page is at %p", seen.si_addr, bad);
}

TEST_F(poison, page_is_out_of_reach)
{
	__u64 val;

	poison(self, BAD);
	usleep(100000);
	EXPECT_EQ(read_code(self->map + BAD), BUS_MCEERR_AR)
		TH_LOG("touching the page gave si_code %d, expected BUS_MCEERR_AR", seen.si_code);
	EXPECT_EQ(seen.si_addr, self->map + BAD);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), BAD), -EIO)
		TH_LOG("a read of the page does not give -EIO");
}

TEST_F(poison, neighbours_stay)
{
	static __u8 buf[SZ_2M];
	__u64 val;

	poison(self, BAD);
	usleep(100000);
	EXPECT_EQ(load64(self->map + BAD - self->mem.page), BAD - self->mem.page)
		TH_LOG("the page before the bad one is gone");
	EXPECT_EQ(load64(self->map + BAD + self->mem.page), BAD + self->mem.page)
		TH_LOG("the page behind the bad one is gone");
	EXPECT_EQ(read_code(self->map + BAD), BUS_MCEERR_AR)
		TH_LOG("the bad page was mapped along with its neighbours");
	gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), BAD + self->mem.page);
	EXPECT_EQ(val, BAD + self->mem.page);
	EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, buf, sizeof(buf), BAD - 100), 100)
		TH_LOG("a read across the page does not stop in front of it");
}

TEST_F(poison, fresh_mapping)
{
	__u8 *map;

	poison(self, BAD);
	map = gpu_map(&self->mem.gpu, &self->mem.region, BAD, self->mem.page);
	EXPECT_EQ(read_code(map), BUS_MCEERR_AR)
		TH_LOG("a fresh mapping shows the bad page (si_code %d)", seen.si_code);
}

/* Whether a reset repairs a page is not known, so a copy by the kernel must not find out. */
TEST_F(poison, reset_heals_mappings)
{
	bool is_ours = driver_is_ours(self->mem.gpu.bdf);
	__u64 val;
	int i;

	for (i = 0; i < 2; i++) {
		poison(self, BAD);
		usleep(100000);
		ASSERT_EQ(read_code(self->map + BAD), BUS_MCEERR_AR)
			TH_LOG("%d resets before the page went bad", i);
		if (is_ours)
			EXPECT_EQ(sysfs_read_u64(self->mem.gpu.bdf, POISONED), 1);
		gpu_reset(&self->mem.gpu);
		config_set_memory(&self->mem.gpu, true);
		if (is_ours)
			EXPECT_EQ(sysfs_read_u64(self->mem.gpu.bdf, POISONED), 0);
		EXPECT_EQ(read_code(self->map + BAD), 0)
			TH_LOG("the page is still out of reach after a reset");
		EXPECT_EQ(__gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val), BAD),
			  -EIO);
	}
}

/* For a process that maps what lies before and behind the bad page. */
static int live_beside_the_page(struct _test_data_poison *self, int ready)
{
	__u8 *before, *behind;
	char c = 0;

	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	munmap(self->map, 4 * SZ_2M);
	before = gpu_map(&self->mem.gpu, &self->mem.region, 0, SZ_2M);
	behind = gpu_map(&self->mem.gpu, &self->mem.region, 5 * SZ_2M, SZ_2M);
	store32(before, 1);
	store32(behind, 2);
	if (write(ready, &c, 1) != 1)
		return 1;
	usleep(700000);
	return load32(before) != 1 || load32(behind) != 2;
}

/*
 * A process that maps other parts of the same region goes on undisturbed, also
 * one that wants to hear of failures early, as VMMs do: the kernel asks the
 * driver about the mappings of such a process only.
 */
TEST_F(poison, bystander_survives)
{
	int status, ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(live_beside_the_page(self, ready[1]));
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	poison(self, BAD);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_FALSE(WIFSIGNALED(status))
		TH_LOG("signal %d hit a process that maps other parts", WTERMSIG(status));
	EXPECT_EQ(status, 0);
}

TEST_HARNESS_MAIN
