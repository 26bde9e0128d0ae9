// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the GPU's own driver: checks what that demands of the function and of
 * ACPI, hot-adds BAR4 as memory of the GPU's first NUMA node, has programs use it, and
 * takes it away again. The facts are from NVIDIA/open-gpu-kernel-modules 595.45.04:
 * nv-pci.c, kern_mem_sys.c, kern_bus_gh100.c, os-interface.c. What only the kernel can
 * do is done by the module nvgpu-hot-ram.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

#define MAX_GPUS	2
#define MAX_NODES	8
#define SZ_512M		0x20000000ULL
#define SZ_1G		0x40000000ULL
#define MODULE		"/nvgpu-hot-ram.ko"

/* ACPI 6.5, 5.2.16: offsets in the table SRAT and in its Generic Initiator entries. */
#define SRAT_ENTRIES	48
#define GI_TYPE		5
#define GI_LENGTH	32
#define GI_HANDLE_PCI	1

/**
 * struct gpu - a GPU as its driver sees it
 * @slot: domain:bus:device.function
 * @is_hopper: its BAR2 is a part of the memory that is reserved
 * @memory: bytes, from the GPU's registers; here from the command line
 * @base: address of BAR4
 * @online: bytes from there that become System RAM
 * @pxm: proximity domains of its Generic Initiator entries
 * @nr_pxm: how many
 */
struct gpu {
	char slot[16];
	bool is_hopper;
	__u64 memory;
	__u64 base;
	__u64 online;
	__u32 pxm[MAX_NODES];
	unsigned int nr_pxm;
};

static __u64 read_hex(const char *path)
{
	__u64 val = 0;
	FILE *f = fopen(path, "r");

	if (f) {
		if (fscanf(f, "%llx", &val) != 1)
			val = 0;
		fclose(f);
	}
	return val;
}

static bool entry_is_of(const unsigned char *entry, const struct gpu *gpu)
{
	unsigned int domain, bus, dev, fn;

	if (sscanf(gpu->slot, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return false;
	return entry[0] == GI_TYPE && entry[1] == GI_LENGTH && entry[3] == GI_HANDLE_PCI &&
	       (entry[24] & 1) && entry[8] + (entry[9] << 8) == (int)domain &&
	       entry[10] == bus && entry[11] == (dev << 3 | fn);
}

static void read_srat(struct gpu *gpu)
{
	static unsigned char table[16384];
	FILE *f = fopen("/sys/firmware/acpi/tables/SRAT", "r");
	size_t pos, len = f ? fread(table, 1, sizeof(table), f) : 0;

	if (f)
		fclose(f);
	for (pos = SRAT_ENTRIES; pos + GI_LENGTH <= len && table[pos + 1]; pos += table[pos + 1])
		if (entry_is_of(table + pos, gpu) && gpu->nr_pxm < MAX_NODES)
			memcpy(&gpu->pxm[gpu->nr_pxm++], table + pos + 4, 4);
}

/* The whole range behind BAR4 that the driver would use: each 2 MiB of it holds a value. */
static bool memory_is_there(const struct bar *bar)
{
	__u64 offset, bad = 0;

	for (offset = 0; offset + 8 <= bar->mem_len; offset += BLOCK)
		store64(bar->wc + offset, offset + bar->index);
	for (offset = 0; offset + 8 <= bar->mem_len; offset += BLOCK)
		bad += load64(bar->wc + offset) != offset + bar->index;
	return !bad;
}

static bool demand_bar2(const struct gpu *gpu)
{
	__u64 reserved = gpu->memory - gpu->online;
	struct bar bar = { .index = 2, .name = "BAR2", .mem_len = reserved };
	__u64 start;

	if (!check(pci_resource(2, &start, &bar.size), "demand: BAR2/3 is a valid memory BAR%s",
		   gpu->is_hopper ? "" : ", the GPU's own"))
		return false;
	if (!gpu->is_hopper)
		return true;
	if (!check(bar.size >= reserved, "demand: BAR2/3 has room for the reserved 0x%llx bytes",
		   reserved))
		return false;
	pci_map(&bar);
	if (!bar.wc || !check(memory_is_there(&bar),
			      "demand: there is memory behind all of the reserved part of BAR2/3"))
		return false;
	check_accesses(&bar);
	return true;
}

static bool demand_bar4(struct gpu *gpu, __u64 block)
{
	struct bar bar = { .index = 4, .name = "BAR4" };

	if (!check(pci_resource(4, &gpu->base, &bar.size), "demand: BAR4/5 is a valid memory BAR"))
		return false;
	if (!check(gpu->base % block == 0,
		   "demand: BAR4/5 at 0x%llx is a multiple of the memory block, 0x%llx",
		   gpu->base, block))
		return false;
	/* On Hopper what is not onlined is reached through BAR2. */
	bar.mem_len = gpu->memory;
	gpu->online = gpu->memory / block * block;
	if (gpu->is_hopper) {
		gpu->online = (gpu->memory - SZ_1G) / SZ_512M * SZ_512M;
		bar.mem_len = gpu->online;
	}
	if (!check(gpu->online, "demand: the memory has a whole memory block") ||
	    !check(bar.mem_len <= bar.size, "demand: BAR4/5 has room for 0x%llx bytes",
		   bar.mem_len))
		return false;
	pci_map(&bar);
	return bar.wc && check(memory_is_there(&bar),
			       "demand: there is memory behind all 0x%llx bytes of BAR4/5",
			       bar.mem_len);
}

static bool demands(struct gpu *gpu)
{
	__u64 block = read_hex("/sys/devices/system/memory/block_size_bytes");
	__u64 start, size;

	gpu->is_hopper = (pci_device_id() & ~0x3fu) == 0x2340;
	pci_enable();
	read_srat(gpu);
	return check(strchr(gpu->slot, '.') && !strcmp(strchr(gpu->slot, '.'), ".0"),
		     "demand: the GPU is function 0: %s", gpu->slot) &&
	       check(gpu->nr_pxm, "demand: SRAT has Generic Initiator entries of %s: %u",
		     gpu->slot, gpu->nr_pxm) &&
	       check(pci_resource(0, &start, &size), "demand: BAR0 is a valid memory BAR") &&
	       check(pci_has_interrupt(), "demand: there is an interrupt") &&
	       demand_bar4(gpu, block) &&
	       demand_bar2(gpu);
}

static void append(char *list, __u64 val)
{
	sprintf(list + strlen(list), "%s0x%llx", list[strlen(list) - 1] == '=' ? "" : ",", val);
}

/* Hot-add, and map cacheable what is left behind it. */
static bool online(const struct gpu *gpus, unsigned int nr)
{
	char start[64] = "start=", size[64] = "size=", pxm[64] = "pxm=";
	char cached[64] = "cached=", cached_size[64] = "cached_size=", all[400];
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	unsigned int i;
	bool ok, rest = false;

	for (i = 0; i < nr; i++) {
		append(start, gpus[i].base);
		append(size, gpus[i].online);
		append(pxm, gpus[i].pxm[0]);
		if (gpus[i].is_hopper || gpus[i].memory == gpus[i].online)
			continue;
		append(cached, gpus[i].base + gpus[i].online);
		append(cached_size, gpus[i].memory - gpus[i].online);
		rest = true;
	}
	snprintf(all, sizeof(all), "%s %s %s %s %s", start, size, pxm, rest ? cached : "",
		 rest ? cached_size : "");
	ok = fd >= 0 && !syscall(SYS_finit_module, fd, all, 0);
	check(ok, "hot-add as System RAM (NVIDIA): %s%s%s", all, ok ? "" : ": ",
	      ok ? "" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The zone of the node's only memory, from /proc/zoneinfo. */
struct zone {
	__u64 spanned;
	__u64 start_pfn;
	bool others;
};

static struct zone movable_zone(unsigned int node)
{
	struct zone zone = {};
	char line[256], name[32] = "";
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned int at = 0;
	__u64 val;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %u, zone %31s", &at, name) == 2 || at != node)
			continue;
		if (sscanf(line, " present %llu", &val) == 1 && val && strcmp(name, "Movable"))
			zone.others = true;
		if (strcmp(name, "Movable"))
			continue;
		if (sscanf(line, " spanned %llu", &val) == 1)
			zone.spanned = val;
		if (sscanf(line, " start_pfn: %llu", &val) == 1)
			zone.start_pfn = val;
	}
	if (f)
		fclose(f);
	return zone;
}

/* What the driver demands of the node, and that all of it is there. */
static bool check_node(const struct gpu *gpu, unsigned int node)
{
	__u64 total = node_bytes(node, "MemTotal:");
	__u64 page = sysconf(_SC_PAGESIZE);
	struct zone zone = movable_zone(node);

	return check(total == gpu->online, "node %u has 0x%llx bytes, 0x%llx were added",
		     node, total, gpu->online) &&
	       check(zone.spanned && !zone.others,
		     "demand: all memory of node %u is in ZONE_MOVABLE", node) &&
	       check(zone.spanned * page == gpu->online && zone.start_pfn * page == gpu->base,
		     "demand: node %u spans exactly 0x%llx bytes from 0x%llx", node,
		     gpu->online, gpu->base);
}

static bool find_nodes(unsigned int *node, unsigned int nr)
{
	char text[128] = "", *at = text;
	FILE *f = fopen("/sys/module/nvgpu_hot_ram/parameters/node", "r");
	bool ok = f && fgets(text, sizeof(text), f);
	unsigned int i;

	if (f)
		fclose(f);
	for (i = 0; i < nr; i++) {
		node[i] = strtoul(at, &at, 10);
		at += *at == ',';
		ok = ok && node[i];
	}
	return check(ok, "each GPU's memory has a NUMA node of its own: %s", strtok(text, "\n"));
}

static void offline(const unsigned int *node, unsigned int nr)
{
	unsigned int i;

	check(!syscall(SYS_delete_module, "nvgpu_hot_ram", 0), "offline and remove");
	for (i = 0; i < nr; i++)
		check(!node_bytes(node[i], "MemTotal:"),
		      "node %u has no memory any more", node[i]);
}

static void use(const struct gpu *gpus, unsigned int nr,
		void (*programs)(unsigned int node, const char *name))
{
	unsigned int i, node[MAX_GPUS];
	char name[16];

	if (!online(gpus, nr) || !find_nodes(node, nr))
		return;
	for (i = 0; i < nr; i++) {
		if (!check_node(&gpus[i], node[i]))
			continue;
		snprintf(name, sizeof(name), "node %u", node[i]);
		programs(node[i], name);
	}
	offline(node, nr);
}

/**
 * stand_in() - use each GPU as its own driver does
 * @memory: sizes in bytes, one for each GPU, by address, with commas
 * @with_reset: reset the last one afterwards, and find and use its memory again
 */
void stand_in(const char *memory, bool with_reset)
{
	struct gpu gpus[MAX_GPUS] = {};
	char *at = (char *)memory;
	unsigned int nr = 0;

	do {
		if (!pci_find(nr, gpus[nr].slot))
			return;
		gpus[nr].memory = strtoull(at, &at, 0);
		if (!demands(&gpus[nr]))
			return;
	} while (++nr < MAX_GPUS && *at++ == ',');

	use(gpus, nr, check_memory);
	if (!with_reset)
		return;
	pci_reset();
	use(&gpus[nr - 1], 1, fill_memory);
}
