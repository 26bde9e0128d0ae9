// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPU as PCI shows it. Sizing is done here once more, by hand, and not
 * taken from the kernel: the registers are what is under test.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "guest.h"

#define DEVICES	"/sys/bus/pci/devices"
#define VENDOR	"0x10de"

static char device[300];

static bool is_gpu(const char *name)
{
	char path[400], vendor[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), DEVICES "/%s/vendor", name);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(vendor, sizeof(vendor), f))
		vendor[0] = '\0';
	fclose(f);
	return !strncmp(vendor, VENDOR, strlen(VENDOR));
}

bool pci_find(void)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!is_gpu(entry->d_name))
			continue;
		snprintf(device, sizeof(device), DEVICES "/%s", entry->d_name);
		closedir(dir);
		return check(true, "the guest has a GPU, %s", entry->d_name);
	}
	return check(false, "no PCI function of vendor " VENDOR " in the guest");
}

static int open_file(const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", device, name);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		check(false, "%s: %s", path, strerror(errno));
	return fd;
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

void pci_enable(void)
{
	int fd = open_file("enable");

	if (fd < 0)
		return;
	check(write(fd, "1", 1) == 1, "the kernel enables the function");
	close(fd);
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
