// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPU as PCI shows it. Sizing is done here once more, by hand, and not
 * taken from the kernel: the registers are what is under test.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "guest.h"

#define DEVICES	"/sys/bus/pci/devices"
#define VENDOR	"0x10de"

/* Flag in the third column of the sysfs file "resource" (include/linux/ioport.h). */
#define IORESOURCE_MEM	0x200

static char device[300];

static int open_as(const char *name, int flags)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", device, name);
	fd = open(path, flags | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		check(false, "%s: %s", path, strerror(errno));
	return fd;
}

static int open_file(const char *name)
{
	return open_as(name, O_RDWR);
}

static __u32 read_reg(int fd, off_t pos, size_t len)
{
	__u32 val = 0;

	if (pread(fd, &val, len, pos) != (ssize_t)len)
		check(false, "cannot read %zu bytes of configuration space at 0x%lx",
		      len, (long)pos);
	return val;
}

static void write_reg(int fd, off_t pos, __u32 val, size_t len)
{
	if (pwrite(fd, &val, len, pos) != (ssize_t)len)
		check(false, "cannot write %zu bytes of configuration space at 0x%lx",
		      len, (long)pos);
}

static bool read_file(const char *path, char *text, int len)
{
	FILE *f = fopen(path, "r");
	bool ok = f && fgets(text, len, f);

	if (f)
		fclose(f);
	return ok;
}

static int is_gpu(const struct dirent *entry)
{
	char path[400], vendor[16];

	snprintf(path, sizeof(path), DEVICES "/%s/vendor", entry->d_name);
	return read_file(path, vendor, sizeof(vendor)) &&
	       !strncmp(vendor, VENDOR, strlen(VENDOR));
}

/* By address; @slot receives it, at least 16 characters. */
bool pci_find(unsigned int which, char *slot)
{
	struct dirent **list;
	int i, nr = scandir(DEVICES, &list, is_gpu, alphasort);
	bool found = (int)which < nr;

	if (found) {
		snprintf(slot, 16, "%.15s", list[which]->d_name);
		snprintf(device, sizeof(device), DEVICES "/%s", slot);
	}
	for (i = 0; i < nr; i++)
		free(list[i]);
	if (nr >= 0)
		free(list);
	return check(found, "the guest has a GPU, %s", found ? slot :
		     "but there is no further PCI function of vendor " VENDOR);
}

bool pci_resource(unsigned int bar, __u64 *start, __u64 *size)
{
	char path[400];
	__u64 end = 0, flags = 0;
	bool ok = false;
	FILE *f;

	*start = 0;
	snprintf(path, sizeof(path), "%s/resource", device);
	f = fopen(path, "r");
	if (!f)
		return false;
	do
		ok = fscanf(f, "%llx %llx %llx", start, &end, &flags) == 3;
	while (ok && bar--);
	fclose(f);
	*size = *start ? end - *start + 1 : 0;
	return ok && *size && (flags & IORESOURCE_MEM);
}

bool pci_has_interrupt(void)
{
	int fd = open_file("config");
	unsigned int pos, id = 0;

	if (fd < 0)
		return false;
	pos = read_reg(fd, PCI_CAPABILITY_LIST, 1);
	while (pos >= PCI_STD_HEADER_SIZEOF && id != PCI_CAP_ID_MSI && id != PCI_CAP_ID_MSIX) {
		id = read_reg(fd, pos + PCI_CAP_LIST_ID, 1);
		pos = read_reg(fd, pos + PCI_CAP_LIST_NEXT, 1);
	}
	close(fd);
	return id == PCI_CAP_ID_MSI || id == PCI_CAP_ID_MSIX;
}

unsigned int pci_device_id(void)
{
	int fd = open_file("config");
	unsigned int id = fd < 0 ? 0 : read_reg(fd, PCI_DEVICE_ID, 2);

	if (fd >= 0)
		close(fd);
	return id;
}

/* PCI 3.0, 6.2.5.1: decoding off, all ones, read back, restore. */
void pci_size_bar(struct bar *bar)
{
	off_t reg = PCI_BASE_ADDRESS_0 + 4 * (off_t)bar->index;
	__u32 command, low, high, old_low, old_high;
	int fd = open_file("config");
	__u64 mask;

	if (fd < 0)
		return;
	command = read_reg(fd, PCI_COMMAND, 2);
	write_reg(fd, PCI_COMMAND, command & ~(__u32)PCI_COMMAND_MEMORY, 2);
	old_low = read_reg(fd, reg, 4);
	old_high = read_reg(fd, reg + 4, 4);
	write_reg(fd, reg, ~0u, 4);
	write_reg(fd, reg + 4, ~0u, 4);
	low = read_reg(fd, reg, 4);
	high = read_reg(fd, reg + 4, 4);
	write_reg(fd, reg, old_low, 4);
	write_reg(fd, reg + 4, old_high, 4);
	write_reg(fd, PCI_COMMAND, command, 2);
	close(fd);

	mask = ((__u64)high << 32) | (low & ~0xfu);
	bar->type = low & 0xf;
	bar->size = ~mask + 1;
	check(bar->size && !(bar->size & (bar->size - 1)),
	      "BAR%u sizes to 0x%llx by config space, a power of two", bar->index,
	      bar->size);
	check(bar->size >= bar->mem_len && bar->size / 2 < bar->mem_len,
	      "BAR%u is the smallest one for 0x%llx bytes of memory", bar->index,
	      bar->mem_len);
	check(bar->type == (PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH),
	      "BAR%u is 64-bit prefetchable memory (type bits 0x%x)", bar->index,
	      bar->type);
}

static void write_one(const char *name, const char *what)
{
	int fd = open_as(name, O_WRONLY);

	if (fd < 0)
		return;
	check(write(fd, "1", 1) == 1, "%s", what);
	close(fd);
}

void pci_enable(void)
{
	write_one("enable", "the kernel enables the function");
}

void pci_reset(void)
{
	write_one("reset", "the kernel resets the function");
}

void pci_wait_gone(void)
{
	while (!access(device, F_OK))
		usleep(100000);
	check(true, "the function is gone");
}

static unsigned char *map_file(const char *name, __u64 len)
{
	int fd = open_file(name);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (!check(p != MAP_FAILED, "mmap of all 0x%llx bytes of %s", len, name))
		return NULL;
	return p;
}

void pci_map(struct bar *bar)
{
	char name[32];

	snprintf(name, sizeof(name), "resource%u_wc", bar->index);
	bar->wc = map_file(name, bar->size);
	snprintf(name, sizeof(name), "resource%u", bar->index);
	bar->device = map_file(name, bar->size);
}
