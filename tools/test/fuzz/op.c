// SPDX-License-Identifier: GPL-2.0-only
/* Operations as text, and the data that they write. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

enum op_key {
	KEY_REGION, KEY_SLOT, KEY_HOW, KEY_KNOB, KEY_AT, KEY_POS, KEY_LEN, KEY_ALIGN,
	KEY_HOLE, KEY_VALUE, KEY_SEED, KEYS,
};

#define BIT(nr)	(1U << (nr))
#define DATA	(BIT(KEY_VALUE) | BIT(KEY_SEED))

static const char * const key_name[KEYS] = {
	[KEY_REGION] = "region", [KEY_SLOT] = "slot", [KEY_HOW] = "how",
	[KEY_KNOB] = "knob", [KEY_AT] = "of", [KEY_POS] = "pos", [KEY_LEN] = "len",
	[KEY_ALIGN] = "align", [KEY_HOLE] = "hole", [KEY_VALUE] = "value",
	[KEY_SEED] = "seed",
};

static const char * const reset_name[RESETS] = {
	[RESET_IOCTL] = "ioctl", [RESET_SYSFS] = "sysfs", [RESET_HOT] = "hot",
	[RESET_FAIL] = "fail", [RESET_FLR] = "flr", [RESET_AF_FLR] = "af_flr",
	[RESET_PM] = "pm", [RESET_BUS] = "bus",
};

static const char * const knob_name[KNOBS] = {
	[KNOB_TRAINING_MS] = "training_ms", [KNOB_CONFIG_FF_MS] = "config_ff_ms",
	[KNOB_LOSE_MEMORY] = "lose_memory",
};

static const struct {
	const char *name;
	unsigned int keys;
} format[OP_KINDS] = {
	[OP_CONFIG_READ] = { "config-read", BIT(KEY_POS) | BIT(KEY_LEN) | BIT(KEY_HOLE) },
	[OP_CONFIG_WRITE] = { "config-write",
			      BIT(KEY_POS) | BIT(KEY_LEN) | BIT(KEY_HOLE) | DATA },
	[OP_READ] = { "read", BIT(KEY_REGION) | BIT(KEY_POS) | BIT(KEY_LEN) | BIT(KEY_HOLE) },
	[OP_WRITE] = { "write",
		       BIT(KEY_REGION) | BIT(KEY_POS) | BIT(KEY_LEN) | BIT(KEY_HOLE) | DATA },
	[OP_INFO] = { "info", BIT(KEY_REGION) | BIT(KEY_LEN) },
	[OP_MMAP] = { "mmap", BIT(KEY_SLOT) | BIT(KEY_AT) | BIT(KEY_POS) | BIT(KEY_LEN) |
			      BIT(KEY_ALIGN) | BIT(KEY_VALUE) },
	[OP_MUNMAP] = { "munmap", BIT(KEY_SLOT) },
	[OP_LOAD] = { "load", BIT(KEY_SLOT) | BIT(KEY_POS) | BIT(KEY_LEN) },
	[OP_STORE] = { "store", BIT(KEY_SLOT) | BIT(KEY_POS) | BIT(KEY_LEN) | DATA },
	[OP_RESET] = { "reset", BIT(KEY_HOW) },
	[OP_REOPEN] = { "reopen", 0 },
	[OP_KNOB] = { "knob", BIT(KEY_KNOB) | BIT(KEY_VALUE) },
	[OP_READ_SELF] = { "read-self", BIT(KEY_SLOT) | BIT(KEY_AT) | BIT(KEY_POS) |
			   BIT(KEY_LEN) | BIT(KEY_VALUE) },
	[OP_WRITE_SELF] = { "write-self", BIT(KEY_SLOT) | BIT(KEY_AT) | BIT(KEY_POS) |
			    BIT(KEY_LEN) | BIT(KEY_VALUE) },
	[OP_LOW_POWER] = { "low-power", BIT(KEY_VALUE) },
};

/* For the ways through sysfs this is what the kernel calls the method. */
const char *op_reset_name(enum op_reset how)
{
	return reset_name[how];
}

/* splitmix64: any state is a good one, and the next is known from the last. */
__u64 op_random(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

bool op_has_data(const struct op *op)
{
	return format[op->kind].keys & BIT(KEY_SEED);
}

/* The first @len bytes that the operation writes. */
void op_fill(const struct op *op, __u8 *data, size_t len)
{
	__u64 state = op->value, word;
	size_t part;

	for (; len; data += part, len -= part) {
		word = htole64(op->is_random ? op_random(&state) : op->value);
		part = len < sizeof(word) ? len : sizeof(word);
		memcpy(data, &word, part);
	}
}

static bool is_printed(const struct op *op, enum op_key key)
{
	if (!(format[op->kind].keys & BIT(key)))
		return false;
	if (key == KEY_HOLE)
		return op->hole != OP_NO_HOLE;
	if (key == KEY_ALIGN)
		return op->align;
	return !op_has_data(op) || key != (op->is_random ? KEY_VALUE : KEY_SEED);
}

static void print_key(const struct op *op, enum op_key key, char *text, size_t len)
{
	const char *name = key_name[key];

	switch (key) {
	case KEY_REGION:
	case KEY_SLOT:
		snprintf(text, len, " %s=%u", name, op->which);
		break;
	case KEY_HOW:
		snprintf(text, len, " %s=%s", name, reset_name[op->which]);
		break;
	case KEY_KNOB:
		snprintf(text, len, " %s=%s", name, knob_name[op->which]);
		break;
	case KEY_AT:
		snprintf(text, len, " %s=%u", name, op->region);
		break;
	case KEY_POS:
		snprintf(text, len, " %s=0x%llx", name, op->pos);
		break;
	case KEY_LEN:
		snprintf(text, len, " %s=%u", name, op->len);
		break;
	case KEY_ALIGN:
		snprintf(text, len, " %s=0x%x", name, op->align);
		break;
	case KEY_HOLE:
		snprintf(text, len, " %s=%u", name, op->hole);
		break;
	default:
		snprintf(text, len, " %s=0x%llx", name, op->value);
		break;
	}
}

/* One line without its end, as op_parse() takes it. */
void op_print(const struct op *op, char *text, size_t len)
{
	size_t used;
	int key;

	snprintf(text, len, "%s", format[op->kind].name);
	for (key = 0; key < KEYS; key++) {
		used = strlen(text);
		if (is_printed(op, key))
			print_key(op, key, text + used, len - used);
	}
}

/* Return: index of @word in the table, -1 if it is not there. */
static int find_name(const char * const *names, int nr, const char *word)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], word))
			return i;
	return -1;
}

static const char *set_name(struct op *op, enum op_key key, const char *word)
{
	int which = key == KEY_HOW ? find_name(reset_name, RESETS, word) :
				     find_name(knob_name, KNOBS, word);

	if (which < 0)
		return "there is no such way to reset, or no such knob";
	op->which = (__u32)which;
	return NULL;
}

/* Return: NULL, or why @number cannot be the value of the key. */
static const char *check_number(const struct op *op, enum op_key key, __u64 number)
{
	if (key == KEY_SLOT && number >= OP_SLOTS)
		return "slots are 0 to 3";
	if (key == KEY_ALIGN && (number & (number - 1) || number > 1U << 31))
		return "align is a power of two";
	if (key != KEY_LEN || (op->kind == OP_MMAP && number <= OP_MAX_MAP))
		return NULL;
	if ((op->kind == OP_LOAD || op->kind == OP_STORE) && number > OP_MAX_TOUCH)
		return "len of an access is at most 64 KiB";
	return number > OP_MAX_LEN ? "len is too large" : NULL;
}

static void set_number(struct op *op, enum op_key key, __u64 number)
{
	switch (key) {
	case KEY_REGION:
	case KEY_SLOT:
		op->which = (__u32)number;
		break;
	case KEY_AT:
		op->region = (__u32)number;
		break;
	case KEY_POS:
		op->pos = number;
		break;
	case KEY_LEN:
		op->len = (__u32)number;
		break;
	case KEY_ALIGN:
		op->align = (__u32)number;
		break;
	case KEY_HOLE:
		op->hole = (__u32)number;
		break;
	default:
		op->is_random = key == KEY_SEED;
		op->value = number;
		break;
	}
}

static const char *parse_key(struct op *op, char *word)
{
	char *val = strchr(word, '='), *end;
	const char *error;
	__u64 number;
	int key;

	if (!val)
		return "not of the form key=value";
	*val++ = '\0';
	key = find_name(key_name, KEYS, word);
	if (key < 0 || !(format[op->kind].keys & BIT(key)))
		return "the operation has no such key";
	if (key == KEY_HOW || key == KEY_KNOB)
		return set_name(op, key, val);
	number = strtoull(val, &end, 0);
	if (end == val || *end)
		return "not a number";
	error = check_number(op, key, number);
	if (!error)
		set_number(op, key, number);
	return error;
}

/* Return: NULL, or what is wrong with the line. */
const char *op_parse(struct op *op, const char *text)
{
	const char *error = NULL;
	char line[OP_TEXT_LEN], *word, *save;
	int kind;

	memset(op, 0, sizeof(*op));
	op->hole = OP_NO_HOLE;
	snprintf(line, sizeof(line), "%s", text);
	word = strtok_r(line, " \t\n", &save);
	for (kind = 0; word && kind < OP_KINDS; kind++)
		if (!strcmp(format[kind].name, word))
			break;
	if (!word || kind == OP_KINDS)
		return "there is no such operation";
	op->kind = kind;
	while (!error && (word = strtok_r(NULL, " \t\n", &save)))
		error = parse_key(op, word);
	return error;
}
