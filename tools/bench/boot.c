// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a command, a QEMU with the guest of guest.S, takes to print "1" and "2":
 * until its guest runs, and until the guest has read the first word of the memory.
 *
 *	boot NAME COMMAND [ARGUMENT...]
 */
#include <err.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

/* Well above what the slowest emulated host takes. */
#define LIMIT_S	120

static void wait_for(int fd, char want)
{
	char seen = 0;

	while (seen != want)
		if (read(fd, &seen, 1) != 1)
			errx(1, "the guest ended before it said '%c'", want);
}

static void print(const char *name, const char *what, __u64 since)
{
	char figure[80];

	snprintf(figure, sizeof(figure), "qemu/%s/%s", what, name);
	print_figure(figure, "ns", (double)(now_ns() - since), NULL, 0);
}

int main(int argc, char **argv)
{
	int out[2], status;
	__u64 start;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: %s NAME COMMAND [ARGUMENT...]", argv[0]);
	if (pipe(out))
		err(1, "pipe");
	alarm(LIMIT_S);
	start = now_ns();
	pid = fork();
	if (!pid) {
		dup2(out[1], STDOUT_FILENO);
		execvp(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	close(out[1]);
	wait_for(out[0], '1');
	print(argv[1], "first-instruction", start);
	wait_for(out[0], '2');
	print(argv[1], "first-word", start);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s ended with status 0x%x", argv[2], status);
	return 0;
}
