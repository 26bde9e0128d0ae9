// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user space fails once, in what an owner of a
 * region of extended GPU memory calls and while the module is loaded. The call fails cleanly
 * or works, and works when it is repeated without a failure; leaks are kmemleak's to find.
 *
 * For a small region: what maps memory to zero it allocates more where KASAN has to know.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/egm.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define MAX_NTH		4000
#define MAX_BLOCKS	16

FIXTURE(egm_fail_nth) {
	char node[32];
	__u64 size;
	int module;
};

static int load_module(struct _test_data_egm_fail_nth *self)
{
	return syscall(SYS_finit_module, self->module, "", 0) ? -errno : 0;
}

static int unload_module(void)
{
	return syscall(SYS_delete_module, "nvgpu_egm", O_NONBLOCK) ? -errno : 0;
}

FIXTURE_SETUP(egm_fail_nth)
{
	char path[256] = "";
	FILE *modinfo;

	if (!fail_nth_available())
		SKIP(return, "this kernel injects no failures (FAILSLAB, FAIL_PAGE_ALLOC)");
	snprintf(self->node, sizeof(self->node), "/dev/egm%llu", sim_read_u64("egm_pxm"));
	self->size = sim_read_u64("egm_size");
	modinfo = popen("modinfo -n nvgpu-egm", "r");
	if (!modinfo || fscanf(modinfo, "%255s", path) != 1)
		die("modinfo does not tell where nvgpu-egm is");
	pclose(modinfo);
	self->module = open(path, O_RDONLY | O_CLOEXEC);
	if (self->module < 0)
		die("%s: %s", path, strerror(errno));
	unload_module();
	touch_install();
}

FIXTURE_TEARDOWN(egm_fail_nth)
{
	unload_module();
	close(self->module);
}

/* Open, map, touch, list; leaves the region dirty. Return: 0 or a negative errno. */
static int use_region(struct _test_data_egm_fail_nth *self)
{
	struct {
		struct egm_retired_pages_list head;
		struct egm_retired_pages_info blocks[MAX_BLOCKS];
	} list = { .head.argsz = sizeof(list) };
	int fd = open(self->node, O_RDWR | O_CLOEXEC);
	int ret = 0;
	__u32 val;
	__u8 *p;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || ioctl(fd, EGM_RETIRED_PAGES_LIST, &list))
		ret = -errno;
	if (p != MAP_FAILED) {
		/* A fault that fails for want of memory is repeated or raises SIGBUS. */
		if (!touch_read(p, &val) && val)
			ret = -EUCLEAN;
		touch_write(p, 1);
		munmap(p, self->size);
	}
	close(fd);
	return ret;
}

TEST_F_TIMEOUT(egm_fail_nth, owner, 900)
{
	unsigned int nth = 0;
	bool fired;
	int ret;

	ASSERT_EQ(load_module(self), 0);
	do {
		fail_nth_arm(++nth);
		ret = use_region(self);
		fired = fail_nth_disarm();
		if (!fired)
			EXPECT_EQ(ret, 0)
				TH_LOG("without a failure: %s", strerror(-ret));
		EXPECT_NE(ret, -EUCLEAN)
			TH_LOG("failure %u: memory is given out that is not zero", nth);
		ASSERT_EQ(use_region(self), 0)
			TH_LOG("failure %u has left something", nth);
		ASSERT_LT(nth, MAX_NTH);
	} while (fired);
	EXPECT_GT(nth, 1);
	ksft_print_msg("%u failures injected\n", nth - 1);
}

/* A region that cannot be had for want of memory is no reason for the module to go. */
TEST_F_TIMEOUT(egm_fail_nth, load, 900)
{
	unsigned int nth = 0;
	bool fired;
	int ret;

	do {
		fail_nth_arm(++nth);
		ret = load_module(self);
		fired = fail_nth_disarm();
		if (ret)
			EXPECT_NE(access(self->node, F_OK), 0)
				TH_LOG("failure %u: no module, but %s", nth, self->node);
		if (!ret)
			ASSERT_EQ(unload_module(), 0);
		ASSERT_EQ(load_module(self), 0)
			TH_LOG("failure %u has left something", nth);
		EXPECT_EQ(use_region(self), 0)
			TH_LOG("failure %u: the region is not found again", nth);
		ASSERT_EQ(unload_module(), 0);
		ASSERT_LT(nth, MAX_NTH);
	} while (fired);
	EXPECT_GT(nth, 1);
	ksft_print_msg("%u failures injected\n", nth - 1);
}

TEST_HARNESS_MAIN
