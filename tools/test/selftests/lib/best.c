// SPDX-License-Identifier: GPL-2.0-only
/* Upper bounds of times, judged by the best of a few tries. */
#include "gpu.h"

struct best best_of(unsigned int tries, __u64 enough_us)
{
	return (struct best) { .us = ~0ULL, .enough_us = enough_us, .left = tries };
}

bool best_again(const struct best *best)
{
	return best->left && best->us > best->enough_us;
}

void best_took(struct best *best, __u64 us)
{
	if (us < best->us)
		best->us = us;
	if (best->left)
		best->left--;
}
