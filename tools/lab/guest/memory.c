// SPDX-License-Identifier: GPL-2.0-only
/* Programs that use a NUMA node as memory, each in its own way. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include "guest.h"

#define MASK_BITS	(8 * sizeof(unsigned long))
#define NR_THREADS	4
#define NR_ROUNDS	20000
#define NR_MOVED	64
#define MOUNT		"/mnt"

static void *map(size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Return: memory whose pages can only come from the node, or NULL. */
static void *map_on(unsigned int node, size_t len, int flags)
{
	unsigned long mask = 1UL << node;
	void *p = map(len, flags);

	if (p && syscall(SYS_mbind, p, len, MPOL_BIND, &mask, MASK_BITS, MPOL_MF_STRICT)) {
		munmap(p, len);
		return NULL;
	}
	return p;
}

/* Return: node of the page at @p, which is populated. */
static int node_of(void *p)
{
	int node = -1;

	return syscall(SYS_get_mempolicy, &node, NULL, 0, p, MPOL_F_NODE | MPOL_F_ADDR) ? -1 : node;
}

static bool all_on(unsigned int node, unsigned char *p, size_t len, size_t step)
{
	size_t at;

	for (at = 0; at < len; at += step)
		if (node_of(p + at) != (int)node)
			return false;
	return true;
}

/**
 * fill_memory() - fill 95 % of a node and compare
 * @node: the node
 * @name: what results call it
 */
void fill_memory(unsigned int node, const char *name)
{
	__u64 len = node_bytes(node, "MemFree:") / 100 * 95 / BLOCK * BLOCK;
	struct bar bar = { .index = node, .name = name, .mem_len = len };

	bar.wc = map_on(node, len, MAP_PRIVATE);
	if (!check(bar.wc, "%s: 95 %% of it, 0x%llx bytes, bound by mbind()", name, len))
		return;
	check_pattern(&bar);
	show_nodes();
	check(all_on(node, bar.wc, len, BLOCK), "%s: has all of them", name);
	munmap(bar.wc, len);
}

/* A child's pages come from the node by its policy alone. */
static bool by_policy(unsigned int node)
{
	unsigned long mask = 1UL << node;
	unsigned char *p;

	if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, MASK_BITS))
		return false;
	p = map(BLOCK, MAP_PRIVATE);
	if (!p)
		return false;
	memset(p, 1, BLOCK);
	return all_on(node, p, BLOCK, sysconf(_SC_PAGESIZE));
}

struct shared {
	pthread_mutex_t mutex;
	unsigned long by_atomics;
	unsigned long under_mutex;
};

static void *count(void *arg)
{
	struct shared *shared = arg;
	unsigned int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		__atomic_fetch_add(&shared->by_atomics, 1, __ATOMIC_SEQ_CST);
		pthread_mutex_lock(&shared->mutex);
		shared->under_mutex++;
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

/* Threads of a child and of its parent: a mutex of both is a futex by physical page. */
static bool threads(unsigned int node)
{
	struct shared *shared = map_on(node, sysconf(_SC_PAGESIZE), MAP_SHARED);
	unsigned long want = 2 * NR_THREADS * NR_ROUNDS;
	pthread_t thread[NR_THREADS];
	pthread_mutexattr_t attr;
	int i, status;
	pid_t child;

	if (!shared)
		return false;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &attr);
	child = fork();
	for (i = 0; i < NR_THREADS; i++)
		if (pthread_create(&thread[i], NULL, count, shared))
			return false;
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	if (!child)
		_exit(0);
	return waitpid(child, &status, 0) == child && !status &&
	       node_of(shared) == (int)node && shared->by_atomics == want &&
	       shared->under_mutex == want;
}

/* A child's write leaves the parent's page as it was, and its copy is on the node. */
static bool copy_on_write(unsigned int node)
{
	size_t i, page = sysconf(_SC_PAGESIZE), len = 64 * page;
	unsigned char *p = map_on(node, len, MAP_PRIVATE);
	int status;
	pid_t child;

	if (!p)
		return false;
	memset(p, 0x5a, len);
	child = fork();
	if (!child) {
		memset(p, 0xa5, len);
		_exit(!all_on(node, p, len, page));
	}
	if (waitpid(child, &status, 0) != child || status)
		return false;
	for (i = 0; i < len; i++)
		if (p[i] != 0x5a)
			return false;
	return true;
}

static bool move_to(unsigned char *p, int node)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int nodes[NR_MOVED], status[NR_MOVED];
	void *pages[NR_MOVED];
	unsigned int i;

	for (i = 0; i < NR_MOVED; i++) {
		pages[i] = p + i * page;
		nodes[i] = node;
		status[i] = -1;
	}
	if (syscall(SYS_move_pages, 0, NR_MOVED, pages, nodes, status, MPOL_MF_MOVE))
		return false;
	for (i = 0; i < NR_MOVED; i++)
		if (status[i] != node || node_of(pages[i]) != node)
			return false;
	return true;
}

static bool migration(unsigned int node)
{
	size_t i, len = NR_MOVED * sysconf(_SC_PAGESIZE);
	unsigned char *p = map(len, MAP_PRIVATE);

	if (!p || madvise(p, len, MADV_NOHUGEPAGE))
		return false;
	for (i = 0; i < len; i++)
		p[i] = i * 7;
	if (!move_to(p, node) || !move_to(p, 0) || !move_to(p, node))
		return false;
	for (i = 0; i < len; i++)
		if (p[i] != (unsigned char)(i * 7))
			return false;
	return true;
}

/* Return: KiB of huge pages of this process. */
static unsigned long huge_kib(void)
{
	unsigned long kib = 0;
	char line[256];
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* The kernel turns them off at boot where it has less than 512 MiB. */
static bool enable_huge_pages(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, "madvise", 7) == 7;

	close(fd);
	return ok;
}

static bool huge_page(unsigned int node, size_t size)
{
	unsigned char *p = map_on(node, 2 * size, MAP_PRIVATE), *aligned;
	bool ok;

	if (!p || !enable_huge_pages())
		return false;
	aligned = (unsigned char *)(((unsigned long)p + size - 1) & ~(size - 1));
	if (madvise(aligned, size, MADV_HUGEPAGE))
		return false;
	memset(aligned, 3, size);
	ok = huge_kib() * 1024 >= size && node_of(aligned) == (int)node;
	/* With 64K pages it is 512 MiB, for which node 0 has no room when this one goes. */
	return !munmap(p, 2 * size) && ok;
}

static void huge_pages(unsigned int node, const char *name)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "r");
	size_t size = 0;

	if (f && fscanf(f, "%zu", &size) != 1)
		size = 0;
	if (f)
		fclose(f);
	if (size)
		check(huge_page(node, size), "%s: a transparent huge page of %zu KiB", name,
		      size >> 10);
	else
		say("SKIP %s: a transparent huge page: skipped the kernel has none", name);
}

/* A file in tmpfs whose pages come from the node. */
static bool tmpfs(unsigned int node)
{
	size_t i, len = 16 * BLOCK;
	__u64 *p = map(len, MAP_PRIVATE);
	char options[64];
	int fd;

	snprintf(options, sizeof(options), "mpol=bind:%u", node);
	mkdir(MOUNT, 0755);
	if (!p || mount("none", MOUNT, "tmpfs", 0, options))
		return false;
	for (i = 0; i < len / sizeof(*p); i++)
		p[i] = ~i;
	fd = open(MOUNT "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, p, len) != (ssize_t)len)
		return false;
	munmap(p, len);
	p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return false;
	for (i = 0; i < len / sizeof(*p); i++)
		if (p[i] != ~i)
			return false;
	if (!all_on(node, (void *)p, len, sysconf(_SC_PAGESIZE)))
		return false;
	munmap(p, len);
	close(fd);
	return !umount(MOUNT);
}

/* In a child, so that nothing of it is left on the node. */
static void run(unsigned int node, const char *name, const char *what,
		bool (*program)(unsigned int node))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(!program(node));
	check(waitpid(child, &status, 0) == child && !status, "%s: %s (status 0x%x)", name,
	      what, status);
}

/**
 * check_memory() - use a node as memory
 * @node: the node
 * @name: what results call it
 */
void check_memory(unsigned int node, const char *name)
{
	struct bar bar = { .index = node, .name = name, .mem_len = 2 * BLOCK };

	fill_memory(node, name);
	run(node, name, "set_mempolicy()", by_policy);
	run(node, name, "atomics and futexes of eight threads of two processes", threads);
	run(node, name, "fork and copy-on-write", copy_on_write);
	run(node, name, "pages migrate to node 0 and back", migration);
	huge_pages(node, name);
	run(node, name, "a file in tmpfs", tmpfs);
	bar.wc = map_on(node, bar.mem_len, MAP_PRIVATE);
	if (!check(bar.wc, "%s: memory for single accesses", name))
		return;
	check_accesses(&bar);
	munmap(bar.wc, bar.mem_len);
}
