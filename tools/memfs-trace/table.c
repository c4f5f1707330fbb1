/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "html.h"

#define CELL_SIZE 32768 /* an escaped path */
#define RULE_MAX 15     /* below the title of the last column, if that is text */

enum { OPTION_TOP = TABLE_OPTION };

const struct option table_options[] = {
	{ "sort", required_argument, NULL, 'S' },
	{ "columns", required_argument, NULL, 'U' },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ 0 },
};

const char table_help[] =
	"\nThe table:\n"
	"  -S, --sort=KEY       by this column: amounts from the largest, moments from the first,\n"
	"                       text from A\n"
	"  -U, --columns=KEY[,KEY...]\n"
	"                       these columns, in this order\n"
	"      --top=N          the first N rows\n";

struct row {
	size_t order; /* of arrival: among equals */
	char *below;  /* lines; NULL = none */
	const char *json_key;
	json_t *json; /* NULL = none */
	struct value values[];
};

struct table {
	const struct column *columns;
	size_t column_count;
	size_t *shown; /* columns, in order */
	size_t shown_count;
	const struct column *sort; /* NULL = as added */
	size_t top;
	struct row **rows, *total;
	size_t row_count, capacity;
	size_t added; /* rows in all */
	bool sorted;
};

int table_take(struct table_options *options, int c)
{
	switch (c) {
	case 'S':
		options->sort = optarg;
		return 1;
	case 'U':
		options->columns = optarg;
		return 1;
	case OPTION_TOP:
		if (parse_number(optarg, UINT64_MAX, &options->top) && options->top)
			return 1;
		complain(optarg, "is no number of rows");
		return -1;
	default:
		return 0;
	}
}

/* --- making ----------------------------------------------------------------- */

static void *need(void *memory)
{
	if (!memory)
		exit(complain("table", "out of memory"));
	return memory;
}

/* By its key, with or without the unit behind it, or by its title. */
static const struct column *find_column(const struct table *t, const char *key, size_t length)
{
	for (size_t i = 0; i < t->column_count; i++) {
		const struct column *c = &t->columns[i];
		const char *rest = c->key + length;

		if (strncmp(c->key, key, length) == 0 && strlen(c->key) >= length &&
		    (!*rest || strcmp(rest, "_ns") == 0 || strcmp(rest, "_bytes") == 0))
			return c;
		if (strlen(c->title) == length && strncmp(c->title, key, length) == 0)
			return c;
	}
	return NULL;
}

static bool no_such_column(const struct table *t, const char *key, size_t length)
{
	char what[64], why[512] = "no such column; there are";

	snprintf(what, sizeof(what), "%.*s", (int)(length < 60 ? length : 60), key);
	for (size_t i = 0; i < t->column_count; i++) {
		size_t at = strlen(why);

		snprintf(why + at, sizeof(why) - at, "%s%s", i ? ", " : " ", t->columns[i].key);
	}
	complain(what, why);
	return false;
}

static bool choose_columns(struct table *t, const char *list)
{
	for (size_t i = 0; !list && i < t->column_count; i++)
		if (!t->columns[i].hidden)
			t->shown[t->shown_count++] = i;
	while (list && *list) {
		size_t length = strcspn(list, ",");
		const struct column *c = find_column(t, list, length);

		if (!c)
			return no_such_column(t, list, length);
		if (t->shown_count < t->column_count)
			t->shown[t->shown_count++] = (size_t)(c - t->columns);
		list += length + (list[length] == ',');
	}
	return true;
}

static bool choose_sort(struct table *t, const char *asked, const char *otherwise)
{
	const char *key = asked ? asked : otherwise;

	t->sort = key ? find_column(t, key, strlen(key)) : NULL;
	return !key || t->sort || no_such_column(t, key, strlen(key));
}

struct table *table_create(const struct column *columns, size_t count,
			   const struct table_options *options, const char *sort)
{
	struct table *t = need(calloc(1, sizeof(*t)));

	t->columns = columns;
	t->column_count = count;
	t->shown = need(calloc(count, sizeof(*t->shown)));
	t->top = options->top;
	if (choose_columns(t, options->columns) && choose_sort(t, options->sort, sort))
		return t;
	table_free(t);
	return NULL;
}

static void free_row(const struct table *t, struct row *row)
{
	if (!row)
		return;
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].kind == COLUMN_TEXT)
			free((char *)(uintptr_t)row->values[i].text);
	free(row->below);
	json_decref(row->json);
	free(row);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->row_count; i++)
		free_row(t, t->rows[i]);
	free_row(t, t->total);
	free(t->rows);
	free(t->shown);
	free(t);
}

static struct row *make_row(const struct table *t, const struct value *values)
{
	struct row *row = need(malloc(sizeof(*row) + t->column_count * sizeof(row->values[0])));

	row->order = t->added;
	row->below = NULL;
	row->json_key = NULL;
	row->json = NULL;
	for (size_t i = 0; i < t->column_count; i++) {
		row->values[i] = values[i];
		if (t->columns[i].kind == COLUMN_TEXT && values[i].text)
			row->values[i].text = need(strdup(values[i].text));
	}
	return row;
}

void table_set_total(struct table *t, const struct value *values)
{
	free_row(t, t->total);
	t->total = make_row(t, values);
}

size_t table_rows(const struct table *t)
{
	return t->added;
}

/* --- sorting ---------------------------------------------------------------- */

static bool is_double(enum column_kind kind)
{
	return kind == COLUMN_PERCENT || kind == COLUMN_RATIO;
}

static bool is_delta(enum column_kind kind)
{
	return kind == COLUMN_DELTA || kind == COLUMN_DELTA_SECONDS;
}

static uint64_t magnitude(const struct column *c, uint64_t n)
{
	return is_delta(c->kind) && (int64_t)n < 0 ? -n : n;
}

/* What has no ratio stands behind those that have. */
static double rank(double d)
{
	return isnan(d) ? -1 : d;
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	const struct table *t = context;
	size_t i = (size_t)(t->sort - t->columns);
	const struct value *v = &x->values[i], *w = &y->values[i];
	int order = 0;

	if (t->sort->kind == COLUMN_TEXT)
		order = strcmp(v->text ? v->text : "", w->text ? w->text : "");
	else if (is_double(t->sort->kind))
		order = (rank(v->d) < rank(w->d)) - (rank(v->d) > rank(w->d));
	else
		order = (magnitude(t->sort, v->n) < magnitude(t->sort, w->n)) -
			(magnitude(t->sort, v->n) > magnitude(t->sort, w->n));
	if (t->sort->ascending)
		order = -order;
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* Sorts, and drops what --top hides. */
static void finish(struct table *t)
{
	if (t->sort && !t->sorted && t->row_count)
		qsort_r(t->rows, t->row_count, sizeof(t->rows[0]), compare_rows, t);
	t->sorted = true;
	while (t->top && t->row_count > t->top)
		free_row(t, t->rows[--t->row_count]);
}

void table_add(struct table *t, const struct value *values)
{
	/* Now and then, so that there are never many more than will be shown. */
	if (t->top && t->row_count / 2 > t->top + 500)
		finish(t);
	if (t->row_count == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 64;
		t->rows = need(realloc(t->rows, t->capacity * sizeof(*t->rows)));
	}
	t->rows[t->row_count] = make_row(t, values);
	t->row_count++;
	t->added++;
	t->sorted = false;
}

void table_add_below(struct table *t, const char *lines, const char *key, json_t *json)
{
	struct row *row = t->rows[t->row_count - 1];

	row->below = need(strdup(lines));
	row->json_key = key;
	row->json = json;
}

/* --- text ------------------------------------------------------------------- */

static const char *format_cell(const struct column *c, const struct value *v, bool raw,
			       char buf[CELL_SIZE])
{
	switch (c->kind) {
	case COLUMN_TEXT:
		if (!v->text || c->printable)
			return v->text ? v->text : "";
		return format_escaped(v->text, buf, CELL_SIZE);
	case COLUMN_PERCENT:
		snprintf(buf, CELL_SIZE, "%.2f", v->d);
		return buf;
	case COLUMN_RATIO:
		if (isnan(v->d) || (c->blank_zero && v->d == 0))
			return "";
		snprintf(buf, CELL_SIZE, "%.2f", v->d);
		return buf;
	default:
		break;
	}
	if (c->blank_zero && !v->n)
		return "";
	if (c->kind == COLUMN_DELTA || (raw && is_delta(c->kind)))
		snprintf(buf, CELL_SIZE, "%+" PRId64, (int64_t)v->n);
	else if (c->kind == COLUMN_DELTA_SECONDS)
		snprintf(buf, CELL_SIZE, "%+.6f", (double)(int64_t)v->n / 1e9);
	else if (raw || c->kind == COLUMN_COUNT)
		snprintf(buf, CELL_SIZE, "%" PRIu64, v->n);
	else if (c->kind == COLUMN_BYTES)
		format_bytes(v->n, buf);
	else if (c->kind == COLUMN_SECONDS)
		snprintf(buf, CELL_SIZE, "%.6f", (double)v->n / 1e9);
	else if (c->kind == COLUMN_US)
		snprintf(buf, CELL_SIZE, "%.1f", (double)v->n / 1e3);
	else
		format_duration(v->n, buf);
	return buf;
}

/* A moment, or the number of a process, has no sum. */
static const char *format_row(const struct table *t, const struct row *row, size_t column, bool raw,
			      char *buf)
{
	if (row == t->total && t->columns[column].ascending)
		return "";
	return format_cell(&t->columns[column], &row->values[column], raw, buf);
}

static void widen(const struct table *t, int *widths, const struct row *row, bool raw, char *buf)
{
	for (size_t i = 0; i < t->shown_count; i++) {
		size_t column = t->shown[i];
		const char *cell;

		/* What stands last is not padded, and its rule is short. */
		if (i + 1 == t->shown_count && t->columns[column].kind == COLUMN_TEXT &&
		    widths[i] >= RULE_MAX)
			continue;
		cell = format_row(t, row, column, raw, buf);
		if (widths[i] < (int)strlen(cell))
			widths[i] = (int)strlen(cell);
	}
}

static void print_cell(const struct table *t, FILE *out, size_t i, int width, const char *cell)
{
	bool is_text = t->columns[t->shown[i]].kind == COLUMN_TEXT;

	if (i)
		fputs(is_text ? "  " : " ", out);
	if (!is_text)
		fprintf(out, "%*s", width, cell);
	else if (i + 1 == t->shown_count)
		fputs(cell, out);
	else
		fprintf(out, "%-*s", width, cell);
}

static void print_row(const struct table *t, FILE *out, const int *widths, const struct row *row,
		      bool raw, char *buf)
{
	for (size_t i = 0; i < t->shown_count; i++) {
		print_cell(t, out, i, widths[i], format_row(t, row, t->shown[i], raw, buf));
	}
	putc('\n', out);
}

static void print_rule(const struct table *t, FILE *out, const int *widths)
{
	static const char dashes[] = "----------------------------------------------------------------";

	for (size_t i = 0; i < t->shown_count; i++) {
		bool last = i + 1 == t->shown_count && t->columns[t->shown[i]].kind == COLUMN_TEXT;
		char cell[sizeof(dashes)];

		snprintf(cell, sizeof(cell), "%.*s", last && widths[i] > RULE_MAX ? RULE_MAX : widths[i], dashes);
		print_cell(t, out, i, widths[i], cell);
	}
	putc('\n', out);
}

void table_print(struct table *t, FILE *out, bool raw)
{
	int *widths = need(calloc(t->column_count, sizeof(*widths)));
	char *buf = need(malloc(CELL_SIZE));

	finish(t);
	for (size_t i = 0; i < t->shown_count; i++)
		widths[i] = (int)strlen(t->columns[t->shown[i]].title);
	for (size_t i = 0; i < t->row_count; i++)
		widen(t, widths, t->rows[i], raw, buf);
	if (t->total)
		widen(t, widths, t->total, raw, buf);
	for (size_t i = 0; i < t->shown_count; i++)
		print_cell(t, out, i, widths[i], t->columns[t->shown[i]].title);
	putc('\n', out);
	print_rule(t, out, widths);
	for (size_t i = 0; i < t->row_count; i++) {
		print_row(t, out, widths, t->rows[i], raw, buf);
		if (t->rows[i]->below)
			fputs(t->rows[i]->below, out);
	}
	if (t->total) {
		print_rule(t, out, widths);
		print_row(t, out, widths, t->total, raw, buf);
	}
	free(widths);
	free(buf);
}

/* --- HTML ------------------------------------------------------------------- */

static void html_row(const struct table *t, FILE *out, const struct row *row, char *buf)
{
	fputs("<tr>", out);
	for (size_t i = 0; i < t->shown_count; i++) {
		const struct column *c = &t->columns[t->shown[i]];
		const struct value *v = &row->values[t->shown[i]];

		fputs(c->kind == COLUMN_TEXT ? "<td>" : "<td class=\"n\">", out);
		if (c->kind == COLUMN_TEXT)
			html_text(out, v->text ? v->text : "");
		else
			html_text(out, format_cell(c, v, false, buf));
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

void table_html(struct table *t, FILE *out)
{
	char *buf = need(malloc(CELL_SIZE));

	finish(t);
	fputs("<div class=\"table\"><table>\n<thead><tr>", out);
	for (size_t i = 0; i < t->shown_count; i++) {
		const struct column *c = &t->columns[t->shown[i]];

		fputs(c->kind == COLUMN_TEXT ? "<th>" : "<th class=\"n\">", out);
		html_text(out, c->title);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < t->row_count && (!t->top || i < t->top); i++)
		html_row(t, out, t->rows[i], buf);
	fputs("</tbody>\n", out);
	if (t->total) {
		fputs("<tfoot>\n", out);
		html_row(t, out, t->total, buf);
		fputs("</tfoot>\n", out);
	}
	fputs("</table></div>\n", out);
	free(buf);
}

/* --- JSON ------------------------------------------------------------------- */

static json_t *json_of_row(const struct table *t, const struct row *row)
{
	json_t *object = json_object();

	for (size_t column = 0; column < t->column_count; column++) {
		const struct column *c = &t->columns[column];
		const struct value *v = &row->values[column];

		if (c->kind == COLUMN_TEXT && v->text)
			json_set_name(object, c->key, v->text);
		else if (c->kind == COLUMN_TEXT)
			json_object_set_new(object, c->key, json_null());
		else if (is_double(c->kind) && isnan(v->d))
			json_object_set_new(object, c->key, json_null());
		else if (is_double(c->kind))
			json_object_set_new(object, c->key, json_real(v->d));
		else
			json_object_set_new(object, c->key, json_integer((json_int_t)v->n));
	}
	if (row->json)
		json_object_set(object, row->json_key, row->json);
	return object;
}

json_t *table_json(struct table *t)
{
	json_t *rows = json_array();

	finish(t);
	for (size_t i = 0; i < t->row_count; i++)
		json_array_append_new(rows, json_of_row(t, t->rows[i]));
	return rows;
}

/* Of json_dump_callback(): each line is put further to the right. */
static int print_indented(const char *text, size_t size, void *out)
{
	for (size_t i = 0; i < size; i++) {
		putc(text[i], out);
		if (text[i] == '\n')
			fputs("    ", out);
	}
	return 0;
}

void table_print_json(struct table *t, FILE *out)
{
	finish(t);
	putc('[', out);
	for (size_t i = 0; i < t->row_count && !ferror(out); i++) {
		json_t *row = json_of_row(t, t->rows[i]);

		fputs(i ? ",\n    " : "\n    ", out);
		if (json_dump_callback(row, print_indented, out,
				       JSON_INDENT(2) | JSON_REAL_PRECISION(9)) < 0)
			exit(complain("JSON", "out of memory"));
		json_decref(row);
	}
	fputs(t->row_count ? "\n  ]" : "]", out);
}
