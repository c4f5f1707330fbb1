/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.h - numbers, times, names and errors as people read them, and back.
 *
 * Functions that take a buffer return it.
 */
#ifndef MEMFS_TRACE_FORMAT_H
#define MEMFS_TRACE_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_SIZE 32

/* "1.25ms", in the unit that fits. */
const char *format_duration(uint64_t ns, char buf[FORMAT_SIZE]);

/* "1.2M": powers of 1024, as ls -h shows them; below 1024 the number. */
const char *format_bytes(uint64_t bytes, char buf[FORMAT_SIZE]);

/* 1204331 as "1,204,331". */
const char *format_count(uint64_t n, char buf[FORMAT_SIZE]);

/*
 * A name on one line, safe on a terminal: escapes as in C for all that is not plain ASCII
 * text, and for quotes and backslashes. Cut off where the buffer ends; four
 * bytes for each of the name are enough, plus 3.
 */
const char *format_escaped(const char *name, char *buf, size_t size);

/* The same between double quotes, as strace shows it. */
const char *format_quoted(const char *name, char *buf, size_t size);

/* "ENOENT", or the number where it has no name. */
const char *format_errno(int error, char buf[FORMAT_SIZE]);

/* An errno by name or number; -1 = there is no such. */
int parse_errno(const char *text, size_t length);

/* "1ms", "2.5s", "90" (seconds), "1m", "1h", "100us", "7ns"; false for anything else. */
bool parse_duration(const char *text, uint64_t *ns);

/* A decimal number up to max; false for anything else. */
bool parse_number(const char *text, uint64_t max, uint64_t *n);

/* Are these bytes UTF-8? */
bool name_is_utf8(const char *name);

/*
 * Bytes as UTF-8: U+FFFD for each that is not part of a character. `text` has room for three times as
 * many bytes, and a NUL. Returns the length; *valid: nothing had to be replaced.
 */
size_t format_utf8(const char *name, char *text, bool *valid);

/* Bytes in hexadecimal: twice as many, and a NUL. */
const char *format_hex(const char *name, char *text);

/*
 * Puts raw bytes into a JSON object: the text under `key`; where that is not UTF-8,
 * U+FFFD for what is not, and the bytes in hexadecimal under `key`_hex.
 */
void json_set_name(json_t *object, const char *key, const char *name);

#endif
