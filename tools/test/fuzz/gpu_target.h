/* SPDX-License-Identifier: GPL-2.0-only */
/* The target that is a GPU behind vfio. */
#ifndef FUZZ_GPU_TARGET_H
#define FUZZ_GPU_TARGET_H

#include "gpu.h"
#include "target.h"

/* vfio-pci has region N at N << 40. */
#define REGION_SHIFT	40

/**
 * struct gpu_target - the device, open
 * @target: what the fuzzer sees
 * @gpu: library handle
 * @guard: end of the buffer, where a page begins that cannot be accessed
 * @map: mapping of each slot, NULL if it is empty
 * @map_len: bytes of it that are used
 * @op: what is being done, or was last
 * @nr: how many operations were begun since the device was opened
 */
struct gpu_target {
	struct target target;
	struct gpu gpu;
	__u8 *guard;
	__u8 *map[OP_SLOTS];
	size_t map_len[OP_SLOTS];
	const struct op *op;
	size_t nr;
};

/* gpu_target.c */
struct target *gpu_target_new(void);
long long gpu_result(ssize_t ret);

/* gpu_layout.c */
void gpu_layout(struct gpu *gpu, struct layout *layout);

/* gpu_map.c */
void gpu_catch_signals(void);
void gpu_unmap(struct gpu_target *fuzz, __u32 slot, struct outcome *out);
void gpu_mmap(struct gpu_target *fuzz, const struct op *op, struct outcome *out);
void gpu_self(struct gpu_target *fuzz, const struct op *op, struct outcome *out);
void gpu_touch(struct gpu_target *fuzz, const struct op *op, struct outcome *out);

#endif
