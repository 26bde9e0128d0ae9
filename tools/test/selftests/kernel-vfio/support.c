// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's vfio selftests need besides themselves: UUIDs, and a way to
 * choose the IOMMU interface of those tests that have no variant for each.
 */
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#include <libvfio/iommu.h>

/* Two hex digits, not sscanf(): that would take blanks and signs as well. */
static int parse_byte(const char *text, unsigned char *byte)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char pair[3] = { text[0], text[0] ? text[1] : 0, 0 };

	if (strspn(pair, digits) != 2)
		return -1;
	*byte = strtoul(pair, NULL, 16);
	return 0;
}

/* 8-4-4-4-12 digits; 0 or -1, as in libuuid. */
int uuid_parse(const char *text, uuid_t uuid)
{
	int i;

	for (i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -1;
		if (parse_byte(text, &uuid[i]))
			return -1;
		text += 2;
	}
	return *text ? -1 : 0;
}

/* The library's default is iommufd, which a kernel need not have. */
static void __attribute__((constructor)) choose_iommu_mode(void)
{
	const char *mode = getenv("VFIO_SELFTESTS_IOMMU_MODE");

	if (mode)
		default_iommu_mode = mode;
}
