/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings_judge.c - what was collected, held against the thresholds, and put into words. */
#include "findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"
#include "format.h"

const char *finding_name(enum finding_kind kind)
{
	static const char *const names[FINDING_KINDS] = {
		[FINDING_ABSENT] = "absent-names",
		[FINDING_GETATTR] = "redundant-getattr",
		[FINDING_TINY_WRITES] = "tiny-writes",
		[FINDING_UNREAD_REMOVED] = "removed-unread",
		[FINDING_UNREAD] = "unread",
		[FINDING_REREAD] = "reread",
		[FINDING_FSYNC] = "fsync",
		[FINDING_REPLACE] = "replaced-again",
		[FINDING_POLL] = "lock-polling",
		[FINDING_REOPEN] = "reopened",
		[FINDING_RELIST] = "listed-again",
	};

	return names[kind];
}

/* --- parts ---------------------------------------------------------------------------- */

static void share_add(struct shares *s, uint32_t number, uint64_t count, uint64_t ns)
{
	const uint64_t key = (uint64_t)number + 1;
	uintptr_t at = (uintptr_t)map_get(&s->by_number, key);
	void *old;

	if (!at) {
		if (s->count == s->capacity) {
			s->capacity = s->capacity ? 2 * s->capacity : 8;
			s->all = make_bigger(s->all, s->capacity * sizeof(*s->all));
		}
		s->all[s->count++] = (struct share){ .number = number };
		at = s->count;
		if (map_set(&s->by_number, key, (void *)at, &old) < 0)
			exit(complain("findings", "out of memory"));
	}
	s->all[at - 1].count += count;
	s->all[at - 1].ns += ns;
}

static int compare_shares(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static void share_sort(struct shares *s)
{
	/* Numbers no longer lead to where they stand. */
	map_destroy(&s->by_number, NULL);
	if (s->count)
		qsort(s->all, s->count, sizeof(*s->all), compare_shares);
}

static struct finding *start(enum finding_kind kind)
{
	struct finding *f = make_zeroed(sizeof(*f));

	f->kind = kind;
	return f;
}

static void drop(struct finding *f)
{
	map_destroy(&f->places.by_number, NULL);
	map_destroy(&f->commands.by_number, NULL);
	free(f->places.all);
	free(f->commands.all);
	free(f->what);
	free(f->advice);
	free(f);
}

static void keep(struct findings *all, struct finding *f, const char *advice)
{
	f->advice = make_copy(advice);
	share_sort(&f->places);
	share_sort(&f->commands);
	if (all->count == all->capacity) {
		all->capacity = all->capacity ? 2 * all->capacity : 16;
		all->all = make_bigger(all->all, all->capacity * sizeof(struct finding *));
	}
	all->all[all->count++] = f;
}

__attribute__((format(printf, 2, 3)))
static void say(struct finding *f, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&f->what, format, arguments) < 0)
		exit(complain("findings", "out of memory"));
	va_end(arguments);
}

/* "1 file", "1,204 files"; in one of a few buffers, so that a sentence can have several. */
static const char *many(uint64_t n, const char *one, const char *more)
{
	static char buffers[6][96];
	static unsigned next;
	char number[FORMAT_SIZE], *buf = buffers[next++ % 6];

	snprintf(buf, sizeof(buffers[0]), "%s %s", format_count(n, number), n == 1 ? one : more);
	return buf;
}

static const char *size(uint64_t bytes)
{
	static char buffers[4][FORMAT_SIZE];
	static char with_unit[4][2 * FORMAT_SIZE];
	static unsigned next;
	unsigned i = next++ % 4;

	snprintf(with_unit[i], sizeof(with_unit[i]), "%s%s", format_bytes(bytes, buffers[i]),
		 bytes == 1 ? " byte" : bytes < 1024 ? " bytes" : "");
	return with_unit[i];
}

/* Of `ns` that `calls` took, the part of those that could be spared. */
static uint64_t part(uint64_t ns, uint64_t spared, uint64_t calls)
{
	return calls ? (uint64_t)((double)ns * (double)spared / (double)calls) : 0;
}

static void add_place(struct findings *all, struct finding *f, const struct collection *c,
		      const struct watched *node, uint64_t count, uint64_t ns)
{
	char path[EVENT_PATH_SIZE];

	share_add(&f->places, names_number(&all->places, nodes_path(&node->node, c->reader, path,
								      sizeof(path))), count, ns);
}

static void add_commands(struct finding *f, const struct few *commands, uint64_t count, uint64_t ns)
{
	for (uint32_t i = 0; i < commands->count; i++)
		share_add(&f->commands, few_numbers(commands)[i], count, ns);
}

/* --- names ------------------------------------------------------------------------------ */

/* What one command looked for in vain. */
struct search {
	uint64_t count, ns;
	uint64_t along; /* of these: of names that a process looked for in several directories */
	struct map names, dirs;
	struct map tries; /* by name and process: the number of directories, as a pointer */
	struct finding *finding;
};

static uint64_t try_key(const struct absent *a)
{
	return ((uint64_t)a->name + 1) << 32 | a->actor;
}

static void add_to_search(struct findings *all, struct collection *c, struct search *s,
			  const struct absent *a)
{
	uintptr_t dirs = (uintptr_t)map_get(&s->tries, try_key(a));
	void *old;

	if (!s->finding)
		s->finding = start(FINDING_ABSENT);
	s->count += a->count;
	s->ns += a->ns;
	if (!dirs && collect_finder(c, a->command, a->name) == a->actor)
		dirs++;
	if (map_set(&s->tries, try_key(a), (void *)(dirs + 1), &old) < 0 ||
	    map_set(&s->names, a->name + 1, s, &old) < 0 ||
	    map_set(&s->dirs, a->dir->node.number, s, &old) < 0)
		exit(complain("findings", "out of memory"));
	add_place(all, s->finding, c, a->dir, a->count, a->ns);
}

static void judge_search(struct findings *all, struct collection *c, struct search *s, uint32_t command)
{
	const char *name = names_text(&c->actors.commands, command), *advice;
	const bool searches = 2 * s->along >= s->count;
	struct finding *f = s->finding;
	char shown[256];

	f->count = s->count;
	f->cost_ns = s->ns;
	share_add(&f->commands, command, s->count, s->ns);
	say(f, "%s looked up %s what is not there: %s in %s%s%s%s",
	    format_escaped(name, shown, sizeof(shown)), many(s->count, "time", "times"),
	    many(s->names.count, "name", "names"), many(s->dirs.count, "directory", "directories"),
	    s->along ? "; " : "", s->along ? many(s->along, "lookup was", "lookups were") : "",
	    s->along ? " for names that it looked for in several directories, as along a search path" :
		       "");
	if (!c->caches && s->count >= 3 * s->names.count)
		advice = "Mount with cache=auto or always: then the kernel remembers which names are "
			 "not there.";
	else if (searches)
		advice = "Let the search path (-I, PATH, PYTHONPATH...) begin with the directory where "
			 "most is found, and leave out those where nothing is.";
	else
		advice = "Find out why it looks for them; list a directory once rather than try names.";
	keep(all, f, advice);
}

static void judge_absent(struct findings *all, struct collection *c)
{
	const size_t commands = c->actors.commands.count;
	struct search *searches = make_zeroed((commands + 1) * sizeof(*searches));

	for (size_t i = 0; i < c->absent_count; i++)
		if (c->absents[i]->count)
			add_to_search(all, c, &searches[c->absents[i]->command], c->absents[i]);
	for (size_t i = 0; i < c->absent_count; i++) {
		const struct absent *a = c->absents[i];
		struct search *s = &searches[a->command];

		if (a->count && (uintptr_t)map_get(&s->tries, try_key(a)) > 1)
			s->along += a->count;
	}
	for (size_t i = 0; i < commands; i++) {
		struct search *s = &searches[i];

		if (s->count >= ABSENT_MIN)
			judge_search(all, c, s, (uint32_t)i);
		else if (s->finding)
			drop(s->finding);
		map_destroy(&s->names, NULL);
		map_destroy(&s->dirs, NULL);
		map_destroy(&s->tries, NULL);
	}
	free(searches);
}

static void judge_polls(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_POLL);
	char dir[EVENT_PATH_SIZE], path[2 * EVENT_PATH_SIZE];

	for (size_t i = 0; i < c->poll_count; i++) {
		const struct poll *p = &c->polls[i];

		nodes_path(&p->dir->node, c->reader, dir, sizeof(dir));
		snprintf(path, sizeof(path), "%s%s%s", dir, dir[1] ? "/" : "",
			 names_text(&c->names, p->name));
		share_add(&f->places, names_number(&all->places, path), p->count, p->ns);
		share_add(&f->commands, p->command, p->count, p->ns);
		f->count += p->count;
		f->cost_ns += p->ns;
	}
	if (!f->count) {
		drop(f);
		return;
	}
	say(f, "%s looked up in a row %s, and nothing done with it: so does one who waits for a lock file, "
	    "or makes by O_EXCL, link(2) or mkdir(2) what is there",
	    many(f->places.count, "name that is there was", "names that are there were"),
	    many(f->count, "time", "times"));
	keep(all, f, "Wait for a lock by flock(2) or inotify(7) instead of trying again; do not make again "
		     "what is known to be there.");
}

static void judge_replaced(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_REPLACE);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < c->paths.count; i++) {
		const struct replaced *r = &c->replaced[i];

		if (r->count < REPLACE_MIN)
			continue;
		share_add(&f->places, names_number(&all->places, names_text(&c->paths, i)), r->count,
			  r->ns);
		add_commands(f, &r->commands, r->count, r->ns);
		f->count += r->count;
		f->cost_ns += r->ns;
		bytes += r->bytes;
	}
	if (!f->count) {
		drop(f);
		return;
	}
	say(f, "%s replaced %s by a rename: %s had been written into what was replaced",
	    many(f->places.count, "path was", "paths were"), many(f->count, "time", "times"),
	    size(bytes));
	keep(all, f, "Save less often, or once at the end; where a crash need not be survived, change the "
		     "file in place.");
}

/* --- calls that tell or do nothing new ------------------------------------------------------ */

static void add_tallies(struct findings *all, struct finding *f, const struct collection *c,
			const struct tallies *t, uint64_t least)
{
	for (uint32_t command = 0; command < t->capacity; command++) {
		uint64_t count = 0;

		for (const struct tally *one = t->by_command[command]; one; one = one->next)
			count += one->count;
		if (!count || count < least)
			continue;
		for (const struct tally *one = t->by_command[command]; one; one = one->next) {
			add_place(all, f, c, one->node, one->count, one->ns);
			share_add(&f->commands, command, one->count, one->ns);
			f->count += one->count;
			f->cost_ns += one->ns;
		}
	}
}

static void judge_getattrs(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_GETATTR);

	add_tallies(all, f, c, &c->getattrs, 0);
	if (f->count < GETATTR_MIN) {
		drop(f);
		return;
	}
	say(f, "%s asked for attributes that the same process had asked for before, with nothing changed "
	    "since, of %s", many(f->count, "call", "calls"), many(f->places.count, "path", "paths"));
	keep(all, f, c->caches ? "Call stat(2) once and keep what it says." :
	     "Mount with cache=auto or always: then the kernel keeps attributes.");
}

static void judge_fsyncs(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_FSYNC);

	add_tallies(all, f, c, &c->fsyncs, FSYNC_MIN);
	if (!f->count) {
		drop(f);
		return;
	}
	say(f, "%s of %s", many(f->count, "fsync", "fsyncs"), many(f->places.count, "path", "paths"));
	keep(all, f, "In memory fsync(2) makes nothing safer: switch it off for scratch data (fsync=off, "
		     "PRAGMA synchronous=OFF...), or call it once at the end.");
}

static void judge_pairs(struct findings *all, struct collection *c)
{
	struct finding *reopen = start(FINDING_REOPEN), *relist = start(FINDING_RELIST);

	for (size_t i = 0; i < c->pair_count; i++) {
		const struct pair *p = c->pairs[i];
		const uint64_t ns = part(p->open_ns, p->opens - (p->opens > 0), p->opens);

		if (p->opens >= REOPEN_MIN) {
			add_place(all, reopen, c, p->node, p->opens, ns);
			share_add(&reopen->commands, p->command, p->opens, ns);
			reopen->count += p->opens;
			reopen->cost_ns += ns;
		}
		if (p->more && p->more->lists >= RELIST_MIN) {
			add_place(all, relist, c, p->node, p->more->lists, p->more->list_ns);
			share_add(&relist->commands, p->command, p->more->lists, p->more->list_ns);
			relist->count += p->more->lists;
			relist->cost_ns += p->more->list_ns;
		}
	}
	if (reopen->count) {
		say(reopen, "%s opened %s in all, each by one process again and again",
		    many(reopen->places.count, "file was", "files were"),
		    many(reopen->count, "time", "times"));
		keep(all, reopen, "Keep the file open.");
	} else {
		drop(reopen);
	}
	if (relist->count) {
		say(relist, "%s listed again %s by a process that had listed it before, with no name in it "
		    "made or removed since", many(relist->places.count, "directory was", "directories were"),
		    many(relist->count, "time", "times"));
		keep(all, relist, "List a directory once and keep what it holds.");
	} else {
		drop(relist);
	}
}

/* --- data ------------------------------------------------------------------------------------ */

static bool is_file(const struct watched *w)
{
	return w->node.type == S_IFREG || !w->node.type;
}

/* Is its size known, and who read it? Not if it was there before the trace. */
static bool is_known(const struct watched *w)
{
	return w->node.created_ns && !w->may_have_grown;
}

static void judge_tiny_writes(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_TINY_WRITES);
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->nodes.count; i++) {
		const struct watched *w = (const struct watched *)c->nodes.all[i];
		/* If they came in pieces of that size. */
		const uint64_t needed = (w->small_bytes + TINY_WRITE_BYTES - 1) / TINY_WRITE_BYTES;
		uint64_t ns;

		if (w->small_writes < TINY_WRITES_MIN || needed >= w->small_writes ||
		    (w->small_writes - needed) * TINY_SPARED_PART < w->small_writes ||
		    (w->small_writes - w->small_in_order) * TINY_ORDER_PART > w->small_writes)
			continue;
		ns = part(w->small_ns, w->small_writes - needed, w->small_writes);
		add_place(all, f, c, w, w->small_writes, ns);
		add_commands(f, &w->writer_commands, w->small_writes, ns);
		f->count += w->small_writes;
		f->cost_ns += ns;
		bytes += w->small_bytes;
	}
	if (!f->count) {
		drop(f);
		return;
	}
	say(f, "%s written in small pieces, one behind the other: %s of %s on average",
	    many(f->places.count, "file was", "files were"), many(f->count, "write", "writes"),
	    size(bytes / f->count));
	keep(all, f, "Write through a buffer (stdio(3), a larger block size), or mount with cache=always, "
		     "where the kernel gathers writes.");
}

static void judge_rereads(struct findings *all, struct collection *c)
{
	struct finding *f = start(FINDING_REREAD);
	uint64_t bytes = 0, fresh = 0;

	for (size_t i = 0; i < c->nodes.count; i++) {
		const struct watched *w = (const struct watched *)c->nodes.all[i];
		/* What was written over may be read anew. */
		const uint64_t new_bytes = w->all_written > w->node.largest ? w->all_written :
					   w->node.largest;
		uint64_t ns;

		if (!is_file(w) || !is_known(w) || !new_bytes || w->reads < REREAD_CALLS_MIN ||
		    w->read_bytes / REREAD_FACTOR < new_bytes)
			continue;
		ns = part(w->read_ns, w->read_bytes - new_bytes, w->read_bytes);
		add_place(all, f, c, w, w->reads, ns);
		add_commands(f, &w->reader_commands, w->reads, ns);
		f->count += w->reads;
		f->cost_ns += ns;
		bytes += w->read_bytes;
		fresh += new_bytes;
	}
	if (!f->count) {
		drop(f);
		return;
	}
	say(f, "%s read over and over: %s of %s, where there were %s to be read",
	    many(f->places.count, "file was", "files were"), many(f->count, "read", "reads"),
	    size(bytes), size(fresh));
	keep(all, f, c->caches ? "Read it once and keep what is needed; what is read by O_DIRECT is not "
				 "kept by the kernel." :
	     "Mount with cache=auto or always: then the kernel keeps what was read.");
}

/* With a cache, pages that were written can be read without a call. */
static bool is_unread(const struct collection *c, const struct watched *w)
{
	return !c->opens_unseen && !c->bytes_unseen && is_file(w) && is_known(w) && w->written_bytes &&
	       !(c->caches ? w->may_be_read : w->was_read);
}

static void judge_unread(struct findings *all, struct collection *c, bool removed)
{
	struct finding *f = start(removed ? FINDING_UNREAD_REMOVED : FINDING_UNREAD);
	uint64_t bytes = 0, ns = 0;
	char took[FORMAT_SIZE];

	for (size_t i = 0; i < c->nodes.count; i++) {
		const struct watched *w = (const struct watched *)c->nodes.all[i];

		if (!is_unread(c, w) || removed != (w->node.removed_ns != 0))
			continue;
		add_place(all, f, c, w, 1, w->write_ns);
		add_commands(f, &w->writer_commands, 1, w->write_ns);
		f->count++;
		ns += w->write_ns;
		bytes += w->written_bytes;
	}
	if (f->count < UNREAD_FILES_MIN && bytes < UNREAD_BYTES_MIN) {
		drop(f);
		return;
	}
	if (removed) {
		f->cost_ns = ns;
		say(f, "%s written and removed or replaced without ever having been read: %s",
		    many(f->count, "file was", "files were"), size(bytes));
		keep(all, f, "Do not write them, unless they are there for the case of a crash, as "
			     "journals are.");
		return;
	}
	/* Nothing could be spared, as far as one can know. */
	say(f, "%s written and not read until the trace ends, and may be read later: %s, which took %s",
	    many(f->count, "file was", "files were"), size(bytes), format_duration(ns, took));
	keep(all, f, "If nobody needs them, do not write them.");
}

/* --- all ---------------------------------------------------------------------------------------- */

static int compare_findings(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;

	if (x->cost_ns != y->cost_ns)
		return x->cost_ns < y->cost_ns ? 1 : -1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->count < y->count) - (x->count > y->count);
}

void judge(struct findings *f, struct collection *c)
{
	*f = (struct findings){ 0 };
	judge_absent(f, c);
	judge_getattrs(f, c);
	judge_tiny_writes(f, c);
	judge_unread(f, c, true);
	judge_unread(f, c, false);
	judge_rereads(f, c);
	judge_fsyncs(f, c);
	judge_replaced(f, c);
	judge_polls(f, c);
	judge_pairs(f, c);
	if (f->count)
		qsort(f->all, f->count, sizeof(f->all[0]), compare_findings);
}

void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		drop(f->all[i]);
	free(f->all);
	names_free(&f->places);
}
