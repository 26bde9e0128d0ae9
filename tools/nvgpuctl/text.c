// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsers and formatters of short texts. Pure functions of untrusted bytes, which
 * are fuzzed.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "nvgpuctl.h"

/**
 * parse_bdf() - Parse a PCI address, with or without domain
 * @text: such as 0009:01:00.0 or 01:00.0
 * @bdf: the address, without domain ANY_DOMAIN
 *
 * Return: true if it is valid.
 */
bool parse_bdf(const char *text, struct bdf *bdf)
{
	int n = 0;

	*bdf = (struct bdf) { .domain = ANY_DOMAIN };
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &bdf->domain, &bdf->bus, &bdf->dev, &bdf->fn,
		   &n) != 4) {
		bdf->domain = ANY_DOMAIN;
		if (sscanf(text, "%2x:%2x.%1x%n", &bdf->bus, &bdf->dev, &bdf->fn, &n) != 3)
			return false;
	}
	return !text[n] && bdf->dev <= 0x1f && bdf->fn <= 7;
}

/**
 * parse_id() - Parse vendor:device
 * @text: such as 10de:2342
 * @vendor: the vendor
 * @device: the device
 *
 * Return: true if it is valid.
 */
bool parse_id(const char *text, __u16 *vendor, __u16 *device)
{
	int n = 0;

	return strspn(text, "0123456789abcdefABCDEF:") == 9 &&
	       sscanf(text, "%4hx:%4hx%n", vendor, device, &n) == 2 && n == 9 && !text[n];
}

/**
 * parse_size() - Parse a size in bytes or with K, M, G, T, also as GB or GiB
 * @text: such as 16G
 * @size: bytes
 *
 * Return: true if it is a size of at least one byte.
 */
bool parse_size(const char *text, __u64 *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*size = strtoull(text, &end, 10);
	if (errno || !*size)
		return false;
	if (!*end)
		return true;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || (end[1] && strcmp(end + 1, "B") && strcmp(end + 1, "iB")) ||
	    *size > UINT64_MAX >> (10 * (unit - units + 1)))
		return false;
	*size <<= 10 * (unit - units + 1);
	return true;
}

/**
 * parse_driver_file() - Parse a file of /etc/driverctl.d: one line, a driver's name
 * @data: the file
 * @len: its length
 * @driver: the name
 * @size: of @driver
 *
 * Return: true if it is valid.
 */
bool parse_driver_file(const char *data, size_t len, char *driver, size_t size)
{
	size_t n = 0, i;

	while (n < len && (isalnum((unsigned char)data[n]) || (data[n] && strchr("-_.+", data[n]))))
		n++;
	for (i = n; i < len; i++)
		if (!isspace((unsigned char)data[i]))
			return false;
	if (!n || n >= size)
		return false;
	memcpy(driver, data, n);
	driver[n] = '\0';
	return true;
}

/**
 * parse_version() - Find the first version number in a text
 * @text: such as "QEMU emulator version 10.0.13 (Debian ...)"
 *
 * Return: a VERSION() value, 0 without one.
 */
unsigned int parse_version(const char *text)
{
	unsigned int part[3] = {};

	for (; *text; text++)
		if (isdigit((unsigned char)*text) &&
		    sscanf(text, "%3u.%3u.%3u", &part[0], &part[1], &part[2]) >= 2)
			return VERSION(part[0], part[1], part[2]);
	return 0;
}

/**
 * parse_list() - Parse a list of numbers, as of NUMA nodes
 * @text: such as 0-1,4
 * @list: gets the numbers
 * @max: size of @list
 *
 * Return: how many, or -EINVAL.
 */
int parse_list(const char *text, unsigned int *list, unsigned int max)
{
	unsigned int first, last, nr = 0;
	char *end;

	for (;; text = end + 1) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = strtoul(text, &end, 10);
		last = first;
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last - first >= max - nr)
			return -EINVAL;
		do
			list[nr++] = first;
		while (first++ < last);
		if (*end != ',')
			return *end ? -EINVAL : (int)nr;
	}
}

/**
 * parse_config() - Look a key up in a file of lines KEY=VALUE
 * @text: the file
 * @key: such as CONFIG_KVM
 * @value: the text after "="
 * @size: of @value
 *
 * Return: 0, or -ENOENT if there is none.
 */
int parse_config(const char *text, const char *key, char *value, size_t size)
{
	size_t n = strlen(key);

	for (; text; text = strchr(text, '\n'), text += !!text) {
		if (strncmp(text, key, n) || text[n] != '=')
			continue;
		text += n + 1;
		snprintf(value, size, "%.*s", (int)strcspn(text, "\n"), text);
		return 0;
	}
	return -ENOENT;
}

/**
 * parse_memlock() - Parse the limit of locked memory in /proc/PID/limits
 * @text: the file
 * @soft: bytes, UINT64_MAX if unlimited
 *
 * Return: 0 or -EINVAL.
 */
int parse_memlock(const char *text, __u64 *soft)
{
	const char *line = strstr(text, "Max locked memory ");
	char value[32], *stop;

	if (!line || sscanf(line, "Max locked memory %31s", value) != 1)
		return -EINVAL;
	*soft = UINT64_MAX;
	if (!strcmp(value, "unlimited"))
		return 0;
	errno = 0;
	*soft = strtoull(value, &stop, 10);
	return errno || *stop || !isdigit((unsigned char)*value) ? -EINVAL : 0;
}

/**
 * parse_vm_name() - Find the name of a VM on QEMU's command line
 * @data: words, each ended by a NUL
 * @len: of @data
 * @name: the name
 * @size: of @name
 *
 * Return: true if there is one.
 */
bool parse_vm_name(const char *data, size_t len, char *name, size_t size)
{
	const char *end = data + len, *word = data, *value;

	for (; word < end && memchr(word, 0, end - word); word += strlen(word) + 1) {
		value = word + strlen(word) + 1;
		if ((strcmp(word, "-name") && strcmp(word, "--name")) || value >= end ||
		    !memchr(value, 0, end - value))
			continue;
		if (!strncmp(value, "guest=", 6))
			value += 6;
		snprintf(name, size, "%.*s", (int)strcspn(value, ","), value);
		return *name;
	}
	return false;
}

/**
 * errno_name() - Get the name of an error
 * @err: negative or positive errno
 *
 * Return: such as "EBUSY".
 */
const char *errno_name(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	return name ? name : "unknown error";
}

/**
 * pow2_ceil() - Round up to a power of two
 * @value: any value
 *
 * Return: the power of two, 0 if there is none.
 */
__u64 pow2_ceil(__u64 value)
{
	__u64 power = 1;

	while (power && power < value)
		power <<= 1;
	return power;
}

/* Overwrites letters and digits. */
static void hide(char *text, size_t len)
{
	for (; len; len--, text++)
		if (isalnum((unsigned char)*text))
			*text = 'x';
}

/* Length of a UUID, 0 without one. */
static size_t uuid_at(const char *text)
{
	static const char form[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'h' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return 0;
	return i;
}

/**
 * hide_ids() - Overwrite UUIDs and serial numbers in a text
 * @text: the text: UUIDs are known by their form, serial numbers by the word before
 */
void hide_ids(char *text)
{
	static const char separators[] = " \t:=#\"'";
	size_t len;

	for (; *text; text++) {
		hide(text, uuid_at(text));
		if (strncasecmp(text, "serial", 6))
			continue;
		text += 6;
		text += strspn(text, "_- ");
		if (!strncasecmp(text, "number", 6))
			text += 6;
		text += strspn(text, separators);
		len = strcspn(text, " \t\n,;\"'");
		if (strcspn(text, "0123456789") < len)
			hide(text, len);
		text--;
	}
}

/* "-" and "_" are equal in names of modules. */
bool same_module(const char *a, const char *b)
{
	while (*a && (*a == '-' ? '_' : *a) == (*b == '-' ? '_' : *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}
