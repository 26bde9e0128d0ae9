/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by root.c and root_write.c.
 */
#ifndef ROOT_H
#define ROOT_H

#include <stdarg.h>

#include "nvgpuctl.h"

/* Declares the path made from the arguments "fmt, ..." of the function; to be freed. */
#define FORMATTED_PATH() ({				\
	va_list _args;					\
	char *_path;					\
							\
	va_start(_args, fmt);				\
	_path = root_path_va(fmt, _args);			\
	va_end(_args);					\
	_path;						\
})

char *root_path_va(const char *fmt, va_list args);
size_t root_len(void);

#endif /* ROOT_H */
