// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel log, which has the reason of a failed bind. A record is
 * "level,sequence,microseconds,flags;text"; lines of a record's properties begin with
 * a blank.
 */
#include "nvgpuctl.h"

/* The driver core's own line, which follows the driver's line with the reason. */
#define CORE_SUMMARY "probe with driver "

/**
 * kmsg_find() - Find the last record with a prefix
 * @text: records from /dev/kmsg, whose lines are cut apart
 * @after: only records with higher sequence numbers
 * @what: prefix of the text, other than the driver core's lines; NULL for any
 * @buf: gets the rest of the text, or the sequence number if @what is NULL
 * @size: of @buf
 *
 * Return: true if there is one.
 */
bool kmsg_find(char *text, __u64 after, const char *what, char *buf, size_t size)
{
	size_t n = what ? strlen(what) : 0;
	bool found = false;
	__u64 sequence;
	char *line;
	int head;

	while ((line = strsep(&text, "\n"))) {
		head = 0;
		if (sscanf(line, "%*u,%llu,%*[^;];%n", &sequence, &head) != 1 || !head ||
		    sequence <= after)
			continue;
		line += head;
		if (what && (strncmp(line, what, n) ||
			     !strncmp(line + n, CORE_SUMMARY, sizeof(CORE_SUMMARY) - 1)))
			continue;
		if (what)
			snprintf(buf, size, "%s", line + n);
		else
			snprintf(buf, size, "%llu", sequence);
		found = true;
	}
	return found;
}

/* Sequence number of the newest record, 0 if there is none. */
__u64 kmsg_last(void)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/dev/kmsg");
	char number[32];

	if (len <= 0 || !kmsg_find(data, 0, NULL, number, sizeof(number)))
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
	return n > 0 && kmsg_find(data, after, what, buf, len);
}
