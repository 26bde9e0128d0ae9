/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "model.h"

void generate(struct op *op, __u64 *random, const struct model *model);

#endif
