// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device file of a region of extended GPU memory: one owner, zeroed memory, exact
 * bounds, huge pages, blocks that are never mapped, failures, and a region that goes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/egm.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define SZ_64K		0x10000ULL
#define MAX_BLOCKS	64
#define IOVA		(4 * SZ_1G)
#define RW		(PROT_READ | PROT_WRITE)
#define WAIT_MS		10000

struct list {
	struct egm_retired_pages_list head;
	struct egm_retired_pages_info blocks[MAX_BLOCKS];
};

FIXTURE(egm) {
	char node[32];
	char sysfs[64];
	__u64 pxm;
	__u64 size;
	__u64 retired;
	__u64 page;
	int fd;
};

static int try_open(struct _test_data_egm *self, int flags)
{
	int fd = open(self->node, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A GPU that was plugged in is found in the background. */
static void wait_for_node(struct _test_data_egm *self)
{
	int waited;

	for (waited = 0; waited < WAIT_MS && access(self->node, F_OK); waited++)
		usleep(1000);
}

static void open_node(struct _test_data_egm *self)
{
	wait_for_node(self);
	self->fd = try_open(self, O_RDWR);
	if (self->fd < 0)
		die("%s: %s", self->node, strerror(-self->fd));
}

FIXTURE_SETUP(egm)
{
	char text[64];

	self->pxm = sim_read_u64("egm_pxm");
	self->size = sim_read_u64("egm_size");
	self->page = (__u64)sysconf(_SC_PAGESIZE);
	sim_read("egm_retired", text, sizeof(text));
	self->retired = strtoull(text, NULL, 0);
	snprintf(self->node, sizeof(self->node), "/dev/egm%llu", self->pxm);
	snprintf(self->sysfs, sizeof(self->sysfs), "/sys/class/egm/egm%llu", self->pxm);
	if (system("modprobe nvgpu-egm"))
		die("cannot load nvgpu-egm");
	open_node(self);
}

FIXTURE_TEARDOWN(egm)
{
	if (self->fd >= 0)
		close(self->fd);
}

static __u8 *map_at(struct _test_data_egm *self, void *addr, __u64 offset, __u64 len, int flags)
{
	void *p = mmap(addr, len, RW, flags, self->fd, (off_t)offset);

	if (p == MAP_FAILED)
		die("mapping 0x%llx bytes at 0x%llx of %s: %s", len, offset, self->node,
		    strerror(errno));
	return p;
}

static __u8 *map(struct _test_data_egm *self, __u64 offset, __u64 len)
{
	return map_at(self, NULL, offset, len, MAP_SHARED);
}

/* Return: 0 or the errno of a mapping, which does not stay. */
static int try_map(struct _test_data_egm *self, __u64 offset, __u64 len, int flags)
{
	void *p = mmap(NULL, len, RW, flags, self->fd, (off_t)offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, len);
	return 0;
}

static struct list retired_list(struct _test_data_egm *self)
{
	struct list list = { .head.argsz = sizeof(list) };

	if (ioctl(self->fd, EGM_RETIRED_PAGES_LIST, &list))
		die("EGM_RETIRED_PAGES_LIST: %s", strerror(errno));
	return list;
}

/* Is the block that has the byte at @offset in the list? */
static bool is_listed(struct _test_data_egm *self, __u64 offset)
{
	struct list list = retired_list(self);
	__u32 i;

	for (i = 0; i < list.head.count; i++)
		if (offset - list.blocks[i].offset < list.blocks[i].size)
			return true;
	return false;
}

/* Return: the number of the first word that is not 0, counted in bytes, or @len. */
static __u64 first_not_zero(const __u8 *p, __u64 from, __u64 len)
{
	__u64 i;

	for (i = from; i < len; i += sizeof(__u64))
		if (load64(p + i))
			return i;
	return len;
}

/* The bytes of the region before the first one of its retired blocks. */
static void fill(struct _test_data_egm *self, __u8 *p)
{
	memset(p, 0xa5, self->retired);
}

static void close_node(struct _test_data_egm *self)
{
	close(self->fd);
	self->fd = -1;
}

static void expect_zero(struct __test_metadata *_metadata, struct _test_data_egm *self)
{
	__u64 end = self->retired + SZ_64K;
	__u8 *p = map(self, 0, self->size);

	EXPECT_EQ(first_not_zero(p, 0, self->retired), self->retired)
		TH_LOG("the next owner sees what the one before wrote");
	EXPECT_EQ(first_not_zero(p, end, end + SZ_64K), end + SZ_64K)
		TH_LOG("the memory behind a retired block is not zero");
	munmap(p, self->size);
}

TEST_F(egm, starts_as_zeros)
{
	expect_zero(_metadata, self);
}

TEST_F(egm, node)
{
	char text[64], path[128];
	struct stat st;

	ASSERT_EQ(stat(self->node, &st), 0);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0600)
		TH_LOG("%s has mode 0%o, it is for root only", self->node, st.st_mode);
	EXPECT_EQ(minor(st.st_rdev), self->pxm);
	snprintf(path, sizeof(path), "%s/egm_size", self->sysfs);
	ASSERT_EQ(__file_read(path, text, sizeof(text)), 0);
	EXPECT_EQ(strncmp(text, "0x", 2), 0);
	EXPECT_EQ(strtoull(text, NULL, 0), self->size);
	snprintf(path, sizeof(path), "%s/%s/vendor", self->sysfs, env_or_skip("NVGPU_BDF"));
	ASSERT_EQ(__file_read(path, text, sizeof(text)), 0)
		TH_LOG("no link to the GPU: %s", path);
	EXPECT_EQ(strcmp(text, "0x10de"), 0);
}

TEST_F_TIMEOUT(egm, one_owner, 120)
{
	void *p;
	int fd;

	EXPECT_EQ(try_open(self, O_RDWR), -EBUSY)
		TH_LOG("a second open succeeds");
	EXPECT_EQ(try_open(self, O_RDONLY), -EBUSY);
	p = map(self, 0, self->page);
	store32(p, 1);
	close_node(self);
	EXPECT_EQ(try_open(self, O_RDWR), -EBUSY)
		TH_LOG("a mapping does not keep ownership");
	EXPECT_EQ(load32(p), 1);
	munmap(p, self->page);
	fd = try_open(self, O_RDONLY);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(mmap(NULL, self->page, RW, MAP_SHARED, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
	EXPECT_EQ(mmap(NULL, self->page, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED)
		TH_LOG("a private mapping of a file without write access is allowed");
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(p, MAP_FAILED)
		TH_LOG("a file without write access cannot be mapped: %s", strerror(errno));
	EXPECT_EQ(load32(p), 0);
	EXPECT_EQ(mprotect(p, self->page, RW), -1)
		TH_LOG("a file without write access can be written");
	munmap(p, self->page);
	close(fd);
}

/* The mapping of a child is that of its parent, and keeps the memory after it. */
TEST_F_TIMEOUT(egm, fork, 120)
{
	int go[2], status;
	pid_t pid;
	__u8 *p;
	char c;

	p = map(self, 0, 2 * self->page);
	store32(p, 1);
	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		bool ok = load32(p) == 1;

		store32(p, 11);
		store32(p + self->page, 12);
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0 || !ok);
	}
	close(go[0]);
	while (load32(p + self->page) != 12)
		usleep(1000);
	EXPECT_EQ(load32(p), 11);
	munmap(p, 2 * self->page);
	close_node(self);
	EXPECT_EQ(try_open(self, O_RDWR), -EBUSY)
		TH_LOG("a child's mapping does not keep ownership");
	close(go[1]);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	open_node(self);
}

TEST_F(egm, bounds)
{
	void *p;

	EXPECT_EQ(try_map(self, 0, self->size, MAP_SHARED), 0);
	EXPECT_EQ(try_map(self, self->size - self->page, self->page, MAP_SHARED), 0);
	EXPECT_EQ(try_map(self, self->size, self->page, MAP_SHARED), EINVAL)
		TH_LOG("what lies behind the region can be mapped");
	EXPECT_EQ(try_map(self, self->size - self->page, 2 * self->page, MAP_SHARED), EINVAL);
	EXPECT_EQ(try_map(self, 0, self->size + self->page, MAP_SHARED), EINVAL);
	EXPECT_NE(try_map(self, 1ULL << 62, self->page, MAP_SHARED), 0);
	EXPECT_EQ(try_map(self, 0, self->page, MAP_PRIVATE), EINVAL)
		TH_LOG("a private mapping is allowed: a write to it is a BUG()");
	p = map(self, self->size - self->page, self->page);
	EXPECT_EQ(mremap(p, self->page, 2 * self->page, MREMAP_MAYMOVE), MAP_FAILED)
		TH_LOG("mremap() grows a mapping beyond the region");
}

/* A mapping that the kernel places is aligned for huge pages. */
TEST_F(egm, huge_pages)
{
	__u64 pmd = pmd_size(), i;
	long faults, nr = (long)(self->retired / pmd);
	__u8 *p;

	nr = nr < 8 ? nr : 8;
	if (!nr)
		SKIP(return, "no huge page of 0x%llx bytes before the retired block", pmd);
	p = map(self, 0, nr * pmd);
	faults = minor_faults();
	for (i = 0; i < nr * pmd; i += self->page)
		(void)load32(p + i);
	faults = minor_faults() - faults;
	EXPECT_LE(faults, nr + 2)
		TH_LOG("%ld faults for %ld huge pages", faults, nr);
	EXPECT_GE(faults, nr);
}

TEST_F_TIMEOUT(egm, next_owner_reads_zeros, 120)
{
	__u8 *p = map(self, 0, self->size);
	int i;

	for (i = 0; i < 2; i++) {
		fill(self, p);
		store64(p + self->retired + SZ_64K, ~0ULL);
		munmap(p, self->size);
		close_node(self);
		open_node(self);
		expect_zero(_metadata, self);
		p = map(self, 0, self->size);
	}
}

/* Killed as the owner of written memory, then ever earlier in open(), which zeroes. */
TEST_F_TIMEOUT(egm, killed_owners_leave_nothing, 240)
{
	pid_t pid;
	__u8 *p;
	int i;

	p = map(self, 0, self->size);
	fill(self, p);
	munmap(p, self->size);
	close_node(self);
	for (i = 11; i >= 0; i--) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			open_node(self);
			fill(self, map(self, 0, self->size));
			_exit(0);
		}
		usleep(1000 << i);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	}
	open_node(self);
	expect_zero(_metadata, self);
}

TEST_F(egm, retired_blocks)
{
	struct list list = retired_list(self);
	__u8 *p = map(self, 0, self->size);
	char text[16], path[128];
	__u32 val;

	EXPECT_EQ(list.head.count, 2);
	snprintf(path, sizeof(path), "%s/egm_retired", self->sysfs);
	ASSERT_EQ(__file_read(path, text, sizeof(text)), 0);
	EXPECT_EQ(atoi(text), 2);
	EXPECT_EQ(list.blocks[0].offset, self->retired);
	EXPECT_EQ(list.blocks[0].size, SZ_64K);
	EXPECT_EQ(list.blocks[1].offset, self->size - SZ_64K);
	EXPECT_EQ(touch_read(p + self->retired, &val), SIGBUS)
		TH_LOG("a retired block can be read");
	EXPECT_EQ(touch_write(p + self->retired + SZ_64K - 4, 1), SIGBUS)
		TH_LOG("the end of a retired block can be written");
	EXPECT_EQ(touch_write(p + self->size - 4, 1), SIGBUS);
	EXPECT_EQ(touch_write(p + self->retired - 4, 1), 0)
		TH_LOG("what lies before a retired block cannot be written");
	EXPECT_EQ(touch_write(p + self->retired + SZ_64K, 1), 0)
		TH_LOG("what lies behind a retired block cannot be written");
	EXPECT_EQ(touch_write(p + self->size - SZ_64K - 4, 1), 0);
}

TEST_F(egm, ioctl)
{
	struct list *list = (struct list *)map(self, 0, SZ_64K);
	size_t need = sizeof(list->head) + 2 * sizeof(list->blocks[0]);

	list->head.argsz = sizeof(list->head);
	list->head.count = 77;
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, list), 0);
	EXPECT_EQ(list->head.argsz, need);
	EXPECT_EQ(list->head.count, 0);
	list->blocks[0].size = 0;
	list->head.argsz = (__u32)need - 1;
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, list), 0);
	EXPECT_EQ(list->head.argsz, need);
	EXPECT_EQ(list->blocks[0].size, 0)
		TH_LOG("entries are written into a buffer that is too small");
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, list), 0);
	EXPECT_EQ(list->head.count, 2);
	EXPECT_EQ(list->blocks[0].size, SZ_64K);
	list->head.argsz = sizeof(list->head) - 1;
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, list), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, NULL), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(ioctl(self->fd, _IO(EGM_TYPE, 101), list), -1);
	EXPECT_EQ(errno, ENOTTY);
}

static sigjmp_buf env;
static siginfo_t seen;
static int nr_seen;

static void on_notice(int sig, siginfo_t *info, void *context)
{
	seen = *info;
	nr_seen++;
	if (info->si_code == BUS_MCEERR_AR)
		siglongjmp(env, 1);
}

/* Return: 0 or -errno; a signal that interrupts the call counts as success. */
static int poison(__u64 offset)
{
	struct sigaction action = {
		.sa_sigaction = on_notice,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	nr_seen = 0;
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(env, 1))
		return 0;
	return __sim_write("egm_poison", offset);
}

/* Those of the tests are no defects of the memory: it is used again. */
static void forget_failures(struct _test_data_egm *self)
{
	const char *bdf = getenv("NVGPU_BDF");
	char driver[64];

	close_node(self);
	sysfs_driver(bdf, driver, sizeof(driver));
	if (__gpu_replug(bdf, driver))
		die("the GPU does not come back");
	open_node(self);
}

/* A block that fails, the last of a huge page, is not forgotten while the GPU is there. */
TEST_F_TIMEOUT(egm, poison, 120)
{
	__u64 bad = pmd_size() < self->retired ? pmd_size() - SZ_64K : 15 * SZ_64K;
	__u8 *p = map(self, 0, self->size), *other;
	__u64 waited;
	__u32 val;

	store64(p + bad - 8, 1);
	store64(p + bad, 2);
	store64(p + bad + SZ_64K, 3);
	/* A mapping of the process that does not show the block. */
	other = map(self, self->retired - SZ_64K, SZ_64K);
	store64(other, 4);
	if (poison(bad) == -ENXIO)
		SKIP(return, "this kernel cannot handle bad memory without struct page");
	ASSERT_GE(nr_seen, 1)
		TH_LOG("the process that maps the block got no signal");
	EXPECT_EQ((__u8 *)seen.si_addr, p + bad);
	for (waited = 0; waited < WAIT_MS && !is_listed(self, bad); waited++)
		usleep(1000);
	EXPECT_TRUE(is_listed(self, bad));
	EXPECT_EQ(touch_read(p + bad, &val), SIGBUS)
		TH_LOG("the block can still be read");
	EXPECT_EQ(touch_read(p + bad + SZ_64K - 4, &val), SIGBUS);
	EXPECT_EQ(load64(p + bad - 8), 1);
	EXPECT_EQ(load64(p + bad + SZ_64K), 3);
	EXPECT_EQ(load64(other), 4);
	munmap(p, self->size);
	munmap(other, SZ_64K);

	close_node(self);
	open_node(self);
	p = map(self, 0, self->size);
	EXPECT_TRUE(is_listed(self, bad))
		TH_LOG("the next owner is not told of the block");
	EXPECT_EQ(touch_read(p + bad, &val), SIGBUS)
		TH_LOG("the next owner can read the block");
	EXPECT_EQ(first_not_zero(p, 0, bad), bad);
	EXPECT_EQ(first_not_zero(p, bad + SZ_64K, bad + 2 * SZ_64K), bad + 2 * SZ_64K);
	munmap(p, self->size);

	/* Without the GPU it is. */
	forget_failures(self);
	EXPECT_FALSE(is_listed(self, bad));
}

/* As the kernel's worker for it shares a CPU with what reports, none is kept before the last. */
TEST_F_TIMEOUT(egm, many_blocks_fail_at_once, 120)
{
	const struct sched_param fifo = { .sched_priority = 1 }, other = {};
	const __u32 nr = MAX_BLOCKS - 8;
	__u8 *p = map(self, 0, self->size);
	__u64 waited;
	cpu_set_t cpus;
	__u32 i;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	ASSERT_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	ASSERT_EQ(sched_setscheduler(0, SCHED_FIFO, &fifo), 0);
	for (i = 0; i < nr; i++)
		if (poison(i * SZ_64K) == -ENXIO)
			SKIP(return, "this kernel cannot handle bad memory without struct page");
	ASSERT_EQ(sched_setscheduler(0, SCHED_OTHER, &other), 0);
	for (waited = 0; waited < WAIT_MS && retired_list(self).head.count < nr + 2; waited++)
		usleep(1000);
	EXPECT_EQ(retired_list(self).head.count, nr + 2)
		TH_LOG("not all of %u failed blocks are kept", nr);
	for (i = 0; i < nr; i++)
		EXPECT_TRUE(is_listed(self, i * SZ_64K));
	munmap(p, self->size);
	forget_failures(self);
}

/* Physical address of the region, by its resource. */
static __u64 phys_base(struct _test_data_egm *self)
{
	unsigned long long start, last;
	char line[128], name[64];
	FILE *f = fopen("/proc/iomem", "re");

	if (!f)
		die("/proc/iomem: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %llx-%llx : %63s", &start, &last, name) != 3 ||
		    strcmp(name, self->node + strlen("/dev/")))
			continue;
		fclose(f);
		if (last - start + 1 != self->size)
			die("iomem: %s has 0x%llx bytes", name, last - start + 1);
		return start;
	}
	die("iomem has no %s", self->node);
}

TEST_F(egm, type1_pins_it)
{
	__u64 base = phys_base(self), phys, len = 4 * SZ_2M;
	struct gpu gpu;

	gpu_open(&gpu);
	dma_map(&gpu, map(self, SZ_1M, len), IOVA, len);
	ASSERT_TRUE(sim_dma_lookup(IOVA, &phys));
	EXPECT_EQ(phys, base + SZ_1M);
	ASSERT_TRUE(sim_dma_lookup(IOVA + len - SZ_4K, &phys));
	EXPECT_EQ(phys, base + SZ_1M + len - SZ_4K);
	dma_unmap(&gpu, IOVA, len);
	EXPECT_NE(__dma_map(&gpu, map(self, self->retired, SZ_64K), IOVA, SZ_64K), 0)
		TH_LOG("a device can be given a retired block");
	gpu_close(&gpu);
}

/* What outlives the last GPU of a region fails, and the next owner waits for its end. */
TEST_F_TIMEOUT(egm, region_goes, 120)
{
	struct list list = { .head.argsz = sizeof(list) };
	__u8 *p = map(self, 0, self->size);
	__u32 val;

	fill(self, p);
	sim_write("live", 0);
	EXPECT_EQ(access(self->node, F_OK), -1)
		TH_LOG("%s outlives the last GPU", self->node);
	EXPECT_EQ(touch_read(p, &val), SIGBUS)
		TH_LOG("the memory can be read after its last GPU was unplugged");
	EXPECT_EQ(try_map(self, 0, self->page, MAP_SHARED), ENODEV);
	EXPECT_EQ(ioctl(self->fd, EGM_RETIRED_PAGES_LIST, &list), -1);
	EXPECT_EQ(errno, ENODEV);
	phys_base(self);
	sim_write("live", 1);
	wait_for_node(self);
	EXPECT_EQ(try_open(self, O_RDWR), -EBUSY);
	EXPECT_EQ(touch_read(p, &val), SIGBUS)
		TH_LOG("the GPU comes back, and with it the mapping of the former owner");
	munmap(p, self->size);
	close_node(self);
	open_node(self);
	expect_zero(_metadata, self);
}

TEST_HARNESS_MAIN
