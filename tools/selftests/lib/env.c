// SPDX-License-Identifier: GPL-2.0-only
/* What the runner hands to a test program. */
#include <stdlib.h>

#include "gpu.h"

#define EXIT_SKIP	4	/* KSFT_SKIP */

const char *env_or_skip(const char *name)
{
	const char *val = getenv(name);

	if (val && *val)
		return val;
	fprintf(stderr, "# %s is not set: run tools/selftests/run, or set it by hand\n",
		name);
	exit(EXIT_SKIP);
}
