// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text output: colour on request, lines no longer than the terminal, or than 80
 * columns without one.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "out.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40

/* A CXL device may take 256 s until its memory is active. */
#define WAIT_DEFAULT 300

struct options opts = { .width = WIDTH_DEFAULT, .wait = WAIT_DEFAULT };

static unsigned int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (columns && atoi(columns) >= WIDTH_MIN)
		return atoi(columns);
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= WIDTH_MIN)
		return size.ws_col;
	return WIDTH_DEFAULT;
}

/**
 * out_init() - Detect the capabilities of the output
 * @mode: when to colour; "auto" is on a terminal, unless NO_COLOR is set
 */
void out_init(enum colour_mode mode)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool can = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") &&
		   !(no_colour && *no_colour);

	setlocale(LC_CTYPE, "");
	opts.colour = mode == COLOUR_ALWAYS || (mode == COLOUR_AUTO && can);
	opts.width = terminal_width();
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		opts.ascii = true;
}

const char *paint(enum paint paint)
{
	static const char *const sequence[] = {
		[PAINT_OFF] = "\033[0m",
		[PAINT_BOLD] = "\033[1m",
		[PAINT_DIM] = "\033[2m",
		[PAINT_RED] = "\033[31m",
		[PAINT_GREEN] = "\033[32m",
		[PAINT_YELLOW] = "\033[33m",
		[PAINT_CYAN] = "\033[36m",
	};

	return opts.colour ? sequence[paint] : "";
}

/* One line on stderr: the value, the rule, what to do. */
void complain(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("nvgpuctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* The same, prefixed by the name of a GPU, a file or an option. */
void complain_of(const char *what, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "nvgpuctl: %s: ", what);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* One line on stdout, unless --quiet or --json. */
void say(const char *fmt, ...)
{
	va_list args;

	if (opts.quiet || opts.json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static void new_line(unsigned int indent)
{
	putchar('\n');
	printf("%*s", indent, "");
}

/**
 * out_wrapped() - Print a text in lines that fit, without splitting words
 * @text: words; newlines in it are kept
 * @indent: blanks before each line but the first, equal to the cursor column
 */
void out_wrapped(const char *text, unsigned int indent)
{
	unsigned int column = indent;
	size_t word;

	while (*text) {
		word = strcspn(text, "\n ");
		if (column > indent && column + 1 + word > opts.width) {
			new_line(indent);
			column = indent;
		}
		if (column > indent && word) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)word, text);
		column += word;
		text += word;
		if (*text == '\n') {
			new_line(indent);
			column = indent;
		}
		if (*text)
			text++;
	}
	putchar('\n');
}

/* Writes text with what XML reserves as entities, without control characters. */
void put_xml(FILE *to, const char *text)
{
	static const char reserved[] = "&<>'\"";
	static const char *const entity[] = { "amp", "lt", "gt", "apos", "quot" };
	const char *at;

	for (; *text; text++) {
		at = strchr(reserved, *text);
		if (at)
			fprintf(to, "&%s;", entity[at - reserved]);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, to);
	}
}

/* Writes text as one word of a shell script. */
void put_shell(FILE *to, const char *text)
{
	bool is_plain = *text && !text[strcspn(text, " \t\n!'\"$`\\&|;<>()[]{}*?~#")];

	if (is_plain) {
		fputs(text, to);
		return;
	}
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else
			fputc(*text, to);
	}
	fputc('\'', to);
}

/**
 * format_size() - Format a size with its unit
 * @buf: gets it
 * @len: of @buf
 * @size: bytes
 *
 * Return: @buf.
 */
const char *format_size(char *buf, size_t len, __u64 size)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned int i = 0;
	double value = size;

	while (value >= 1024 && i + 1 < NR_ITEMS(unit)) {
		value /= 1024;
		i++;
	}
	snprintf(buf, len, "%.6g %s", value, unit[i]);
	return buf;
}

/**
 * format_unit() - Format a size as in options: exact, with one letter
 * @buf: gets it
 * @len: of @buf
 * @size: bytes
 *
 * Return: @buf.
 */
const char *format_unit(char *buf, size_t len, __u64 size)
{
	static const char *const unit[] = { "", "K", "M", "G", "T" };
	unsigned int i = 0;

	while (size && !(size % 1024) && i + 1 < NR_ITEMS(unit)) {
		size /= 1024;
		i++;
	}
	snprintf(buf, len, "%llu%s", size, unit[i]);
	return buf;
}

/* Makes a file the standard output, unless its name is NULL or "-"; false after a message. */
bool out_redirect(const char *name)
{
	if (!name || !strcmp(name, "-") || freopen(name, "we", stdout))
		return true;
	complain("%s: %s", name, strerror(errno));
	return false;
}
