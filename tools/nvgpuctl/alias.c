// SPDX-License-Identifier: GPL-2.0-only
/*
 * The variant driver that libvirt picks, by its rules (virpci.c): a line
 * "alias vfio_pci:... MODULE" in modules.alias matches if each of its seven fields
 * is "*" or equal to the device's; libvirt takes the match with the fewest "*", the
 * first of equals. modprobe.d is ignored.
 */
#include <errno.h>

#include "nvgpuctl.h"

#define NR_FIELDS 7
#define VALUE "%15[0-9A-F*]"

struct fields {
	char value[NR_FIELDS][16];
};

/* "v000010DEd00002342sv*sd*bc03sc02i*"; false if it is not of this form. */
static bool split(const char *text, struct fields *fields)
{
	char (*v)[16] = fields->value;
	int n = 0;

	return sscanf(text, "v" VALUE "d" VALUE "sv" VALUE "sd" VALUE "bc" VALUE "sc" VALUE
		      "i" VALUE "%n", v[0], v[1], v[2], v[3], v[4], v[5], v[6], &n) == NR_FIELDS &&
	       !text[n];
}

static bool matches(const struct fields *pattern, const struct fields *device,
		    unsigned int *wildcards)
{
	int i;

	*wildcards = 0;
	for (i = 0; i < NR_FIELDS; i++) {
		if (!strcmp(pattern->value[i], "*"))
			++*wildcards;
		else if (strcmp(pattern->value[i], device->value[i]))
			return false;
	}
	return true;
}

static void add(struct candidates *found, const struct candidate *new)
{
	found->v = realloc(found->v, (found->nr + 1) * sizeof(*found->v));
	if (!found->v)
		abort();
	if (found->best < 0 || new->wildcards < found->v[found->best].wildcards)
		found->best = found->nr;
	found->v[found->nr++] = *new;
}

/**
 * alias_search() - Find the matching aliases, and the one that libvirt picks
 * @text: modules.alias
 * @modalias: of the device, as in sysfs: pci:v...
 * @found: the candidates in the order of the file; to be freed
 *
 * Return: 0, or -EINVAL if @modalias is not of a PCI device.
 */
int alias_search(const char *text, const char *modalias, struct candidates *found)
{
	static const char head[] = "alias vfio_pci:";
	struct fields device, fields;
	struct candidate new = {};

	*found = (struct candidates) { .best = -1 };
	if (strncmp(modalias, "pci:", 4) || !split(modalias + 4, &device))
		return -EINVAL;
	for (; text; text = strchr(text, '\n'), text += !!text) {
		new.line++;
		/* sscanf() takes the length of the rest of the file: only where it is needed. */
		if (!strncmp(text, head, sizeof(head) - 1) &&
		    sscanf(text, "alias vfio_pci:%127s%*1[ ]%63s", new.pattern, new.module) == 2 &&
		    split(new.pattern, &fields) && matches(&fields, &device, &new.wildcards))
			add(found, &new);
	}
	return 0;
}

void candidates_free(struct candidates *found)
{
	free(found->v);
	*found = (struct candidates) { .best = -1 };
}

/* Does a variant driver match? vfio-pci's alias, all wildcards, matches any device. */
bool alias_is_claimed(const struct candidates *found)
{
	return found->nr && !same_module(found->v[found->best].module, "vfio_pci");
}
