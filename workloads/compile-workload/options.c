/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
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
	OPT_ON = 256, OPT_RUNS, OPT_VERIFY, OPT_LOG_DIR, OPT_TRACE_DIR, OPT_SOURCE, OPT_FROM,
	OPT_CACHE, OPT_WORK, OPT_PROJECTS, OPT_JSON, OPT_SAMPLES, OPT_MEMFS, OPT_MEMFS_OPTIONS,
	OPT_KEEP, OPT_LIST, OPT_INSTALL, OPT_HASH, OPT_ALL, OPT_RESUME,
};

static const struct option long_options[] = {
	{ "project", required_argument, NULL, 'p' },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "on", required_argument, NULL, OPT_ON },
	{ "jobs", required_argument, NULL, 'j' },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "resume", no_argument, NULL, OPT_RESUME },
	{ "output", required_argument, NULL, 'o' },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "samples", required_argument, NULL, OPT_SAMPLES },
	{ "log-dir", required_argument, NULL, OPT_LOG_DIR },
	{ "trace-dir", required_argument, NULL, OPT_TRACE_DIR },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "projects", required_argument, NULL, OPT_PROJECTS },
	{ "memfs", required_argument, NULL, OPT_MEMFS },
	{ "memfs-options", required_argument, NULL, OPT_MEMFS_OPTIONS },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "install-deps", no_argument, NULL, OPT_INSTALL },
	{ "hash", required_argument, NULL, OPT_HASH },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* --- values ------------------------------------------------------------ */

static bool parse_choice(struct options *o, const char *text)
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

static char *default_log_dir(const char *output)
{
	size_t length = strlen(output);

	if (length > 4 && strcmp(output + length - 4, ".csv") == 0)
		length -= 4;
	return text_format("%.*s-logs", (int)length, output);
}

/* What was not given. Installed, or in the build directory, all finds what belongs to it. */
static bool fill_in(struct options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!o->projects_dir)
		o->projects_dir = beside_program("../share/memfs/projects");
	if (!o->projects_dir)
		o->projects_dir = text_copy(PROJECTS_DIR);
	if (!o->memfs)
		o->memfs = find_memfs();
	if (!o->cache)
		o->cache = default_cache();
	if (!o->work)
		o->work = text_copy("/var/tmp");
	if (!o->jobs)
		o->jobs = cpus > 0 ? (unsigned)cpus : 1;
	if (!o->log_dir && o->output && results_is_plain(o->output))
		o->log_dir = default_log_dir(o->output);
	if (!o->json && o->output && results_is_plain(o->output))
		o->json = record_path_of(o->output);
	return o->filesystems.count || argument_filesystems(&o->filesystems, "memfs,tmpfs,native");
}

/* --- parsing ----------------------------------------------------------- */

static bool parse_path(struct options *o, int c, const char *value)
{
	char **const options[] = {
		[OPT_LOG_DIR - OPT_ON] = &o->log_dir, [OPT_TRACE_DIR - OPT_ON] = &o->trace_dir,
		[OPT_SOURCE - OPT_ON] = &o->source, [OPT_CACHE - OPT_ON] = &o->cache,
		[OPT_WORK - OPT_ON] = &o->work, [OPT_PROJECTS - OPT_ON] = &o->projects_dir,
		[OPT_JSON - OPT_ON] = &o->json, [OPT_SAMPLES - OPT_ON] = &o->samples,
	};

	if (!*value)
		return complain("a name of a file or directory is empty; see --help");
	argument_set(options[c - OPT_ON], argument_path(value));
	return true;
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

static bool parse_option(struct options *o, int c, char *value)
{
	bool *flag = flag_of(o, c);

	if (flag)
		return *flag = true;
	switch (c) {
	case 'p':
		text_list_add(&o->projects, value);
		return true;
	case 'j':
		return argument_count("-j", value, 4096, &o->jobs);
	case 'o':
		argument_set(&o->output, argument_path(value));
		return true;
	case OPT_ON:
		return argument_filesystems(&o->filesystems, value);
	case OPT_RUNS:
		return argument_count("--runs", value, 10000, &o->runs);
	case OPT_FROM:
		return parse_choice(o, value);
	case OPT_MEMFS:
		argument_set(&o->memfs, strchr(value, '/') ? argument_path(value) : text_copy(value));
		return true;
	case OPT_MEMFS_OPTIONS:
		argument_set(&o->memfs_options, text_copy(value));
		return true;
	case OPT_LIST:
		o->action = ACTION_LIST;
		return true;
	case OPT_INSTALL:
		o->action = ACTION_INSTALL;
		return true;
	case OPT_HASH:
		o->action = ACTION_HASH;
		argument_set(&o->hash_dir, text_copy(value));
		return true;
	default:
		return parse_path(o, c, value);
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
	int c;

	*o = (struct options){ .runs = 1 };
	while ((c = getopt_long(argc, argv, "p:j:o:hV", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return OPTIONS_DONE;
		}
		if (c == 'V') {
			printf("compile-workload (memfs) %s\n", MEMFS_VERSION);
			return OPTIONS_DONE;
		}
		if (c == '?' || !parse_option(o, c, optarg))
			return OPTIONS_WRONG; /* the reason has been said */
	}
	if (optind < argc) {
		complain("%s: is not an option; see --help", argv[optind]);
		return OPTIONS_WRONG;
	}
	return fill_in(o) && check_together(o) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
	filesystem_list_free(&o->filesystems);
	text_list_free(&o->projects);
	free(o->hash_dir);
	free(o->projects_dir);
	free(o->output);
	free(o->json);
	free(o->samples);
	free(o->source);
	free(o->cache);
	free(o->work);
	free(o->memfs);
	free(o->memfs_options);
	free(o->trace_dir);
	free(o->log_dir);
}
