// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of a GPU's regions, and single loads and stores that may end in a signal. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* Return: free addresses for the mapping, NULL to leave it to the kernel. */
static void *pick_address(const struct op *op)
{
	unsigned long mask = op->align ? op->align - 1UL : 0;
	size_t len = op->len + 2 * mask;
	void *p;

	if (!mask || !op->len)
		return NULL;
	p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("cannot reserve address space: %s", strerror(errno));
	munmap(p, len);
	return (void *)((((unsigned long)p + mask) & ~mask) + (op->pos & mask));
}

void gpu_mmap(struct gpu_target *fuzz, const struct op *op, struct outcome *out)
{
	off_t pos = (off_t)(((__u64)op->region << REGION_SHIFT) + op->pos);
	int flags = op->value ? MAP_PRIVATE : MAP_SHARED;
	void *p, *address;

	gpu_unmap(fuzz, op->which, out);
	address = pick_address(op);
	if (address)
		flags |= MAP_FIXED_NOREPLACE;
	p = mmap(address, op->len, PROT_READ | PROT_WRITE, flags, fuzz->gpu.device, pos);
	out->ret = p == MAP_FAILED ? -errno : 0;
	if (p == MAP_FAILED)
		return;
	fuzz->map[op->which] = p;
	fuzz->map_len[op->which] = op->len;
}

static void load_bytes(const __u8 *p, __u32 len, __u8 *data)
{
	__u32 i;

	for (i = 0; i < len; i++)
		data[i] = __atomic_load_n(p + i, __ATOMIC_RELAXED);
}

static void store_bytes(__u8 *p, __u32 len, const __u8 *data)
{
	__u32 i;

	for (i = 0; i < len; i++)
		__atomic_store_n(p + i, data[i], __ATOMIC_RELAXED);
}

/* Exactly one access, where the length is the width of one. */
static void load(const __u8 *p, __u32 len, __u8 *data)
{
	__u16 val16;
	__u32 val32;
	__u64 val64;

	switch (len) {
	case 2:
		val16 = __atomic_load_n((const __u16 *)p, __ATOMIC_RELAXED);
		memcpy(data, &val16, len);
		break;
	case 4:
		val32 = __atomic_load_n((const __u32 *)p, __ATOMIC_RELAXED);
		memcpy(data, &val32, len);
		break;
	case 8:
		val64 = __atomic_load_n((const __u64 *)p, __ATOMIC_RELAXED);
		memcpy(data, &val64, len);
		break;
	default:
		load_bytes(p, len, data);
		break;
	}
}

static void store(__u8 *p, __u32 len, const __u8 *data)
{
	__u16 val16;
	__u32 val32;
	__u64 val64;

	switch (len) {
	case 2:
		memcpy(&val16, data, len);
		__atomic_store_n((__u16 *)p, val16, __ATOMIC_RELAXED);
		break;
	case 4:
		memcpy(&val32, data, len);
		__atomic_store_n((__u32 *)p, val32, __ATOMIC_RELAXED);
		break;
	case 8:
		memcpy(&val64, data, len);
		__atomic_store_n((__u64 *)p, val64, __ATOMIC_RELAXED);
		break;
	default:
		store_bytes(p, len, data);
		break;
	}
}

/* Return: where in its mapping an operation begins, NULL if that is not there. */
static __u8 *place(const struct gpu_target *fuzz, const struct op *op, __u64 pos)
{
	__u8 *p = fuzz->map[op->which];
	size_t len = fuzz->map_len[op->which];

	return p && pos < len && op->len <= len - pos ? p + pos : NULL;
}

/* A transfer whose buffer is a mapping of the device. */
void gpu_self(struct gpu_target *fuzz, const struct op *op, struct outcome *out)
{
	off_t pos = (off_t)(((__u64)op->region << REGION_SHIFT) + op->pos);
	__u8 *buf = place(fuzz, op, op->value);

	out->ret = OUTCOME_NOTHING;
	if (!buf)
		return;
	if (op->kind == OP_READ_SELF)
		out->ret = gpu_result(pread(fuzz->gpu.device, buf, op->len, pos));
	else
		out->ret = gpu_result(pwrite(fuzz->gpu.device, buf, op->len, pos));
}

void gpu_touch(struct gpu_target *fuzz, const struct op *op, struct outcome *out)
{
	__u8 *p = place(fuzz, op, op->pos), *buf = fuzz->guard - op->len;
	int sig;

	out->ret = OUTCOME_NOTHING;
	if (!p)
		return;
	if (op->kind == OP_STORE)
		op_fill(op, buf, op->len);
	sig = sigsetjmp(touch_env, 0);
	if (!sig && op->kind == OP_LOAD)
		load(p, op->len, buf);
	else if (!sig)
		store(p, op->len, buf);
	out->data = buf;
	out->ret = sig ? OUTCOME_SIGNAL(sig) : (long long)op->len;
}
