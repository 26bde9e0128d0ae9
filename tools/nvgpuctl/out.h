/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text output. Depends on nothing else of nvgpuctl, so that other programs can use it.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define NR_ITEMS(x) (sizeof(x) / sizeof((x)[0]))
#define FORMAT(string, first) __attribute__((__format__ \
	(__printf__, string, first)))

/**
 * struct options - options of the command line
 * @json: print JSON
 * @is_compact: print compact JSON
 * @dry_run: print writes instead of making them
 * @quiet: print errors only
 * @ascii: draw without Unicode
 * @no_headings: tables without headings
 * @table: how tables are printed: for people, raw, or as pairs NAME="value"
 * @colour: escape sequences may be written
 * @columns: of tables, or NULL for the default
 * @width: of lines, in columns
 * @wait: longest wait for a change of drivers, in seconds
 */
struct options {
	bool json;
	bool is_compact;
	bool dry_run;
	bool quiet;
	bool ascii;
	bool no_headings;
	enum {
		TABLE_HUMAN,
		TABLE_RAW,
		TABLE_PAIRS,
	} table;
	bool colour;
	const char *columns;
	unsigned int width;
	unsigned int wait;
};

extern struct options opts;

enum paint {
	PAINT_OFF,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_RED,
	PAINT_GREEN,
	PAINT_YELLOW,
	PAINT_CYAN,
};

enum colour_mode {
	COLOUR_AUTO,
	COLOUR_ALWAYS,
	COLOUR_NEVER,
};

void out_init(enum colour_mode mode);
const char *paint(enum paint paint);
void complain(const char *fmt, ...) FORMAT(1, 2);
void complain_of(const char *what, const char *fmt, ...) FORMAT(2, 3);
void say(const char *fmt, ...) FORMAT(1, 2);
void out_wrapped(const char *text, unsigned int indent);
void put_xml(FILE *to, const char *text);
void put_shell(FILE *to, const char *text);
const char *format_size(char *buf, size_t len, __u64 size);
const char *format_unit(char *buf, size_t len, __u64 size);
bool out_redirect(const char *name);

#endif /* OUT_H */
