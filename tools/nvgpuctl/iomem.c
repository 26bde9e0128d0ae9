// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/iomem: users of physical addresses.
 */
#include <ctype.h>
#include <errno.h>

#include "nvgpuctl.h"

/* Parses a hexadecimal number; returns its end, or NULL. */
static const char *address(const char *p, const char *end, __u64 *value)
{
	const char *begin = p;

	for (*value = 0; p < end && isxdigit((unsigned char)*p) && p - begin < 16; p++)
		*value = *value << 4 | (isdigit((unsigned char)*p) ? *p - '0' :
					tolower((unsigned char)*p) - 'a' + 10);
	return p > begin ? p : NULL;
}

/* One line without its newline: "  1000-1fff : name", two blanks a level. */
static bool parse_line(const char *p, const char *end, struct iomem_range *range)
{
	const char *begin = p;
	size_t n;

	while (p < end && *p == ' ')
		p++;
	range->depth = (p - begin) / 2;
	p = address(p, end, &range->start);
	if (!p || p >= end || *p != '-')
		return false;
	p = address(p + 1, end, &range->last);
	if (!p || end - p < 3 || memcmp(p, " : ", 3))
		return false;
	p += 3;
	n = end - p < (ptrdiff_t)sizeof(range->name) ? (size_t)(end - p) : sizeof(range->name) - 1;
	memcpy(range->name, p, n);
	range->name[n] = '\0';
	return range->last >= range->start;
}

/**
 * iomem_parse() - Read /proc/iomem
 * @data: the file
 * @len: its length
 * @iomem: the ranges, in the file's order; to be freed
 *
 * Return: 0, or -EINVAL if no line is valid.
 */
int iomem_parse(const char *data, size_t len, struct iomem *iomem)
{
	const char *end = data + len, *line = data, *stop;
	unsigned int room = 0;

	*iomem = (struct iomem) {};
	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', end - line);
		if (!stop)
			stop = end;
		if (iomem->nr == room) {
			room = room ? 2 * room : 64;
			iomem->range = realloc(iomem->range, room * sizeof(*iomem->range));
			if (!iomem->range)
				abort();
		}
		if (parse_line(line, stop, &iomem->range[iomem->nr]))
			iomem->nr++;
	}
	return iomem->nr ? 0 : -EINVAL;
}

void iomem_free(struct iomem *iomem)
{
	free(iomem->range);
	*iomem = (struct iomem) {};
}

/* Without CAP_SYS_ADMIN the kernel shows all addresses as 0. */
bool iomem_is_hidden(const struct iomem *iomem)
{
	unsigned int i;

	for (i = 0; i < iomem->nr; i++)
		if (iomem->range[i].last)
			return false;
	return true;
}

/* "System RAM", or "System RAM (NVIDIA)" if a driver added it. */
bool iomem_is_ram(const char *name)
{
	return !strncmp(name, "System RAM", 10);
}
