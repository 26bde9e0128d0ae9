// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() and write() on the regions, against memcpy() from and to a mapping of the
 * same memory; padding against /dev/zero and /dev/null.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

#define MAX_LEN	(64 * SZ_1M)

/* One transfer size, at an offset that is a multiple of it or 1 byte beyond. */
struct size {
	__u64 len;
	__u64 skew;
};

static const struct size sizes[] = {
	{ 4, 0 }, { 64, 0 }, { SZ_1K, 0 }, { SZ_4K, 0 }, { 64 * SZ_1K, 0 },
	{ SZ_1M, 0 }, { 16 * SZ_1M, 0 }, { MAX_LEN, 0 },
	{ 4, 1 }, { SZ_4K, 1 }, { 64 * SZ_1K, 1 }, { SZ_1M, 1 },
};

static void device_read(const struct work *work)
{
	gpu_pread(work->gpu, work->region, work->buf, work->len, work->offset);
}

static void device_write(const struct work *work)
{
	gpu_pwrite(work->gpu, work->region, work->buf, work->len, work->offset);
}

static void copy_out(const struct work *work)
{
	memcpy(work->buf, work->map + work->offset, work->len);
	asm volatile("" : : : "memory");
}

static void copy_in(const struct work *work)
{
	memcpy(work->map + work->offset, work->buf, work->len);
	asm volatile("" : : : "memory");
}

static void file_read(const struct work *work)
{
	if (read(work->fd, work->buf, work->len) != (ssize_t)work->len)
		errx(1, "short read of /dev/zero");
}

static void file_write(const struct work *work)
{
	if (write(work->fd, work->buf, work->len) != (ssize_t)work->len)
		errx(1, "short write to /dev/null");
}

static void measure(struct work *work, const char *name,
		    void (*run)(const struct work *work), const char *limit_name,
		    void (*run_limit)(const struct work *work))
{
	struct work limit = *work;
	struct timing timing;

	work->run = run;
	limit.run = run_limit;
	timing = time_both(work, &limit);
	print_figure(name, "ns", timing.value, limit_name, timing.limit);
}

static void measure_size(struct work *work, const char *region, const struct size *size)
{
	char name[80];

	work->len = size->len;
	work->offset = size->skew;
	snprintf(name, sizeof(name), "io/read/%s/%s%s", region, size_name(size->len),
		 size->skew ? "+1" : "");
	measure(work, name, device_read, "memcpy", copy_out);
	snprintf(name, sizeof(name), "io/write/%s/%s%s", region, size_name(size->len),
		 size->skew ? "+1" : "");
	measure(work, name, device_write, "memcpy", copy_in);
}

static void measure_region(struct gpu *gpu, const char *name, __u32 index, char *buf)
{
	__u64 max = is_quick() ? 64 * SZ_1K : setting("BENCH_MAX_LEN", MAX_LEN);
	struct work work = { .gpu = gpu, .buf = buf };
	struct gpu_region region;
	unsigned int i;

	gpu_region(gpu, index, &region);
	work.region = &region;
	work.map = gpu_map_aligned(gpu, &region, 0, MAX_LEN + SZ_2M, SZ_2M, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i].len <= max)
			measure_size(&work, name, &sizes[i]);
	munmap(work.map, MAX_LEN + SZ_2M);
}

static void measure_padding(struct gpu *gpu, char *buf)
{
	static const __u64 lens[] = { 64 * SZ_1K, SZ_1M, 32 * SZ_1M };
	struct work work = { .gpu = gpu, .buf = buf };
	int zero = open("/dev/zero", O_RDONLY);
	int null = open("/dev/null", O_WRONLY);
	struct gpu_region region;
	char name[80];
	unsigned int i;

	gpu_region(gpu, VFIO_PCI_BAR4_REGION_INDEX, &region);
	work.region = &region;
	work.offset = region.mem_len;
	for (i = 0; i < (is_quick() ? 1 : ARRAY_SIZE(lens)); i++) {
		if (lens[i] > setting("BENCH_MAX_LEN", MAX_LEN))
			break;
		work.len = lens[i];
		work.fd = zero;
		snprintf(name, sizeof(name), "io/read/padding/%s", size_name(lens[i]));
		measure(&work, name, device_read, "/dev/zero", file_read);
	}
	work.fd = null;
	measure(&work, "io/write/padding", device_write, "/dev/null", file_write);
	close(zero);
	close(null);
}

int main(void)
{
	char *buf = mmap(NULL, MAX_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct gpu gpu;

	if (buf == MAP_FAILED)
		err(1, "no memory for a buffer of %llu bytes", MAX_LEN);
	gpu_open(&gpu);
	config_set_memory(&gpu, true);
	measure_region(&gpu, "usemem", VFIO_PCI_BAR4_REGION_INDEX, buf);
	measure_region(&gpu, "resmem", VFIO_PCI_BAR2_REGION_INDEX, buf);
	measure_padding(&gpu, buf);
	gpu_close(&gpu);
	return 0;
}
