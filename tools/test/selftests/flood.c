// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest can repeat whatever it can do once. None of it may write to the
 * kernel's log: a hundred thousand accesses that are wrong in every way that
 * the region, config and ioctl interfaces have.
 */
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define ROUNDS		5000
#define PER_ROUND	20

FIXTURE(flood) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	struct gpu_region resmem;
	__u32 *map;
	int log;
};

FIXTURE_SETUP(flood)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
	gpu_region(&self->gpu, VFIO_PCI_BAR2_REGION_INDEX, &self->resmem);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	self->log = kernel_log_open();
}

FIXTURE_TEARDOWN(flood)
{
	close(self->log);
	gpu_close(&self->gpu);
}

static void expect_silence(struct __test_metadata *_metadata,
			   struct _test_data_flood *self, unsigned int rounds)
{
	char first[256];
	unsigned int nr = kernel_log_count(self->log, first, sizeof(first));

	ksft_print_msg("%u accesses, %u lines in the kernel log\n",
		       rounds * PER_ROUND, nr);
	EXPECT_EQ(nr, 0)
		TH_LOG("the kernel log has %u new lines, the first: %s", nr, first);
}

/* One that must fail; the errno does not matter here. */
static int refused(int ret)
{
	return ret < 0 ? 0 : 1;
}

/* Return: how many of PER_ROUND accesses were not refused. */
static int bad_regions(struct _test_data_flood *self, __u64 i)
{
	struct gpu *gpu = &self->gpu;
	struct gpu_region *regions[] = { &self->usemem, &self->resmem };
	int wrong = 0, n;
	__u64 val = 0;

	for (n = 0; n < 2; n++) {
		struct gpu_region *r = regions[n];

		wrong += refused((int)__gpu_pread(gpu, r, &val, 8, r->size + i * 8));
		wrong += refused((int)__gpu_pwrite(gpu, r, &val, 8, r->size + i * 8));
		wrong += refused((int)__gpu_pread(gpu, r, (void *)16, 8, i * 8));
		wrong += refused((int)__gpu_pwrite(gpu, r, (void *)16, 8, i * 8));
		wrong += __gpu_map(gpu, r, r->mem_len, SZ_2M, PROT_READ, MAP_SHARED,
				   NULL) != MAP_FAILED;
		wrong += __gpu_map(gpu, r, 0, r->mem_len + SZ_2M, PROT_READ,
				   MAP_SHARED, NULL) != MAP_FAILED;
		wrong += __gpu_map(gpu, r, 0, SZ_2M, PROT_READ, MAP_PRIVATE,
				   NULL) != MAP_FAILED;
		wrong += refused(ioctl(gpu->device, VFIO_DEVICE_IOEVENTFD, i));
		wrong += refused(ioctl(gpu->device, VFIO_DEVICE_GET_REGION_INFO, i));
		wrong += refused(ioctl(gpu->device, _IO(VFIO_TYPE, 200 + (i & 31)), i));
	}
	return wrong;
}

TEST_F_TIMEOUT(flood, out_of_bounds, 240)
{
	int wrong = 0;
	__u64 i;

	for (i = 0; i < ROUNDS; i++)
		wrong += bad_regions(self, i);
	EXPECT_EQ(wrong, 0)
		TH_LOG("%d accesses that are wrong were not refused", wrong);
	expect_silence(_metadata, self, ROUNDS);
}

/* Return: how many of PER_ROUND accesses with memory disabled did not fail. */
static int disabled_memory(struct _test_data_flood *self, __u64 i)
{
	int wrong = 0, n;
	__u64 val = i;
	__u32 word;

	for (n = 0; n < PER_ROUND / 5; n++) {
		wrong += refused((int)__gpu_pread(&self->gpu, &self->usemem, &val, 8, 0));
		wrong += refused((int)__gpu_pwrite(&self->gpu, &self->usemem, &val, 8, 0));
		wrong += refused((int)__gpu_pread(&self->gpu, &self->usemem, &val, 8,
						  self->usemem.mem_len));
		wrong += touch_read(self->map + i % 512, &word) != SIGBUS;
		wrong += touch_write(self->map + i % 512, 0) != SIGBUS;
	}
	return wrong;
}

TEST_F_TIMEOUT(flood, disabled_memory, 240)
{
	int wrong = 0;
	__u64 i;

	config_set_memory(&self->gpu, false);
	for (i = 0; i < ROUNDS; i++)
		wrong += disabled_memory(self, i);
	EXPECT_EQ(wrong, 0)
		TH_LOG("%d accesses to disabled memory did not fail", wrong);
	config_set_memory(&self->gpu, true);
	expect_silence(_metadata, self, ROUNDS);
}

/* Everything that config space takes from a guest, on and around the BARs. */
TEST_F_TIMEOUT(flood, config_space, 240)
{
	__u64 i, n, val;

	for (i = 0; i < ROUNDS; i++) {
		for (n = 0; n < PER_ROUND / 2; n++) {
			val = i * 0x9e3779b97f4a7c15ULL;
			__config_write(&self->gpu, PCI_BASE_ADDRESS_0 + (unsigned int)n * 4 - 4,
				       &val, 1 + i % 8);
			__config_read(&self->gpu, (unsigned int)(i * 37 + n), &val, 1 + n);
		}
	}
	config_set_memory(&self->gpu, true);
	expect_silence(_metadata, self, ROUNDS);
}

TEST_HARNESS_MAIN
