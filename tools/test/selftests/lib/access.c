// SPDX-License-Identifier: GPL-2.0-only
/* One access to the memory in any of the three ways, here, in a thread or a child. */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu.h"

const char * const access_name[NR_ACCESS_WAYS] = {
	[ACCESS_READ] = "read",
	[ACCESS_WRITE] = "write",
	[ACCESS_TOUCH] = "touch",
};

/**
 * access_now() - one word at the beginning of the region
 * @access: gpu, region, way, and for ACCESS_TOUCH the mapping; @began_us, @ended_us
 *	and @result are set
 *
 * Return: 0, -errno from read or write, the signal (positive) from a mapping.
 */
int access_now(struct access *access)
{
	ssize_t done = 0;
	__u32 val = 0;

	access->began_us = now_us();
	switch (access->way) {
	case ACCESS_READ:
		done = __gpu_pread(access->gpu, access->region, &val, sizeof(val), 0);
		break;
	case ACCESS_WRITE:
		done = __gpu_pwrite(access->gpu, access->region, &val, sizeof(val), 0);
		break;
	default:
		access->result = touch_read(access->map, &val);
		break;
	}
	access->ended_us = now_us();
	if (access->way != ACCESS_TOUCH)
		access->result = done == sizeof(val) ? 0 : (int)done;
	return access->result;
}

static void *run(void *data)
{
	access_now(data);
	return NULL;
}

void access_start(struct access *access)
{
	if (pthread_create(&access->thread, NULL, run, access))
		die("cannot start a thread");
}

int access_wait(struct access *access)
{
	pthread_join(access->thread, NULL);
	return access->result;
}

/**
 * access_waits_until_ready() - make the memory ready while an access waits for it
 * @access: the access; it has ended on return
 *
 * The sim's never_ready must be set.
 *
 * Return: whether the access succeeded, and not before the memory was ready.
 */
bool access_waits_until_ready(struct access *access)
{
	__u64 ready_at;

	access_start(access);
	usleep(300000);
	ready_at = now_us();
	sim_write("never_ready", 0);
	return !access_wait(access) && access->ended_us >= ready_at;
}

/* Return: child that makes the access and exits with 0 whatever comes of it. */
pid_t access_fork(struct access *access)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid)
		return pid;
	access_now(access);
	_exit(0);
}
