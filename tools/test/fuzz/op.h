/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations: what the fuzzer does to a device, one system call or one memory access
 * each. As text an operation is its name and "key=value" words; a reproducer is one
 * operation a line.
 */
#ifndef FUZZ_OP_H
#define FUZZ_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define OP_TEXT_LEN	256
#define OP_NO_HOLE	0xffffffffU
#define OP_MAX_LEN	0x400000U
#define OP_SLOTS	4
#define OP_MAX_TOUCH	0x10000U
#define OP_MAX_MAP	0x80000000U

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

enum op_kind {
	OP_CONFIG_READ,
	OP_CONFIG_WRITE,
	OP_READ,
	OP_WRITE,
	OP_INFO,
	OP_MMAP,
	OP_MUNMAP,
	OP_LOAD,
	OP_STORE,
	OP_RESET,
	OP_REOPEN,
	OP_KNOB,
	OP_LOW_POWER,
	OP_READ_SELF,
	OP_WRITE_SELF,
	OP_KINDS,
};

/*
 * Ways to reset; RESET_FAIL is the ioctl while the kernel is told to use no method.
 * RESET_FLR and those after it are through sysfs, by the method of that name.
 */
enum op_reset {
	RESET_IOCTL,
	RESET_SYSFS,
	RESET_HOT,
	RESET_FAIL,
	RESET_FLR,
	RESET_AF_FLR,
	RESET_PM,
	RESET_BUS,
	RESETS,
};

/* What the simulated hardware is told. */
enum op_knob {
	KNOB_TRAINING_MS,
	KNOB_CONFIG_FF_MS,
	KNOB_LOSE_MEMORY,
	KNOBS,
};

/**
 * struct op - one operation
 * @kind: which; says which of the other fields count
 * @which: region index, slot of a mapping, enum op_reset or enum op_knob
 * @region: OP_MMAP, OP_READ_SELF, OP_WRITE_SELF: region index
 * @pos: offset in config space, region or mapping
 * @len: bytes; OP_LOAD and OP_STORE: 1, 2, 4 or 8 are one access, others many;
 *	OP_INFO: argsz
 * @align: OP_MMAP: the address is @pos modulo this, a power of two; 0 leaves it to
 *	the kernel
 * @hole: offset in the user buffer from which on it is not accessible
 * @is_random: data to write is the random sequence of seed @value, otherwise it is
 *	@value, little endian, over and over
 * @value: see @is_random; OP_KNOB: the value; OP_MMAP: not 0 for a private mapping;
 *	OP_LOW_POWER: not 0 to enter, 0 to exit; OP_READ_SELF, OP_WRITE_SELF: offset in
 *	the mapping that is the buffer
 */
struct op {
	enum op_kind kind;
	__u32 which;
	__u32 region;
	__u64 pos;
	__u32 len;
	__u32 align;
	__u32 hole;
	bool is_random;
	__u64 value;
};

bool op_has_data(const struct op *op);
void op_fill(const struct op *op, __u8 *data, size_t len);
void op_print(const struct op *op, char *text, size_t len);
const char *op_reset_name(enum op_reset how);
const char *op_parse(struct op *op, const char *text);
__u64 op_random(__u64 *state);

#endif
