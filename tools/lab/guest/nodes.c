// SPDX-License-Identifier: GPL-2.0-only
/* NUMA nodes: those of the GPU, generic initiators by ACPI, get memory from its driver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define MAX_NODE	64

/* How many nodes a file like "0,2-8" names. */
static unsigned int nodes_in(const char *name)
{
	char path[96], text[256] = "", *p = text;
	unsigned int nr = 0;
	unsigned long first, last;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/%s", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	while (*p >= '0' && *p <= '9') {
		first = strtoul(p, &p, 10);
		last = *p == '-' ? strtoul(p + 1, &p, 10) : first;
		nr += last - first + 1;
		if (*p == ',')
			p++;
	}
	return nr;
}

void check_nodes(unsigned int wanted)
{
	unsigned int possible = nodes_in("possible"), memory = nodes_in("has_memory");
	unsigned int initiators = nodes_in("has_generic_initiator");

	check(possible >= wanted && memory == 1, "%u NUMA nodes, %u with memory", possible,
	      memory);
	check(initiators == wanted - 1, "%u of them are generic initiators", initiators);
}

/**
 * node_bytes() - read a line of a node's meminfo
 * @node: the node
 * @key: "MemTotal:" or another one
 *
 * Return: bytes, 0 if there is no such node or line.
 */
__u64 node_bytes(unsigned int node, const char *key)
{
	char path[96], line[256], *at;
	__u64 kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, key);
		if (at)
			kib = strtoull(at + strlen(key), NULL, 10);
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

/* A picture: what each node with memory has, and how much of it is in use. */
void show_nodes(void)
{
	unsigned int node, used, i;
	__u64 total, in_use;
	char bar[41] = "";

	for (node = 0; node < MAX_NODE; node++) {
		total = node_bytes(node, "MemTotal:");
		if (!total)
			continue;
		in_use = total - node_bytes(node, "MemFree:");
		used = in_use * (sizeof(bar) - 1) / total;
		for (i = 0; i < sizeof(bar) - 1; i++)
			bar[i] = i < used ? '#' : '.';
		say("     node %-2u %s [%s] %5llu MiB, %llu in use", node,
		    node ? "GPU memory  " : "RAM and CPUs", bar, total >> 20, in_use >> 20);
	}
}
