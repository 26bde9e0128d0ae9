// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1: runs the checks, prints the verdict, powers off. The command line of
 * the kernel gives "nvgpu.bar4=BYTES" and "nvgpu.bar2=BYTES", the memory that
 * is behind each BAR, "nvgpu.device=4" if the host can map that BAR as Device
 * memory only, "nvgpu.nodes=N" if there must be N NUMA nodes, and "nvgpu.token=WORD", which
 * the verdict repeats.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"

#define NR_BARS	2
#define SPACES	"\n "

static void mount_all(void)
{
	int fd;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
}

/* Return: what follows "@key" on the command line of the kernel, or "". */
static const char *parameter(const char *key)
{
	static char value[64];
	char line[4096] = "", *word;
	FILE *f = fopen("/proc/cmdline", "r");

	value[0] = '\0';
	if (!f)
		return value;
	if (fgets(line, sizeof(line), f)) {
		for (word = strtok(line, SPACES); word; word = strtok(NULL, SPACES))
			if (!strncmp(word, key, strlen(key)))
				snprintf(value, sizeof(value), "%s",
					 word + strlen(key));
	}
	fclose(f);
	return value;
}

static void run_checks(void)
{
	struct bar bars[NR_BARS] = { { .index = 4 }, { .index = 2 } };
	unsigned int nodes = strtoul(parameter("nvgpu.nodes="), NULL, 0);
	unsigned int i, nr = 0;

	if (nodes)
		check_nodes(nodes);
	for (i = 0; i < NR_BARS; i++) {
		char key[32];

		snprintf(key, sizeof(key), "nvgpu.bar%u=", bars[i].index);
		bars[nr] = bars[i];
		bars[nr].mem_len = strtoull(parameter(key), NULL, 0);
		bars[nr].is_device =
			strtoull(parameter("nvgpu.device="), NULL, 0) == bars[nr].index;
		if (bars[nr].mem_len)
			nr++;
	}
	if (!check(nr, "the command line tells the memory behind the BARs") ||
	    !pci_find())
		return;
	for (i = 0; i < nr; i++)
		pci_size_bar(&bars[i]);
	pci_enable();
	for (i = 0; i < nr; i++) {
		pci_map(&bars[i]);
		if (!bars[i].wc || !bars[i].device)
			return;
	}
	check_contents(bars, nr);
	for (i = 0; i < nr; i++) {
		check_accesses(&bars[i]);
		check_beyond(&bars[i]);
	}
}

int main(void)
{
	mount_all();
	say("guest is up after %.1f s", now());
	run_checks();
	say("guest: %u passed, %u failed, %.1f s", nr_passed(), nr_failed(), now());
	say("guest-verdict %s %s", parameter("nvgpu.token="),
	    nr_failed() ? "FAIL" : "PASS");
	/* Powering off does not wait for what the console has yet to send. */
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	return 1;
}
