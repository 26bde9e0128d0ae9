// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space through the vfio config region. Every helper is one
 * system call of exactly the width it names: tests rely on that.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

/* vfio-pci puts region N at N << 40; part of its uAPI only by habit. */
#define CONFIG_OFFSET	((__u64)VFIO_PCI_CONFIG_REGION_INDEX << 40)

/* PCI PM 1.2, 5.4.1: a function may need 10 ms to leave D3hot. */
#define D3HOT_DELAY_US	10000

ssize_t __config_read(struct gpu *gpu, unsigned int pos, void *buf, size_t len)
{
	ssize_t ret = pread(gpu->device, buf, len, CONFIG_OFFSET + pos);

	return ret < 0 ? -errno : ret;
}

ssize_t __config_write(struct gpu *gpu, unsigned int pos, const void *buf,
		       size_t len)
{
	ssize_t ret = pwrite(gpu->device, buf, len, CONFIG_OFFSET + pos);

	return ret < 0 ? -errno : ret;
}

static void must_be(const char *what, unsigned int pos, ssize_t ret, size_t len)
{
	if (ret < 0)
		die("config %s of %zu bytes at 0x%x: %s", what, len, pos,
		    strerror((int)-ret));
	if ((size_t)ret != len)
		die("config %s of %zu bytes at 0x%x: returned %zd", what, len, pos,
		    ret);
}

void config_read(struct gpu *gpu, unsigned int pos, void *buf, size_t len)
{
	must_be("read", pos, __config_read(gpu, pos, buf, len), len);
}

void config_write(struct gpu *gpu, unsigned int pos, const void *buf, size_t len)
{
	must_be("write", pos, __config_write(gpu, pos, buf, len), len);
}

__u8 config_read8(struct gpu *gpu, unsigned int pos)
{
	__u8 val;

	config_read(gpu, pos, &val, sizeof(val));
	return val;
}

__u16 config_read16(struct gpu *gpu, unsigned int pos)
{
	__u16 val;

	config_read(gpu, pos, &val, sizeof(val));
	return le16toh(val);
}

__u32 config_read32(struct gpu *gpu, unsigned int pos)
{
	__u32 val;

	config_read(gpu, pos, &val, sizeof(val));
	return le32toh(val);
}

__u64 config_read64(struct gpu *gpu, unsigned int pos)
{
	__u64 val;

	config_read(gpu, pos, &val, sizeof(val));
	return le64toh(val);
}

void config_write8(struct gpu *gpu, unsigned int pos, __u8 val)
{
	config_write(gpu, pos, &val, sizeof(val));
}

void config_write16(struct gpu *gpu, unsigned int pos, __u16 val)
{
	val = htole16(val);
	config_write(gpu, pos, &val, sizeof(val));
}

void config_write32(struct gpu *gpu, unsigned int pos, __u32 val)
{
	val = htole32(val);
	config_write(gpu, pos, &val, sizeof(val));
}

void config_write64(struct gpu *gpu, unsigned int pos, __u64 val)
{
	val = htole64(val);
	config_write(gpu, pos, &val, sizeof(val));
}

/* Return: offset of the capability, 0 if there is none. */
unsigned int config_find_cap(struct gpu *gpu, __u8 id)
{
	unsigned int pos = config_read8(gpu, PCI_CAPABILITY_LIST) & ~3u;
	unsigned int left = 48;

	while (pos >= PCI_STD_HEADER_SIZEOF && left--) {
		if (config_read8(gpu, pos) == id)
			return pos;
		pos = config_read8(gpu, pos + PCI_CAP_LIST_NEXT) & ~3u;
	}
	return 0;
}

/* Return: offset of the extended capability, 0 if there is none. */
unsigned int config_find_ecap(struct gpu *gpu, __u16 id)
{
	unsigned int pos = PCI_CFG_SPACE_SIZE;
	__u32 header;

	for (; pos; pos = PCI_EXT_CAP_NEXT(header)) {
		header = config_read32(gpu, pos);
		if (PCI_EXT_CAP_ID(header) == id)
			break;
	}
	return pos;
}

void config_set_memory(struct gpu *gpu, bool enable)
{
	__u16 cmd = config_read16(gpu, PCI_COMMAND);

	if (enable)
		cmd |= PCI_COMMAND_MEMORY;
	else
		cmd &= (__u16)~PCI_COMMAND_MEMORY;
	config_write16(gpu, PCI_COMMAND, cmd);
}

/* @state: 0 for D0, 3 for D3hot */
void config_set_power(struct gpu *gpu, unsigned int state)
{
	unsigned int pm = config_find_cap(gpu, PCI_CAP_ID_PM);
	__u16 pmcsr;

	if (!pm)
		die("%s: no power management capability", gpu->bdf);
	pmcsr = config_read16(gpu, pm + PCI_PM_CTRL);
	pmcsr = (__u16)((pmcsr & ~PCI_PM_CTRL_STATE_MASK) | state);
	config_write16(gpu, pm + PCI_PM_CTRL, pmcsr);
	usleep(2 * D3HOT_DELAY_US);
}
