/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"

enum {
	OPTION_FAILED = FILTER_OPTION,
	OPTION_ERRNO,
	OPTION_MIN_LAT,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_BETWEEN,
	OPTION_MAX,
};

const struct option filter_options[] = {
	{ "ops", required_argument, NULL, 'e' },
	{ "path", required_argument, NULL, 'P' },
	{ "pid", required_argument, NULL, 'p' },
	{ "command", required_argument, NULL, 'c' },
	{ "failed", no_argument, NULL, OPTION_FAILED },
	{ "errno", required_argument, NULL, OPTION_ERRNO },
	{ "min-lat", required_argument, NULL, OPTION_MIN_LAT },
	{ "since", required_argument, NULL, OPTION_SINCE },
	{ "until", required_argument, NULL, OPTION_UNTIL },
	{ "between", required_argument, NULL, OPTION_BETWEEN },
	{ "max-events", required_argument, NULL, OPTION_MAX },
	{ 0 },
};

const char filter_help[] =
	"\nOnly some events:\n"
	"  -e, --ops=OP[,OP...] these operations; !OP,... all but these\n"
	"  -P, --path=GLOB      paths that match, or lie below what matches: * and ? within a\n"
	"                       name, ** for any directories; without a slash: any name\n"
	"  -p, --pid=PID        of this process\n"
	"  -c, --command=GLOB   of processes of this name\n"
	"      --failed         calls that failed\n"
	"      --errno=E[,E...] calls that failed so (ENOENT, ...)\n"
	"      --min-lat=TIME   calls that took at least that long (50us, 1ms, 2s)\n"
	"      --since=TIME     what began that long after the trace, or later\n"
	"      --until=TIME     what began before that\n"
	"      --between FIRST LAST\n"
	"                       between two marks (memfs.trace.mark)\n"
	"      --max-events=N   stop after N events\n"
	"-P, -p and -c may be given several times, and then mean any of them.\n";

/* --- taking options -------------------------------------------------------- */

static int misuse(const char *what, const char *why)
{
	complain(what, why);
	return -1;
}

/* Room for one more element at the end of an array. */
static void *enlarge(void *array, size_t count, size_t size)
{
	void *bigger = realloc(array, (count + 1) * size);

	if (!bigger)
		exit(complain("filters", "out of memory"));
	return bigger;
}

static int take_glob(struct filter *f, const char *pattern)
{
	f->globs = enlarge(f->globs, f->glob_count, sizeof(*f->globs));
	f->globs[f->glob_count] = glob_compile(pattern);
	if (!f->globs[f->glob_count++])
		exit(complain("filters", "out of memory"));
	return 1;
}

static int take_pid(struct filter *f, const char *text)
{
	uint64_t pid;

	if (!parse_number(text, UINT32_MAX, &pid))
		return misuse(text, "is no process id");
	f->pids = enlarge(f->pids, f->pid_count, sizeof(*f->pids));
	f->pids[f->pid_count++] = (uint32_t)pid;
	return 1;
}

static int take_command(struct filter *f, const char *pattern)
{
	f->commands = enlarge(f->commands, f->command_count, sizeof(*f->commands));
	f->commands[f->command_count++] = pattern;
	return 1;
}

static int take_errnos(struct filter *f, const char *list)
{
	for (const char *p = list;; p++) {
		size_t length = strcspn(p, ",");
		int error = parse_errno(p, length);

		if (error < 0)
			return misuse(list, "is no list of error names or numbers");
		f->errnos[error] = true;
		f->has_errnos = true;
		p += length;
		if (!*p)
			return 1;
	}
}

static int take_duration(const char *text, uint64_t *ns)
{
	return parse_duration(text, ns) ? 1 : misuse(text, "is no time such as 50us, 1ms or 2.5s");
}

static int take_marks(struct filter *f, int argc, char **argv)
{
	f->first = optarg;
	if (optind >= argc)
		return misuse("--between", "needs two marks");
	f->last = argv[optind++];
	return 1;
}

int filter_take(struct filter *f, int c, int argc, char **argv)
{
	int taken;

	switch (c) {
	case 'e': f->op_list = optarg; taken = 1; break;
	case 'P': taken = take_glob(f, optarg); break;
	case 'p': taken = take_pid(f, optarg); break;
	case 'c': taken = take_command(f, optarg); break;
	case OPTION_FAILED: f->failed = true; taken = 1; break;
	case OPTION_ERRNO: taken = take_errnos(f, optarg); break;
	case OPTION_MIN_LAT: taken = take_duration(optarg, &f->min_ns); break;
	case OPTION_SINCE: taken = take_duration(optarg, &f->since_ns); break;
	case OPTION_UNTIL: taken = take_duration(optarg, &f->until_ns); break;
	case OPTION_BETWEEN: taken = take_marks(f, argc, argv); break;
	case OPTION_MAX:
		taken = parse_number(optarg, UINT64_MAX, &f->max) && f->max ? 1 :
			misuse(optarg, "is no number of events");
		break;
	default: return 0;
	}
	f->active = true;
	return taken;
}

/* --- deciding -------------------------------------------------------------- */

bool filter_begin(struct filter *f, const struct trace_reader *r)
{
	const char *p = f->op_list;
	bool except = p && *p == '!';
	struct trace_info info;

	trace_get_info(r, &info);
	f->began_ns = info.clock_monotonic;
	for (int i = 0; i < TRACE_OP_LIMIT; i++)
		f->ops[i] = !p || except;
	if (except)
		p++;
	while (p && *p) {
		size_t length = strcspn(p, ",");
		int op = find_op(r, p, length);

		if (op < 0) {
			char name[64];

			snprintf(name, sizeof(name), "%.*s", (int)length, p);
			complain(name, "no such operation");
			return false;
		}
		f->ops[op] = !except;
		p += length + (p[length] == ',');
	}
	return true;
}

static bool is_mark(const struct trace_event *e, const char *text)
{
	const char *mark = event_mark(e);

	return mark && strcmp(mark, text) == 0;
}

static bool is_between(struct filter *f, const struct trace_event *e)
{
	if (!f->first)
		return true;
	if (f->between == BETWEEN_BEFORE && is_mark(e, f->first)) {
		f->between = BETWEEN_INSIDE;
		return false;
	}
	if (f->between == BETWEEN_INSIDE && is_mark(e, f->last))
		f->between = BETWEEN_AFTER;
	return f->between == BETWEEN_INSIDE;
}

static bool process_matches(const struct filter *f, const struct trace_process *p)
{
	bool pid = !f->pid_count, command = !f->command_count;

	if (pid && command)
		return true;
	if (!p)
		return false;
	for (size_t i = 0; !pid && i < f->pid_count; i++)
		pid = f->pids[i] == p->pid;
	for (size_t i = 0; !command && i < f->command_count; i++)
		command = fnmatch(f->commands[i], p->comm, 0) == 0;
	return pid && command;
}

static bool node_matches(const struct filter *f, const struct trace_reader *r, uint64_t node,
			 const char *name)
{
	char path[EVENT_PATH_SIZE];

	if (!node)
		return false;
	trace_path(r, node, name, path, sizeof(path));
	for (size_t i = 0; i < f->glob_count; i++)
		if (glob_matches(f->globs[i], path))
			return true;
	return false;
}

static bool error_matches(const struct filter *f, int error)
{
	if (f->has_errnos)
		return error > 0 && error < 4096 && f->errnos[error];
	return !f->failed || error;
}

enum filter_verdict filter_wants(struct filter *f, const struct trace_reader *r,
				 const struct trace_event *e)
{
	if (!f->active)
		return FILTER_PASS;
	if (f->max && f->passed >= f->max)
		return FILTER_END;
	if (!is_between(f, e))
		return f->between == BETWEEN_AFTER ? FILTER_END : FILTER_NO;
	if (e->start_ns < f->began_ns + f->since_ns)
		return FILTER_NO;
	if (f->until_ns && e->start_ns >= f->began_ns + f->until_ns)
		return FILTER_END;
	if (!f->ops[e->op % TRACE_OP_LIMIT] || !error_matches(f, e->error) ||
	    e->duration_ns < f->min_ns || !process_matches(f, e->process))
		return FILTER_NO;
	if (f->glob_count && !node_matches(f, r, e->node, event_first_name(e)) &&
	    !node_matches(f, r, e->node2, event_second_name(e)))
		return FILTER_NO;
	f->passed++;
	return FILTER_PASS;
}

bool filter_end(const struct filter *f)
{
	if (!f->first || f->between == BETWEEN_AFTER || (f->max && f->passed >= f->max))
		return true;
	complain(f->between == BETWEEN_BEFORE ? f->first : f->last, "no such mark in the trace");
	return false;
}

void filter_free(struct filter *f)
{
	for (size_t i = 0; i < f->glob_count; i++)
		glob_free(f->globs[i]);
	free(f->globs);
	free(f->pids);
	free(f->commands);
}
