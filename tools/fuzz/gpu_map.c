// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of a GPU's regions, and single loads and stores that may end in a signal. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "gpu_target.h"

static sigjmp_buf touch_env;

static void touch_failed(int sig)
{
	siglongjmp(touch_env, sig);
}

void gpu_catch_signals(void)
{
	struct sigaction action = {
		.sa_handler = touch_failed,
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

void gpu_unmap(struct gpu_target *fuzz, __u32 slot, struct outcome *out)
{
	out->ret = OUTCOME_NOTHING;
	if (fuzz->map[slot])
		out->ret = gpu_result(munmap(fuzz->map[slot], fuzz->map_len[slot]));
	fuzz->map[slot] = NULL;
}

void gpu_mmap(struct gpu_target *fuzz, const struct op *op, struct outcome *out)
{
	off_t pos = (off_t)(((__u64)op->region << REGION_SHIFT) + op->pos);
	void *p;

	gpu_unmap(fuzz, op->which, out);
	p = mmap(NULL, op->len, PROT_READ | PROT_WRITE,
		 op->value ? MAP_PRIVATE : MAP_SHARED, fuzz->gpu.device, pos);
	out->ret = p == MAP_FAILED ? -errno : 0;
	if (p == MAP_FAILED)
		return;
	fuzz->map[op->which] = p;
	fuzz->map_len[op->which] = op->len;
}

/* Exactly one access of the given width. */
static void load(const void *p, __u32 len, __u64 *val)
{
	switch (len) {
	case 1:
		*val = __atomic_load_n((const __u8 *)p, __ATOMIC_RELAXED);
		break;
	case 2:
		*val = __atomic_load_n((const __u16 *)p, __ATOMIC_RELAXED);
		break;
	case 4:
		*val = __atomic_load_n((const __u32 *)p, __ATOMIC_RELAXED);
		break;
	default:
		*val = __atomic_load_n((const __u64 *)p, __ATOMIC_RELAXED);
		break;
	}
}

static void store(void *p, __u32 len, __u64 val)
{
	switch (len) {
	case 1:
		__atomic_store_n((__u8 *)p, (__u8)val, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((__u16 *)p, (__u16)val, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((__u32 *)p, (__u32)val, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((__u64 *)p, val, __ATOMIC_RELAXED);
		break;
	}
}

void gpu_touch(struct gpu_target *fuzz, const struct op *op, struct outcome *out)
{
	__u8 *p = fuzz->map[op->which];
	__u64 val = 0;
	int sig;

	out->ret = OUTCOME_NOTHING;
	if (!p || op->pos >= fuzz->map_len[op->which] ||
	    op->len > fuzz->map_len[op->which] - op->pos)
		return;
	op_fill(op, (__u8 *)&val, sizeof(val));
	sig = sigsetjmp(touch_env, 0);
	if (!sig && op->kind == OP_LOAD)
		load(p + op->pos, op->len, &fuzz->loaded);
	else if (!sig)
		store(p + op->pos, op->len, val);
	out->data = (const __u8 *)&fuzz->loaded;
	out->ret = sig ? OUTCOME_SIGNAL(sig) : (long long)op->len;
}
