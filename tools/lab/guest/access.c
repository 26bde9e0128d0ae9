// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses that tell the memory type. Unaligned and atomic ones fault on Device
 * memory, so that they work proves what stage 2 of the host's mapping is.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>

#include <asm/hwcap.h>

#include "guest.h"

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/* Return: 0, or the signal that @access ended with. */
static int guarded(bool (*access)(struct bar *bar), struct bar *bar, bool *ok)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	int sig;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sig = sigsetjmp(fault_env, 1);
	if (!sig)
		*ok = access(bar);
	return sig;
}

static void run(const char *name, bool (*access)(struct bar *bar), struct bar *bar)
{
	bool ok = false;
	int sig = guarded(access, bar, &ok);

	if (sig)
		check(false, "%s: %s: %s", bar->name, name, strsignal(sig));
	else
		check(ok, "%s: %s", bar->name, name);
}

__u64 load64(const unsigned char *p)
{
	__u64 val;

	asm volatile("ldr %0, [%1]" : "=r" (val) : "r" (p) : "memory");
	return val;
}

void store64(unsigned char *p, __u64 val)
{
	asm volatile("str %0, [%1]" : : "r" (val), "r" (p) : "memory");
}

static __u32 load32(unsigned char *p)
{
	__u32 val;

	asm volatile("ldr %w0, [%1]" : "=r" (val) : "r" (p) : "memory");
	return val;
}

static void store32(unsigned char *p, __u32 val)
{
	asm volatile("str %w0, [%1]" : : "r" (val), "r" (p) : "memory");
}

/* Every misalignment of 8 bytes, also over a page's and a block's end. */
static bool unaligned(struct bar *bar)
{
	static const __u64 bases[] = { 0x100, 0x1000 - 8, BLOCK - 8 };
	__u64 val = 0x1122334455667788ULL;
	unsigned int i, skew;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		for (skew = 1; skew < 8; skew++) {
			store64(bar->wc + bases[i] + skew, val + skew);
			if (load64(bar->wc + bases[i] + skew) != val + skew)
				return false;
		}
	}
	return true;
}

static bool exclusive(struct bar *bar)
{
	unsigned char *p = bar->wc + 0x40;
	unsigned int tries, failed = 1;
	__u64 old;

	store64(p, 41);
	for (tries = 0; failed && tries < 1000; tries++)
		asm volatile("ldxr %0, [%2]\n\tadd %0, %0, #1\n\tstxr %w1, %0, [%2]"
			     : "=&r" (old), "=&r" (failed) : "r" (p) : "memory");
	return !failed && load64(p) == 42;
}

static bool large_system_atomics(struct bar *bar)
{
	unsigned char *p = bar->wc + 0x80;
	__u64 old, expected = 50, want = 99;

	store64(p, 7);
	asm volatile(".arch_extension lse\n\tldaddal %1, %0, [%2]"
		     : "=r" (old) : "r" (43ULL), "r" (p) : "memory");
	if (old != 7)
		return false;
	asm volatile(".arch_extension lse\n\tcasal %0, %1, [%2]"
		     : "+r" (expected) : "r" (want), "r" (p) : "memory");
	return expected == 50 && load64(p) == 99;
}

/* Zeroing by cache line is not allowed on Device memory either. */
static bool zero_line(struct bar *bar)
{
	unsigned char *p = bar->wc + 0x1000;

	store64(p, ~0ULL);
	asm volatile("dc zva, %0" : : "r" (p) : "memory");
	return load64(p) == 0;
}

void check_accesses(struct bar *bar)
{
	if (bar->is_device) {
		say("SKIP %s: unaligned, atomic: skipped Device memory for KVM of this host",
		    bar->name);
		return;
	}
	run("unaligned loads and stores", unaligned, bar);
	run("load-exclusive and store-exclusive", exclusive, bar);
	if (getauxval(AT_HWCAP) & HWCAP_ATOMICS)
		run("LSE atomics", large_system_atomics, bar);
	else
		say("     %s: no LSE atomics on this CPU", bar->name);
	run("zeroing a cache line (DC ZVA)", zero_line, bar);
}

/*
 * Nothing is mapped there: each access leaves the VM and comes to the driver as
 * read or write. Only plain loads and stores can be emulated.
 */
static bool beyond(struct bar *bar)
{
	__u64 places[] = {
		bar->mem_len, bar->mem_len + 0x1008,
		(bar->mem_len + bar->size) / 2 & ~7ULL, bar->size - 8,
	};
	__u64 last = load64(bar->wc + bar->mem_len - 8);
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		ok = ok && load64(bar->wc + places[i]) == ~0ULL;
		ok = ok && load32(bar->wc + places[i] + 4) == ~0u;
		store64(bar->wc + places[i], 0);
		store32(bar->wc + places[i], 0);
		ok = ok && load64(bar->wc + places[i]) == ~0ULL;
	}
	return ok && load64(bar->wc + bar->mem_len - 8) == last;
}

void check_beyond(struct bar *bar)
{
	if (bar->size == bar->mem_len)
		say("     %s: memory fills the BAR, nothing is beyond", bar->name);
	else
		run("beyond the memory reads are ~0 and writes are dropped", beyond, bar);
}
