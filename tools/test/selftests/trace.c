// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints, each with the values that the event had: tracefs shows them
 * as text, and that text is what people and tools read.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define EVENTS		"events/nvgpu_vfio_pci"
#define LOG_LEN		(256 * SZ_1K)
#define TRAINING_MS	3000
#define TRIES		5
#define ROUNDS		1000

FIXTURE(trace) {
	struct gpu gpu;
	struct model model;
	struct gpu_region usemem;
	__u64 page;
	char *log;
};

FIXTURE_SETUP(trace)
{
	if (!tracefs_has("trace"))
		SKIP(return, "no tracefs");
	self->log = calloc(1, LOG_LEN);
	self->page = (__u64)sysconf(_SC_PAGESIZE);
	usemem_open(&self->gpu, &self->model, &self->usemem);
	tracefs_write(EVENTS "/enable", "1");
	tracefs_write("trace", "");
}

FIXTURE_TEARDOWN(trace)
{
	sim_calm();
	tracefs_write(EVENTS "/enable", "0");
	gpu_close(&self->gpu);
	free(self->log);
}

/*
 * Return: what @event said last of this GPU, without its address, in the log
 * buffer; an empty string if it said nothing.
 */
static char *last_event(struct _test_data_trace *self, const char *event)
{
	char *found, *at = self->log;
	char want[96];

	found = self->log + tracefs_log(self->log, LOG_LEN);

	snprintf(want, sizeof(want), "%s: %s ", event, self->gpu.bdf);
	while ((at = strstr(at, want))) {
		at += strlen(want);
		found = at;
	}
	found[strcspn(found, "\n")] = '\0';
	return found;
}

/* Return: the number after @name in the text of an event, -1 if it has none. */
static long long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoll(at + strlen(name), NULL, 0) : -1;
}

TEST_F(trace, fault)
{
	__u64 pmd = pmd_size(), pfn = (self->model.usemem.phys + pmd) / self->page;
	unsigned int order = 0;
	char want[128], *text;
	__u8 *map;

	while ((self->page << order) < pmd)
		order++;
	map = gpu_map_aligned(&self->gpu, &self->usemem, pmd, pmd, pmd, 0);
	(void)load32(map);
	text = last_event(self, "nvgpu_fault");
	snprintf(want, sizeof(want), "pfn=0x%llx order=%u result=NOPAGE", pfn, order);
	EXPECT_STREQ(text, want);
}

TEST_F(trace, fault_that_fails)
{
	__u64 pfn = self->model.usemem.phys / self->page + 3;
	char want[128], *text;
	__u32 val;
	__u8 *map;

	map = gpu_map(&self->gpu, &self->usemem, 0, 4 * self->page);
	config_set_memory(&self->gpu, false);
	EXPECT_EQ(touch_read(map + 3 * self->page, &val), SIGBUS);
	text = last_event(self, "nvgpu_fault");
	snprintf(want, sizeof(want), "pfn=0x%llx order=0 result=SIGBUS", pfn);
	EXPECT_STREQ(text, want);
}

/* A range with a page that once failed has no huge entry any more, healed or not. */
TEST_F(trace, fault_beside_a_page_that_failed)
{
	__u64 pmd = pmd_size(), pfn = (self->model.usemem.phys + pmd) / self->page;
	char want[128];
	int ret;

	(void)load32(gpu_map(&self->gpu, &self->usemem, 0, self->page));
	ret = __sim_write("poison", pmd + 5 * self->page);
	if (ret == -ENXIO)
		SKIP(return, "this kernel cannot handle bad memory without struct page");
	ASSERT_EQ(ret, 0);
	gpu_reset(&self->gpu);
	config_set_memory(&self->gpu, true);
	(void)load32(gpu_map_aligned(&self->gpu, &self->usemem, pmd, pmd, pmd, 0));
	snprintf(want, sizeof(want), "pfn=0x%llx order=0 result=NOPAGE", pfn);
	EXPECT_STREQ(last_event(self, "nvgpu_fault"), want);
}

/* No write of D0 over D0 revokes a mapping, one that leaves D0 does. */
TEST_F(trace, fault_after_leaving_d0)
{
	unsigned int pmcsr = config_find_cap(&self->gpu, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	__u32 *map = gpu_map(&self->gpu, &self->usemem, 0, SZ_2M);
	__u8 d0 = config_read8(&self->gpu, pmcsr);
	int i;

	(void)load32(map);
	tracefs_write("trace", "");
	for (i = 0; i < ROUNDS; i++) {
		config_write8(&self->gpu, pmcsr, d0);
		(void)load32(map);
	}
	EXPECT_STREQ(last_event(self, "nvgpu_fault"), "")
		TH_LOG("a write of D0 over D0 has revoked a mapping");
	config_set_power(&self->gpu, 3);
	config_set_power(&self->gpu, 0);
	config_set_memory(&self->gpu, true);
	(void)load32(map);
	EXPECT_STRNE(last_event(self, "nvgpu_fault"), "")
		TH_LOG("a mapping has outlived D3hot");
}

/*
 * One wait, whose event is the last of its kind.
 * Return: ms of training that were left when it began; negative if none were.
 */
static long long wait_for_training(struct _test_data_trace *self, struct access *access)
{
	__u64 reset_us = now_us();

	gpu_reset(&self->gpu);
	access_now(access);
	return TRAINING_MS - (long long)(access->began_us - reset_us) / 1000;
}

/* A busy CPU may be late for all of the training, or for so much of it that it proves little. */
TEST_F(trace, ready_wait)
{
	struct access access = {
		.gpu = &self->gpu,
		.region = &self->usemem,
		.way = ACCESS_READ,
	};
	long long waited, took, left;
	int tries = TRIES;
	char *text;

	sim_write("training_ms", TRAINING_MS);
	do {
		left = wait_for_training(self, &access);
		ASSERT_EQ(access.result, 0);
		took = (long long)(access.ended_us - access.began_us) / 1000;
		text = last_event(self, "nvgpu_ready_wait");
		waited = field(text, "waited_ms=");
		EXPECT_LE(waited, took);
	} while ((left < TRAINING_MS / 2 || waited < left / 2) && --tries);
	EXPECT_EQ(field(text, "result="), 0)
		TH_LOG("after a wait of %lld ms the event says \"%s\"", took, text);
	EXPECT_GT(tries, 0)
		TH_LOG("the event says %lld ms, %lld ms of training were left", waited, left);
}

TEST_F(trace, reset)
{
	long long resets;
	char *text;

	gpu_reset(&self->gpu);
	resets = (long long)sysfs_read_u64(self->gpu.bdf, "coherent_memory/resets");
	text = last_event(self, "nvgpu_reset");
	EXPECT_EQ(field(text, "resets="), resets)
		TH_LOG("after reset %lld the event says \"%s\"", resets, text);
}

TEST_F(trace, bar_write)
{
	config_write32(&self->gpu, PCI_BASE_ADDRESS_4, 0x12345678);
	EXPECT_STREQ(last_event(self, "nvgpu_bar_write"),
		     "offset=0x20 size=4 value=0x12345678");
	tracefs_write("trace", "");
	config_write16(&self->gpu, PCI_CACHE_LINE_SIZE, 0);
	EXPECT_STREQ(last_event(self, "nvgpu_bar_write"), "")
		TH_LOG("a write that touches no synthetic BAR is traced");
}

TEST_HARNESS_MAIN
