// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's log, record by record, from when it was opened. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

#define RECORD_LEN	8192
#define PAUSE_US	1000

/* Return: a file that has only what the kernel says from now on. */
int kernel_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg: %s", strerror(errno));
	return log;
}

/* Return: whether there was another record. Older ones may have been overwritten. */
static bool next_record(int log, char *record, size_t len)
{
	ssize_t done;

	do {
		done = read(log, record, len - 1);
	} while (done < 0 && errno == EPIPE);
	if (done <= 0)
		return false;
	record[done] = '\0';
	record[strcspn(record, "\n")] = '\0';
	return true;
}

/* Return: how many records there are, the first of them in @first. */
unsigned int kernel_log_count(int log, char *first, size_t len)
{
	char record[RECORD_LEN];
	unsigned int nr = 0;

	first[0] = '\0';
	while (next_record(log, record, sizeof(record)))
		if (!nr++)
			snprintf(first, len, "%s", record);
	return nr;
}

/* Return: whether @text was said, at last @ms from now. */
bool kernel_log_wait(int log, const char *text, int ms)
{
	__u64 end = now_ms() + (__u64)ms;
	char record[RECORD_LEN];

	for (;;) {
		while (next_record(log, record, sizeof(record)))
			if (strstr(record, text))
				return true;
		if (now_ms() >= end)
			return false;
		usleep(PAUSE_US);
	}
}
