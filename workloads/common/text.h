/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and strings, shared by the workloads.
 *
 * All messages have one form, `program: what: why`, and go to stderr. Running out of memory
 * ends the program through exit(), so that what was registered with atexit() (unmounting)
 * still happens; no caller needs to check a string for NULL.
 */
#ifndef WORKLOADS_TEXT_H
#define WORKLOADS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The name before each message; the first thing that main() sets. */
extern const char *program_name;

/* Prints `program: ...` and returns false, so that it can be the last word of a function. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes out what was printed; false after a complaint: not all has arrived. */
bool flush_output(void);

/* Says so and exits with status 1. */
void out_of_memory(void) __attribute__((noreturn));

/* calloc(), strdup() and asprintf(), which do not return when memory is out. */
void *zalloc(size_t count, size_t size);
void *enlarge(void *array, size_t count, size_t size);
char *text_copy(const char *text);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The text without the white space around it; changes `text` itself. */
char *text_trim(char *text);

/*
 * For people, to be freed: what is not plain text, and the backslash, as \n, \t, \xNN. UTF-8 is
 * left as it is.
 */
char *text_visible(const char *text);

/* Does it print as it is, without moving the cursor or worse? Bytes above ASCII pass. */
bool text_is_printable(const char *text);

/* The whole file as a string, to be freed; NULL with errno. */
char *text_from_file(const char *path);
char *text_from_fd(int fd);

/* The last line of a file that is not empty, to be freed; NULL when there is none. */
char *text_last_line(const char *path);

/* A list of strings that it owns. */
struct text_list {
	char **items;
	size_t count;
};

void text_list_add(struct text_list *list, const char *text);
/* Adds each of the words between the characters of `separators`. */
void text_list_split(struct text_list *list, const char *text, const char *separators);
bool text_list_has(const struct text_list *list, const char *text);
void text_list_free(struct text_list *list);

#endif
