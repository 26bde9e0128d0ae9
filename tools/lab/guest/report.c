// SPDX-License-Identifier: GPL-2.0-only
/* Results: "PASS ..." or "FAIL ...", one line each. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "guest.h"

static unsigned int passed, failed;

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

bool check(bool ok, const char *fmt, ...)
{
	va_list args;

	if (ok)
		passed++;
	else
		failed++;
	fputs(ok ? "PASS " : "FAIL ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return ok;
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
