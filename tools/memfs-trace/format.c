/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095

const char *format_duration(uint64_t ns, char buf[FORMAT_SIZE])
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } };
	size_t i = 0;

	while (i < 3 && (double)ns < units[i].ns)
		i++;
	snprintf(buf, FORMAT_SIZE, i == 3 ? "%.0f%s" : "%.2f%s", (double)ns / units[i].ns,
		 units[i].unit);
	return buf;
}

const char *format_bytes(uint64_t bytes, char buf[FORMAT_SIZE])
{
	static const char units[] = "KMGTPE";
	double n = (double)bytes;
	int unit = -1;

	/* What would round up to 1024 of a unit is 1.0 of the next. */
	while (n >= 1023.95 && unit < 5) {
		n /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64, bytes);
	else
		snprintf(buf, FORMAT_SIZE, "%.1f%c", n, units[unit]);
	return buf;
}

const char *format_count(uint64_t n, char buf[FORMAT_SIZE])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

const char *format_escaped(const char *name, char *buf, size_t size)
{
	size_t at = 0;

	for (const unsigned char *p = (const unsigned char *)name; *p && at + 5 < size; p++) {
		if (*p == '"' || *p == '\\')
			at += (size_t)snprintf(buf + at, size - at, "\\%c", *p);
		else if (*p == '\n')
			at += (size_t)snprintf(buf + at, size - at, "\\n");
		else if (*p == '\t')
			at += (size_t)snprintf(buf + at, size - at, "\\t");
		else if (*p < 0x20 || *p >= 0x7f)
			at += (size_t)snprintf(buf + at, size - at, "\\x%02x", *p);
		else
			buf[at++] = (char)*p;
	}
	buf[at] = '\0';
	return buf;
}

const char *format_quoted(const char *name, char *buf, size_t size)
{
	size_t length;

	buf[0] = '"';
	length = strlen(format_escaped(name, buf + 1, size - 2));
	strcpy(buf + 1 + length, "\"");
	return buf;
}

const char *format_errno(int error, char buf[FORMAT_SIZE])
{
	const char *name = strerrorname_np(error);

	if (name)
		snprintf(buf, FORMAT_SIZE, "%s", name);
	else
		snprintf(buf, FORMAT_SIZE, "E%d", error);
	return buf;
}

int parse_errno(const char *text, size_t length)
{
	char copy[FORMAT_SIZE];
	uint64_t n;

	if (!length || length >= sizeof(copy))
		return -1;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (parse_number(copy, ERRNO_MAX, &n))
		return n ? (int)n : -1;
	for (int error = 1; error <= ERRNO_MAX; error++) {
		const char *name = strerrorname_np(error);

		if (name && strcmp(name, copy) == 0)
			return error;
	}
	return -1;
}

bool parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 },
		{ "m", 60e9 }, { "h", 3600e9 },
	};
	double number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	number = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		number *= units[i].ns;
		if (!isfinite(number) || number >= 9e18)
			return false;
		*ns = (uint64_t)(number + 0.5);
		return true;
	}
	return false;
}

bool parse_number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && !*end && *n <= max;
}

/* --- UTF-8 ------------------------------------------------------------------ */

/* Length of the UTF-8 sequence at p, 0 = it is none. The string ends in NUL, which is no continuation. */
static size_t sequence_length(const unsigned char *p)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	unsigned code = *p;

	if (length == 1)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	code &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

bool name_is_utf8(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p;) {
		size_t length = sequence_length(p);

		if (!length)
			return false;
		p += length;
	}
	return true;
}

size_t format_utf8(const char *name, char *text, bool *valid)
{
	size_t at = 0;

	*valid = true;
	for (const unsigned char *p = (const unsigned char *)name; *p;) {
		size_t length = sequence_length(p);

		memcpy(text + at, length ? (const char *)p : "\xef\xbf\xbd", length ? length : 3);
		at += length ? length : 3;
		*valid &= length > 0;
		p += length ? length : 1;
	}
	text[at] = '\0';
	return at;
}

const char *format_hex(const char *name, char *text)
{
	static const char digits[] = "0123456789abcdef";
	char *at = text;

	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		*at++ = digits[*p >> 4];
		*at++ = digits[*p & 15];
	}
	*at = '\0';
	return text;
}

void json_set_name(json_t *object, const char *key, const char *name)
{
	const size_t size = strlen(name);
	char *text = malloc(3 * size + 1), *hex = malloc(2 * size + 1), hex_key[64];
	bool valid;

	if (text && hex) {
		size_t length = format_utf8(name, text, &valid);

		json_object_set_new(object, key, json_stringn(text, length));
		snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
		if (!valid)
			json_object_set_new(object, hex_key, json_string(format_hex(name, hex)));
	}
	free(text);
	free(hex);
}
