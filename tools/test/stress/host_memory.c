// SPDX-License-Identifier: GPL-2.0-only
/*
 * Actors wait while the host is short of memory. Each reset drops the kernel's mappings of
 * the GPU's memory; under KASAN such a mapping has a shadow of an eighth of it, which a work
 * item gives back later. Actors that outran it had a host of 2 GiB run out of memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

#define ENOUGH_KIB	(512 * 1024)
#define NAP_US		20000
#define MAX_MS		300000

static __u64 available_kib(void)
{
	static const char name[] = "MemAvailable:";
	char buf[1024], *at;
	ssize_t len;
	int fd;

	fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("no /proc/meminfo: %s", strerror(errno));
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = '\0';
	at = strstr(buf, name);
	if (!at)
		die("/proc/meminfo has no %s", name);
	return strtoull(at + strlen(name), NULL, 10);
}

/* Before an act. Memory that does not come back is a leak, and a failure. */
void host_memory_wait(const struct actor *actor)
{
	__u64 begin = now_ms(), left = available_kib();

	if (left >= ENOUGH_KIB)
		return;
	while (left < ENOUGH_KIB && !stopping()) {
		if (now_ms() > begin + MAX_MS)
			die("%s: the host has had less than %d MiB for %d s, %llu MiB are left",
			    actor->kind->name, ENOUGH_KIB / 1024, MAX_MS / 1000, left / 1024);
		usleep(NAP_US);
		left = available_kib();
	}
	__atomic_fetch_add(&shared->short_ms, now_ms() - begin, __ATOMIC_RELAXED);
}
