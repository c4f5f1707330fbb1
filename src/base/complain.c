/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/complain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

void vcomplain(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0) {
		fputs("memfs: out of memory\n", stderr);
		return;
	}
	fputs("memfs: ", stderr);
	for (const char *at = text; *at; at++) {
		if (iscntrl((unsigned char)*at))
			fprintf(stderr, "\\%03o", (unsigned)(unsigned char)*at);
		else
			fputc(*at, stderr);
	}
	fputc('\n', stderr);
	free(text);
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
}
