// SPDX-License-Identifier: GPL-2.0-only
/* What the runner hands to a test program. */
#include <stdlib.h>

#include "gpu.h"

#define EXIT_SKIP	4	/* KSFT_SKIP */
#define AT_ONCE_US	1000000
#define AT_ONCE_SLOW_US	20000000

const char *env_or_skip(const char *name)
{
	const char *val = getenv(name);

	if (val && *val)
		return val;
	fprintf(stderr,
		"# %s is not set: run tools/test/selftests/run-selftests, or set it by hand\n",
		name);
	exit(EXIT_SKIP);
}

__u64 at_once_us(void)
{
	const char *slow = getenv("NVGPU_SLOW_KERNEL");

	return slow && *slow ? AT_ONCE_SLOW_US : AT_ONCE_US;
}
