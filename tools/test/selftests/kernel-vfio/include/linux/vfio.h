/* SPDX-License-Identifier: GPL-2.0-only */
/* The uAPI of the tests' own kernel: the C library's may be older. */
#include <uapi/linux/vfio.h>
