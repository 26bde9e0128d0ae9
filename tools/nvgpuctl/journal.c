// SPDX-License-Identifier: GPL-2.0-only
/*
 * /run/nvgpuctl/journal has a line with the previous state of each GPU while a change
 * is in progress. Removing that one file commits the change of all GPUs. A process
 * that finds it with its writer gone undoes the change. /run and sysfs are both empty
 * after a boot.
 */
#include <errno.h>

#include "nvgpuctl.h"

#define DIRECTORY "/run/nvgpuctl"
#define JOURNAL DIRECTORY "/journal"

/* Locks out other changes of GPUs; 0 or a negative errno. */
int journal_lock(void)
{
	return root_lock(DIRECTORY "/.lock");
}

/**
 * journal_write() - Record the state of GPUs
 * @change: the changes to be made
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

/* Parses a field that ends in @stop; returns the text after it, or NULL. */
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
 * Return: start of the next line, NULL if this line is invalid.
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

/* Is a change of this GPU, or of any GPU if NULL, pending? */
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
			    "cannot undo an interrupted change, bind it to %s (%s): see dmesg",
			    driver, errno_name(ret));
	else
		complain("%s: an interrupted change was undone: bound to %s", gpu->bdf, driver);
	return !ret;
}

/**
 * journal_recover() - Undo an interrupted change
 *
 * The caller holds the journal's lock. GPUs that no longer exist are skipped.
 *
 * Return: 0, or after a message -EINVAL if the journal is corrupt, -EIO if a driver
 * could not be restored.
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
				 " is corrupt: check the driver of each GPU, then remove the file");
			return -EINVAL;
		}
		is_back &= recover(&gpu);
	}
	return is_back ? journal_remove() : -EIO;
}
