// SPDX-License-Identifier: GPL-2.0-only
/*
 * The variant driver that libvirt picks, by its rules (virpci.c): a line
 * "alias vfio_pci:... MODULE" in modules.alias matches if each of its seven fields
 * is "*" or equal to the device's; libvirt takes the match with the fewest "*", the
 * first of equals. modprobe.d is ignored.
 */
#include <ctype.h>
#include <errno.h>

#include "nvgpuctl.h"

#define NR_FIELDS 7

/* The prefix of each field; the last field extends to the end. */
static const char *const field_key[NR_FIELDS] = { "v", "d", "sv", "sd", "bc", "sc", "i" };

struct fields {
	char value[NR_FIELDS][16];
};

/* "v000010DEd00002342sv*sd*bc03sc02i*"; false if it is not of this form. */
static bool split(const char *text, const char *end, struct fields *fields)
{
	size_t n;
	int i;

	for (i = 0; i < NR_FIELDS; i++) {
		n = strlen(field_key[i]);
		if ((size_t)(end - text) < n || memcmp(text, field_key[i], n))
			return false;
		text += n;
		for (n = 0; text + n < end && (text[n] == '*' ||
					       (isxdigit((unsigned char)text[n]) &&
						!islower((unsigned char)text[n]))); n++)
			;
		if (!n || n >= sizeof(fields->value[i]))
			return false;
		memcpy(fields->value[i], text, n);
		fields->value[i][n] = '\0';
		text += n;
	}
	return text == end;
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

static void add(struct candidates *found, const char *pattern, size_t pattern_len,
		const char *module, size_t module_len)
{
	struct candidate *new;

	found->v = realloc(found->v, (found->nr + 1) * sizeof(*found->v));
	if (!found->v)
		abort();
	new = &found->v[found->nr++];
	*new = (struct candidate) {};
	snprintf(new->pattern, sizeof(new->pattern), "%.*s", (int)pattern_len, pattern);
	snprintf(new->module, sizeof(new->module), "%.*s", (int)module_len, module);
}

/* A line of modules.alias, without its newline. */
static bool try_line(const char *line, const char *end, const struct fields *device,
		     struct candidates *found)
{
	static const char head[] = "alias vfio_pci:";
	const char *pattern = line + sizeof(head) - 1, *blank;
	struct fields fields;
	unsigned int wildcards;

	if ((size_t)(end - line) < sizeof(head) || memcmp(line, head, sizeof(head) - 1))
		return false;
	blank = memchr(pattern, ' ', end - pattern);
	if (!blank || blank + 1 >= end || !split(pattern, blank, &fields) ||
	    !matches(&fields, device, &wildcards))
		return false;
	add(found, pattern, blank - pattern, blank + 1, end - blank - 1);
	found->v[found->nr - 1].wildcards = wildcards;
	return true;
}

/**
 * alias_search() - Find the matching aliases, and the one that libvirt picks
 * @data: modules.alias
 * @len: its length
 * @modalias: of the device, as in sysfs: pci:v...
 * @found: the candidates in the order of the file; to be freed
 *
 * Return: 0, or -EINVAL if @modalias is not of a PCI device.
 */
int alias_search(const char *data, size_t len, const char *modalias, struct candidates *found)
{
	const char *line = data, *end = data + len, *stop;
	struct fields device;
	unsigned int number = 0;
	struct candidate *new;

	*found = (struct candidates) { .best = -1 };
	if (strncmp(modalias, "pci:", 4) ||
	    !split(modalias + 4, modalias + strlen(modalias), &device))
		return -EINVAL;

	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', end - line);
		if (!stop)
			stop = end;
		number++;
		if (!try_line(line, stop, &device, found))
			continue;
		new = &found->v[found->nr - 1];
		new->line = number;
		if (found->best < 0 || new->wildcards < found->v[found->best].wildcards)
			found->best = found->nr - 1;
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
