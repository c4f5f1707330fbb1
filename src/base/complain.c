/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/complain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "memfs: ";

/* The line that is printed of a text, with its length; NULL without memory. */
static char *make_line(const char *text, size_t *length)
{
	/* A character becomes four at most; then there is the newline, and sprintf(3)'s NUL. */
	char *line = malloc(strlen(prefix) + 4 * strlen(text) + 2), *at = line;

	if (!line)
		return NULL;
	at = stpcpy(at, prefix);
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			at += sprintf(at, "\\%03o", (unsigned)(unsigned char)*text);
		else
			*at++ = *text;
	}
	*at++ = '\n';
	*length = (size_t)(at - line);
	return line;
}

void vcomplain(const char *format, va_list arguments)
{
	char *text = NULL, *line = NULL;
	size_t length;

	if (vasprintf(&text, format, arguments) >= 0) {
		line = make_line(text, &length);
		free(text);
	}
	/* By one call, so that lines of several threads do not mix: stderr has no buffer. */
	if (line)
		fwrite(line, 1, length, stderr);
	else
		fputs("memfs: out of memory\n", stderr);
	free(line);
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
}
