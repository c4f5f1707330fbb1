/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

#define LEAST_SIZE 4096
#define MOST_SIZE (UINT64_C(1) << 40)

static const char usage_text[] =
	"Usage: write-calls [OPTION...]\n"
	"       write-calls --list\n"
	"Write a file in many ways and show which calls reach the filesystem.\n"
	"\n"
	"What to run:\n"
	"  -m, --method NAME[,NAME...]\n"
	"                          methods of --list; also all (default), syscalls, programs\n"
	"      --cache MODE[,MODE...]\n"
	"                          of always, auto, never: cache modes of memfs (default: all)\n"
	"      --on FS[,FS...]     of memfs, tmpfs, native, NAME=DIR (default: memfs); calls\n"
	"                          are seen on memfs only\n"
	"      --size SIZE         of the file, with k, m, g (default 100m)\n"
	"      --seed N            of the content (default 1)\n"
	"What to write:\n"
	"  -o, --output FILE       results as CSV\n"
	"      --json FILE         results as JSON\n"
	"      --plot DIR          a figure of the calls: write-calls.svg, .png, and what gnuplot\n"
	"                          made them from\n"
	"      --trace-dir DIR     keep the traces: METHOD-MODE.trace\n"
	"Where:\n"
	"      --work DIR          mount points, native files, sources (default: /var/tmp)\n"
	"      --memfs PATH        the daemon (default: the one built with this, else in PATH)\n"
	"Other:\n"
	"      --list              list the methods\n"
	"  -h, --help              show this text\n"
	"  -V, --version           show the version\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed, 2 misuse, 130 interrupted.\n";

enum { OPT_CACHE = 256, OPT_SIZE, OPT_SEED, OPT_JSON, OPT_PLOT, OPT_LIST };

static const struct option long_options[] = {
	{ "method", required_argument, NULL, 'm' },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "on", required_argument, NULL, ARGUMENT_ON },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "output", required_argument, NULL, 'o' },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "plot", required_argument, NULL, OPT_PLOT },
	{ "trace-dir", required_argument, NULL, ARGUMENT_TRACE_DIR },
	{ "work", required_argument, NULL, ARGUMENT_WORK },
	{ "memfs", required_argument, NULL, ARGUMENT_MEMFS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* What is being read; the lists are put in order when all is known. */
struct parser {
	struct options *options;
	bool *chosen;         /* methods by their place in the table */
	bool any_method;
	bool caches[CACHE_MODES];
	bool any_cache;
};

static const char *const cache_modes[CACHE_MODES] = { "always", "auto", "never" };

/* --- values ------------------------------------------------------------- */

static bool choose_method(struct parser *p, const char *name)
{
	const struct method *found = method_find(name, strlen(name));
	bool all = strcmp(name, "all") == 0, programs = strcmp(name, "programs") == 0;

	if (!found && !all && !programs && strcmp(name, "syscalls") != 0)
		return complain("-m %s: no such method; see --list", name);
	for (size_t i = 0; i < method_count; i++)
		if (found ? &methods[i] == found :
			    all || method_is_program(&methods[i]) == programs)
			p->chosen[i] = true;
	p->any_method = true;
	return true;
}

static bool choose_cache(struct parser *p, const char *name)
{
	for (int i = 0; i < CACHE_MODES; i++) {
		if (strcmp(name, cache_modes[i]) == 0) {
			p->caches[i] = p->any_cache = true;
			return true;
		}
	}
	return complain("--cache %s: is one of always, auto, never", name);
}

/* Each name of a list with commas. */
static bool each_name(struct parser *p, const struct argument *a,
		      bool (*take)(struct parser *p, const char *name))
{
	struct text_list names = { 0 };
	bool ok = true;

	text_list_split(&names, a->value, ",");
	if (!names.count)
		ok = complain("%s: the list is empty", a->name);
	for (size_t i = 0; ok && i < names.count; i++)
		ok = take(p, names.items[i]);
	text_list_free(&names);
	return ok;
}

static bool take_size(struct options *o, const char *text)
{
	const char *why = size_parse(text, 0, &o->size);

	if (why)
		return complain("--size %s: %s", text, why);
	return (o->size >= LEAST_SIZE && o->size <= MOST_SIZE) ||
	       complain("--size %s: is from 4k to 1t", text);
}

/* --- parsing ------------------------------------------------------------ */

static bool take_option(void *parser, const struct argument *a)
{
	struct parser *p = parser;
	struct options *o = p->options;

	switch (a->option) {
	case 'm':
		return each_name(p, a, choose_method);
	case 'o':
		return argument_file(a, &o->output);
	case OPT_CACHE:
		return each_name(p, a, choose_cache);
	case OPT_SIZE:
		return take_size(o, a->value);
	case OPT_SEED:
		return argument_number(a, UINT64_MAX, &o->seed);
	case OPT_JSON:
		return argument_file(a, &o->json);
	case OPT_PLOT:
		return argument_file(a, &o->plot);
	case OPT_LIST:
		o->action = ACTION_LIST;
		return true;
	default:
		return filesystem_arguments_take(&o->filesystems, a);
	}
}

/* Puts the chosen ones into order, and fills in what was not given. */
static bool finish(struct parser *p)
{
	struct options *o = p->options;

	o->methods = zalloc(method_count, sizeof(struct method *));
	for (size_t i = 0; i < method_count; i++)
		if (p->chosen[i] || !p->any_method)
			o->methods[o->method_count++] = &methods[i];
	for (int i = 0; i < CACHE_MODES; i++)
		if (p->caches[i] || !p->any_cache)
			o->caches[o->cache_count++] = cache_modes[i];
	return filesystem_arguments_fill_in(&o->filesystems, "memfs");
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	static const struct command_line line = {
		.usage = usage_text, .letters = "m:o:hV", .options = long_options,
		.take = take_option,
	};
	struct parser p = { .options = o, .chosen = zalloc(method_count, sizeof(bool)) };
	enum options_verdict verdict;

	*o = (struct options){ .size = 100 << 20, .seed = 1 };
	verdict = command_line_read(&line, argc, argv, &p);
	if (verdict == OPTIONS_RUN && !finish(&p))
		verdict = OPTIONS_WRONG;
	free(p.chosen);
	return verdict;
}

void options_free(struct options *o)
{
	filesystem_arguments_free(&o->filesystems);
	free(o->methods);
	free(o->output);
	free(o->json);
	free(o->plot);
}
