/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference model: what the PCI specifications and the vfio uAPI let operations
 * on a device give. It knows nothing of a driver's code.
 *
 * Where they leave something open the model does not know it: such bits and bytes are
 * learnt from the first read, and have to stay. Sources are named where a rule is.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "target.h"

enum known {
	KNOWN_OFF,
	KNOWN_ON,
	UNKNOWN,
};

/**
 * struct mapping - a successful mmap
 * @region: region index
 * @pos: offset in the region
 * @len: bytes, 0 if the slot is empty
 */
struct mapping {
	__u32 region;
	__u64 pos;
	__u64 len;
};

struct store;

/**
 * struct model - what is known of the device at a moment
 * @layout: constant
 * @val: config space
 * @known: bits of @val that are known
 * @writable: bits of @val that latch what is written
 * @opaque: bytes of @val that are not known after a write
 * @memory_enable: the bit of the command register, as memory accesses see it
 * @d3hot: is it in that power state
 * @in_low_power: the user allows the kernel any power state between accesses
 * @lose_memory: resets overwrite memory
 * @map: slots
 * @store: contents of the BARs
 */
struct model {
	const struct layout *layout;
	__u8 val[CONFIG_LEN];
	__u8 known[CONFIG_LEN];
	__u8 writable[CONFIG_LEN];
	bool opaque[CONFIG_LEN];
	enum known memory_enable;
	enum known d3hot;
	bool in_low_power;
	bool lose_memory;
	struct mapping map[OP_SLOTS];
	struct store *store;
};

/* model.c */
void model_init(struct model *model, const struct layout *layout);
void model_free(struct model *model);
bool model_judge(struct model *model, const struct op *op, const struct outcome *out,
		 char *why);
bool model_expect(long long ret, long long expected, char *why);
enum known model_access(const struct model *model);
void model_reset(struct model *model);
void model_wake(struct model *model);

/* model_config.c */
void model_config_init(struct model *model);
void model_config_open(struct model *model);
void model_config_reset(struct model *model);
void model_config_wake(struct model *model);
void model_config_doze(struct model *model);
void model_config_power(struct model *model, enum known d3hot);
bool model_config_read(struct model *model, const struct op *op,
		       const struct outcome *out, char *why);
bool model_config_write(struct model *model, const struct op *op,
			const struct outcome *out, char *why);

/* model_region.c */
const struct bar *model_bar(const struct model *model, __u32 region);
bool model_region_rw(struct model *model, const struct op *op,
		     const struct outcome *out, char *why);
bool model_mmap(struct model *model, const struct op *op, const struct outcome *out,
		char *why);
bool model_touch(struct model *model, const struct op *op, const struct outcome *out,
		 char *why);

/* model_self.c */
bool model_self(struct model *model, const struct op *op, const struct outcome *out,
		char *why);

/* model_info.c */
bool model_info(struct model *model, const struct op *op, const struct outcome *out,
		char *why);

/* store.c: bytes by region and offset, each known or not. */
struct store *store_new(void);
void store_free(struct store *store);
void store_write(struct store *store, __u32 region, __u64 pos, const __u8 *data,
		 size_t len);
void store_copy(struct store *store, __u32 from, __u64 from_pos, __u32 to, __u64 to_pos,
		size_t len);
void store_forget(struct store *store, __u32 region, __u64 pos, size_t len);
void store_forget_region(struct store *store, __u32 region);
void store_forget_heads(struct store *store, __u32 region, __u64 stride, size_t len);
size_t store_check(struct store *store, __u32 region, __u64 pos, const __u8 *data,
		   size_t len, __u8 *expected);

#endif
