/* SPDX-License-Identifier: GPL-2.0-only */
/* What fail_nth.c sweeps: the calls, each with what may be expected of it. */
#ifndef SELFTESTS_FAIL_NTH_H
#define SELFTESTS_FAIL_NTH_H

#include "gpu.h"

struct sweep {
	struct gpu gpu;
	struct model model;
	struct gpu_region region;
	char driver[64];
	__u8 *map;
	__u8 *buf;
	int fd;
	__u64 bar4;
};

/**
 * struct step - a call that is swept
 * @is_open: needs the device open
 * @nothing_fails: neither allocates nor copies, which is checked
 * @spare: function of the kernel below which nothing fails; may be NULL
 * @prepare: without failures, before each call; may be NULL
 * @call: 0, a negative errno, or positive for "a part of it"
 * @wrong: looks at what a call that returned @ret has left; says what is wrong
 *	with it, or NULL; may be NULL
 * @undo: without failures, after each call that returned @ret; may be NULL
 */
struct step {
	bool is_open;
	bool nothing_fails;
	const char *spare;
	void (*prepare)(struct sweep *s);
	int (*call)(struct sweep *s);
	const char *(*wrong)(struct sweep *s, int ret);
	void (*undo)(struct sweep *s, int ret);
};

/* fail_nth_steps.c */
extern const struct step step_bind;
extern const struct step step_unbind;
extern const struct step step_open;
extern const struct step step_open_cdev;
extern const struct step step_close;
extern const struct step step_region_info;
extern const struct step step_feature;
extern const struct step step_reset;
extern const struct step step_hot_reset;
extern const struct step step_dmabuf;
extern const struct step step_mmap;
extern const struct step step_read;
extern const struct step step_write;
extern const struct step step_config_write;
extern const struct step step_dma_map;

void open_device(struct sweep *s);
int open_by_cdev(struct sweep *s);
void must_bind(struct sweep *s);

#endif
