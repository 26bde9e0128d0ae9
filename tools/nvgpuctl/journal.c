// SPDX-License-Identifier: GPL-2.0-only
/*
 * What GPUs were before they are changed, a line each in /run/nvgpuctl/journal while
 * the change is under way. One file for all of them: its removal is the moment from
 * which the change counts. Whoever finds it without its writer at work puts
 * things back. /run forgets at boot, as sysfs does.
 */
#include <errno.h>

#include "nvgpuctl.h"

#define DIRECTORY "/run/nvgpuctl"
#define JOURNAL DIRECTORY "/journal"

/* Be the only one who changes GPUs; 0 or a negative errno. */
int journal_lock(void)
{
	return root_lock(DIRECTORY "/.lock");
}

/**
 * journal_write() - Note what GPUs are
 * @change: what is to be changed
 * @nr: how many
 *
 * Return: 0 or a negative errno.
 */
int journal_write(const struct change *change, unsigned int nr)
{
	char *text = NULL;
	unsigned int i;
	size_t len;
	FILE *to;
	int ret;

	to = open_memstream(&text, &len);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		fprintf(to, "%s,%s,%s,%s\n", change[i].gpu->bdf, change[i].gpu->driver,
			change[i].gpu->override, change[i].gpu->persisted);
	fclose(to);
	ret = root_replace(text, JOURNAL);
	free(text);
	return ret;
}

int journal_remove(void)
{
	return root_remove(JOURNAL);
}

/* Takes a field that ends in @stop; returns behind it, or NULL. */
static const char *take(const char *p, const char *end, char stop, char *buf, size_t size)
{
	const char *at = memchr(p, stop, end - p);

	if (!at || (size_t)(at - p) >= size)
		return NULL;
	memcpy(buf, p, at - p);
	buf[at - p] = '\0';
	return at + 1;
}

/**
 * journal_parse() - Read a line of the journal
 * @line: where it begins
 * @end: of the journal
 * @gpu: gets address, driver, override and persisted driver
 *
 * Return: where the next line begins, NULL if this is none.
 */
const char *journal_parse(const char *line, const char *end, struct gpu *gpu)
{
	struct bdf bdf;

	*gpu = (struct gpu) {};
	line = take(line, end, ',', gpu->bdf, sizeof(gpu->bdf));
	if (!line || !parse_bdf(gpu->bdf, &bdf))
		return NULL;
	line = take(line, end, ',', gpu->driver, sizeof(gpu->driver));
	if (line)
		line = take(line, end, ',', gpu->override, sizeof(gpu->override));
	if (line)
		line = take(line, end, '\n', gpu->persisted, sizeof(gpu->persisted));
	return line;
}

/* Is this GPU half way to another driver? Of NULL: is any? */
bool journal_pending(const char *bdf)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, JOURNAL);
	const char *line = data;
	struct gpu gpu;

	if (!bdf)
		return len >= 0;
	while (len > 0 && line && line < data + len) {
		line = journal_parse(line, data + len, &gpu);
		if (line && !strcmp(gpu.bdf, bdf))
			return true;
	}
	return false;
}

static bool recover(const struct gpu *gpu)
{
	const char *driver = gpu->driver[0] ? gpu->driver : "no driver";
	int ret = 0;

	if (root_exists("/sys/bus/pci/devices/%s", gpu->bdf))
		ret = change_undo(gpu);
	if (ret)
		complain_of(gpu->bdf,
			    "a change was interrupted, and it cannot be put back on %s (%s): see dmesg",
			    driver, errno_name(ret));
	else
		complain("%s: a change was interrupted; it is on %s again", gpu->bdf, driver);
	return !ret;
}

/**
 * journal_recover() - Put back whatever an interrupted change has left
 *
 * The journal's lock is held. GPUs that are no more need nothing.
 *
 * Return: 0, -EINVAL if the journal is none, -EIO if a GPU could not be put back;
 * after a message.
 */
int journal_recover(void)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, JOURNAL);
	const char *line = data;
	bool is_back = true;
	struct gpu gpu;

	if (len < 0)
		return journal_remove();
	while (line < data + len) {
		line = journal_parse(line, data + len, &gpu);
		if (!line) {
			complain(JOURNAL
				 " is no journal: look what driver each GPU has, remove it");
			return -EINVAL;
		}
		is_back &= recover(&gpu);
	}
	return is_back ? journal_remove() : -EIO;
}
