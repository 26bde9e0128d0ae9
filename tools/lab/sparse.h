/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What headers of newer kernels use and the toolchain's sparse (0.6.4) does not
 * know. It sees this file before every source file.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(text) (sizeof(text) - 1)
