/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"

static void *need(void *memory)
{
	if (!memory)
		exit(complain("JSON", "out of memory"));
	return memory;
}

/* Only a mistake in the order of our calls can fail here; it must not go unseen. */
static void must(yajl_gen_status status)
{
	if (status != yajl_gen_status_ok)
		exit(complain("JSON", "cannot be written"));
}

static void put_string(struct json_writer *w, const char *text, size_t length)
{
	must(yajl_gen_string(w->gen, (const unsigned char *)text, length));
}

static void put_key(struct json_writer *w, const char *key)
{
	if (key)
		put_string(w, key, strlen(key));
}

void jw_begin(struct json_writer *w, FILE *file)
{
	w->file = file;
	w->gen = need(yajl_gen_alloc(NULL));
}

void jw_free(struct json_writer *w)
{
	if (w->gen)
		yajl_gen_free(w->gen);
	w->gen = NULL;
}

void jw_open_map(struct json_writer *w, const char *key)
{
	put_key(w, key);
	must(yajl_gen_map_open(w->gen));
}

void jw_close_map(struct json_writer *w)
{
	must(yajl_gen_map_close(w->gen));
}

void jw_open_array(struct json_writer *w, const char *key)
{
	put_key(w, key);
	must(yajl_gen_array_open(w->gen));
}

void jw_close_array(struct json_writer *w)
{
	must(yajl_gen_array_close(w->gen));
}

void jw_put_number(struct json_writer *w, const char *key, uint64_t n)
{
	char digits[24], *at = digits + sizeof(digits);

	/* yajl's own integers are signed, and go through printf(3). */
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	put_key(w, key);
	must(yajl_gen_number(w->gen, at, (size_t)(digits + sizeof(digits) - at)));
}

void jw_put_bool(struct json_writer *w, const char *key, bool value)
{
	put_key(w, key);
	must(yajl_gen_bool(w->gen, value));
}

void jw_put_text(struct json_writer *w, const char *key, const char *text)
{
	put_key(w, key);
	put_string(w, text, strlen(text));
}

void jw_put_name(struct json_writer *w, const char *key, const char *name)
{
	size_t size = strlen(name);
	char *text, hex_key[64];
	bool valid;

	if (name_is_utf8(name)) {
		put_key(w, key);
		put_string(w, name, size);
		return;
	}
	text = need(malloc(3 * size + 1));
	put_key(w, key);
	put_string(w, text, format_utf8(name, text, &valid));
	snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
	jw_put_text(w, hex_key, format_hex(name, text));
	free(text);
}

void jw_put_us(struct json_writer *w, const char *key, int64_t ns)
{
	uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	char text[32];
	int length = snprintf(text, sizeof(text), "%s%" PRIu64 ".%03u", ns < 0 ? "-" : "", n / 1000,
			      (unsigned)(n % 1000));

	put_key(w, key);
	must(yajl_gen_number(w->gen, text, (size_t)length));
}

void jw_flush(struct json_writer *w)
{
	const unsigned char *bytes;
	size_t size;

	must(yajl_gen_get_buf(w->gen, &bytes, &size));
	fwrite(bytes, 1, size, w->file);
	yajl_gen_clear(w->gen);
}

void jw_end_line(struct json_writer *w)
{
	jw_flush(w);
	putc('\n', w->file);
	yajl_gen_reset(w->gen, NULL);
}
