// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to mapped memory: ones that may fault, patterns, fault counts. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"

static __thread sigjmp_buf touch_env;
static __thread sig_atomic_t touch_armed;
static __thread __u32 touch_seen;

/* A notice of bad memory somewhere else is no failure of this access. */
static void touch_handler(int sig, siginfo_t *info, void *context)
{
	if (sig == SIGBUS && info->si_code == BUS_MCEERR_AO)
		return;
	if (__atomic_load_n(&touch_armed, __ATOMIC_RELAXED))
		siglongjmp(touch_env, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* What catches the signals of touch_read() and touch_write(), which call it themselves. */
void touch_install(void)
{
	struct sigaction action = {
		.sa_sigaction = touch_handler,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

static void touch_arm(sig_atomic_t on)
{
	__atomic_store_n(&touch_armed, on, __ATOMIC_SEQ_CST);
}

/* Return: 0, or the signal that the access raised. */
int touch_read(const void *p, __u32 *val)
{
	int sig;

	touch_install();
	sig = sigsetjmp(touch_env, 1);
	if (!sig) {
		touch_arm(1);
		__atomic_store_n(&touch_seen, load32(p), __ATOMIC_RELAXED);
	}
	touch_arm(0);
	*val = sig ? 0 : touch_seen;
	return sig;
}

/* Return: 0, or the signal that the access raised. */
int touch_write(void *p, __u32 val)
{
	int sig;

	touch_install();
	sig = sigsetjmp(touch_env, 1);
	if (!sig) {
		touch_arm(1);
		store32(p, val);
	}
	touch_arm(0);
	return sig;
}

/* Byte @n of pattern @seed: differs between neighbours, pages and seeds. */
static __u8 pattern_byte(__u64 seed, size_t n)
{
	__u64 x = (seed * 0x100000001b3ULL + n) * 0x9e3779b97f4a7c15ULL;

	return (__u8)(x >> 56);
}

void pattern_fill(void *buf, size_t len, __u64 seed)
{
	__u8 *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern_byte(seed, i);
}

/* Return: offset of the first byte that differs, @len if none does. */
size_t pattern_check(const void *buf, size_t len, __u64 seed)
{
	const __u8 *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern_byte(seed, i))
			break;
	return i;
}

long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* What this process has in page tables (of all levels). */
__u64 page_table_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[256];

	if (!f)
		die("/proc/self/status: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * SZ_1K;
}

__u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000 + (__u64)now.tv_nsec / 1000000;
}

/* Size of a huge page that one page of page-table entries covers. */
__u64 pmd_size(void)
{
	__u64 page = (__u64)sysconf(_SC_PAGESIZE);

	return page * (page / sizeof(__u64));
}
