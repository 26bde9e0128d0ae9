// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsers and formatters of short texts. Pure functions of untrusted bytes, which
 * are fuzzed.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>

#include "nvgpuctl.h"

/* Parses up to @max hexadecimal digits; returns their end, or NULL without one. */
static const char *hex_digits(const char *text, unsigned int max, unsigned int *value)
{
	unsigned int n;

	*value = 0;
	for (n = 0; n < max && isxdigit((unsigned char)text[n]); n++)
		*value = *value * 16 + (isdigit((unsigned char)text[n]) ? text[n] - '0' :
					tolower((unsigned char)text[n]) - 'a' + 10);
	return n ? text + n : NULL;
}

/**
 * parse_bdf() - Parse a PCI address, with or without domain
 * @text: such as 0009:01:00.0 or 01:00.0
 * @bdf: the address, without domain ANY_DOMAIN
 *
 * Return: true if it is valid.
 */
bool parse_bdf(const char *text, struct bdf *bdf)
{
	const char *p = text;

	*bdf = (struct bdf) { .domain = ANY_DOMAIN };
	if (strchr(text, ':') != strrchr(text, ':')) {
		p = hex_digits(p, 8, &bdf->domain);
		if (!p || *p++ != ':')
			return false;
	}
	p = hex_digits(p, 2, &bdf->bus);
	if (!p || *p++ != ':')
		return false;
	p = hex_digits(p, 2, &bdf->dev);
	if (!p || *p++ != '.' || bdf->dev > 0x1f)
		return false;
	p = hex_digits(p, 1, &bdf->fn);
	return p && !*p && bdf->fn <= 7;
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
	unsigned int v, d;
	const char *p = hex_digits(text, 4, &v);

	if (!p || p != text + 4 || *p != ':')
		return false;
	p = hex_digits(text + 5, 4, &d);
	if (!p || p != text + 9 || *p)
		return false;
	*vendor = v;
	*device = d;
	return true;
}

/**
 * parse_size() - Parse a size in bytes or with K, M, G, T
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
	if (!unit || end[1] || *size > UINT64_MAX >> (10 * (unit - units + 1)))
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
	int i;

	while (*text && !(isdigit((unsigned char)text[0]) &&
			  text[strspn(text, "0123456789")] == '.'))
		text += isdigit((unsigned char)*text) ? strspn(text, "0123456789") : 1;
	for (i = 0; i < 3 && isdigit((unsigned char)*text); i++) {
		for (; isdigit((unsigned char)*text); text++)
			part[i] = part[i] < 100 ? part[i] * 10 + *text - '0' : 999;
		if (*text == '.')
			text++;
	}
	return VERSION(part[0], part[1], part[2]);
}

/* Start of the next line, or NULL at the end. */
static const char *next_line(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', end - line);

	return newline && newline + 1 < end ? newline + 1 : NULL;
}

/**
 * parse_config() - Look a symbol up in a kernel configuration
 * @data: the file
 * @len: its length
 * @symbol: with CONFIG_
 * @value: the text after "="
 * @size: of @value
 *
 * Return: 0, or -ENOENT if it is not set.
 */
int parse_config(const char *data, size_t len, const char *symbol, char *value, size_t size)
{
	const char *line, *end = data + len;
	size_t n = strlen(symbol);

	for (line = len ? data : NULL; line; line = next_line(line, end)) {
		if ((size_t)(end - line) <= n || memcmp(line, symbol, n) || line[n] != '=')
			continue;
		line += n + 1;
		n = 0;
		while (line + n < end && line[n] != '\n' && n + 1 < size)
			n++;
		memcpy(value, line, n);
		value[n] = '\0';
		return 0;
	}
	return -ENOENT;
}

/**
 * parse_capability() - Look a capability up in /proc/PID/status
 * @data: the file
 * @len: its length
 * @number: of the capability
 *
 * Return: true if it is effective.
 */
bool parse_capability(const char *data, size_t len, unsigned int number)
{
	static const char key[] = "CapEff:\t";
	const char *line, *end = data + len;
	char value[17] = "";

	for (line = len ? data : NULL; line; line = next_line(line, end)) {
		if ((size_t)(end - line) < sizeof(key) + 15 || memcmp(line, key, sizeof(key) - 1))
			continue;
		memcpy(value, line + sizeof(key) - 1, 16);
		return strtoull(value, NULL, 16) >> number & 1;
	}
	return false;
}

/**
 * parse_memlock() - Parse the limit of locked memory in /proc/PID/limits
 * @data: the file
 * @len: its length
 * @soft: bytes, UINT64_MAX if unlimited
 *
 * Return: 0 or -EINVAL.
 */
int parse_memlock(const char *data, size_t len, __u64 *soft)
{
	static const char key[] = "Max locked memory ";
	const char *line, *end = data + len;
	char value[32];
	size_t n;
	char *stop;

	for (line = len ? data : NULL; line; line = next_line(line, end))
		if ((size_t)(end - line) > sizeof(key) && !memcmp(line, key, sizeof(key) - 1))
			break;
	if (!line)
		return -EINVAL;
	line += sizeof(key) - 1;
	while (line < end && *line == ' ')
		line++;
	for (n = 0; line + n < end && n + 1 < sizeof(value); n++) {
		if (isspace((unsigned char)line[n]))
			break;
		value[n] = line[n];
	}
	value[n] = '\0';
	*soft = UINT64_MAX;
	if (!strcmp(value, "unlimited"))
		return 0;
	errno = 0;
	*soft = strtoull(value, &stop, 10);
	return errno || !n || *stop || !isdigit((unsigned char)*value) ? -EINVAL : 0;
}

/* A copy of up to @n bytes that fits. */
static void copy_text(char *buf, size_t size, const char *text, size_t n)
{
	snprintf(buf, size, "%.*s", n < size ? (int)n : (int)size - 1, text);
}

/**
 * parse_map() - Read a line of /proc/PID/maps
 * @line: where it begins, before @end
 * @end: of the file
 * @range: gets its addresses, the name in map_files
 * @range_size: of @range
 * @name: gets the file's name, empty without one
 * @name_size: of @name
 *
 * Return: start of the next line.
 */
const char *parse_map(const char *line, const char *end, char *range, size_t range_size,
		      char *name, size_t name_size)
{
	const char *stop = memchr(line, '\n', end - line), *p = line;
	int field;

	if (!stop)
		stop = end;
	/* address perms offset dev inode, then the name */
	for (field = 0; field < 5; field++) {
		while (p < stop && *p != ' ')
			p++;
		if (!field)
			copy_text(range, range_size, line, p - line);
		while (p < stop && *p == ' ')
			p++;
	}
	copy_text(name, name_size, p, stop - p);
	return stop < end ? stop + 1 : end;
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

/* "-" and "_" are equal in names of modules. */
bool same_module(const char *a, const char *b)
{
	while (*a && (*a == '-' ? '_' : *a) == (*b == '-' ? '_' : *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}
