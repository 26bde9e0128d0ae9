// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1: runs the checks, prints the verdict, powers off. The command line of
 * the kernel gives "nvgpu.bar4=BYTES" and "nvgpu.bar2=BYTES", the memory that
 * is behind each BAR, "nvgpu.device=4" if the host can map that BAR as Device
 * memory only, "nvgpu.nodes=N" if there must be N NUMA nodes, and "nvgpu.token=WORD", which
 * the verdict repeats. With "nvgpu.memory=BYTES,...", the memory that each GPU's registers
 * would tell, it also uses the GPUs as their own driver does, with "nvgpu.reset=1" once more
 * after a reset. With "nvgpu.wait=1" it then waits for a hot unplug of the GPU, or for what
 * else the host does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"

#define NR_BARS	2

/* Of syslog(2). */
#define SYSLOG_ACTION_READ_ALL	3

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

/* Return: false if they cannot be used. */
static bool use_bars(struct bar *bars, unsigned int nr)
{
	unsigned int i;
	char slot[16];

	if (!pci_find(0, slot))
		return false;
	for (i = 0; i < nr; i++)
		pci_size_bar(&bars[i]);
	pci_enable();
	for (i = 0; i < nr; i++) {
		pci_map(&bars[i]);
		if (!bars[i].wc || !bars[i].device)
			return false;
	}
	check_contents(bars, nr);
	for (i = 0; i < nr; i++) {
		check_accesses(&bars[i]);
		check_beyond(&bars[i]);
	}
	return true;
}

static void run_checks(void)
{
	struct bar bars[NR_BARS] = {
		{ .index = 4, .name = "BAR4" }, { .index = 2, .name = "BAR2" }
	};
	unsigned int nodes = strtoul(parameter("nvgpu.nodes="), NULL, 0);
	char memory[64];
	unsigned int i, nr = 0;

	/* parameter() has one buffer. */
	snprintf(memory, sizeof(memory), "%s", parameter("nvgpu.memory="));
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
	if (!nr && !check(*memory, "the command line tells the memory of the GPU"))
		return;
	if (nr && !use_bars(bars, nr))
		return;
	if (*memory)
		stand_in(memory, *parameter("nvgpu.reset="));
}

/* Lines of the kernel log that no run may cause. */
static void check_kernel_log(void)
{
	static const char *const splats[] = { "WARNING:", "BUG:", "Call trace:", "Oops" };
	static char log[1 << 20];
	int len = klogctl(SYSLOG_ACTION_READ_ALL, log, sizeof(log) - 1);
	char *found = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(splats) && len > 0 && !found; i++)
		found = strstr(log, splats[i]);
	if (found)
		found[strcspn(found, "\n")] = '\0';
	check(len > 0 && !found, "the kernel log has no splat%s%s", found ? ": " : "",
	      found ? found : "");
}

static void conclude(void)
{
	check_kernel_log();
	say("guest: %u passed, %u failed, %.1f s", nr_passed(), nr_failed(), now());
	say("guest-verdict %s %s", parameter("nvgpu.token="),
	    nr_failed() ? "FAIL" : "PASS");
}

int main(void)
{
	mount_all();
	say("guest is up after %.1f s", now());
	run_checks();
	conclude();
	if (*parameter("nvgpu.wait=")) {
		pci_wait_gone();
		conclude();
	}
	/* Powering off does not wait for what the console has yet to send. */
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	return 1;
}
