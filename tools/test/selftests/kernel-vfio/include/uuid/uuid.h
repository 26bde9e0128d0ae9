/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests use of libuuid, of which there is no static cross build. */
#ifndef KERNEL_VFIO_UUID_H
#define KERNEL_VFIO_UUID_H

#include <linux/types.h>

typedef __u8 uuid_t[16];

int uuid_parse(const char *text, uuid_t uuid);

#endif
