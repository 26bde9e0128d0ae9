// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of commands, as tables of values to set.
 */
#include <getopt.h>

#include "nvgpuctl.h"

/* Values of getopt, beyond those of main.c. */
#define FIRST 512
#define MAX_SETTINGS 24

bool set_flag(void *value, const char *text)
{
	*(bool *)value = true;
	return true;
}

/* One line; without one, which only some options may be, empty. */
bool set_text(void *value, const char *text)
{
	*(const char **)value = text ? text : "";
	return !text || (*text && !strpbrk(text, "\r\n"));
}

bool set_number(void *value, const char *text)
{
	unsigned int *number = value;
	char *end;

	*number = strtoul(text, &end, 10);
	return *number && !*end;
}

bool set_size(void *value, const char *text)
{
	return parse_size(text, value);
}

/**
 * settings_parse() - Parse the options of a command
 * @own: those that only it has, up to one without a name
 * @argc: of the command
 * @argv: of the command
 * @help: see next_option()
 *
 * Return: false after a message.
 */
bool settings_parse(const struct setting *own, int argc, char **argv, void (*help)(void))
{
	struct option option[MAX_SETTINGS] = {};
	const struct setting *setting;
	int opt;

	for (setting = own; setting->name; setting++)
		option[setting - own] = (struct option) {
			setting->name, setting->argument, NULL, FIRST + (setting - own)
		};
	while ((opt = next_option(argc, argv, option, help)) != -1) {
		if (opt == '?')
			return false;
		setting = &own[opt - FIRST];
		if (setting->set(setting->value, optarg))
			continue;
		complain("--%s %s: must be %s", setting->name, optarg, setting->valid);
		return false;
	}
	return true;
}
