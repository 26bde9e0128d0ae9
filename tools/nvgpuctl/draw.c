// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boxes of memory as text and as SVG. A box is a stack of parts, lowest address at
 * the top. All boxes of a picture have one scale; a part has at least the height of its
 * text.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

#define ROWS		12
#define INNER		23

/* Of an SVG, in pixels: columns of addresses, host box, arrows, addresses, guest boxes, notes. */
#define SVG_HEIGHT	360
#define SVG_MIN		28
#define SVG_WIDTH	220
#define SVG_HOST	130
#define SVG_GUEST	560
#define SVG_NOTES	170
#define SVG_ADDRESS	110
#define SVG_TOP		56
#define SVG_GAP		56

struct style {
	const char *top[2], *middle[2], *bottom[2];
	const char *line, *side, *fill;
};

static const struct style unicode = {
	.top = { "┌", "┐" }, .middle = { "├", "┤" }, .bottom = { "└", "┘" },
	.line = "─", .side = "│", .fill = "░",
};

static const struct style ascii = {
	.top = { "+", "+" }, .middle = { "+", "+" }, .bottom = { "+", "+" },
	.line = "-", .side = "|", .fill = ".",
};

/**
 * draw_scale() - Choose the scale of several boxes
 * @box: the boxes
 * @nr: number of boxes
 *
 * Return: size of the largest.
 */
__u64 draw_scale(const struct box *box, unsigned int nr)
{
	__u64 largest = 1, sum;
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		for (j = 0, sum = 0; j < box[i].nr; j++)
			sum += box[i].part[j].size;
		if (sum > largest)
			largest = sum;
	}
	return largest;
}

static unsigned int height_of(const struct box_part *part, __u64 scale, unsigned int height,
			      unsigned int min)
{
	unsigned int wanted = (double)part->size * height / scale + 0.5;

	return wanted < min ? min : wanted;
}

/* A note is in its box then, in the second row, not beside it. */
static bool is_narrow(void)
{
	return opts.width < 64;
}

static void draw_rule(const struct style *style, const char *const corner[2], __u64 address)
{
	int i;

	printf(" %13llx %s", address, corner[0]);
	for (i = 0; i < INNER; i++)
		fputs(style->line, stdout);
	printf("%s\n", corner[1]);
}

static enum paint part_paint(const struct box_part *part)
{
	if (part->is_empty)
		return PAINT_DIM;
	return part->is_cached ? PAINT_GREEN : PAINT_CYAN;
}

static void draw_row(const struct style *style, const struct box_part *part, unsigned int row)
{
	char text[INNER + 1] = "", size[32];
	int i;

	if (!row)
		snprintf(text, sizeof(text), " %-8.8s %12.12s ", part->name,
			 format_size(size, sizeof(size), part->size));
	else if (row == 1 && part->note && is_narrow())
		snprintf(text, sizeof(text), " %s", part->note);
	printf("%15s%s%s%s", "", style->side, paint(part_paint(part)), text);
	for (i = strlen(text); i < INNER; i++)
		fputs(part->is_empty ? style->fill : " ", stdout);
	printf("%s%s", paint(PAINT_OFF), style->side);
	if (!row && part->note && !is_narrow())
		printf(" %s", part->note);
	putchar('\n');
}

/**
 * draw_text() - Draw a box with characters
 * @box: the box
 * @scale: of draw_scale()
 */
void draw_text(const struct box *box, __u64 scale)
{
	const struct style *style = opts.ascii ? &ascii : &unicode;
	__u64 address = box->address;
	unsigned int i, row, rows;

	printf("  ");
	out_wrapped(box->title, 2);
	draw_rule(style, style->top, address);
	for (i = 0; i < box->nr; i++) {
		rows = height_of(&box->part[i], scale, ROWS, is_narrow() ? 2 : 1);
		for (row = 0; row < rows; row++)
			draw_row(style, &box->part[i], row);
		address += box->part[i].size;
		draw_rule(style, i + 1 < box->nr ? style->middle : style->bottom, address);
	}
}

static void svg_text(FILE *to, const char *class, int x, int y, const char *fmt, ...)
	FORMAT(5, 6);

static void svg_text(FILE *to, const char *class, int x, int y, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	put_xml(to, text);
	fputs("</text>\n", to);
}

/* Sets @middle to the middle of each part; returns the end of the box. */
static int svg_box(FILE *to, const struct box *box, __u64 scale, int x, int y, int *middle)
{
	__u64 address = box->address;
	const struct box_part *part;
	char size[32];
	int height;

	for (part = box->part; part < box->part + box->nr; part++) {
		height = height_of(part, scale, SVG_HEIGHT, SVG_MIN);
		fprintf(to,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s\"/>\n",
			x, y, SVG_WIDTH, height, part->is_empty ? "empty" :
			part->is_cached ? "cached" : "combined");
		svg_text(to, "address", x - 6, y + 4, "0x%llx", address);
		*middle++ = y + height / 2;
		svg_text(to, "name", x + 10, y + height / 2 + 5, "%s, %s", part->name,
			 format_size(size, sizeof(size), part->size));
		/* Beside the box, above an arrow. */
		if (part->note)
			svg_text(to, "note", x + SVG_WIDTH + 10,
				 y + height / 2 + (x == SVG_HOST ? -5 : 4), "%s", part->note);
		y += height;
		address += part->size;
	}
	svg_text(to, "address", x - 6, y + 4, "0x%llx", address);
	return y;
}

static void svg_head(FILE *to, int height)
{
	fprintf(to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n",
		SVG_GUEST + SVG_WIDTH + SVG_NOTES, height);
	fputs("<style>\n"
	      ".back{fill:#fff}.title{font-weight:bold}.note{font-size:11px}\n"
	      ".address{font-size:10px;text-anchor:end;font-family:monospace}\n"
	      "text,marker path{fill:#222}rect{stroke:#555}.back{stroke:none}\n"
	      ".cached{fill:#c7e5c0}.combined{fill:#bcd9f2}.empty{fill:url(#empty)}\n"
	      ".arrow{fill:none;stroke:#222;marker-end:url(#head)}\n"
	      "@media (prefers-color-scheme:dark){.back{fill:#1c1c1c}text,marker path{fill:#ddd}\n"
	      ".arrow{stroke:#ddd}.cached{fill:#2f5c2a}.combined{fill:#25506f}}\n"
	      "</style>\n<defs>\n"
	      "<pattern id=\"empty\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 8L8 0\" stroke=\"#999\" stroke-opacity=\".5\"/></pattern>\n"
	      "<marker id=\"head\" markerWidth=\"9\" markerHeight=\"8\" refX=\"9\" refY=\"4\" orient=\"auto\"><path d=\"M0 0L9 4L0 8z\"/></marker>\n"
	      "</defs>\n", to);
	fprintf(to, "<rect width=\"100%%\" height=\"100%%\" class=\"back\"/>\n");
}

/**
 * draw_svg() - Draw the memory on the left and its BARs on the right, as an SVG document
 * @to: output
 * @box: memory, then a box for each of its parts
 * @nr: number of boxes
 */
void draw_svg(FILE *to, const struct box *box, unsigned int nr)
{
	const int bend = SVG_HOST + SVG_WIDTH + 20, end = SVG_GUEST - SVG_ADDRESS;
	int from[BOX_PARTS], into[BOX_PARTS], y = SVG_TOP, bottom;
	__u64 scale = draw_scale(box, nr);
	char *text = NULL;
	unsigned int i;
	size_t len;
	FILE *body = open_memstream(&text, &len);

	if (!body)
		abort();
	svg_text(body, "title", 20, y - 16, "%s", box->title);
	bottom = svg_box(body, box, scale, SVG_HOST, y, from);
	for (i = 1; i < nr; i++, y += SVG_GAP) {
		svg_text(body, "title", SVG_GUEST, y - 16, "%s", box[i].title);
		y = svg_box(body, &box[i], scale, SVG_GUEST, y, into);
		fprintf(body, "<path d=\"M%d %dH%dL%d %dH%d\" class=\"arrow\"/>\n",
			SVG_HOST + SVG_WIDTH, from[i - 1], bend, end, into[0], SVG_GUEST);
		if (y > bottom)
			bottom = y;
	}
	fclose(body);
	svg_head(to, bottom + 20);
	fprintf(to, "%s</svg>\n", text);
	free(text);
}
