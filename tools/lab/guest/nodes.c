// SPDX-License-Identifier: GPL-2.0-only
/* NUMA nodes: those of the GPU are empty, and generic initiators by ACPI. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

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
