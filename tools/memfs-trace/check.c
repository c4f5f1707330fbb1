/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - does the sums of a trace. A memfs starts empty, so what was made less
 * what was removed is what is there: anyone can count that with find(1).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "command.h"

static const char help[] =
	"Usage: memfs-trace check [--json] FILE|MOUNTPOINT\n"
	"Do the sums of the trace: names made, less names removed and names that a rename\n"
	"replaced, is what find(1) counts in the mount. Exit status 1 if the trace is\n"
	"damaged, incomplete, was switched off, or has lost events: its sums are then not\n"
	"to be relied upon.\n"
	"\n"
	"      --json       as a JSON object\n"
	"  -h, --help       show this text\n";

enum kind { FILES, DIRECTORIES, SYMLINKS, SPECIALS, KINDS };

static const char *const kind_names[] = { "files", "directories", "symlinks", "specials" };

struct sums {
	int64_t made[KINDS], linked[KINDS], removed[KINDS], replaced[KINDS];
	uint64_t bytes_written, bytes_read, disagreeing;
	bool switched_off; /* for a while: what happened then is not known */
};

static enum kind kind_of(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFDIR: return DIRECTORIES;
	case S_IFLNK: return SYMLINKS;
	case 0:
	case S_IFREG: return FILES;
	default: return SPECIALS;
	}
}

static void add(struct sums *s, const struct trace_reader *r, const struct trace_event *e)
{
	if (e->error)
		return;
	switch (e->op) {
	case TRACE_OP_CREATE:
		s->made[FILES]++;
		break;
	case TRACE_OP_MKNOD:
		s->made[kind_of(e->mode)]++;
		break;
	case TRACE_OP_MKDIR:
		s->made[DIRECTORIES]++;
		break;
	case TRACE_OP_SYMLINK:
		s->made[SYMLINKS]++;
		break;
	case TRACE_OP_LINK:
		s->linked[kind_of(trace_node_type(r, e->result))]++;
		break;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		s->removed[kind_of(trace_node_type(r, e->result))]++;
		break;
	case TRACE_OP_RENAME:
		if (e->replaced && !(e->flags & RENAME_EXCHANGE))
			s->replaced[kind_of(trace_node_type(r, e->replaced))]++;
		if (e->whiteout)
			s->made[SPECIALS]++;
		break;
	case TRACE_OP_SETXATTR:
		s->switched_off |= e->name && e->name2 &&
				   strcmp(e->name, "memfs.trace.enabled") == 0 &&
				   strcmp(e->name2, "0") == 0;
		break;
	case TRACE_OP_WRITE:
		s->bytes_written += e->done;
		break;
	case TRACE_OP_READ:
		s->bytes_read += e->done;
		break;
	default:
		break;
	}
}

/* The recorder counted by itself, in another place: both must come to the same. */
static void compare_totals(struct sums *s, const struct trace_reader *r, const uint64_t *calls)
{
	struct trace_totals totals;

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		if (trace_get_totals(r, op, &totals) && totals.calls != calls[op])
			s->disagreeing++;
}

static int64_t names_left(const struct sums *s, int kind)
{
	return s->made[kind] + s->linked[kind] - s->removed[kind] - s->replaced[kind];
}

static void print_text(const struct sums *s, const struct trace_reader *r)
{
	print_verdict(r);
	printf("%-12s %10s %10s %10s %10s %10s\n", "names", "made", "linked", "removed", "replaced",
	       "left");
	for (int k = 0; k < KINDS; k++)
		printf("%-12s %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 "\n",
		       kind_names[k], s->made[k], s->linked[k], s->removed[k], s->replaced[k],
		       names_left(s, k));
	printf("bytes written %" PRIu64 ", read %" PRIu64 "\n", s->bytes_written, s->bytes_read);
	if (s->switched_off)
		puts("SWITCHED OFF for a while: what happened then is not counted");
	if (s->disagreeing)
		printf("TOTALS DISAGREE for %" PRIu64 " operations\n", s->disagreeing);
}

static int print_json(const struct sums *s, const struct trace_reader *r)
{
	json_t *root = json_object(), *names = json_object();
	struct trace_info info;
	int result;

	trace_get_info(r, &info);
	for (int k = 0; k < KINDS; k++)
		json_object_set_new(names, kind_names[k],
				    json_pack("{s:I,s:I,s:I,s:I,s:I}", "made",
					      (json_int_t)s->made[k], "linked",
					      (json_int_t)s->linked[k], "removed",
					      (json_int_t)s->removed[k], "replaced",
					      (json_int_t)s->replaced[k], "left",
					      (json_int_t)names_left(s, k)));
	json_object_set_new(root, "names", names);
	json_object_set_new(root, "bytes_written", json_integer((json_int_t)s->bytes_written));
	json_object_set_new(root, "bytes_read", json_integer((json_int_t)s->bytes_read));
	json_object_set_new(root, "events", json_integer((json_int_t)info.events));
	json_object_set_new(root, "lost", json_integer((json_int_t)info.lost));
	json_object_set_new(root, "gaps", json_integer((json_int_t)info.gaps));
	json_object_set_new(root, "complete", json_boolean(info.complete));
	json_object_set_new(root, "skipped", json_integer((json_int_t)info.skipped));
	json_object_set_new(root, "switched_off", json_boolean(s->switched_off));
	json_object_set_new(root, "totals_agree", json_boolean(!s->disagreeing));
	result = json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return result;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t calls[TRACE_OP_LIMIT] = { 0 };
	struct trace_event event;
	struct trace_reader *r;
	struct sums s = { 0 };
	bool json = false, good;
	const char *path;
	int c;

	while ((c = next_option(argc, argv, "h", options, help, &path)) == 'j')
		json = true;
	if (c < -1)
		return c == -3 ? 0 : 2;
	r = open_trace(path);
	if (!r)
		return 2;
	while (next_event(r, path, &event)) {
		calls[event.op % TRACE_OP_LIMIT]++;
		add(&s, r, &event);
	}
	compare_totals(&s, r, calls);
	good = is_whole(r) && !s.disagreeing && !s.switched_off;
	if (json && print_json(&s, r) < 0)
		complain("check", "cannot write JSON");
	else if (!json)
		print_text(&s, r);
	trace_close(r);
	return good ? 0 : 1;
}
