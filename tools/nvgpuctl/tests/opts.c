// SPDX-License-Identifier: GPL-2.0-only
/*
 * Definitions of main.c, for programs with a main() of their own.
 */
#include <getopt.h>

#include "nvgpuctl.h"

int next_option(int argc, char **argv, const struct option *own, void (*help)(void))
{
	return getopt_long(argc, argv, "", own, NULL);
}

enum status load_and_select(int argc, char **argv,
			    struct gpus **all, struct gpus **chosen)
{
	return ST_NO_GPU;
}
