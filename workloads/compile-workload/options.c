/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record.h"
#include "results.h"

static const char usage_text[] =
	"Usage: compile-workload [OPTION...]\n"
	"       compile-workload --list | --install-deps | --hash DIR\n"
	"       compile-workload plot RESULTS.csv [OPTION...]\n"
	"       compile-workload compare A.csv B.csv [OPTION...]\n"
	"Clone and build real projects on several filesystems and compare the times.\n"
	"\n"
	"What to run:\n"
	"  -p, --project NAME      a project, or the path of a .manifest; may be repeated\n"
	"      --all               all projects of --list (the default without -p)\n"
	"      --on FS[,FS...]     of memfs, tmpfs, native, NAME=DIR (default: the first three)\n"
	"  -j, --jobs N            of make (default: the number of CPUs)\n"
	"      --runs N            how often; the order of the filesystems alternates (default 1)\n"
	"      --verify            compare the clones by a hash of their content\n"
	"      --resume            go on with what -o FILE has not got yet\n"
	"What to write:\n"
	"  -o, --output FILE       results as CSV\n"
	"      --json FILE         results, parameters and machine as JSON (default with -o:\n"
	"                          FILE with .json instead of .csv)\n"
	"      --samples FILE      memory along the way, as CSV\n"
	"      --log-dir DIR       output of git, make, ... (default: FILE-logs, without -o\n"
	"                          removed again when nothing fails)\n"
	"      --trace-dir DIR     keep the traces of memfs: PROJECT-RUN.trace\n"
	"Where from, and where:\n"
	"      --source DIR        bare repositories NAME.git, used before anything else\n"
	"      --from KIND         git, debian or any: where other repositories are made from\n"
	"                          (default any: upstream's git if the web is there, else Debian)\n"
	"      --cache DIR         where they are kept (default: ~/.cache/memfs)\n"
	"      --work DIR          mount points and native trees (default: /var/tmp)\n"
	"      --projects DIR      where the manifests are\n"
	"      --memfs PATH        the daemon (default: the one built with this, else in PATH)\n"
	"      --memfs-options OPTS\n"
	"                          mount options for it, e.g. cache=never\n"
	"      --keep              leave the trees and mounts, and do not time their removal\n"
	"Other:\n"
	"      --list              list the projects\n"
	"      --install-deps      install the packages that building them needs\n"
	"      --hash DIR          print the hash of a tree\n"
	"  -h, --help              show this text\n"
	"  -V, --version           show the version\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed, 2 misuse, 130 interrupted.\n";

enum {
	OPT_RUNS = 256, OPT_VERIFY, OPT_LOG_DIR, OPT_SOURCE, OPT_FROM, OPT_CACHE, OPT_PROJECTS,
	OPT_JSON, OPT_SAMPLES, OPT_KEEP, OPT_LIST, OPT_INSTALL, OPT_HASH, OPT_ALL, OPT_RESUME,
};

static const struct option long_options[] = {
	{ "project", required_argument, NULL, 'p' },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "on", required_argument, NULL, ARGUMENT_ON },
	{ "jobs", required_argument, NULL, 'j' },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "resume", no_argument, NULL, OPT_RESUME },
	{ "output", required_argument, NULL, 'o' },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "samples", required_argument, NULL, OPT_SAMPLES },
	{ "log-dir", required_argument, NULL, OPT_LOG_DIR },
	{ "trace-dir", required_argument, NULL, ARGUMENT_TRACE_DIR },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "work", required_argument, NULL, ARGUMENT_WORK },
	{ "projects", required_argument, NULL, OPT_PROJECTS },
	{ "memfs", required_argument, NULL, ARGUMENT_MEMFS },
	{ "memfs-options", required_argument, NULL, ARGUMENT_MEMFS_OPTIONS },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "install-deps", no_argument, NULL, OPT_INSTALL },
	{ "hash", required_argument, NULL, OPT_HASH },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* --- values ------------------------------------------------------------ */

static bool take_choice(struct options *o, const char *text)
{
	static const char *const names[] = {
		[SOURCE_ANY] = "any", [SOURCE_GIT] = "git", [SOURCE_DEBIAN] = "debian",
	};

	for (int i = SOURCE_ANY; i <= SOURCE_DEBIAN; i++) {
		if (strcmp(text, names[i]) == 0) {
			o->choice = (enum source_choice)i;
			return true;
		}
	}
	return complain("--from %s: is one of any, git, debian", text);
}

/* --- defaults ---------------------------------------------------------- */

static char *default_cache(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		return text_format("%s/memfs", cache);
	return text_format("%s/.cache/memfs", home && *home == '/' ? home : "/root");
}

/* What was not given. Installed, or in the build directory, all finds what belongs to it. */
static bool fill_in(struct options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!o->projects_dir)
		o->projects_dir = beside_program("../share/memfs/projects");
	if (!o->projects_dir)
		o->projects_dir = text_copy(PROJECTS_DIR);
	if (!o->cache)
		o->cache = default_cache();
	if (!o->jobs)
		o->jobs = cpus > 0 ? (unsigned)cpus : 1;
	if (!o->log_dir && o->output && results_is_plain(o->output))
		o->log_dir = results_beside(o->output, "-logs");
	if (!o->json && o->output && results_is_plain(o->output))
		o->json = results_beside(o->output, ".json");
	return filesystem_arguments_fill_in(&o->filesystems, "memfs,tmpfs,native");
}

/* --- parsing ----------------------------------------------------------- */

/* What an option with the name of a file or directory sets; NULL = it is another one. */
static char **file_of(struct options *o, int c)
{
	switch (c) {
	case 'o': return &o->output;
	case OPT_CACHE: return &o->cache;
	case OPT_JSON: return &o->json;
	case OPT_LOG_DIR: return &o->log_dir;
	case OPT_PROJECTS: return &o->projects_dir;
	case OPT_SAMPLES: return &o->samples;
	case OPT_SOURCE: return &o->source;
	default: return NULL;
	}
}

/* What an option without a value sets; NULL = it has one. */
static bool *flag_of(struct options *o, int c)
{
	switch (c) {
	case OPT_ALL: return &o->all;
	case OPT_KEEP: return &o->keep;
	case OPT_RESUME: return &o->resume;
	case OPT_VERIFY: return &o->verify;
	default: return NULL;
	}
}

static bool take_option(void *options, const struct argument *a)
{
	struct options *o = options;
	bool *flag = flag_of(o, a->option);
	char **file = file_of(o, a->option);

	if (flag)
		return *flag = true;
	if (file)
		return argument_file(a, file);
	switch (a->option) {
	case 'p':
		text_list_add(&o->projects, a->value);
		return true;
	case 'j':
		return argument_count(a, 4096, &o->jobs);
	case OPT_RUNS:
		return argument_count(a, 10000, &o->runs);
	case OPT_FROM:
		return take_choice(o, a->value);
	case OPT_LIST:
		o->action = ACTION_LIST;
		return true;
	case OPT_INSTALL:
		o->action = ACTION_INSTALL;
		return true;
	case OPT_HASH:
		o->action = ACTION_HASH;
		argument_set(&o->hash_dir, text_copy(a->value));
		return true;
	default:
		return filesystem_arguments_take(&o->filesystems, a);
	}
}

static bool are_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* What each option for itself cannot tell. */
static bool check_together(const struct options *o)
{
	if (o->all && o->projects.count)
		return complain("--all and -p: one or the other; see --help");
	if (o->resume && !o->output)
		return complain("--resume: needs -o FILE, to go on with");
	if (o->resume && !results_is_plain(o->output))
		return complain("--resume: %s: is no file", o->output);
	return !(are_same(o->output, o->json) || are_same(o->output, o->samples) ||
		 are_same(o->json, o->samples)) ||
	       complain("-o, --json and --samples: two of them are the same file");
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	static const struct command_line line = {
		.usage = usage_text, .letters = "p:j:o:hV", .options = long_options,
		.take = take_option,
	};
	enum options_verdict verdict;

	*o = (struct options){ .runs = 1 };
	verdict = command_line_read(&line, argc, argv, o);
	if (verdict == OPTIONS_RUN && (!fill_in(o) || !check_together(o)))
		verdict = OPTIONS_WRONG;
	return verdict;
}

void options_free(struct options *o)
{
	filesystem_arguments_free(&o->filesystems);
	text_list_free(&o->projects);
	free(o->hash_dir);
	free(o->projects_dir);
	free(o->output);
	free(o->json);
	free(o->samples);
	free(o->source);
	free(o->cache);
	free(o->log_dir);
}
