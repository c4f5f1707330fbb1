/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-trace - writes a trace out of a text, the same bytes each time: for tests of what reads traces.
 *
 *	make-trace SCRIPT TRACE
 *
 * A line of the script is a record; the next line is 1 ms later unless it has a start:
 *
 *	meta KEY VALUE
 *	process ID pid=PID ppid=.. uid=.. gid=.. start=.. comm=NAME
 *	event OP FIELD=VALUE...     fields of trace_format.h; name= and name2= are text, start= in ns
 *	block                       ends the block
 *	lost N                      so many were lost up to here
 *	reset                       names are forgotten, and get their numbers anew
 *	end                         the closing record, with totals of the events above
 *
 * # begins a comment. \xNN in text is that byte, so that names may hold anything; a blank is \x20. Numbers may
 * be octal or hexadecimal as in C. Without `end` the trace is one that was cut off.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memfs/trace_ops.h>

#include "trace/block.h"
#include "trace/varint.h"

#define STEP_NS 1000000u
#define NAMES_MAX 4096

static struct {
	struct block_writer block;
	const char *script;
	unsigned line;
	uint64_t now;
	char *names[NAMES_MAX];
	unsigned name_count;
	uint64_t lost;
	struct {
		uint64_t calls, errors, bytes, ns;
	} totals[TRACE_OP_LIMIT];
} the;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "make-trace: %s:%u: %s: %s\n", the.script, the.line, what, why);
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (end == text || *end)
		fail(text, "is no number");
	return n;
}

/* \xNN becomes that byte; in place. */
static char *unescape(char *text)
{
	char *to = text;
	unsigned byte;

	for (const char *from = text; *from;) {
		if (sscanf(from, "\\x%2x", &byte) == 1) {
			*to++ = (char)byte;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return text;
}

static void record(enum trace_record_type type, const void *body, size_t size)
{
	uint8_t *p = block_record_begin(&the.block, size);

	memcpy(p, body, size);
	block_record_end(&the.block, type, p + size);
}

static void put_meta(const char *key, const char *value)
{
	char body[8192];
	int size = snprintf(body, sizeof(body), "%s%c%s", key, '\0', value);

	record(TRACE_RECORD_META, body, (size_t)size);
}

static uint64_t name_id(const char *name)
{
	uint8_t body[8192], *at;

	for (unsigned i = 0; i < the.name_count; i++)
		if (strcmp(the.names[i], name) == 0)
			return i + 1;
	if (the.name_count == NAMES_MAX)
		fail(name, "too many names");
	at = varint_put(body, the.name_count);
	memcpy(at, name, strlen(name));
	record(TRACE_RECORD_NAME, body, (size_t)(at - body) + strlen(name));
	the.names[the.name_count++] = strdup(name);
	return the.name_count;
}

/* Splits "key=value"; false at the end of the line. */
static bool next_pair(char **rest, char **key, char **value)
{
	do {
		*key = strsep(rest, " \t");
	} while (*key && !**key);
	if (!*key)
		return false;
	*value = strchr(*key, '=');
	if (!*value)
		fail(*key, "is no KEY=VALUE");
	*(*value)++ = '\0';
	return true;
}

static void put_process(char *rest)
{
	static const char *const keys[] = { "pid", "ppid", "uid", "gid", "start" };
	uint64_t numbers[5] = { 0 };
	char *key, *value, *comm = NULL;
	uint8_t body[512], *at;

	at = varint_put(body, number(strsep(&rest, " ")));
	while (next_pair(&rest, &key, &value)) {
		unsigned i = 0;

		while (i < 5 && strcmp(key, keys[i]) != 0)
			i++;
		if (i < 5)
			numbers[i] = number(value);
		else if (strcmp(key, "comm") == 0)
			comm = unescape(value);
		else
			fail(key, "no such field of a process");
	}
	for (unsigned i = 0; i < 5; i++)
		at = varint_put(at, numbers[i]);
	if (comm) {
		memcpy(at, comm, strlen(comm));
		at += strlen(comm);
	}
	record(TRACE_RECORD_PROCESS, body, (size_t)(at - body));
}

static unsigned find_op(const char *text)
{
#define X(constant, opcode, op_name) \
	if (strcmp(text, op_name) == 0) \
		return opcode;
	TRACE_OPS(X)
#undef X
	fail(text, "no such operation");
	return 0;
}

static unsigned find_field(const char *text)
{
#define X(constant, bit, field_name, what) \
	if (strcmp(text, field_name) == 0) \
		return bit;
	TRACE_FIELDS(X)
#undef X
	fail(text, "no such field of an event");
	return 0;
}

static void put_event(char *rest)
{
	uint64_t fields[TRACE_FIELD_COUNT] = { 0 }, mask = 0;
	unsigned op = find_op(strsep(&rest, " "));
	char *key, *value;
	uint8_t *p, *at;

	the.now += STEP_NS;
	fields[TRACE_FIELD_DURATION] = 1000;
	while (next_pair(&rest, &key, &value)) {
		if (strcmp(key, "start") == 0)
			the.now = number(value);
		else if (strcmp(key, "name") == 0 || strcmp(key, "name2") == 0)
			fields[find_field(key)] = name_id(unescape(value));
		else
			fields[find_field(key)] = number(value);
	}
	the.totals[op].calls++;
	the.totals[op].errors += fields[TRACE_FIELD_ERROR] != 0;
	the.totals[op].bytes += fields[TRACE_FIELD_DONE];
	the.totals[op].ns += fields[TRACE_FIELD_DURATION];
	for (unsigned i = 0; i < TRACE_FIELD_COUNT; i++)
		mask |= (uint64_t)(fields[i] != 0) << i;
	p = block_record_begin(&the.block, 1 + (2 + TRACE_FIELD_COUNT) * VARINT_MAX);
	*p = (uint8_t)op;
	at = varint_put(p + 1, mask);
	at = varint_put(at, zigzag(block_event_start(&the.block, the.now)));
	for (unsigned i = 0; i < TRACE_FIELD_COUNT; i++)
		if (fields[i])
			at = varint_put(at, fields[i]);
	block_record_end(&the.block, TRACE_RECORD_EVENT, at);
}

static void put_end(void)
{
	uint8_t *p = block_record_begin(&the.block, TRACE_OP_LIMIT * (1 + 4 * VARINT_MAX));
	uint8_t *at = varint_put(p, the.lost);

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		if (!the.totals[op].calls)
			continue;
		*at++ = (uint8_t)op;
		at = varint_put(at, the.totals[op].calls);
		at = varint_put(at, the.totals[op].errors);
		at = varint_put(at, the.totals[op].bytes);
		at = varint_put(at, the.totals[op].ns);
	}
	block_record_end(&the.block, TRACE_RECORD_END, at);
}

static void put_reset(void)
{
	record(TRACE_RECORD_NAMES_RESET, "", 0);
	while (the.name_count)
		free(the.names[--the.name_count]);
}

static void do_line(char *line)
{
	char *word, *key;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t");
	word = strsep(&line, " \t");
	if (!*word)
		return;
	if (strcmp(word, "meta") == 0 && line) {
		key = strsep(&line, " ");
		put_meta(key, line ? unescape(line) : "");
	} else if (strcmp(word, "process") == 0 && line) {
		put_process(line);
	} else if (strcmp(word, "event") == 0 && line) {
		put_event(line);
	} else if (strcmp(word, "lost") == 0 && line) {
		the.lost = number(line);
		the.block.lost = the.lost;
	} else if (strcmp(word, "reset") == 0) {
		put_reset();
	} else if (strcmp(word, "block") == 0) {
		block_writer_flush(&the.block);
	} else if (strcmp(word, "end") == 0) {
		put_end();
	} else {
		fail(word, "no such line");
	}
}

int main(int argc, char **argv)
{
	FILE *script;
	char line[16384];
	int fd;

	if (argc != 3) {
		fputs("Usage: make-trace SCRIPT TRACE\n", stderr);
		return 2;
	}
	the.script = argv[1];
	script = fopen(argv[1], "r");
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!script || fd < 0)
		fail(script ? argv[2] : argv[1], strerror(errno));
	block_writer_init(&the.block, fd);
	put_meta("clock.monotonic", "0");
	while (fgets(line, sizeof(line), script)) {
		the.line++;
		do_line(line);
	}
	block_writer_flush(&the.block);
	if (the.block.error || close(fd) < 0 || fclose(script) < 0)
		fail(argv[2], strerror(the.block.error ? the.block.error : errno));
	for (unsigned i = 0; i < the.name_count; i++)
		free(the.names[i]);
	return 0;
}
