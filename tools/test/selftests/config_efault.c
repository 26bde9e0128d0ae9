// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration accesses whose buffer ends in an unmapped page: the call
 * returns -EFAULT and no register has changed.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BARS		PCI_BASE_ADDRESS_0
#define BARS_LEN	24
#define LONG_LEN	40	/* to the end of the header's ROM register and on */

FIXTURE(config_efault) {
	struct gpu gpu;
	__u8 *hole;	/* first byte of the page that is not there */
	__u8 before[BARS_LEN];
};

FIXTURE_SETUP(config_efault)
{
	static const __u8 init[BARS_LEN] = { [0 ... BARS_LEN - 1] = 0x5a };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	__u8 *p;

	gpu_open(&self->gpu);
	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(munmap(p + page, page), 0);
	self->hole = p + page;
	config_write(&self->gpu, BARS, init, sizeof(init));
	config_read(&self->gpu, BARS, self->before, sizeof(self->before));
}

FIXTURE_TEARDOWN(config_efault)
{
	gpu_close(&self->gpu);
}

/* Each start and each place of the hole, synthetic BARs first to last. */
TEST_F(config_efault, failed_write_changes_nothing)
{
	__u8 after[BARS_LEN];
	unsigned int pos, len, good;
	ssize_t ret;

	memset(self->hole - BARS_LEN, 0xa5, BARS_LEN);
	for (pos = PCI_BASE_ADDRESS_2; pos < BARS + BARS_LEN; pos++) {
		len = BARS + BARS_LEN - pos;
		for (good = 0; good < len; good++) {
			ret = __config_write(&self->gpu, pos, self->hole - good, len);
			EXPECT_EQ(ret, -EFAULT)
				TH_LOG("write of %u at 0x%x, %u of them readable, returned %zd",
				       len, pos, good, ret);
			config_read(&self->gpu, BARS, after, sizeof(after));
			ASSERT_EQ(memcmp(after, self->before, sizeof(after)), 0)
				TH_LOG("write of %u at 0x%x, %u of them readable, changed a BAR",
				       len, pos, good);
		}
	}
}

/* The hole is before, in and behind the synthetic BARs: BAR0 is as safe as they. */
TEST_F(config_efault, failed_write_over_hardware_and_synthetic_bars)
{
	__u8 after[BARS_LEN];
	unsigned int good;

	memset(self->hole - LONG_LEN, 0xa5, LONG_LEN);
	for (good = 0; good < LONG_LEN; good++) {
		EXPECT_EQ(__config_write(&self->gpu, BARS, self->hole - good,
					 LONG_LEN), -EFAULT);
		config_read(&self->gpu, BARS, after, sizeof(after));
		ASSERT_EQ(memcmp(after, self->before, sizeof(after)), 0)
			TH_LOG("write over all BARs, %u bytes readable, changed one",
			       good);
	}
}

TEST_F(config_efault, failed_read)
{
	unsigned int good;

	for (good = 0; good < BARS_LEN; good++) {
		EXPECT_EQ(__config_read(&self->gpu, BARS, self->hole - good,
					BARS_LEN), -EFAULT)
			TH_LOG("read of all BARs into %u writable bytes did not fail",
			       good);
	}
}

TEST_HARNESS_MAIN
