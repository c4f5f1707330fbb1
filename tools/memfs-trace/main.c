/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfs-trace - looks into what memfs recorded. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "command.h"

static const struct command commands[] = {
	{ "summary", "calls, errors, time and percentiles of each operation", command_summary },
	{ "show", "one call a line, with paths and processes, like strace", command_show },
	{ "info", "what the trace is of, and whether it is whole", command_info },
	{ "check", "do the sums: names made and removed, bytes, losses", command_check },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: memfs-trace COMMAND [OPTION...] FILE|MOUNTPOINT\n"
	      "Look into the trace of a memfs: FILE, or the one that is being recorded at MOUNTPOINT.\n"
	      "\n"
	      "Commands:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
	fputs("\n"
	      "memfs-trace COMMAND --help tells more of each.\n"
	      "Exit status: 0; 1 for a trace that is damaged or incomplete (info, check); 2 for misuse.\n",
	      out);
}

int complain(const char *what, const char *why)
{
	fprintf(stderr, "memfs-trace: %s: %s\n", what, why);
	return 2;
}

/* Asks a mount for the path of its trace. Returns path itself when it is no directory. */
static const char *find_trace(const char *path, char *buf, size_t size)
{
	struct stat st;
	ssize_t n;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return path;
	n = getxattr(path, "memfs.trace", buf, size - 1);
	if (n < 0) {
		complain(path, "is a directory, and not the root of a memfs that records");
		return NULL;
	}
	buf[n] = '\0';
	return buf;
}

struct trace_reader *open_trace(const char *path)
{
	char asked[PATH_MAX], text[256];
	struct trace_reader *r;
	const char *why;
	int err;

	path = find_trace(path, asked, sizeof(asked));
	if (!path)
		return NULL;
	err = trace_open(path, &r, &why);
	if (!err)
		return r;
	if (err == -EPROTO || err == -ENOTSUP || err == -EINVAL)
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "%s: %s", why, strerror(-err));
	complain(path, text);
	return NULL;
}

bool next_event(struct trace_reader *r, const char *path, struct trace_event *event)
{
	int more = trace_next(r, event);

	if (more < 0)
		exit(complain(path, strerror(-more)));
	/* Nobody reads any more (| head): there is no point in going on. */
	return more > 0 && !ferror(stdout);
}

/* 1204331 as "1,204,331". */
static const char *group_digits(uint64_t n, char buf[32])
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

bool between_parse(struct between *b, int argc, char **argv)
{
	b->first = optarg;
	if (optind >= argc) {
		complain("--between", "needs two marks");
		return false;
	}
	b->last = argv[optind++];
	return true;
}

static bool is_mark(const struct trace_event *e, const char *text)
{
	return e->op == TRACE_OP_SETXATTR && !e->error && e->name && e->name2 &&
	       strcmp(e->name, "memfs.trace.mark") == 0 && strcmp(e->name2, text) == 0;
}

bool between_wants(struct between *b, const struct trace_event *event)
{
	if (!b->first)
		return true;
	if (b->state == BETWEEN_BEFORE && is_mark(event, b->first)) {
		b->state = BETWEEN_INSIDE;
		return false;
	}
	if (b->state == BETWEEN_INSIDE && is_mark(event, b->last))
		b->state = BETWEEN_AFTER;
	return b->state == BETWEEN_INSIDE;
}

int between_verdict(const struct between *b)
{
	if (!b->first || b->state == BETWEEN_AFTER)
		return 0;
	return complain(b->state == BETWEEN_BEFORE ? b->first : b->last, "no such mark in the trace");
}

void print_verdict(const struct trace_reader *r)
{
	char events[32], lost[32], gap_bytes[32];
	struct trace_info info;

	trace_get_info(r, &info);
	printf("# %s events, %s lost, CLOCK_MONOTONIC, %s, ", group_digits(info.events, events),
	       group_digits(info.lost, lost), info.complete ? "complete" : "incomplete");
	if (info.skipped)
		printf("%s LEFT OUT (trace_max), ", group_digits(info.skipped, lost));
	if (info.gaps)
		printf("DAMAGED: %" PRIu64 " gap%s of %s bytes\n", info.gaps,
		       info.gaps == 1 ? "" : "s", group_digits(info.gap_bytes, gap_bytes));
	else
		puts("checksums ok");
}

bool is_whole(const struct trace_reader *r)
{
	struct trace_info info;

	trace_get_info(r, &info);
	return info.complete && !info.lost && !info.gaps && !info.skipped;
}

int next_option(int argc, char **argv, const char *short_options, const struct option *options,
		const char *help, const char **path)
{
	int c = getopt_long(argc, argv, short_options, options, NULL);

	if (c == 'h') {
		fputs(help, stdout);
		return -3;
	}
	if (c == '?')
		return -2;
	if (c != -1)
		return c;
	if (optind + 1 != argc) {
		complain(argv[0], optind == argc ? "no trace given; see --help" :
			 "more than one trace given; see --help");
		return -2;
	}
	*path = argv[optind];
	return -1;
}

const char *format_duration(uint64_t ns, char buf[16])
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } };
	size_t i = 0;

	while (i < 3 && (double)ns < units[i].ns)
		i++;
	snprintf(buf, 16, i == 3 ? "%.0f%s" : "%.2f%s", (double)ns / units[i].ns, units[i].unit);
	return buf;
}

const char *format_name(const char *name, char *buf, size_t size)
{
	size_t at = 0;

	buf[at++] = '"';
	for (const unsigned char *p = (const unsigned char *)name; *p && at + 6 < size; p++) {
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
	buf[at++] = '"';
	buf[at] = '\0';
	return buf;
}

int find_op(const struct trace_reader *r, const char *name, size_t length)
{
	for (int op = 0; op < TRACE_OP_LIMIT; op++) {
		const char *known = trace_op_name(r, (unsigned)op);

		if (strlen(known) == length && memcmp(known, name, length) == 0)
			return op;
	}
	return -1;
}

int main(int argc, char **argv)
{
	int result;

	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("memfs-trace " MEMFS_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		/* A pipe that nobody reads ends quietly, by EPIPE and not by a signal. */
		signal(SIGPIPE, SIG_IGN);
		result = commands[i].run(argc - 1, argv + 1);
		if (fflush(stdout) != 0 && errno != EPIPE)
			return complain("standard output", strerror(errno));
		return result;
	}
	return complain(argv[1], "no such command; see memfs-trace --help");
}
