// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that the GPU reports (AER). The kernel resets the slot after a fatal one,
 * without telling a driver by the callbacks of other resets: the registers are 0,
 * mappings are gone and come back, readiness is waited for. Other errors reset
 * nothing. The one who holds the device hears of each that is not corrected.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define RESETS		"coherent_memory/resets"
#define STAMP		0xae12e5e7
#define BAD		(64 * SZ_1M)
#define RECOVERY_MS	60000
#define TRAINING_MS	800

FIXTURE(aer) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u32 *map;
	__u64 bar4;
	__u64 resets;
	bool can_reset;
	int event;
};

FIXTURE_SETUP(aer)
{
	usemem_open(&self->gpu, &self->model, &self->usemem);
	self->map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	store32(self->map, STAMP);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_4, ~0ULL);
	config_write64(&self->gpu, PCI_BASE_ADDRESS_2, ~0ULL);
	self->bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	self->resets = sim_read_u64("resets");
	self->can_reset = gpu_has_bus_reset(&self->gpu);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(self->event, 0);
	ASSERT_EQ(__gpu_set_event(&self->gpu, VFIO_PCI_ERR_IRQ_INDEX, self->event), 0)
		TH_LOG("no eventfd for errors: %s", strerror(errno));
}

FIXTURE_TEARDOWN(aer)
{
	sim_calm();
	close(self->event);
	gpu_close(&self->gpu);
}

static bool heard_within(int event, int ms)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* The kernel's word that the recovery is over, good or bad; the slot was reset before. */
static bool recovery_is_over(int log, int ms)
{
	return kernel_log_wait(log, "device recovery", ms);
}

static void report(struct __test_metadata *_metadata, const char *severity)
{
	int ret = __sim_write_text("report_error", severity);

	ASSERT_EQ(ret, 0)
		TH_LOG("the kernel does not listen to a %s error: %s", severity,
		       strerror(-ret));
}

static void report_and_recover(struct __test_metadata *_metadata, const char *severity)
{
	int log = kernel_log_open();

	report(_metadata, severity);
	ASSERT_TRUE(recovery_is_over(log, RECOVERY_MS))
		TH_LOG("no end of the recovery from a %s error in the kernel log",
		       severity);
	close(log);
}

TEST_F(aer, fatal_error_resets_the_registers)
{
	bool is_ours = driver_is_ours(self->gpu.bdf);
	__u64 bar, seen = is_ours ? sysfs_read_u64(self->gpu.bdf, RESETS) : 0;

	if (!self->can_reset)
		SKIP(return, "the kernel does not reset this GPU's bus");
	report_and_recover(_metadata, "fatal");
	EXPECT_EQ(sim_read_u64("resets"), self->resets + 1)
		TH_LOG("the slot was not reset");
	if (is_ours)
		EXPECT_EQ(sysfs_read_u64(self->gpu.bdf, RESETS), seen + 1);
	bar = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	EXPECT_EQ(bar & ~0xfULL, 0)
		TH_LOG("BAR4 holds 0x%llx after a slot reset", bar);
	bar = config_read64(&self->gpu, PCI_BASE_ADDRESS_2);
	EXPECT_EQ(bar & ~0xfULL, 0)
		TH_LOG("BAR2 holds 0x%llx after a slot reset", bar);
	EXPECT_TRUE(heard_within(self->event, 0))
		TH_LOG("the eventfd for errors did not fire");
}

TEST_F(aer, memory_works_again_when_it_is_ready)
{
	long faults = minor_faults();
	struct hardware hw;
	__u32 val = 0;

	if (!self->can_reset)
		SKIP(return, "the kernel does not reset this GPU's bus");
	hardware_open(&hw, &self->gpu);
	sim_write("training_ms", TRAINING_MS);
	report_and_recover(_metadata, "fatal");
	config_set_memory(&self->gpu, true);
	EXPECT_EQ(touch_read(self->map, &val), 0)
		TH_LOG("the mapping does not come back after a slot reset");
	EXPECT_TRUE(hardware_is_ready(&hw))
		TH_LOG("the mapping came back before the memory was trained");
	EXPECT_EQ(val, STAMP);
	EXPECT_GE(minor_faults() - faults, 1)
		TH_LOG("the mapping stayed during a slot reset");
	val = 0;
	gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), 0);
	EXPECT_EQ(val, STAMP);
}

/* As after any other reset the page can be mapped again, and read() still refuses it. */
TEST_F(aer, fatal_error_heals_hwpoisoned_pages)
{
	__u32 val = 0;
	int ret;
	void *map;

	if (!driver_is_ours(self->gpu.bdf))
		SKIP(return, "another driver has no count of poisoned pages");
	if (!self->can_reset)
		SKIP(return, "the kernel does not reset this GPU's bus");
	ret = __sim_write("poison", BAD);
	if (ret == -ENXIO)
		SKIP(return, "this kernel cannot handle bad memory without struct page");
	ASSERT_EQ(ret, 0);
	EXPECT_EQ(sysfs_read_u64(self->gpu.bdf, "coherent_memory/poisoned_pages"), 1);
	map = gpu_map(&self->gpu, &self->usemem, BAD, SZ_2M);
	EXPECT_EQ(touch_read(map, &val), SIGBUS)
		TH_LOG("the bad page can be read before the reset");
	report_and_recover(_metadata, "fatal");
	EXPECT_EQ(sysfs_read_u64(self->gpu.bdf, "coherent_memory/poisoned_pages"), 0)
		TH_LOG("the page is still known as bad after a slot reset");
	config_set_memory(&self->gpu, true);
	EXPECT_EQ(touch_read(map, &val), 0)
		TH_LOG("the page cannot be mapped after a slot reset");
	EXPECT_EQ(__gpu_pread(&self->gpu, &self->usemem, &val, sizeof(val), BAD), -EIO)
		TH_LOG("read() reads the page after a slot reset");
}

/* Nobody asked for this reset: whoever is at work must not be hit by it. */
TEST_F(aer, fatal_error_under_access)
{
	struct access access[] = {
		{ .gpu = &self->gpu, .region = &self->usemem, .way = ACCESS_READ },
		{ .map = self->map, .way = ACCESS_TOUCH },
	};
	__u64 end = now_ms() + RECOVERY_MS;
	unsigned int nr = 0;
	bool over = false;
	int log;

	if (!self->can_reset)
		SKIP(return, "the kernel does not reset this GPU's bus");
	log = kernel_log_open();
	report(_metadata, "fatal");
	while (!over && now_ms() < end) {
		over = recovery_is_over(log, 0);
		ASSERT_EQ(access_now(&access[nr % 2]), 0)
			TH_LOG("%s during the recovery gave %d",
			       access_name[access[nr % 2].way],
			       access[nr % 2].result);
		nr++;
	}
	close(log);
	ksft_print_msg("%u accesses during the recovery\n", nr);
	EXPECT_TRUE(over);
	EXPECT_EQ(sim_read_u64("resets"), self->resets + 1);
}

/* Before 6.18 the kernel does not tell drivers that a recovery has failed. */
static bool kernel_tells_of_failure(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		die("cannot tell the kernel's version");
	return major > 6 || (major == 6 && minor >= 18);
}

/*
 * Nobody resets a GPU that must not have a bus reset: the recovery fails, and counts as a
 * reset. What was mapped is used no more before the hardware says that it is ready, nor
 * before the next reset where the kernel does not tell.
 */
TEST_F(aer, recovery_that_fails_counts_as_a_reset)
{
	struct access touch = { .map = self->map, .way = ACCESS_TOUCH };

	if (self->can_reset)
		SKIP(return, "the kernel resets this GPU's bus");
	sim_write("never_ready", 1);
	report_and_recover(_metadata, "fatal");
	EXPECT_EQ(sim_read_u64("resets"), self->resets);
	if (!kernel_tells_of_failure())
		gpu_reset(&self->gpu);
	EXPECT_EQ(config_read64(&self->gpu, PCI_BASE_ADDRESS_4) & ~0xfULL, 0)
		TH_LOG("BAR4 keeps its value when the recovery fails");
	EXPECT_TRUE(heard_within(self->event, 0))
		TH_LOG("the eventfd for errors did not fire");
	config_set_memory(&self->gpu, true);
	EXPECT_TRUE(access_waits_until_ready(&touch))
		TH_LOG("a mapping was used before the hardware was ready: %d", touch.result);
}

static void expect_no_reset(struct __test_metadata *_metadata,
			    struct _test_data_aer *self, const char *severity)
{
	long faults = minor_faults();
	__u64 bar4 = config_read64(&self->gpu, PCI_BASE_ADDRESS_4);
	__u32 val = 0;

	EXPECT_EQ(sim_read_u64("resets"), self->resets)
		TH_LOG("a %s error reset the function", severity);
	EXPECT_EQ(bar4, self->bar4)
		TH_LOG("BAR4 was 0x%llx and is 0x%llx after a %s error", self->bar4,
		       bar4, severity);
	EXPECT_EQ(touch_read(self->map, &val), 0);
	EXPECT_EQ(val, STAMP);
	EXPECT_EQ(minor_faults(), faults)
		TH_LOG("a %s error took the mapping away", severity);
}

TEST_F(aer, nonfatal_error_is_told_and_resets_nothing)
{
	report_and_recover(_metadata, "nonfatal");
	EXPECT_TRUE(heard_within(self->event, 0))
		TH_LOG("the eventfd for errors did not fire");
	expect_no_reset(_metadata, self, "nonfatal");
}

TEST_F(aer, correctable_error_is_nothing)
{
	report(_metadata, "correctable");
	EXPECT_FALSE(heard_within(self->event, 1000))
		TH_LOG("the eventfd for errors fired for a corrected one");
	expect_no_reset(_metadata, self, "correctable");
}

TEST_HARNESS_MAIN
