// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps that may wait: for the kernel, which can take minutes in a driver's probe or
 * remove, or for another nvgpuctl. A child makes the step, as a task handles no
 * signals while it is in the kernel; this process says what it waits for, and gives
 * up on a signal or after --wait SECONDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nvgpuctl.h"

#define PATIENCE_MS 5000
#define DEATH_MS 2000
#define POLL_MS 50

static const struct timespec poll_time = { .tv_nsec = POLL_MS * 1000000 };
static sigset_t held;

struct child {
	pid_t pid;
	int ret;
};

static __u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* Signals that end a program only end a wait from here on. */
void step_hold_signals(void)
{
	static const int numbers[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	unsigned int i;

	sigemptyset(&held);
	for (i = 0; i < NR_ITEMS(numbers); i++)
		sigaddset(&held, numbers[i]);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

/**
 * step_wait() - Wait for a condition
 * @is_met: the condition
 * @arg: its argument
 * @what: what it is, for the user
 *
 * Return: 0, -EINTR after a signal, -ECANCELED after --wait.
 */
int step_wait(bool (*is_met)(void *arg), void *arg, const char *what)
{
	__u64 begin = now_ms(), waited;
	bool is_told = false;
	int number;

	while (!is_met(arg)) {
		number = sigtimedwait(&held, NULL, &poll_time);
		if (number > 0 && number != SIGCHLD)
			return -EINTR;
		waited = now_ms() - begin;
		if (waited >= opts.wait * 1000ULL)
			return -ECANCELED;
		if (!is_told && waited >= PATIENCE_MS) {
			complain("waiting up to %u s (--wait) %s", opts.wait, what);
			is_told = true;
		}
	}
	return 0;
}

static bool is_over(void *arg)
{
	struct child *child = arg;
	int status;

	if (!waitpid(child->pid, &status, WNOHANG))
		return false;
	child->ret = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	return true;
}

/**
 * step_run() - Make a step
 * @step: makes it, in a child; returns 0 or a negative errno
 * @arg: its argument
 * @what: what is waited for, for the user
 *
 * Return: that of @step, or that of step_wait(), or -EINPROGRESS if the kernel does not
 * return from it.
 */
int step_run(int (*step)(const void *arg), const void *arg, const char *what)
{
	struct child child = { .pid = fork() };
	int ret, waited;

	if (child.pid < 0)
		return -errno;
	if (!child.pid)
		_exit(-step(arg));
	ret = step_wait(is_over, &child, what);
	if (!ret)
		return child.ret;
	kill(child.pid, SIGKILL);
	for (waited = 0; waited < DEATH_MS; waited += POLL_MS) {
		if (is_over(&child))
			return ret;
		nanosleep(&poll_time, NULL);
	}
	return -EINPROGRESS;
}

/* For the user, why a step failed; NULL if its error says it. */
const char *step_why(int err)
{
	switch (err) {
	case -EINTR:
		return "interrupted";
	case -ECANCELED:
		return "took longer than --wait";
	case -EINPROGRESS:
		return "the kernel does not return from it, see dmesg";
	default:
		return NULL;
	}
}
