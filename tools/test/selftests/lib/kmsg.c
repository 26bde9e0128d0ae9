// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's log, record by record, from when it was opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"

#define RECORD_LEN	8192
#define PAUSE_US	1000

/* What a kernel says of a CPU that was not run for a while, whatever runs on it. */
static const char * const starved[] = {
	"sched: DL replenish lagged too much",
	"hrtimer: interrupt took",
	"clocksource: ",
	"tsc: Marking TSC unstable",
	"sched_clock: Marking unstable",
	"perf: interrupt took too long",
};

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

/* A record is "PRIORITY,NUMBER,TIME,FLAGS;TEXT". */
static bool is_of_starved_cpu(const char *record)
{
	const char *text = strchr(record, ';');
	size_t i;

	if (!text++)
		return false;
	for (i = 0; i < ARRAY_SIZE(starved); i++)
		if (!strncmp(text, starved[i], strlen(starved[i])))
			return true;
	return !strncmp(text, "workqueue: ", 11) && strstr(text, " hogged CPU for ");
}

/**
 * kernel_log_count() - what was said so far
 * @log: of kernel_log_open()
 * @first: for the first record
 * @len: size of @first
 *
 * Return: how many records there are, without those that a busy machine causes.
 */
unsigned int kernel_log_count(int log, char *first, size_t len)
{
	char record[RECORD_LEN];
	unsigned int nr = 0;

	first[0] = '\0';
	while (next_record(log, record, sizeof(record)))
		if (!is_of_starved_cpu(record) && !nr++)
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
