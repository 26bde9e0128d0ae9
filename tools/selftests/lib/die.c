// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends a test program with a line that a TAP reader shows and that names the
 * cause. The codes are those of kselftest.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpu.h"

#define EXIT_FAIL	1
#define EXIT_SKIP	4

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("# ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_FAIL);
}

const char *env_or_skip(const char *name)
{
	const char *val = getenv(name);

	if (val && *val)
		return val;
	fprintf(stderr, "# %s is not set: run tools/selftests/run, or set it by hand\n",
		name);
	exit(EXIT_SKIP);
}
