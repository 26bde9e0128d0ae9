// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel log, which has the reason of a failed bind. A record is
 * "level,sequence,microseconds,flags;text"; lines of a record's properties begin with
 * a blank.
 */
#include "nvgpuctl.h"

/* Parses the head of a record; returns the start of the text, or NULL. */
static const char *parse_head(const char *line, const char *end, __u64 *sequence)
{
	const char *text = memchr(line, ';', end - line);
	const char *comma = memchr(line, ',', end - line);

	if (!text || !comma || comma > text)
		return NULL;
	*sequence = 0;
	for (comma++; comma < text && *comma >= '0' && *comma <= '9'; comma++)
		*sequence = *sequence * 10 + (*comma - '0');
	return comma < text && *comma == ',' ? text + 1 : NULL;
}

/* The driver core's own line, which follows the driver's line with the reason. */
#define CORE_SUMMARY "probe with driver "

/* The text after its prefix @what, or NULL. */
static const char *reason_in(const char *text, const char *stop, const char *what)
{
	size_t n = strlen(what), m = sizeof(CORE_SUMMARY) - 1;

	if ((size_t)(stop - text) < n || memcmp(text, what, n))
		return NULL;
	text += n;
	if ((size_t)(stop - text) >= m && !memcmp(text, CORE_SUMMARY, m))
		return NULL;
	return text;
}

/**
 * kmsg_find() - Find the last record with a prefix
 * @data: records from /dev/kmsg
 * @len: its length
 * @after: only records with higher sequence numbers
 * @what: prefix of the text, other than the driver core's lines; NULL for any
 * @buf: gets the rest of the text, or the sequence number if @what is NULL
 * @size: of @buf
 *
 * Return: true if there is one.
 */
bool kmsg_find(const char *data, size_t len, __u64 after, const char *what, char *buf,
	       size_t size)
{
	const char *line = data, *end = data + len, *stop, *text;
	__u64 sequence;
	bool found = false;

	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', end - line);
		if (!stop)
			stop = end;
		text = *line == ' ' ? NULL : parse_head(line, stop, &sequence);
		if (!text || sequence <= after)
			continue;
		if (!what) {
			snprintf(buf, size, "%llu", (unsigned long long)sequence);
			found = true;
			continue;
		}
		text = reason_in(text, stop, what);
		if (text) {
			snprintf(buf, size, "%.*s", (int)(stop - text), text);
			found = true;
		}
	}
	return found;
}

/* Sequence number of the newest record, 0 if there is none. */
__u64 kmsg_last(void)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/dev/kmsg");
	char number[32];

	if (len <= 0 || !kmsg_find(data, len, 0, NULL, number, sizeof(number)))
		return 0;
	return strtoull(number, NULL, 10);
}

/**
 * kmsg_error() - Get the last message with a prefix
 * @after: the earlier result of kmsg_last()
 * @what: the prefix, such as "nvgpu_vfio_pci 0009:01:00.0: "
 * @buf: gets the rest
 * @len: of @buf
 *
 * Return: true if there is one.
 */
bool kmsg_error(__u64 after, const char *what, char *buf, size_t len)
{
	char *data __free(pointer) = NULL;
	ssize_t n = root_load(&data, "/dev/kmsg");

	buf[0] = '\0';
	return n > 0 && kmsg_find(data, n, after, what, buf, len);
}
