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
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace check [OPTION...] FILE|MOUNTPOINT\n"
		"Do the sums of the trace: names made, less names removed and names that a rename\n"
		"replaced, is what find(1) counts in the mount. Exit status 1 if the trace is\n"
		"damaged, incomplete, was switched off, or has lost events: its sums are then not\n"
		"to be relied upon. With filters, the sums of the events that pass.\n"
		"\n",
	.short_options = "",
	.shared = QUERY_FILTER | QUERY_JSON,
	.operands = 1,
};

enum kind { FILES, DIRECTORIES, SYMLINKS, SPECIALS, KINDS };

static const char *const kind_names[] = { "files", "directories", "symlinks", "specials" };

struct sums {
	int64_t made[KINDS], linked[KINDS], removed[KINDS], replaced[KINDS];
	uint64_t bytes_written, bytes_read, disagreeing;
	bool switched_off; /* for a while: what happened then is not known */
	bool in_the_middle; /* the trace begins there: not all was made in it */
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

static void print_text(const struct query *q, const struct sums *s)
{
	query_print_head(q);
	printf("%-12s %10s %10s %10s %10s %10s\n", "names", "made", "linked", "removed", "replaced",
	       "left");
	for (int k = 0; k < KINDS; k++)
		printf("%-12s %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 "\n",
		       kind_names[k], s->made[k], s->linked[k], s->removed[k], s->replaced[k],
		       names_left(s, k));
	printf("bytes written %" PRIu64 ", read %" PRIu64 "\n", s->bytes_written, s->bytes_read);
	if (s->switched_off)
		puts("SWITCHED OFF for a while: what happened then is not counted");
	if (s->in_the_middle)
		puts("BEGINS IN THE MIDDLE: what is left is the change, not what is there");
	if (s->disagreeing)
		printf("TOTALS DISAGREE for %" PRIu64 " operations\n", s->disagreeing);
}

static void print_json(const struct query *q, const struct sums *s)
{
	json_t *root = query_json(q), *names = json_object();

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
	json_object_set_new(root, "switched_off", json_boolean(s->switched_off));
	json_object_set_new(root, "in_the_middle", json_boolean(s->in_the_middle));
	json_object_set_new(root, "totals_agree", json_boolean(!s->disagreeing));
	query_print_json(root);
}

int command_check(int argc, char **argv)
{
	uint64_t calls[TRACE_OP_LIMIT] = { 0 };
	struct query q = { 0 };
	struct trace_event event;
	struct sums s = { 0 };
	struct trace_info info;
	bool good;
	int c = query_option(&q, &spec, argc, argv);

	if (c != QUERY_READY || !query_open(&q, argv[optind]))
		return query_end(&q, c);
	while (query_next(&q, &event)) {
		calls[event.op % TRACE_OP_LIMIT]++;
		add(&s, q.reader, &event);
	}
	trace_get_info(q.reader, &info);
	s.in_the_middle = info.segment > 0;
	/* The totals are of all that was recorded. */
	if (!q.filter.active && !s.in_the_middle && !info.continued)
		compare_totals(&s, q.reader, calls);
	good = is_whole(q.reader) && !s.disagreeing && !s.switched_off && !s.in_the_middle;
	if (q.json)
		print_json(&q, &s);
	else
		print_text(&q, &s);
	return query_end(&q, good ? 0 : 1);
}
