/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/callbacks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <memfs/trace_reader.h>

#include "common/run.h"
#include "common/text.h"

#define ROOT_NODE 1
#define READ_PATIENCE 10    /* seconds in which the marks must be in the file */
#define RELEASE_PATIENCE 2  /* seconds for releases that are still under way */
#define QUIET_PATIENCE 5    /* seconds after which a mount that never gets quiet is in use */
#define QUIET_POLLS 4       /* so many looks in a row without a call but their own, ... */
#define QUIET_INTERVAL 2000 /* ... so many microseconds apart */

/* What of an event is needed to count it. */
struct record {
	uint64_t start_ns, node, fh;
	uint64_t weight;
	uint32_t pid; /* 0 = the kernel, or not known who */
	bool failed;
	uint8_t op;
};

struct trace_state {
	uint64_t recorded, lost, skipped;
};

struct callbacks {
	struct trace_reader *reader;
	char *root;
	struct trace_state before; /* what was lost before does not matter */
	struct record *records;    /* read since the last label */
	size_t count, capacity;
};

/* The marks of one label, by their times. */
struct marks {
	char *text[3];
	uint64_t ns[3]; /* 0 = not seen yet */
	uint32_t pid;   /* who made them */
};

enum { MARK_START, MARK_END, MARK_WRITTEN };

static const char *const mark_suffixes[] = { "start", "end", "written" };

const char *callback_name(unsigned op)
{
	static const char *const names[TRACE_OP_LIMIT] = {
#define X(constant, opcode, name) [opcode] = name,
		TRACE_OPS(X)
#undef X
	};

	return op < TRACE_OP_LIMIT && names[op] ? names[op] : "unknown";
}

uint64_t callbacks_sum(const uint64_t *counts)
{
	uint64_t sum = 0;

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		if (op != TRACE_OP_FORGET)
			sum += counts[op];
	return sum;
}

/* --- asking the mount -------------------------------------------------- */

/* Brings all that was recorded into the file, and tells how much that is. 0 or an errno. */
static int ask_state(const char *root, struct trace_state *state)
{
	char path[PATH_MAX], text[1024];
	const char *recorded, *lost, *skipped;
	ssize_t length;

	if (getxattr(root, "memfs.trace", path, sizeof(path)) < 0)
		return errno;
	length = getxattr(root, "memfs.stats", text, sizeof(text) - 1);
	if (length < 0)
		return errno;
	text[length] = '\0';
	recorded = strstr(text, "trace_recorded ");
	lost = strstr(text, "trace_lost ");
	skipped = strstr(text, "trace_skipped ");
	if (!recorded || !lost || !skipped)
		return EPROTO;
	state->recorded = strtoull(recorded + strlen("trace_recorded "), NULL, 10);
	state->lost = strtoull(lost + strlen("trace_lost "), NULL, 10);
	state->skipped = strtoull(skipped + strlen("trace_skipped "), NULL, 10);
	return 0;
}

/* Waits until the mount gets no call but from here: then each look adds the same number. */
static int wait_until_quiet(const char *root, struct trace_state *state)
{
	double until = clock_seconds() + QUIET_PATIENCE;
	uint64_t before = 0, step = 0;
	int polls = 0, err;

	while ((err = ask_state(root, state)) == 0) {
		polls = state->recorded - before == step ? polls + 1 : 0;
		step = state->recorded - before;
		before = state->recorded;
		if (polls >= QUIET_POLLS)
			return 0;
		if (clock_seconds() > until)
			return EBUSY;
		usleep(QUIET_INTERVAL);
	}
	return err;
}

static int set_mark(const char *root, const char *label, int which)
{
	char *text = text_format("%s %s", label, mark_suffixes[which]);
	int err = setxattr(root, "memfs.trace.mark", text, strlen(text), 0) < 0 ? errno : 0;

	free(text);
	return err;
}

/* Has the kernel hand over what it keeps: dirty pages, and times that it has set itself. */
static int write_back(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || syncfs(fd) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

int callbacks_start(const char *root, const char *label)
{
	struct trace_state state;
	int err = write_back(root);

	if (!err)
		err = wait_until_quiet(root, &state);
	return err ? err : set_mark(root, label, MARK_START);
}

int callbacks_end(const char *root, const char *label)
{
	struct trace_state state;
	int err = wait_until_quiet(root, &state);

	if (!err)
		err = set_mark(root, label, MARK_END);
	if (!err)
		err = write_back(root);
	if (!err)
		err = wait_until_quiet(root, &state);
	return err ? err : set_mark(root, label, MARK_WRITTEN);
}

/* --- opening ----------------------------------------------------------- */

static bool mount_id(const char *path, uint64_t *id)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return false;
	*id = st.stx_mnt_id;
	return true;
}

/* The highest directory above this one that is on the same mount; NULL = cannot be told. */
static char *find_root(const char *dir)
{
	char *root = realpath(dir, NULL), *parent, *slash;
	uint64_t mount, above;

	if (!root || !mount_id(root, &mount)) {
		free(root);
		return NULL;
	}
	while (root[1]) {
		parent = text_copy(root);
		slash = strrchr(parent, '/');
		slash[slash == parent] = '\0';
		if (!mount_id(parent, &above) || above != mount) {
			free(parent);
			break;
		}
		free(root);
		root = parent;
	}
	return root;
}

/* Then what is counted may stand in any number of files, some of them gone. */
static bool is_in_pieces(const struct callbacks *c)
{
	const char *options = trace_meta(c->reader, "mount_options");

	return options && strstr(options, "trace_rotate=");
}

static bool is_usable(struct callbacks *c, const char *trace, const char **why)
{
	const char *reason;
	char enabled[8];

	if (getxattr(c->root, "memfs.trace.enabled", enabled, sizeof(enabled)) != 1 ||
	    enabled[0] != '1')
		*why = "callbacks are not counted: the trace is switched off (memfs.trace.enabled)";
	else if (set_mark(c->root, program_name, MARK_START) != 0)
		*why = "callbacks are not counted: only root and who has mounted may set marks";
	else if (trace_open(trace, &c->reader, &reason) != 0)
		*why = "callbacks are not counted: the trace cannot be read";
	else if (is_in_pieces(c))
		*why = "callbacks are not counted: the trace is a series of files (trace_rotate)";
	else
		return ask_state(c->root, &c->before) == 0;
	return false;
}

struct callbacks *callbacks_open(const char *dir, const char **why)
{
	struct callbacks *c = zalloc(1, sizeof(*c));
	char trace[PATH_MAX];
	ssize_t length = -1;

	*why = NULL;
	c->root = find_root(dir);
	if (c->root)
		length = getxattr(c->root, "memfs.trace", trace, sizeof(trace) - 1);
	if (length >= 0) {
		trace[length] = '\0';
		if (is_usable(c, trace, why))
			return c;
	}
	callbacks_close(c);
	return NULL;
}

void callbacks_close(struct callbacks *c)
{
	if (!c)
		return;
	if (c->reader)
		trace_close(c->reader);
	free(c->records);
	free(c->root);
	free(c);
}

const char *callbacks_root(const struct callbacks *c)
{
	return c->root;
}

const char *callbacks_cache(const struct callbacks *c)
{
	const char *cache = trace_meta(c->reader, "cache");

	return cache ? cache : "?";
}

/* --- reading ----------------------------------------------------------- */

static void look_for_mark(struct marks *marks, const struct trace_event *e)
{
	if (e->op != TRACE_OP_SETXATTR || e->error || !e->name || !e->name2 ||
	    strcmp(e->name, "memfs.trace.mark") != 0)
		return;
	for (int i = 0; i < 3; i++) {
		if (strcmp(e->name2, marks->text[i]) == 0) {
			marks->ns[i] = e->start_ns;
			marks->pid = e->process ? e->process->pid : 0;
		}
	}
}

static void keep(struct callbacks *c, const struct trace_event *e)
{
	if (c->count == c->capacity) {
		c->capacity = c->capacity ? 2 * c->capacity : 4096;
		c->records = enlarge(c->records, c->capacity, sizeof(*c->records));
	}
	c->records[c->count++] = (struct record){
		.start_ns = e->start_ns, .node = e->node, .fh = e->fh,
		.weight = e->op == TRACE_OP_BATCH_FORGET ? e->size : 1,
		.pid = e->process && !e->inferred ? e->process->pid : 0,
		.failed = e->error != 0,
		.op = e->op == TRACE_OP_BATCH_FORGET ? TRACE_OP_FORGET : e->op,
	};
}

/* Takes in what has come into the file since the last time. */
static bool take_in(struct callbacks *c, struct marks *marks)
{
	struct trace_event event;
	int more;

	while ((more = trace_next(c->reader, &event)) > 0) {
		look_for_mark(marks, &event);
		keep(c, &event);
	}
	return more == 0 || complain("%s: trace: %s", c->root, strerror(-more));
}

/* Waits for the marks; the state after it tells what was lost until then. */
static bool find_marks(struct callbacks *c, struct marks *marks, struct trace_state *state)
{
	double until = clock_seconds() + READ_PATIENCE;
	struct trace_info info;

	c->count = 0;
	for (;;) {
		int err = wait_until_quiet(c->root, state);

		if (err)
			return complain("%s: memfs.stats: %s", c->root, strerror(err));
		if (!take_in(c, marks))
			return false;
		if (marks->ns[MARK_START] && marks->ns[MARK_END] && marks->ns[MARK_WRITTEN])
			return true;
		trace_get_info(c->reader, &info);
		if (info.continued)
			return complain("%s: the trace goes on in another file", c->root);
		if (clock_seconds() > until)
			return complain("%s: the trace has no mark '%s': is it recorded?", c->root,
					marks->text[MARK_WRITTEN]);
	}
}

static bool is_open_op(unsigned op)
{
	return op == TRACE_OP_OPEN || op == TRACE_OP_CREATE || op == TRACE_OP_OPENDIR ||
	       op == TRACE_OP_TMPFILE;
}

static bool is_release(unsigned op)
{
	return op == TRACE_OP_RELEASE || op == TRACE_OP_RELEASEDIR;
}

/* The marks and the questions around them, on the root; the kernel then sets the root's times. */
static bool is_our_own(const struct marks *marks, const struct record *r)
{
	return r->node == ROOT_NODE &&
	       ((marks->pid && r->pid == marks->pid) || r->op == TRACE_OP_SETATTR);
}

/* Numbers of opens grow: those between the marks lie between a first and a last. Returns how many. */
static uint64_t find_opens(const struct callbacks *c, const struct marks *marks, uint64_t *first,
			   uint64_t *last)
{
	uint64_t opens = 0;

	*first = UINT64_MAX;
	*last = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct record *r = &c->records[i];

		if (!is_open_op(r->op) || r->failed || r->start_ns <= marks->ns[MARK_START] ||
		    r->start_ns >= marks->ns[MARK_END] || is_our_own(marks, r))
			continue;
		opens++;
		if (r->fh < *first)
			*first = r->fh;
		if (r->fh > *last)
			*last = r->fh;
	}
	return opens;
}

/* Counts what has been taken in. Returns how many opens are not released yet. */
static uint64_t count(const struct callbacks *c, const struct marks *marks,
		      struct callback_counts *counts)
{
	uint64_t first, last, missing = find_opens(c, marks, &first, &last);

	*counts = (struct callback_counts){ 0 };
	for (size_t i = 0; i < c->count; i++) {
		const struct record *r = &c->records[i];
		bool later = r->start_ns >= marks->ns[MARK_END];

		if (is_release(r->op)) {
			bool ours = r->fh >= first && r->fh <= last;

			counts->during[r->op] += ours;
			missing -= ours;
		} else if (r->start_ns > marks->ns[MARK_START] &&
			   r->start_ns < marks->ns[MARK_WRITTEN] && !is_our_own(marks, r)) {
			(later ? counts->later : counts->during)[r->op % TRACE_OP_LIMIT] +=
				r->weight;
		}
	}
	return missing;
}

static bool is_whole(const struct callbacks *c, const struct trace_state *now)
{
	return (now->lost == c->before.lost && now->skipped == c->before.skipped) ||
	       complain("%s: the trace has lost events; callbacks cannot be counted", c->root);
}

bool callbacks_read(struct callbacks *c, const char *label, struct callback_counts *counts)
{
	struct marks marks = { 0 };
	struct trace_state state;
	double until;
	bool ok;

	for (int i = 0; i < 3; i++)
		marks.text[i] = text_format("%s %s", label, mark_suffixes[i]);
	ok = find_marks(c, &marks, &state);
	until = clock_seconds() + RELEASE_PATIENCE;
	while (ok && count(c, &marks, counts) && clock_seconds() < until)
		ok = wait_until_quiet(c->root, &state) == 0 && take_in(c, &marks);
	ok = ok && is_whole(c, &state);
	for (int i = 0; i < 3; i++)
		free(marks.text[i]);
	return ok;
}
