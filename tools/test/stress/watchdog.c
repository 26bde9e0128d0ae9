// SPDX-License-Identifier: GPL-2.0-only
/* Waits for the actors, and tells what one is doing that does not come to an end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define POLL_US		200000
/* So much longer may a run take in which some act has not succeeded yet. */
#define PATIENCE_S	300
#define REPORT_MS	10000

static void print_file(const char *path)
{
	char buf[4096];
	ssize_t len;
	char *line, *save;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = '\0';
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("#     %s\n", line);
}

static void print_actor(const struct slot *slot, pid_t pid, __u64 since)
{
	char path[64];

	printf("# %s: %s, for %llu ms, thread %d\n", kinds[slot->gpu].name,
	       acts[slot->act].name, now_ms() - since, pid);
	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	print_file(path);
}

/* All of them: the one that hangs waits for another. */
static void print_actors(void)
{
	unsigned int i;

	for (i = 0; i < MAX_ACTORS; i++) {
		pid_t pid = __atomic_load_n(&shared->slot[i].pid, __ATOMIC_ACQUIRE);
		__u64 since = __atomic_load_n(&shared->slot[i].since_ms, __ATOMIC_ACQUIRE);

		if (pid && since)
			print_actor(&shared->slot[i], pid, since);
	}
	__file_write("/proc/sysrq-trigger", "w");
}

static bool somebody_hangs(__u64 max_ms)
{
	unsigned int i;

	for (i = 0; i < MAX_ACTORS; i++) {
		__u64 since = __atomic_load_n(&shared->slot[i].since_ms, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&shared->slot[i].pid, __ATOMIC_ACQUIRE) && since &&
		    now_ms() > since + max_ms)
			return true;
	}
	return false;
}

static __u64 acts_done(void)
{
	__u64 sum = 0;
	unsigned int i;

	for (i = 0; i < nr_acts; i++)
		sum += __atomic_load_n(&shared->done[i], __ATOMIC_RELAXED);
	return sum;
}

static bool each_succeeded(void)
{
	unsigned int i;

	for (i = 0; i < nr_acts; i++)
		if (!__atomic_load_n(&shared->done[i], __ATOMIC_RELAXED) && !shared->not_here[i])
			return false;
	return true;
}

static void report_progress(__u64 begin_ms)
{
	static __u64 next_ms;

	if (now_ms() < begin_ms + next_ms)
		return;
	printf("# %llu s: %llu acts\n", (now_ms() - begin_ms) / 1000, acts_done());
	next_ms += REPORT_MS;
}

/* Return: 0, or a status of a process that did not end as it should. */
static int reap(unsigned int *left)
{
	int status, bad = 0;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		(*left)--;
		bad = bad ? bad : status;
	}
	return bad;
}

/**
 * watchdog_run() - watch @nr child processes until they have ended
 * @nr: how many there are
 * @seconds: after which they are told to end, if each act has succeeded by then
 * @act_ms: what an act may take
 *
 * Where it does not end well, what each actor is doing is printed.
 *
 * Return: 0, -ETIME if an act does not end, -ECHILD if a process ended early or badly.
 */
int watchdog_run(unsigned int nr, unsigned int seconds, unsigned int act_ms)
{
	__u64 begin = now_ms(), end = begin + seconds * 1000ULL;
	int bad = 0;

	while (nr && !bad) {
		usleep(POLL_US);
		report_progress(begin);
		if (now_ms() > end + PATIENCE_S * 1000 || (now_ms() > end && each_succeeded()))
			__atomic_store_n(&shared->stop, true, __ATOMIC_SEQ_CST);
		if (somebody_hangs(act_ms)) {
			print_actors();
			return -ETIME;
		}
		bad = reap(&nr);
	}
	if (bad)
		print_actors();
	__atomic_store_n(&shared->stop, true, __ATOMIC_SEQ_CST);
	return bad ? -ECHILD : 0;
}
