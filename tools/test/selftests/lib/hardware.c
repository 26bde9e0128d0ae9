// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware's own word on whether its memory is ready, past the driver: BAR0
 * registers, or the CXL DVSEC where the GPU has one. Offsets and values are those
 * of the nvgrace-gpu driver and of CXL r4.0, 8.1.3.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"

#define REG_C2C		0x1498
#define REG_HBM		0x200bc
#define REG_READY	0xff
#define REGS_LEN	0x21000

#define ECAP_START	0x100
#define ECAP_DVSEC	0x23
#define CXL_VENDOR	0x1e98
#define CXL_SIZE_LOW	0x1c
#define CXL_ACTIVE	0x2

#define BAR0_LIMIT_US	30000000
#define WATCH_PAUSE_US	200

__u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000 + (__u64)ts.tv_nsec / 1000;
}

static __u32 raw_config(const struct hardware *hw, unsigned int pos)
{
	__u32 val = ~0u;

	if (pread(hw->config, &val, sizeof(val), pos) != sizeof(val))
		die("sysfs config at 0x%x: %s", pos, strerror(errno));
	return le32toh(val);
}

static unsigned int find_cxl(const struct hardware *hw)
{
	unsigned int pos = ECAP_START, left = 64;
	__u32 header;

	while (pos && left--) {
		header = raw_config(hw, pos);
		if ((header & 0xffff) == ECAP_DVSEC &&
		    (raw_config(hw, pos + 4) & 0xffff) == CXL_VENDOR &&
		    !(raw_config(hw, pos + 8) & 0xffff))
			return pos;
		pos = header >> 20 & ~3u;
	}
	return 0;
}

void hardware_open(struct hardware *hw, struct gpu *gpu)
{
	struct gpu_region bar0;
	char path[128];

	memset(hw, 0, sizeof(*hw));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", gpu->bdf);
	hw->config = open(path, O_RDONLY | O_CLOEXEC);
	if (hw->config < 0)
		die("%s: %s", path, strerror(errno));
	hw->cxl = find_cxl(hw);
	gpu_region(gpu, VFIO_PCI_BAR0_REGION_INDEX, &bar0);
	hw->bar0 = gpu_map(gpu, &bar0, 0, REGS_LEN);
}

bool hardware_is_ready(const struct hardware *hw)
{
	__u32 c2c, hbm;

	if (hw->cxl) {
		hbm = raw_config(hw, hw->cxl + CXL_SIZE_LOW);
		return hbm != ~0u && hbm & CXL_ACTIVE;
	}
	return !touch_read(hw->bar0 + REG_C2C, &c2c) && c2c == REG_READY &&
	       !touch_read(hw->bar0 + REG_HBM, &hbm) && hbm == REG_READY;
}

__u64 hardware_limit_us(void)
{
	if (!sim_read_u64("cxl"))
		return BAR0_LIMIT_US;
	return 1000000ULL << (2 * sim_read_u64("cxl_timeout"));
}

/* Times are from before a look that says "not ready", and from after one that says "ready". */
static void *watch(void *data)
{
	struct hardware *hw = data;
	__u64 look = now_us();

	while (!hardware_is_ready(hw)) {
		hw->last_busy_us = look;
		usleep(WATCH_PAUSE_US);
		look = now_us();
	}
	hw->first_ready_us = now_us();
	return NULL;
}

/* Watches in a thread until the hardware is ready. */
void hardware_watch(struct hardware *hw)
{
	hw->last_busy_us = 0;
	if (pthread_create(&hw->watcher, NULL, watch, hw))
		die("cannot start a thread");
}

void hardware_watched(struct hardware *hw)
{
	pthread_join(hw->watcher, NULL);
}
