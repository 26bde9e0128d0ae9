/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the measuring programs share: timing, and the lines that they print.
 *
 * A figure is one line: "bench", name, unit, value, name of the limit, its value,
 * separated by tabs. The limit is what the machine allows, measured in the same
 * program, in turn with the figure; "-" and 0 where there is none.
 *
 * BENCH_BATCH_US and BENCH_BATCHES in the environment say how long is measured,
 * BENCH_MAX_LEN the largest transfer; BENCH_QUICK=1 is to try the harness.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <linux/types.h>

#include "gpu.h"

/**
 * struct work - something that is timed
 * @run: does it once
 * @gpu: the device
 * @region: region that is accessed
 * @buf: user buffer
 * @map: mapping of the region
 * @fd: another file
 * @offset: where in the region, in config space or in the mapping
 * @len: bytes
 */
struct work {
	void (*run)(const struct work *work);
	struct gpu *gpu;
	const struct gpu_region *region;
	char *buf;
	char *map;
	int fd;
	__u64 offset;
	size_t len;
};

struct timing {
	double value;
	double limit;
};

__u64 now_ns(void);
unsigned long setting(const char *name, unsigned long otherwise);
bool is_quick(void);
double time_once(const struct work *work);
struct timing time_both(const struct work *work, const struct work *limit);
void print_figure(const char *name, const char *unit, double value,
		  const char *limit_name, double limit);
const char *size_name(__u64 size);

#endif
