/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operations are done to: a GPU behind vfio, or in the fuzzer's own tests a
 * pretended one. The layout is what a user of the device could know beforehand from
 * the hardware and the firmware, the outcome is what an operation gave.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include "op.h"

#define CONFIG_LEN	4096
#define BARS		3	/* of 64 bits: BAR0, BAR2, BAR4 */
#define WHY_LEN		256	/* of the text that tells a difference */

/* Outcomes that no system call has. */
#define OUTCOME_NOTHING		(-4096)	/* there is no mapping in the slot */
#define OUTCOME_SIGNAL(sig)	(-8192 - (sig))

/**
 * struct bar - a 64-bit prefetchable memory BAR
 * @size: bytes, a power of two, 0 for none
 * @mem_len: bytes at its start that exist, and can be mapped
 * @is_memory: the GPU's memory, behind no physical BAR
 */
struct bar {
	__u64 size;
	__u64 mem_len;
	bool is_memory;
};

/**
 * struct layout - the device as it is known without asking it
 * @bar: its BARs
 * @pm: offset of the power management capability
 * @exp: offset of the PCI Express capability
 * @af: offset of the Advanced Features capability, 0 if there is none
 * @aer: offset of the Advanced Error Reporting capability, 0 if there is none
 * @cxl: offset of the DVSEC of a CXL device, 0 if there is none
 * @cxl_len: bytes of it
 * @page: bytes of a page
 * @huge: bytes of a huge page
 * @has_flr: can be reset by its PCI Express capability
 * @has_af_flr: can be reset by its Advanced Features capability
 * @has_pm_reset: the kernel may reset it by way of D3hot
 * @has_bus_reset: can be reset by its bus, where it is alone
 * @soft_reset: leaving D3hot resets it (No_Soft_Reset is 0)
 * @is_strict: a config write that ends in -EFAULT has changed nothing; plain
 *	vfio-pci may have written a part, so such writes are not made then
 */
struct layout {
	struct bar bar[BARS];
	unsigned int pm;
	unsigned int exp;
	unsigned int af;
	unsigned int aer;
	unsigned int cxl;
	unsigned int cxl_len;
	unsigned int page;
	unsigned int huge;
	bool has_flr;
	bool has_af_flr;
	bool has_pm_reset;
	bool has_bus_reset;
	bool soft_reset;
	bool is_strict;
};

/**
 * struct outcome - what came of an operation
 * @ret: return value, -errno, or one of OUTCOME_*
 * @data: bytes read, or the struct that an ioctl gave back; the target's
 */
struct outcome {
	long long ret;
	const __u8 *data;
};

/**
 * struct target - something with a layout that does operations
 * @layout: constant
 * @seed: what --seed repeats what is done now, for messages
 * @refresh: closes it if it is open, undoes what operations outside of it have
 *	done, and opens it
 * @perform: does an operation
 */
struct target {
	struct layout layout;
	__u64 seed;
	void (*refresh)(struct target *target);
	void (*perform)(struct target *target, const struct op *op,
			struct outcome *outcome);
};

#endif
