/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comes before all else in each test. The harness gives a test 30 s, which on an
 * emulated processor is too short for those that fault a whole BAR in.
 */
#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240
