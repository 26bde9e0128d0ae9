/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands before the kernel's harness in the search path. That gives a test 30 s where it
 * names no time of its own: too few for a busy machine, and a test that hangs is no better
 * seen then. Still less than LIST gives to a program, so that the harness names the test.
 */
#include_next <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120
