// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that the driver does not ask for itself, and ones that fail. A reset
 * through sysfs, by whichever method, zeroes the BAR registers and revokes the
 * mappings, which come back, and so does one that fails; a reset that is refused changes
 * nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define STAMP		0x5eed0000
#define MAX_METHODS	8
#define METHODS_LEN	128
#define BAD		(64 * SZ_1M)

FIXTURE(reset_paths) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u32 *map;
	__u64 bar4;
	__u64 resets;
};

FIXTURE_SETUP(reset_paths)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	store32(self->map, STAMP);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	self->bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	ASSERT_EQ(self->bar4, model_bar_mask(&self->model.usemem));
	self->resets = sim_read_u64("resets");
}

FIXTURE_TEARDOWN(reset_paths)
{
	sim_calm();
	gpu_close(&self->gpu);
}

/* Return: number of methods; @methods points into @text. */
static int list_methods(struct gpu *gpu, char *text, char **methods)
{
	char *method, *save;
	int nr = 0;

	if (__sysfs_read(gpu->bdf, "reset_method", text, METHODS_LEN))
		return 0;
	for (method = strtok_r(text, " ", &save); method && nr < MAX_METHODS;
	     method = strtok_r(NULL, " ", &save))
		methods[nr++] = method;
	return nr;
}

static void expect_reset(struct __test_metadata *_metadata,
			 struct _test_data_reset_paths *self, const char *method)
{
	__u64 bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);

	EXPECT_GT(sim_read_u64("resets"), self->resets)
		TH_LOG("%s did not reset the function", method);
	EXPECT_EQ(bar4 & ~0xfULL, 0)
		TH_LOG("BAR4 holds 0x%llx after a reset by %s", bar4, method);
}

static void expect_unchanged(struct __test_metadata *_metadata,
			     struct _test_data_reset_paths *self, const char *what)
{
	__u64 bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);

	EXPECT_EQ(bar4, self->bar4)
		TH_LOG("BAR4 was 0x%llx and is 0x%llx after %s", self->bar4, bar4, what);
}

/* The mapping has to be gone (touching it faults), and to come back by itself. */
static void expect_mapping_renewed(struct __test_metadata *_metadata,
				   struct _test_data_reset_paths *self,
				   const char *method)
{
	long faults = minor_faults();
	__u32 val = 0;

	EXPECT_EQ(touch_read(self->map, &val), 0)
		TH_LOG("the mapping does not come back after a reset by %s", method);
	EXPECT_EQ(val, STAMP)
		TH_LOG("the mapping shows 0x%x after a reset by %s", val, method);
	EXPECT_GE(minor_faults() - faults, 1)
		TH_LOG("the mapping stayed during a reset by %s", method);
}

static __u64 resets_seen(struct _test_data_reset_paths *self)
{
	if (!driver_is_ours(self->gpu.bdf))
		return 0;
	return sysfs_read_u64(self->gpu.bdf, "coherent_memory/resets");
}

static void reset_by(struct __test_metadata *_metadata,
		     struct _test_data_reset_paths *self, const char *method)
{
	__u64 seen = resets_seen(self);
	__u32 warm;

	self->resets = sim_read_u64("resets");
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	ASSERT_EQ(touch_read(self->map, &warm), 0);
	ASSERT_EQ(__sysfs_write(self->gpu.bdf, "reset_method", method), 0)
		TH_LOG("cannot choose reset method \"%s\"", method);
	ASSERT_EQ(__sysfs_write(self->gpu.bdf, "reset", "1"), 0)
		TH_LOG("reset by \"%s\" fails", method);
	expect_reset(_metadata, self, method);
	expect_mapping_renewed(_metadata, self, method);
	if (driver_is_ours(self->gpu.bdf))
		EXPECT_EQ(resets_seen(self), seen + 1)
			TH_LOG("coherent_memory/resets did not go from %llu to %llu by %s",
			       seen, seen + 1, method);
}

TEST_F(reset_paths, every_method_of_sysfs)
{
	char text[METHODS_LEN], *methods[MAX_METHODS];
	int nr = list_methods(&self->gpu, text, methods), i;

	if (!nr)
		SKIP(return, "this GPU cannot be reset");
	for (i = 0; i < nr; i++) {
		ksft_print_msg("reset method %s\n", methods[i]);
		reset_by(_metadata, self, methods[i]);
	}
	EXPECT_EQ(__sysfs_write(self->gpu.bdf, "reset_method", "default"), 0);
}

/* What config_reset takes for granted about the kernel. */
TEST_F(reset_paths, bus_reset_is_offered_where_the_kernel_allows_it)
{
	char text[METHODS_LEN], *methods[MAX_METHODS];
	int nr = list_methods(&self->gpu, text, methods), i;
	bool offered = false;

	for (i = 0; i < nr; i++)
		offered |= !strcmp(methods[i], "bus");
	EXPECT_EQ(offered, gpu_has_bus_reset(&self->gpu))
		TH_LOG("bus reset is %soffered", offered ? "" : "not ");
}

/* With accesses going on all the time nobody is hit by a signal or an error. */
TEST_F(reset_paths, sysfs_reset_under_access)
{
	__u64 end = now_us() + 1500000;
	struct access access[] = {
		{ .gpu = &self->gpu, .region = &self->usemem, .way = ACCESS_READ },
		{ .map = self->map, .way = ACCESS_TOUCH },
	};
	unsigned int nr = 0;

	if (__sysfs_write(self->gpu.bdf, "reset", "1"))
		SKIP(return, "this GPU cannot be reset");
	while (now_us() < end) {
		access_start(&access[nr % 2]);
		EXPECT_EQ(__sysfs_write(self->gpu.bdf, "reset", "1"), 0);
		ASSERT_EQ(access_wait(&access[nr % 2]), 0)
			TH_LOG("%s during a reset through sysfs gave %d",
			       access_name[access[nr % 2].way],
			       access[nr % 2].result);
		nr++;
	}
	ksft_print_msg("%u resets under access\n", nr);
}

/* Refused before anything is touched: the registers must not know. */
TEST_F(reset_paths, refused_hot_resets_keep_the_registers)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -1);
	expect_unchanged(_metadata, self, "a hot reset without groups");
	reset.argsz = 1;
	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_PCI_HOT_RESET, &reset), -1);
	expect_unchanged(_metadata, self, "a hot reset with a short argsz");
	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_PCI_HOT_RESET, NULL), -1);
	expect_unchanged(_metadata, self, "a hot reset without an argument");
	EXPECT_EQ(sim_read_u64("resets"), self->resets);
}

TEST_F(reset_paths, impossible_reset_keeps_the_registers)
{
	char text[METHODS_LEN], *methods[MAX_METHODS];

	if (list_methods(&self->gpu, text, methods))
		SKIP(return, "this GPU can be reset");
	EXPECT_EQ(__gpu_reset(&self->gpu), -EINVAL);
	EXPECT_EQ(sim_read_u64("resets"), self->resets);
	expect_unchanged(_metadata, self, "VFIO_DEVICE_RESET of a GPU that cannot");
}

/* With a reset at close the registers would be 0 anyway. */
TEST_F(reset_paths, open_clears_the_registers)
{
	char text[METHODS_LEN], *methods[MAX_METHODS];
	__u64 bar4;

	if (list_methods(&self->gpu, text, methods))
		SKIP(return, "this GPU can be reset");
	munmap(self->map, SZ_2M);
	gpu_close(&self->gpu);
	gpu_open(&self->gpu);
	bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	EXPECT_EQ(sim_read_u64("resets"), self->resets);
	EXPECT_EQ(bar4 & ~0xfULL, 0)
		TH_LOG("BAR4 holds 0x%llx of the one who had the GPU before", bar4);
}

/*
 * Linux gives a function 60 s to come back; hence so long. The kernel tells the driver of
 * such a reset as of any other, and what had happened to the function is not known.
 */
TEST_F_TIMEOUT(reset_paths, failed_reset_counts_as_a_reset, 200)
{
	char text[METHODS_LEN], *methods[MAX_METHODS], state[32];
	__u64 seen = resets_seen(self);
	bool noted = !__sim_write("poison", BAD);
	__u32 val;
	int ret;

	if (!list_methods(&self->gpu, text, methods))
		SKIP(return, "this GPU cannot be reset");
	sim_write("fail_reset", 1);
	ret = __gpu_reset(&self->gpu);
	EXPECT_LT(ret, 0)
		TH_LOG("VFIO_DEVICE_RESET succeeds although the function is dead");
	sim_write("fail_reset", 0);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4) & ~0xfULL, 0)
		TH_LOG("BAR4 keeps its value when VFIO_DEVICE_RESET fails");
	if (driver_is_ours(self->gpu.bdf)) {
		EXPECT_EQ(resets_seen(self), seen + 1);
		EXPECT_EQ(sysfs_read_u64(self->gpu.bdf, "coherent_memory/poisoned_pages"), 0);
		EXPECT_EQ(__sysfs_read(self->gpu.bdf, "coherent_memory/ready", state,
				       sizeof(state)), 0);
		EXPECT_STREQ(state, "unknown");
	}
	gpu_reset(&self->gpu);
	expect_reset(_metadata, self, "VFIO_DEVICE_RESET");
	config_set_memory(&self->gpu, true);
	if (noted)
		EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), BAD), -EIO);
}

TEST_HARNESS_MAIN
