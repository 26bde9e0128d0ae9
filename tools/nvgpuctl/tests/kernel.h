/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the linker's --wrap calls, and what it hides.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <sys/types.h>

ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_isatty(int fd);
int __wrap_isatty(int fd);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

#endif /* KERNEL_H */
