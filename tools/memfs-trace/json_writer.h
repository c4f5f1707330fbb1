/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_writer.h - JSON as a stream, where there is too much of it to build it in memory.
 *
 * Objects hold a few thousand bytes at most before they are written by jw_end_line().
 */
#ifndef MEMFS_TRACE_JSON_WRITER_H
#define MEMFS_TRACE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <yajl/yajl_gen.h>

struct json_writer {
	yajl_gen gen;
	FILE *file;
};

/* The file stays the caller's. Without memory the program ends. */
void jw_begin(struct json_writer *w, FILE *file);
void jw_free(struct json_writer *w);

/* Structure: key is NULL within an array, and at the top. */
void jw_open_map(struct json_writer *w, const char *key);
void jw_close_map(struct json_writer *w);
void jw_open_array(struct json_writer *w, const char *key);
void jw_close_array(struct json_writer *w);

void jw_put_number(struct json_writer *w, const char *key, uint64_t n);
void jw_put_bool(struct json_writer *w, const char *key, bool value);
/* Plain text of ours. */
void jw_put_text(struct json_writer *w, const char *key, const char *text);
/* Raw bytes: as json_set_name(). */
void jw_put_name(struct json_writer *w, const char *key, const char *name);
/* ns as microseconds with three decimals. */
void jw_put_us(struct json_writer *w, const char *key, int64_t ns);

/* Gives what there is to the file. */
void jw_flush(struct json_writer *w);
/* The same at the end of a whole value; a line end follows, and another value may. */
void jw_end_line(struct json_writer *w);

#endif
