// SPDX-License-Identifier: GPL-2.0-only
/*
 * A script that starts a VMM: its options, one a line, with comments. The same words
 * go to JSON.
 */
#define _GNU_SOURCE
#include <json-c/json.h>
#include <stdarg.h>

#include "vm.h"

/**
 * script_begin() - Write the head, up to the options
 * @script: the script
 * @vm: the VM
 * @which: the VMM that it starts
 */
void script_begin(const struct script *script, const struct vm *vm, enum vmm which)
{
	char ram[32], lock[32], made_for[64];

	json_object_array_add(script->argv, json_object_new_string(vm->emulator));
	fprintf(script->to, "#!/bin/bash\n"
		"# Made by nvgpuctl " NVGPUCTL_VERSION " for %s.\n"
		"# Arguments are passed on to it: disks, a network, a kernel.\n"
		"# The GPUs must be bound (nvgpuctl bind). It locks %s of memory:\n"
		"# RAM (%s), GPU memory and 1 GiB. Users other than root need this limit:\n"
		"ulimit -l %llu 2>/dev/null || ulimit -l unlimited 2>/dev/null ||\n"
		"\techo \"$0: cannot raise the limit of locked memory, see nvgpuctl doctor\" >&2\n"
		"\nargs=(\n", vm_made_for(vm, which, made_for, sizeof(made_for)),
		format_size(lock, sizeof(lock), vm->memlock),
		format_size(ram, sizeof(ram), vm->memory), vm->memlock / SZ_K);
}

/* A comment among the options. */
void script_note(const struct script *script, const char *fmt, ...)
{
	va_list args;

	fputs("\t# ", script->to);
	va_start(args, fmt);
	vfprintf(script->to, fmt, args);
	va_end(args);
	fputc('\n', script->to);
}

static void put_word(const struct script *script, char separator, const char *word)
{
	fputc(separator, script->to);
	put_shell(script->to, word);
	json_object_array_add(script->argv, json_object_new_string(word));
}

/**
 * script_option() - Write an option
 * @script: the script
 * @name: its name, or NULL for another value of the option before
 * @fmt: its value; an empty one is none
 */
void script_option(const struct script *script, const char *name, const char *fmt, ...)
{
	char *value __free(pointer) = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&value, fmt, args) < 0)
		abort();
	va_end(args);
	if (name)
		put_word(script, '\t', name);
	if (value[0])
		put_word(script, name ? ' ' : '\t', value);
	fputc('\n', script->to);
}

void script_end(const struct script *script, const struct vm *vm)
{
	fputs(")\n\nexec ", script->to);
	put_shell(script->to, vm->emulator);
	fputs(" \"${args[@]}\" \"$@\"\n", script->to);
}
