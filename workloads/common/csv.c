/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void csv_put_text(FILE *file, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, file);
		return;
	}
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', file);
		putc(*text, file);
	}
	putc('"', file);
}

bool csv_writer_open(struct csv_writer *writer, const char *path, const char *header)
{
	*writer = (struct csv_writer){ .path = path };
	if (!path)
		return true;
	writer->file = fopen(path, "we");
	if (!writer->file)
		return complain("%s: %s", path, strerror(errno));
	fprintf(writer->file, "%s\n", header);
	return csv_writer_flush(writer);
}

bool csv_writer_flush(struct csv_writer *writer)
{
	return !writer->file || (fflush(writer->file) == 0 && !ferror(writer->file)) ||
	       complain("%s: %s", writer->path, strerror(errno));
}

bool csv_writer_close(struct csv_writer *writer)
{
	bool ok = !writer->file || fclose(writer->file) == 0 ||
		  complain("%s: %s", writer->path, strerror(errno));

	*writer = (struct csv_writer){ 0 };
	return ok;
}

bool csv_reader_open(struct csv_reader *csv, const char *path)
{
	*csv = (struct csv_reader){ .text = text_from_file(path), .next_line = 1 };
	csv->at = csv->text;
	return csv->text != NULL;
}

void csv_reader_close(struct csv_reader *csv)
{
	free(csv->text);
	free(csv->fields);
	*csv = (struct csv_reader){ 0 };
}

/* Takes a field in quotes, without them, in place: it never gets longer. Stops behind it. */
static void take_quoted(struct csv_reader *csv)
{
	char *to = csv->at++;

	for (; *csv->at; csv->at++) {
		if (*csv->at == '"' && *++csv->at != '"')
			break;
		csv->next_line += *csv->at == '\n';
		*to++ = *csv->at;
	}
	/* Between the closing quote and the separator nothing should be: it is kept. */
	while (*csv->at && !strchr(",\r\n", *csv->at))
		*to++ = *csv->at++;
	*to = '\0';
}

/* Ends the field at which it stands. True: another one follows. */
static bool end_field(struct csv_reader *csv)
{
	char *end = csv->at;
	bool more = *end == ',';

	csv->torn = !*end;
	if (*end == '\r' && end[1] == '\n')
		csv->at++;
	if (*csv->at)
		csv->at++;
	csv->next_line += !more && !csv->torn;
	*end = '\0';
	return more;
}

bool csv_reader_next(struct csv_reader *csv)
{
	bool more = true;

	for (; *csv->at == '\n' || *csv->at == '\r'; csv->at++)
		csv->next_line += *csv->at == '\n';
	if (!*csv->at)
		return false;
	csv->line = csv->next_line;
	csv->count = 0;
	while (more) {
		csv->fields = enlarge(csv->fields, csv->count + 1, sizeof(*csv->fields));
		csv->fields[csv->count++] = csv->at;
		if (*csv->at == '"')
			take_quoted(csv);
		else
			csv->at += strcspn(csv->at, ",\r\n");
		more = end_field(csv);
	}
	return true;
}

int csv_reader_column(const struct csv_reader *csv, const char *name)
{
	for (size_t i = 0; i < csv->count; i++)
		if (strcmp(csv->fields[i], name) == 0)
			return (int)i;
	return -1;
}
