// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/iomem: users of physical addresses.
 */
#include <errno.h>

#include "nvgpuctl.h"

/* "  1000-1fff : name", two blanks a level. */
static bool parse_line(const char *line, struct iomem_range *range)
{
	size_t blanks = strspn(line, " ");

	range->depth = blanks / 2;
	return sscanf(line + blanks, "%16llx-%16llx : %95[^\n]", &range->start, &range->last,
		      range->name) == 3 && range->last >= range->start;
}

/**
 * iomem_parse() - Read /proc/iomem
 * @text: the file, whose lines are cut apart
 * @iomem: the ranges, in the file's order; to be freed
 *
 * Return: 0, or -EINVAL if no line is valid.
 */
int iomem_parse(char *text, struct iomem *iomem)
{
	unsigned int room = 0;
	char *line;

	*iomem = (struct iomem) {};
	while ((line = strsep(&text, "\n"))) {
		if (iomem->nr == room) {
			room = room ? 2 * room : 64;
			iomem->range = realloc(iomem->range, room * sizeof(*iomem->range));
			if (!iomem->range)
				abort();
		}
		if (parse_line(line, &iomem->range[iomem->nr]))
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
