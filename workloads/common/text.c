/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/progress.h"

const char *program_name = "workload";

bool complain(const char *format, ...)
{
	va_list arguments;

	progress_clear();
	fprintf(stderr, "%s: ", program_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

bool flush_output(void)
{
	return (fflush(stdout) == 0 && !ferror(stdout)) ||
	       complain("standard output: %s", strerror(errno));
}

void out_of_memory(void)
{
	complain("out of memory");
	exit(1);
}

void *zalloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		out_of_memory();
	return memory;
}

void *enlarge(void *array, size_t count, size_t size)
{
	void *memory = reallocarray(array, count, size);

	if (!memory)
		out_of_memory();
	return memory;
}

char *text_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		out_of_memory();
	return copy;
}

char *text_format(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		out_of_memory();
	return text;
}

char *text_trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* The bytes of the character of UTF-8 that begins here; 0 = none does. */
static size_t utf8_length(const unsigned char *p)
{
	size_t length = *p < 0xc2 || *p > 0xf4 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return *p == 0xc2 && p[1] < 0xa0 ? 0 : length; /* control characters, once more */
}

char *text_visible(const char *text)
{
	char *shown = zalloc(4 * strlen(text) + 1, 1), *to = shown;
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t length = *p < 0x80 ? (*p >= 0x20 && *p != 0x7f && *p != '\\') :
				utf8_length(p);

		if (length) {
			memcpy(to, p, length);
			to += length;
			p += length;
		} else if (*p == '\n' || *p == '\t' || *p == '\\') {
			to += sprintf(to, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : '\\');
			p++;
		} else {
			to += sprintf(to, "\\x%02x", *p++);
		}
	}
	return shown;
}

bool text_is_printable(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

char *text_from_fd(int fd)
{
	size_t used = 0, size = 4096;
	char *text = zalloc(size, 1);
	ssize_t got;

	for (;;) {
		got = read(fd, text + used, size - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
		if (used + 1 == size)
			text = enlarge(text, size *= 2, 1);
	}
	text[used] = '\0';
	if (got < 0) {
		free(text);
		return NULL;
	}
	return text;
}

char *text_from_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	char *text;

	if (fd < 0)
		return NULL;
	text = text_from_fd(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

char *text_last_line(const char *path)
{
	char *text = text_from_file(path), *trimmed, *newline, *line;

	if (!text)
		return NULL;
	trimmed = text_trim(text);
	newline = strrchr(trimmed, '\n');
	line = *trimmed ? text_copy(newline ? newline + 1 : trimmed) : NULL;
	free(text);
	return line;
}

void text_list_add(struct text_list *list, const char *text)
{
	list->items = enlarge(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = text_copy(text);
}

void text_list_split(struct text_list *list, const char *text, const char *separators)
{
	char *copy = text_copy(text), *rest = copy, *word;

	while ((word = strsep(&rest, separators)))
		if (*word)
			text_list_add(list, word);
	free(copy);
}

bool text_list_has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

void text_list_free(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){ 0 };
}
