/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay - runs the calls of a trace on any directory, and tells what came out otherwise. */
#include "replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "event.h"
#include "follow.h"
#include "format.h"

enum {
	OPTION_SEED = 0x100,
	OPTION_VERIFY,
	OPTION_TIMING,
	OPTION_SPEED,
	OPTION_THREADS,
	OPTION_MAX_DIFFS,
	OPTION_FORCE,
};

static const struct option own_options[] = {
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "verify", no_argument, NULL, OPTION_VERIFY },
	{ "timing", required_argument, NULL, OPTION_TIMING },
	{ "speed", required_argument, NULL, OPTION_SPEED },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "max-diffs", required_argument, NULL, OPTION_MAX_DIFFS },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace replay [OPTION...] FILE|MOUNTPOINT DIRECTORY\n"
		"Run the calls of the trace on DIRECTORY, which must be empty, and compare what comes\n"
		"out: errors and sizes. What files hold is not in a trace; they get bytes that follow\n"
		"from a seed. Exit status 1 if anything came out otherwise.\n"
		"\n"
		"      --seed=N         of the files' bytes (default 0)\n"
		"      --verify         check what is read, byte by byte\n"
		"      --timing=original\n"
		"                       each call when it came, counted from the first; else (fast) as\n"
		"                       soon as the one before is done\n"
		"      --speed=X        the same, X times as fast\n"
		"      --threads=N      on N threads: order is kept for calls on the same node; or\n"
		"                       recorded: on as many as memfs had. Default: 1, all in order\n"
		"      --max-diffs=N    show no more than N differences (default 20)\n"
		"      --force          also if DIRECTORY is not empty; what is in it stays as it is\n",
	.short_options = "",
	.options = own_options,
	.shared = QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 2,
};

static const struct {
	const char *key, *text; /* for JSON, and for people */
} skips[SKIPS] = {
	[SKIP_KERNEL] = { "kernel", "the kernel's own" },
	[SKIP_GONE] = { "gone", "of a removed file" },
	[SKIP_UNKNOWN] = { "unknown", "of a file that is not known" },
	[SKIP_NAME] = { "name", "no possible name" },
	[SKIP_ROOT] = { "root", "only for root" },
	[SKIP_VALUE] = { "value", "value not in the trace" },
	[SKIP_MEMFS] = { "memfs", "memfs's own" },
	[SKIP_SIZE] = { "size", "no possible size" },
	[SKIP_FORCE] = { "force", "which could hit what was there before" },
	[SKIP_OTHER] = { "other", "no such call" },
};

/* --- comparing ------------------------------------------------------------------------- */

static void add_difference(struct replay *r, const struct replay_step *s, const char *kind,
			   const char *recorded, const char *got)
{
	struct replay_difference *d, *bigger;
	char path[EVENT_PATH_SIZE];

	if (r->difference_count >= r->max_differences)
		return;
	bigger = realloc(r->differences, (r->difference_count + 1) * sizeof(*bigger));
	if (!bigger)
		exit(complain("replay", "out of memory"));
	r->differences = bigger;
	d = &bigger[r->difference_count++];
	*d = (struct replay_difference){ .op = s->event.op, .kind = kind };
	d->path = strdup(s->path ? s->path : replay_tree_path(&r->tree, s->node,
			 event_first_name(&s->event), path, sizeof(path)));
	snprintf(d->recorded, sizeof(d->recorded), "%s", recorded);
	snprintf(d->got, sizeof(d->got), "%s", got);
}

/* Of which calls the size is the filesystem's to say, and the same on all. */
static bool has_size(const struct trace_event *e)
{
	return e->op == TRACE_OP_READ || e->op == TRACE_OP_WRITE || e->op == TRACE_OP_READLINK ||
	       e->op == TRACE_OP_COPY_FILE_RANGE || (e->op == TRACE_OP_GETXATTR && e->size);
}

static const char *outcome(int error, char buf[FORMAT_SIZE])
{
	return error ? format_errno(error, buf) : "ok";
}

static bool compare(struct replay *r, const struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	char recorded[FORMAT_SIZE], got[FORMAT_SIZE];

	if (s->got != e->error) {
		r->errno_differs++;
		add_difference(r, s, "errno", outcome(e->error, recorded), outcome(s->got, got));
	} else if (!e->error && has_size(e) && s->got_bytes != e->done) {
		snprintf(recorded, sizeof(recorded), "%" PRIu64, e->done);
		snprintf(got, sizeof(got), "%" PRIu64, s->got_bytes);
		r->size_differs++;
		add_difference(r, s, "size", recorded, got);
	} else if (s->content_differs) {
		r->content_differs++;
		add_difference(r, s, "content", "what was written", "something else");
	} else {
		return false;
	}
	return true;
}

void replay_finish(struct replay *r, struct replay_step *s)
{
	struct replay_sums *sums = &r->ops[s->event.op % TRACE_OP_LIMIT];

	sums->ns += s->ns;
	sums->differ += compare(r, s);
	if (!s->event.error &&
	    (s->event.op == TRACE_OP_RELEASE || s->event.op == TRACE_OP_RELEASEDIR))
		free(s->open);
	free(s->path);
	free(s);
}

/* --- the directory ------------------------------------------------------------------------ */

static bool is_empty(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool empty = d != NULL;

	while (empty && (entry = readdir(d)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return empty;
}

static bool open_directory(struct replay *r, const char *path)
{
	r->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->root < 0)
		complain(path, strerror(errno));
	else if (!r->force && !is_empty(r->root))
		complain(path, "is not empty; see --force");
	else
		return true;
	return false;
}

struct count {
	uint64_t files, directories, symlinks, others, failed;
};

/* What is there now. Without following anything; each descriptor is closed before the next is opened. */
static void count_tree(int directory, struct count *c)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	c->failed += !d;
	while (d && (entry = readdir(d))) {
		struct stat st;
		int below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			c->failed++;
			continue;
		}
		c->files += S_ISREG(st.st_mode);
		c->symlinks += S_ISLNK(st.st_mode);
		c->directories += S_ISDIR(st.st_mode);
		c->others += !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode);
		if (!S_ISDIR(st.st_mode))
			continue;
		below = openat(dirfd(d), entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0) {
			c->failed++;
			continue;
		}
		count_tree(below, c);
		close(below);
	}
	if (d)
		closedir(d);
}

/* --- the report ------------------------------------------------------------------------------ */

static const struct column op_columns[] = {
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "skipped", .title = "skipped", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "differ", .title = "differ", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "recorded_ns", .title = "recorded_s", .kind = COLUMN_SECONDS },
	{ .key = "replayed_ns", .title = "replayed_s", .kind = COLUMN_SECONDS },
	{ .key = "ratio", .title = "ratio", .kind = COLUMN_RATIO },
	{ .key = "op", .title = "op", .kind = COLUMN_TEXT },
};

static const struct column difference_columns[] = {
	{ .key = "kind", .title = "differs", .kind = COLUMN_TEXT },
	{ .key = "op", .title = "op", .kind = COLUMN_TEXT },
	{ .key = "recorded", .title = "recorded", .kind = COLUMN_TEXT },
	{ .key = "got", .title = "got", .kind = COLUMN_TEXT },
	{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
};

#define OP_COLUMNS (sizeof(op_columns) / sizeof(op_columns[0]))
#define DIFFERENCE_COLUMNS (sizeof(difference_columns) / sizeof(difference_columns[0]))

static struct table *make_op_table(const struct replay *r)
{
	struct table *t = table_create(op_columns, OP_COLUMNS, &r->q.table, "replayed");

	for (unsigned op = 0; t && op < TRACE_OP_LIMIT; op++) {
		const struct replay_sums *s = &r->ops[op];

		if (!s->calls)
			continue;
		table_add(t, (struct value[OP_COLUMNS]){
			{ .n = s->calls }, { .n = s->skipped }, { .n = s->differ },
			{ .n = s->recorded_ns }, { .n = s->ns },
			{ .d = s->recorded_ns ? (double)s->ns / (double)s->recorded_ns : NAN },
			{ .text = trace_op_name(r->q.reader, op) },
		});
	}
	return t;
}

static struct table *make_difference_table(const struct replay *r)
{
	static const struct table_options none;
	struct table *t = table_create(difference_columns, DIFFERENCE_COLUMNS, &none, NULL);

	for (size_t i = 0; i < r->difference_count; i++) {
		const struct replay_difference *d = &r->differences[i];

		table_add(t, (struct value[DIFFERENCE_COLUMNS]){
			{ .text = d->kind }, { .text = trace_op_name(r->q.reader, d->op) },
			{ .text = d->recorded }, { .text = d->got }, { .text = d->path },
		});
	}
	return t;
}

static uint64_t differing(const struct replay *r)
{
	return r->errno_differs + r->size_differs + r->content_differs;
}

static void print_skips(const struct replay *r)
{
	const char *separator = "skipped: ";

	for (int i = SKIP_NOTHING + 1; i < SKIPS; i++) {
		if (!r->skips[i])
			continue;
		printf("%s%" PRIu64 " %s", separator, r->skips[i], skips[i].text);
		separator = ", ";
	}
	if (strcmp(separator, ", ") == 0)
		putchar('\n');
}

static void print_text(const struct replay *r, const struct count *c)
{
	char written[FORMAT_SIZE], read[FORMAT_SIZE], unchecked[FORMAT_SIZE];
	double seconds = (double)r->wall_ns / 1e9;
	struct table *t = make_op_table(r);

	query_print_table(&r->q, t);
	table_free(t);
	print_skips(r);
	printf("replayed %" PRIu64 " calls in %.3f s: %.0f ops/s; written %s, read %s",
	       r->skips[SKIP_NOTHING], seconds,
	       seconds > 0 ? (double)r->skips[SKIP_NOTHING] / seconds : 0.0,
	       format_bytes(r->written, written), format_bytes(r->read, read));
	if (r->verify)
		printf(", checked but for %s that were copied", format_bytes(r->unchecked, unchecked));
	printf("\ndifferences: %" PRIu64 " (errno %" PRIu64 ", size %" PRIu64 ", content %" PRIu64
	       ")\n", differing(r), r->errno_differs, r->size_differs, r->content_differs);
	t = make_difference_table(r);
	if (table_rows(t))
		table_print(t, stdout, r->q.raw);
	if (differing(r) > table_rows(t))
		printf("and %" PRIu64 " more (--max-diffs)\n", differing(r) - table_rows(t));
	table_free(t);
	printf("tree: %" PRIu64 " files, %" PRIu64 " dirs, %" PRIu64 " symlinks, %" PRIu64
	       " others\n", c->files, c->directories, c->symlinks, c->others);
	if (follow_interrupted())
		puts("INTERRUPTED: not all was replayed");
	if (c->failed)
		printf("      %" PRIu64 " could not be looked at\n", c->failed);
}

static void print_as_json(const struct replay *r, const struct count *c)
{
	json_t *root = query_json(&r->q), *skipped = json_object();
	struct table *ops = make_op_table(r), *differences = make_difference_table(r);

	for (int i = SKIP_NOTHING + 1; i < SKIPS; i++)
		json_object_set_new(skipped, skips[i].key, json_integer((json_int_t)r->skips[i]));
	json_object_set_new(root, "replayed", json_integer((json_int_t)r->skips[SKIP_NOTHING]));
	json_object_set_new(root, "skipped", skipped);
	json_object_set_new(root, "interrupted", json_boolean(follow_interrupted()));
	json_object_set_new(root, "wall_ns", json_integer((json_int_t)r->wall_ns));
	json_object_set_new(root, "bytes_written", json_integer((json_int_t)r->written));
	json_object_set_new(root, "bytes_read", json_integer((json_int_t)r->read));
	json_object_set_new(root, "bytes_unchecked", json_integer((json_int_t)r->unchecked));
	json_object_set_new(root, "differing",
			    json_pack("{s:I, s:I, s:I}", "errno", (json_int_t)r->errno_differs, "size",
				      (json_int_t)r->size_differs, "content",
				      (json_int_t)r->content_differs));
	json_object_set_new(root, "differences", table_json(differences));
	json_object_set_new(root, "rows", table_json(ops));
	json_object_set_new(root, "tree",
			    json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t)c->files,
				      "directories", (json_int_t)c->directories, "symlinks",
				      (json_int_t)c->symlinks, "others", (json_int_t)c->others));
	table_free(ops);
	table_free(differences);
	query_print_json(root);
}

/* --- the command -------------------------------------------------------------------------------- */

static bool take_timing(struct replay *r, const char *text)
{
	if (strcmp(text, "original") == 0)
		r->speed = 1;
	else if (strcmp(text, "fast") == 0)
		r->speed = 0;
	else
		complain(text, "timing is original or fast");
	return strcmp(text, "original") == 0 || strcmp(text, "fast") == 0;
}

static bool take_speed(struct replay *r, const char *text)
{
	char *end;

	r->speed = strtod(text, &end);
	if (*text >= '0' && *text <= '9' && !*end && r->speed >= 0.001 && r->speed <= 1e6)
		return true;
	complain(text, "is no speed from 0.001 to 1000000");
	return false;
}

static bool take_threads(struct replay *r, const char *text)
{
	uint64_t n;

	if (strcmp(text, "recorded") == 0) {
		r->threads = 0;
		return true;
	}
	if (parse_number(text, 64, &n) && n) {
		r->threads = (unsigned)n;
		return true;
	}
	complain(text, "threads are recorded, or a number from 1 to 64");
	return false;
}

static bool take_number(const char *text, uint64_t *n)
{
	if (parse_number(text, UINT64_MAX, n))
		return true;
	complain(text, "is no number");
	return false;
}

static int take_options(struct replay *r, int argc, char **argv)
{
	bool good = true;
	int c;

	while (good && (c = query_option(&r->q, &spec, argc, argv)) >= 0) {
		switch (c) {
		case OPTION_SEED: good = take_number(optarg, &r->seed); break;
		case OPTION_VERIFY: r->verify = true; break;
		case OPTION_TIMING: good = take_timing(r, optarg); break;
		case OPTION_SPEED: good = take_speed(r, optarg); break;
		case OPTION_THREADS: good = take_threads(r, optarg); break;
		case OPTION_MAX_DIFFS: good = take_number(optarg, &r->max_differences); break;
		default: r->force = true; break;
		}
	}
	return good ? c : QUERY_MISUSE;
}

static bool open_all(struct replay *r, char **operands)
{
	struct trace_info info;
	struct table *t = make_op_table(r);

	/* That the columns which were asked for do not exist, is told before anything is done. */
	if (!t)
		return false;
	table_free(t);
	if (!open_directory(r, operands[1]) || !query_open(&r->q, operands[0]))
		return false;
	trace_get_info(r->q.reader, &info);
	if (!info.segment)
		return true;
	complain(operands[0], "begins in the middle: what was there before cannot be made");
	return false;
}

static void release(struct replay *r)
{
	for (size_t i = 0; i < r->difference_count; i++)
		free(r->differences[i].path);
	free(r->differences);
	if (r->root >= 0)
		close(r->root);
}

int command_replay(int argc, char **argv)
{
	struct replay r = { .root = -1, .threads = 1, .max_differences = 20 };
	struct count count = { 0 };
	int c = take_options(&r, argc, argv);

	if (c != QUERY_READY || !open_all(&r, argv + optind)) {
		release(&r);
		return query_end(&r.q, c);
	}
	r.is_root = geteuid() == 0;
	pthread_mutex_init(&r.lock, NULL);
	umask(0);
	follow_catch_signals();
	replay_tree_init(&r.tree, r.root);
	replay_run(&r);
	replay_tree_free(&r.tree);
	count_tree(r.root, &count);
	if (r.q.json)
		print_as_json(&r, &count);
	else
		print_text(&r, &count);
	release(&r);
	return query_end(&r.q, differing(&r) > 0 || follow_interrupted());
}
