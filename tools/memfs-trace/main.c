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
#include "format.h"

static const struct command commands[] = {
	{ "summary", "calls, errors, time and percentiles by operation, path, process...", command_summary },
	{ "dist", "histograms of latencies or sizes", command_dist },
	{ "slow", "each call over a threshold, and what ran beside it", command_slow },
	{ "timeline", "how much happened when: bars, a table or a picture", command_timeline },
	{ "show", "one call a line, with paths and processes, like strace", command_show },
	{ "info", "what the trace is of, and whether it is whole", command_info },
	{ "check", "do the sums: names made and removed, bytes, losses", command_check },
	{ "files", "what was done to each file, by whom, at what cost", command_files },
	{ "procs", "what each process or command did, also as a tree", command_procs },
	{ "life", "the story of a file, through all its names", command_life },
	{ "methods", "how files were written: at once, temp+rename, in place...", command_methods },
	{ "findings", "what could have been spared, in words, the most costly first", command_findings },
	{ "assert", "does the trace keep these rules? for tests", command_assert },
	{ "diff", "two traces: what grew, what vanished, what is new", command_diff },
	{ "tail", "the last calls, and then each that comes", command_tail },
	{ "top", "what is going on: by process, file or operation", command_top },
	{ "replay", "run the calls of a trace on any directory", command_replay },
	{ "export", "the events for other programs: JSON, CSV, SQLite, Perfetto, flame graphs", command_export },
	{ "verify", "each block: good, damaged, or missing", command_verify },
	{ "recover", "save what is good of a damaged trace", command_recover },
	{ "report", "a page with sums, pictures, and what stands out", command_report },
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
	      "Exit status: 0; 1 for a finding: a trace that is damaged or incomplete (info, check, verify),\n"
	      "against the rules (assert), or different (diff --exit-code, replay); 2 for misuse.\n",
	      out);
}

int complain(const char *what, const char *why)
{
	fprintf(stderr, "memfs-trace: %s: %s\n", what, why);
	return 2;
}

const char *find_trace(const char *path, char *buf, size_t size)
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

/* Facts are text, and need not be what they should. */
static const char *count_of(const struct trace_reader *r, const char *key, char buf[FORMAT_SIZE])
{
	const char *value = trace_meta(r, key);
	uint64_t n;

	return value && parse_number(value, UINT64_MAX, &n) ? format_count(n, buf) : "?";
}

static void write_recovered(FILE *out, const struct trace_reader *r)
{
	char gaps[FORMAT_SIZE], bytes[FORMAT_SIZE];

	fprintf(out, "RECOVERED without %s bytes in %s places, ",
	       count_of(r, "recovered.gap_bytes", bytes), count_of(r, "recovered.gaps", gaps));
}

void write_verdict(FILE *out, const struct trace_reader *r)
{
	char events[FORMAT_SIZE], lost[FORMAT_SIZE], gap_bytes[FORMAT_SIZE];
	struct trace_info info;

	trace_get_info(r, &info);
	fprintf(out, "# %s events, %s lost, CLOCK_MONOTONIC, %s, ", format_count(info.events, events),
	       format_count(info.lost, lost), info.complete ? "complete" : "incomplete");
	if (info.segment || info.continued)
		fprintf(out, "file %" PRIu64 " of a series%s, ", info.segment + 1,
		       info.continued ? " that goes on" : "");
	if (info.skipped)
		fprintf(out, "%s LEFT OUT (trace_max), ", format_count(info.skipped, lost));
	if (info.recovered)
		write_recovered(out, r);
	if (info.gaps)
		fprintf(out, "DAMAGED: %" PRIu64 " gap%s of %s bytes\n", info.gaps,
		       info.gaps == 1 ? "" : "s", format_count(info.gap_bytes, gap_bytes));
	else
		fputs("checksums ok\n", out);
}

void print_verdict(const struct trace_reader *r)
{
	write_verdict(stdout, r);
}

bool is_whole(const struct trace_reader *r)
{
	struct trace_info info;

	trace_get_info(r, &info);
	return info.complete && !info.lost && !info.gaps && !info.skipped;
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
