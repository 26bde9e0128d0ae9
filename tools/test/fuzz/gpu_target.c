// SPDX-License-Identifier: GPL-2.0-only
/* A GPU behind a vfio driver, and the simulator that makes it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu_target.h"

/* The slowest operation, a bus reset, takes a few seconds on a busy machine. */
#define WATCHDOG_S	100
#define WATCHDOG_CALLS	64

/* Where a transfer has its buffer: it ends at the guard, or the hole is there. */
static __u8 *buffer(const struct gpu_target *fuzz, const struct op *op)
{
	return fuzz->guard - (op->hole < op->len ? op->hole : op->len);
}

static size_t usable(const struct op *op)
{
	return op->hole < op->len ? op->hole : op->len;
}

/* What a system call gave. */
long long gpu_result(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

static void transfer(struct gpu_target *fuzz, const struct op *op, __u32 region,
		     struct outcome *out)
{
	off_t pos = (off_t)(((__u64)region << REGION_SHIFT) + op->pos);
	__u8 *buf = buffer(fuzz, op);

	out->data = buf;
	if (op_has_data(op)) {
		op_fill(op, buf, usable(op));
		out->ret = gpu_result(pwrite(fuzz->gpu.device, buf, op->len, pos));
	} else {
		/* So that what a read leaves out is seen. */
		memset(buf, 0x5a, usable(op));
		out->ret = gpu_result(pread(fuzz->gpu.device, buf, op->len, pos));
	}
}

static void region_info(struct gpu_target *fuzz, const struct op *op,
			struct outcome *out)
{
	struct vfio_region_info info = { .argsz = op->len, .index = op->which };
	__u8 *buf = (__u8 *)(((unsigned long)fuzz->guard - SZ_4K) & ~7UL);

	memset(buf, 0, SZ_4K);
	memcpy(buf, &info, sizeof(info));
	out->data = buf;
	out->ret = gpu_result(ioctl(fuzz->gpu.device, VFIO_DEVICE_GET_REGION_INFO, buf));
}

static int fail_reset(struct gpu *gpu)
{
	int ret;

	if (__sysfs_write(gpu->bdf, "reset_method", "\n"))
		die("%s: cannot take its reset methods away", gpu->bdf);
	ret = __gpu_reset(gpu);
	if (__sysfs_write(gpu->bdf, "reset_method", "default"))
		die("%s: cannot give its reset methods back", gpu->bdf);
	return ret;
}

/* A method that the kernel does not use for the device is refused here. */
static int reset_by(struct gpu *gpu, const char *method)
{
	int ret = __sysfs_write(gpu->bdf, "reset_method", method);

	if (ret)
		return ret;
	ret = __sysfs_write(gpu->bdf, "reset", "1");
	if (__sysfs_write(gpu->bdf, "reset_method", "default"))
		die("%s: cannot give its reset methods back", gpu->bdf);
	return ret;
}

static int reset(struct gpu *gpu, enum op_reset how)
{
	switch (how) {
	case RESET_IOCTL:
		return __gpu_reset(gpu);
	case RESET_SYSFS:
		return __sysfs_write(gpu->bdf, "reset", "1");
	case RESET_HOT:
		return __gpu_hot_reset(gpu);
	case RESET_FAIL:
		return fail_reset(gpu);
	default:
		return reset_by(gpu, op_reset_name(how));
	}
}

static int turn_knob(const struct op *op)
{
	switch (op->which) {
	case KNOB_TRAINING_MS:
		return __sim_write("training_ms", op->value);
	case KNOB_CONFIG_FF_MS:
		return __sim_write("config_ff_ms", op->value);
	default:
		return __sim_write_text("memory_on_reset", op->value ? "lose" : "keep");
	}
}

static void reopen(struct gpu_target *fuzz)
{
	struct outcome out;
	__u32 slot;

	for (slot = 0; slot < OP_SLOTS; slot++)
		gpu_unmap(fuzz, slot, &out);
	gpu_close(&fuzz->gpu);
	gpu_open(&fuzz->gpu);
}

/*
 * A device that is wrong may keep what was written over close and open. Zero there is
 * the same whatever came before.
 */
static void refresh(struct target *target)
{
	static const __u8 zeros[PCI_BASE_ADDRESS_5 + 4 - PCI_BASE_ADDRESS_0];
	struct gpu_target *fuzz = (struct gpu_target *)target;

	fuzz->op = NULL;
	fuzz->nr = 0;
	sim_calm();
	config_write(&fuzz->gpu, PCI_BASE_ADDRESS_0, zeros, sizeof(zeros));
	reopen(fuzz);
}

/* For whoever has to find out why it does not come back. */
static const struct gpu_target *watched;

/* The program is stuck in a system call, so that stdio is in order. */
static void hangs(int sig)
{
	char text[OP_TEXT_LEN] = "opening the device";

	if (watched->op)
		op_print(watched->op, text, sizeof(text));
	printf("# seed %llu, operation %zu: %s: still not done after %d s\n",
	       watched->target.seed, watched->nr, text, WATCHDOG_S);
	exit(1);
}

/* An alarm for each operation would be a system call for each. */
static void watch(struct gpu_target *fuzz, const struct op *op)
{
	if (fuzz->nr++ % WATCHDOG_CALLS == 0)
		alarm(WATCHDOG_S);
	fuzz->op = op;
}

static void perform(struct target *target, const struct op *op, struct outcome *out)
{
	struct gpu_target *fuzz = (struct gpu_target *)target;

	watch(fuzz, op);
	out->ret = 0;
	switch (op->kind) {
	case OP_CONFIG_READ:
	case OP_CONFIG_WRITE:
		transfer(fuzz, op, VFIO_PCI_CONFIG_REGION_INDEX, out);
		break;
	case OP_READ:
	case OP_WRITE:
		transfer(fuzz, op, op->which, out);
		break;
	case OP_INFO:
		region_info(fuzz, op, out);
		break;
	case OP_MMAP:
		gpu_mmap(fuzz, op, out);
		break;
	case OP_MUNMAP:
		gpu_unmap(fuzz, op->which, out);
		break;
	case OP_LOAD:
	case OP_STORE:
		gpu_touch(fuzz, op, out);
		break;
	case OP_RESET:
		out->ret = reset(&fuzz->gpu, op->which);
		break;
	case OP_REOPEN:
		reopen(fuzz);
		break;
	case OP_READ_SELF:
	case OP_WRITE_SELF:
		gpu_self(fuzz, op, out);
		break;
	case OP_LOW_POWER:
		out->ret = __gpu_low_power(&fuzz->gpu, op->value);
		break;
	default:
		out->ret = turn_knob(op);
		break;
	}
}

/* A page of no access behind the largest buffer. */
static __u8 *make_buffer(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	__u8 *p = mmap(NULL, OP_MAX_LEN + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + OP_MAX_LEN, page, PROT_NONE))
		die("cannot get a buffer: %s", strerror(errno));
	return p + OP_MAX_LEN;
}

struct target *gpu_target_new(void)
{
	struct gpu_target *fuzz = calloc(1, sizeof(*fuzz));

	if (!fuzz)
		die("out of memory");
	fuzz->guard = make_buffer();
	fuzz->target.refresh = refresh;
	fuzz->target.perform = perform;
	gpu_catch_signals();
	watched = fuzz;
	signal(SIGALRM, hangs);
	gpu_open(&fuzz->gpu);
	gpu_layout(&fuzz->gpu, &fuzz->target.layout);
	return &fuzz->target;
}
