// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: a register of the hardware, a BAR that the driver makes up (with
 * plain vfio-pci the one that it virtualises there), and the whole header.
 */
#include <linux/pci_regs.h>

#include "measure.h"

static void read_config(const struct work *work)
{
	config_read(work->gpu, work->offset, work->buf, work->len);
}

static void write_config(const struct work *work)
{
	config_write(work->gpu, work->offset, work->buf, work->len);
}

/*
 * What is written is what was read: the device stays as it is. nvgrace-gpu takes
 * only a part of a write that reaches beyond a BAR: no figure then.
 */
static void measure(struct gpu *gpu, const char *what, unsigned int offset, size_t len)
{
	char buf[PCI_STD_HEADER_SIZEOF], name[80];
	struct work work = { .gpu = gpu, .buf = buf, .offset = offset, .len = len };

	work.run = read_config;
	snprintf(name, sizeof(name), "config/read/%s", what);
	print_figure(name, "ns", time_both(&work, NULL).value, NULL, 0);

	if (__config_write(gpu, offset, buf, len) != (ssize_t)len)
		return;
	work.run = write_config;
	snprintf(name, sizeof(name), "config/write/%s", what);
	print_figure(name, "ns", time_both(&work, NULL).value, NULL, 0);
}

int main(void)
{
	struct gpu gpu;

	gpu_open(&gpu);
	config_set_memory(&gpu, true);
	/* Subsystem IDs are read from, cache line size is written to hardware. */
	measure(&gpu, "real-subsystem", PCI_SUBSYSTEM_VENDOR_ID, sizeof(__u32));
	measure(&gpu, "real-cacheline", PCI_CACHE_LINE_SIZE, sizeof(__u32));
	measure(&gpu, "bar4", PCI_BASE_ADDRESS_4, sizeof(__u32));
	measure(&gpu, "header", 0, PCI_STD_HEADER_SIZEOF);
	gpu_close(&gpu);
	return 0;
}
