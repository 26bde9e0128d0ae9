// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boxes of memory as text and as SVG. A box is a stack of parts, lowest address at
 * the top, with proportional heights of at least one line.
 */
#include <string.h>

#include "draw.h"

#define ROWS		12
#define ROWS_OF_ONE	3
#define INNER		26
#define SVG_HEIGHT	260
#define SVG_WIDTH	230
#define SVG_MIN		24

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

static __u64 total(const struct box *box)
{
	__u64 sum = 0;
	unsigned int i;

	for (i = 0; i < box->nr; i++)
		sum += box->part[i].size;
	return sum ? sum : 1;
}

static void draw_rule(const struct style *style, const char *const corner[2], __u64 address)
{
	int i;

	printf("  %16llx %s", address, corner[0]);
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

static void draw_row(const struct style *style, const struct box_part *part, bool is_first)
{
	char text[INNER + 1] = "", size[32];
	int i;

	if (is_first)
		snprintf(text, sizeof(text), " %-10.10s %12.12s ", part->name,
			 format_size(size, sizeof(size), part->size));
	printf("  %16s %s%s%s", "", style->side, paint(part_paint(part)), text);
	for (i = strlen(text); i < INNER; i++)
		fputs(part->is_empty ? style->fill : " ", stdout);
	printf("%s%s", paint(PAINT_OFF), style->side);
	if (is_first && part->note)
		printf(" %s", part->note);
	putchar('\n');
}

/**
 * draw_text() - Draw a box with characters
 * @box: the box
 */
void draw_text(const struct box *box)
{
	const struct style *style = opts.ascii ? &ascii : &unicode;
	__u64 address = box->address, sum = total(box);
	unsigned int i, row, rows;

	printf("  %s\n", box->title);
	draw_rule(style, style->top, address);
	for (i = 0; i < box->nr; i++) {
		rows = (double)box->part[i].size * (box->nr > 1 ? ROWS : ROWS_OF_ONE) / sum + 0.5;
		for (row = 0; row < rows || !row; row++)
			draw_row(style, &box->part[i], !row);
		address += box->part[i].size;
		draw_rule(style, i + 1 < box->nr ? style->middle : style->bottom, address);
	}
}

static const char *fill_colour(const struct box_part *part)
{
	if (part->is_empty)
		return "url(#nothing)";
	return part->is_cached ? "#c7e5c0" : "#bcd9f2";
}

static int part_height(const struct box *box, unsigned int i)
{
	int height = (double)box->part[i].size * SVG_HEIGHT / total(box);

	return height < SVG_MIN ? SVG_MIN : height;
}

static void svg_part(FILE *to, const struct box_part *part, int x, int y, int height)
{
	char size[32];

	fprintf(to,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#333\"/>\n",
		x, y, SVG_WIDTH, height, fill_colour(part));
	fprintf(to, "<text x=\"%d\" y=\"%d\">", x + 8, y + 16);
	put_xml(to, part->name);
	fprintf(to, ", %s</text>\n", format_size(size, sizeof(size), part->size));
	if (part->note && height >= 2 * SVG_MIN) {
		fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"note\">", x + 8, y + 32);
		put_xml(to, part->note);
		fputs("</text>\n", to);
	}
}

static void svg_box(FILE *to, const struct box *box, int x, int y)
{
	__u64 address = box->address;
	unsigned int i;

	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"title\">", x, y - 12);
	put_xml(to, box->title);
	fputs("</text>\n", to);
	for (i = 0; i < box->nr; i++) {
		fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"address\">0x%llx</text>\n",
			x - 6, y + 4, address);
		svg_part(to, &box->part[i], x, y, part_height(box, i));
		y += part_height(box, i);
		address += box->part[i].size;
	}
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"address\">0x%llx</text>\n", x - 6, y + 4,
		address);
}

/**
 * draw_svg() - Draw boxes side by side, as an SVG document
 * @to: output
 * @box: the boxes
 * @nr: number of boxes
 */
void draw_svg(FILE *to, const struct box *box, unsigned int nr)
{
	const int step = SVG_WIDTH + 150;
	unsigned int i;

	fprintf(to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n",
		nr * step + 20, SVG_HEIGHT + 4 * SVG_MIN + 40);
	fprintf(to, "%s",
		"<style>.title{font-weight:bold}.note{font-size:11px;fill:#444}.address{font-size:10px;text-anchor:end;font-family:monospace}</style>\n"
		"<defs><pattern id=\"nothing\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 8L8 0\" stroke=\"#bbb\"/></pattern></defs>\n");
	for (i = 0; i < nr; i++)
		svg_box(to, &box[i], 130 + i * step, 40);
	fputs("</svg>\n", to);
}
