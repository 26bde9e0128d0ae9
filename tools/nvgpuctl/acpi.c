// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory in ACPI tables, without an interpreter.
 *
 * Firmware provides the two properties in a _DSD: a package of packages of a name
 * and a value. In AML a name is 0x0d, its letters, 0; a constant that follows is
 * one prefix byte and up to 8 bytes (ACPI 6.5, 20.2.3). Values computed at run time
 * cannot be found in this way, so results are reported as heuristic.
 */
#define _GNU_SOURCE
#include "nvgpuctl.h"

#define AML_ONE		0x01
#define AML_BYTE	0x0a
#define AML_WORD	0x0b
#define AML_DWORD	0x0c
#define AML_STRING	0x0d
#define AML_QWORD	0x0e

/* "\r" is AML_STRING. */
static const char base_name[] = "\rnvidia,gpu-mem-base-pa";
static const char size_name[] = "\rnvidia,gpu-mem-size";

/* A constant is a prefix byte and up to 8 bytes, zero and one the prefix alone. */
static bool read_constant(const __u8 *p, const __u8 *end, __u64 *value)
{
	static const __u8 bytes[] = {
		[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4, [AML_QWORD] = 8
	};
	int n, i;

	if (p >= end || *p >= sizeof(bytes))
		return false;
	n = bytes[*p];
	if ((!n && *p > AML_ONE) || end - p - 1 < n)
		return false;
	*value = n ? 0 : *p;
	for (i = n; i > 0; i--)
		*value = *value << 8 | p[i];
	return true;
}

/* A repeated name belongs to the next GPU. */
static struct acpi_memory *slot_for(struct acpi_memory *found, unsigned int *nr,
				    unsigned int max, bool is_base)
{
	struct acpi_memory *last = *nr ? &found[*nr - 1] : NULL;

	if (last && !(is_base ? last->has_base : last->has_size) && !last->is_computed)
		return last;
	if (*nr == max)
		return NULL;
	found[*nr] = (struct acpi_memory) {};
	return &found[(*nr)++];
}

static void note_value(struct acpi_memory *slot, bool is_base, const __u8 *p,
		       const __u8 *end)
{
	__u64 value;

	if (!read_constant(p, end, &value)) {
		slot->is_computed = true;
	} else if (is_base) {
		slot->base = value;
		slot->has_base = true;
	} else {
		slot->size = value;
		slot->has_size = true;
	}
}

/**
 * acpi_find_memory() - Find the properties of GPU memory in a table
 * @aml: the table
 * @len: its length
 * @found: filled in the order of the table, one entry per GPU
 * @max: size of @found
 *
 * Return: number of entries.
 */
unsigned int acpi_find_memory(const __u8 *aml, size_t len, struct acpi_memory *found,
			      unsigned int max)
{
	const __u8 *p = aml, *end = aml + len;
	struct acpi_memory *slot;
	unsigned int nr = 0;
	bool is_base;
	size_t n;

	while (p < end && (p = memchr(p, AML_STRING, end - p))) {
		/* Includes the terminating NUL. */
		is_base = (size_t)(end - p) >= sizeof(base_name) &&
			  !memcmp(p, base_name, sizeof(base_name));
		n = is_base ? sizeof(base_name) : sizeof(size_name);
		if (!is_base && ((size_t)(end - p) < n || memcmp(p, size_name, n))) {
			p++;
			continue;
		}
		slot = slot_for(found, &nr, max, is_base);
		if (!slot)
			break;
		note_value(slot, is_base, p + n, end);
		p += n;
	}
	return nr;
}
