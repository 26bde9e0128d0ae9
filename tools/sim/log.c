// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of the host's last config writes and resets.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/timekeeping.h>

#include "sim.h"

#define LOG_ENTRIES	4096
#define LINE_LENGTH	48	/* padded, so that the length of the whole is known */

static const char * const event_names[] = {
	[SIM_LOG_WRITE1] = "write1",
	[SIM_LOG_WRITE2] = "write2",
	[SIM_LOG_WRITE4] = "write4",
	[SIM_LOG_FLR] = "flr",
	[SIM_LOG_AF_FLR] = "af-flr",
	[SIM_LOG_PM_RESET] = "pm-reset",
	[SIM_LOG_BUS_RESET] = "bus-reset",
};

struct sim_log_entry {
	u64 time;
	u32 val;
	u16 where;
	u8 event;
	bool is_port;
	u8 index;
};

struct sim_log {
	u64 next;	/* entries ever written */
	struct sim_log_entry entries[LOG_ENTRIES];
};

struct sim_log *sim_log_create(void)
{
	return kvzalloc(sizeof(struct sim_log), GFP_KERNEL);
}

void sim_log_destroy(struct sim_log *log)
{
	kvfree(log);
}

/**
 * sim_log_add_locked - log an event of a function
 * @fn: the function
 * @event: what happened
 * @where: offset of a write
 * @val: value of a write
 */
void sim_log_add_locked(struct sim_function *fn, enum sim_log_event event,
			unsigned int where, u32 val)
{
	struct sim_log *log = fn->gpu->log;

	lockdep_assert_held(&fn->gpu->lock);
	log->entries[log->next++ % LOG_ENTRIES] = (struct sim_log_entry){
		.time = ktime_get_ns(),
		.val = val,
		.where = where,
		.event = event,
		.is_port = fn == fn->gpu->port,
		.index = fn->index,
	};
}

/**
 * sim_log_write_locked - log a config write
 * @fn: the function
 * @where: offset
 * @size: 1, 2 or 4
 * @val: value
 */
void sim_log_write_locked(struct sim_function *fn, unsigned int where,
			  unsigned int size, u32 val)
{
	enum sim_log_event event = size == 1 ? SIM_LOG_WRITE1 :
				   size == 2 ? SIM_LOG_WRITE2 : SIM_LOG_WRITE4;

	sim_log_add_locked(fn, event, where, val);
}

static void format_line(char *line, const struct sim_log_entry *entry)
{
	char text[LINE_LENGTH + 1];
	u32 microseconds, rest;
	u64 seconds;
	int len;

	seconds = div_u64_rem(entry->time, NSEC_PER_SEC, &rest);
	microseconds = rest / NSEC_PER_USEC;
	len = scnprintf(text, sizeof(text), "%6llu.%06u ", seconds, microseconds);
	if (entry->is_port)
		len += scnprintf(text + len, sizeof(text) - len, "port ");
	else
		len += scnprintf(text + len, sizeof(text) - len, "fn%u  ", entry->index);
	if (entry->event <= SIM_LOG_WRITE4)
		len += scnprintf(text + len, sizeof(text) - len, "%s 0x%03x 0x%08x",
				 event_names[entry->event], entry->where, entry->val);
	else
		len += scnprintf(text + len, sizeof(text) - len, "%s",
				 event_names[entry->event]);
	memset(line, ' ', LINE_LENGTH - 1);
	memcpy(line, text, min(len, LINE_LENGTH - 1));
	line[LINE_LENGTH - 1] = '\n';
}

/* Drop the lock between lines: accessors spin on it with irqs off. */
static bool get_entry(struct sim_gpu *gpu, u64 number, struct sim_log_entry *entry)
{
	unsigned long flags;
	bool kept;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	kept = number < gpu->log->next && gpu->log->next - number <= LOG_ENTRIES;
	if (kept)
		*entry = gpu->log->entries[number % LOG_ENTRIES];
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	return kept;
}

static u64 entries_written(struct sim_gpu *gpu)
{
	unsigned long flags;
	u64 next;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	next = gpu->log->next;
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	return next;
}

/**
 * sim_log_list - list the events, oldest first
 * @gpu: the GPU
 * @buf: filled, one line per event; NULL to ask for the length
 * @len: size of @buf
 *
 * Return: number of bytes needed or filled.
 */
ssize_t sim_log_list(struct sim_gpu *gpu, char *buf, size_t len)
{
	u64 next = entries_written(gpu);
	u64 number = next - min_t(u64, next, LOG_ENTRIES);
	struct sim_log_entry entry;
	size_t used = 0;

	if (!buf)
		return (next - number) * LINE_LENGTH;
	for (; number < next && len - used >= LINE_LENGTH; number++) {
		if (!get_entry(gpu, number, &entry))
			continue;
		format_line(buf + used, &entry);
		used += LINE_LENGTH;
	}
	return used;
}
