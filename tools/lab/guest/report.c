// SPDX-License-Identifier: GPL-2.0-only
/* Results: "PASS ..." or "FAIL ...", one line each. */
#include <stdio.h>
#include <time.h>

#include "guest.h"

static unsigned int passed, failed;

void report_begin(bool ok)
{
	if (ok)
		passed++;
	else
		failed++;
	fputs(ok ? "PASS " : "FAIL ", stdout);
}

void report_end(void)
{
	putchar('\n');
	fflush(stdout);
}

unsigned int nr_failed(void)
{
	return failed;
}

unsigned int nr_passed(void)
{
	return passed;
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
