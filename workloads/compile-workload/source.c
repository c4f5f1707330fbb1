/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/run.h"
#include "common/text.h"
#include "debian.h"

#define WEB_PATIENCE 5 /* seconds until the web counts as not there */

/* Also how a repository is known, later, to hold a tarball's tree and not upstream's. */
#define AUTHOR "compile-workload"
#define COMMIT_DATE "2000-01-01T00:00:00Z"

static bool web_is_silent;

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What git prints, without the line's end; NULL = it failed. */
static char *ask_git(const char *repository, const char *const *arguments, const char *log)
{
	const char *argv[8] = { "git", "--git-dir", repository };
	char *answer, *trimmed;

	for (size_t i = 0; i < 4 && arguments[i]; i++)
		argv[3 + i] = arguments[i];
	answer = run_capture(&(struct task){ .argv = argv, .log = log });
	if (!answer)
		return NULL;
	trimmed = text_copy(text_trim(answer));
	free(answer);
	return trimmed;
}

/* Fills in what is to be known about a repository; takes it over. */
static bool describe(const struct source_options *o, const struct manifest *m,
		     struct source *source, char *repository)
{
	static const char *const author_of[] = { "log", "-1", "--format=%an", NULL };
	const char *tag = manifest_value(m, KEY_TAG, ORIGIN_ANY);
	char *revision = text_format("refs/tags/%s^{commit}", tag ? tag : "");
	const char *const tagged[] = { "rev-parse", "-q", "--verify", revision, NULL };
	static const char *const head[] = { "rev-parse", "-q", "--verify", "HEAD", NULL };
	char *author;

	*source = (struct source){ .repository = repository, .origin = ORIGIN_GIT };
	source->commit = tag ? ask_git(repository, tagged, o->log) : NULL;
	if (source->commit)
		source->tag = text_copy(tag);
	else
		source->commit = ask_git(repository, head, o->log);
	free(revision);
	if (!source->commit)
		return complain("%s: not a git repository with a commit", repository);
	author = ask_git(repository, author_of, o->log);
	if (author && strcmp(author, AUTHOR) == 0)
		source->origin = ORIGIN_TARBALL;
	free(author);
	return true;
}

/* --- from upstream's git ----------------------------------------------- */

static bool web_answers(const struct source_options *o, const char *url, const char *tag)
{
	const char *const argv[] = { "git", "ls-remote", "--exit-code", "--tags", url, tag, NULL };
	struct outcome outcome;

	if (web_is_silent)
		return false;
	outcome = run(&(struct task){ .argv = argv, .log = o->log, .timeout = WEB_PATIENCE });
	web_is_silent = outcome.end != RUN_OK;
	return !web_is_silent;
}

static bool fetch_git(const struct source_options *o, const struct manifest *m, const char *making)
{
	const char *const argv[] = {
		"git", "clone", "--quiet", "--bare", "--depth", "1", "--branch",
		manifest_value(m, KEY_TAG, ORIGIN_ANY), manifest_value(m, KEY_URL, ORIGIN_ANY),
		making, NULL
	};
	struct outcome outcome = run(&(struct task){ .argv = argv, .log = o->log });

	return outcome.end == RUN_OK ||
	       complain("%s: git clone: %s; see %s", argv[8], outcome_text(&outcome), o->log);
}

/* --- from a Debian source package -------------------------------------- */

/*
 * $1 = tree, $2 = repository to make, $3 = message. Attributes that the tree brings must not
 * change a byte on the way in, and one thread packs, so that the pack is always the same too.
 */
static const char commit_script[] =
	"set -e\n"
	"git init --quiet --bare --initial-branch=main \"$2\"\n"
	"cd \"$1\"\n"
	"export GIT_DIR=\"$2\" GIT_WORK_TREE=.\n"
	"export GIT_AUTHOR_NAME=" AUTHOR " GIT_AUTHOR_EMAIL=" AUTHOR "@localhost\n"
	"export GIT_AUTHOR_DATE=" COMMIT_DATE " GIT_COMMITTER_DATE=" COMMIT_DATE "\n"
	"export GIT_COMMITTER_NAME=\"$GIT_AUTHOR_NAME\"\n"
	"export GIT_COMMITTER_EMAIL=\"$GIT_AUTHOR_EMAIL\"\n"
	"mkdir -p \"$2/info\"\n"
	"echo '* -text -eol -ident -filter' >\"$2/info/attributes\"\n"
	"git -c core.autocrlf=false -c core.fileMode=true add --all --force .\n"
	"git -c commit.gpgSign=false commit --quiet --no-verify -m \"$3\"\n"
	"rm -f \"$2/index\"\n"
	"git -c pack.threads=1 repack -a -d -q\n";

static bool fetch_debian(const struct source_options *o, const struct manifest *m,
			 const char *making)
{
	const char *package = manifest_value(m, KEY_DEBIAN, ORIGIN_ANY);
	char *dir = text_format("%s.d", making), *tree = NULL;
	char *message = text_format("%s: upstream's release", package);
	struct outcome outcome = { .end = RUN_FAILED };

	remove_tree(dir);
	if (make_directories(dir))
		tree = debian_unpack(package, o->cache, dir, o->log);
	if (tree) {
		const char *const argv[] = {
			"sh", "-c", commit_script, "sh", tree, making, message, NULL
		};

		outcome = run(&(struct task){ .argv = argv, .log = o->log });
		if (outcome.end != RUN_OK)
			complain("%s: making a repository: %s; see %s", package,
				 outcome_text(&outcome), o->log);
	}
	remove_tree(dir);
	free(message);
	free(tree);
	free(dir);
	return outcome.end == RUN_OK;
}

/* --- the choice -------------------------------------------------------- */

typedef bool fetcher(const struct source_options *, const struct manifest *, const char *);

/* Makes it under another name first: what has the right name is whole. */
static bool make_cached(const struct source_options *o, const struct manifest *m,
			fetcher *fetch, const char *path)
{
	char *making = text_format("%s.making", path);
	bool ok;

	remove_tree(making);
	ok = make_directories(o->cache) && fetch(o, m, making);
	if (ok && rename(making, path) < 0)
		ok = complain("%s: %s", path, strerror(errno));
	if (!ok)
		remove_tree(making);
	free(making);
	return ok;
}

static bool get_cached(const struct source_options *o, const struct manifest *m,
		       struct source *source)
{
	const char *name = manifest_name(m), *url = manifest_value(m, KEY_URL, ORIGIN_ANY);
	const char *tag = manifest_value(m, KEY_TAG, ORIGIN_ANY);
	bool git = url && o->choice != SOURCE_DEBIAN;
	bool debian = manifest_value(m, KEY_DEBIAN, ORIGIN_ANY) && o->choice != SOURCE_GIT;
	char *from_git = text_format("%s/%s-git-%s.git", o->cache, name, tag ? tag : "");
	char *from_debian = text_format("%s/%s-debian.git", o->cache, name);
	char *found = NULL;

	if (git && is_directory(from_git))
		found = from_git;
	else if (debian && is_directory(from_debian))
		found = from_debian;
	else if (git && web_answers(o, url, tag))
		found = make_cached(o, m, fetch_git, from_git) ? from_git : NULL;
	else if (debian)
		found = make_cached(o, m, fetch_debian, from_debian) ? from_debian : NULL;
	else
		complain("%s: %s", name, git ? "upstream's git repository does not answer" :
			 "its manifest does not name such a source");
	if (found != from_git)
		free(from_git);
	if (found != from_debian)
		free(from_debian);
	return found && describe(o, m, source, found);
}

/* One repository: of the project, or of a part. */
static bool get_one(const struct source_options *o, const struct manifest *m,
		    struct source *source)
{
	char *given;

	if (!o->source)
		return get_cached(o, m, source);
	given = text_format("%s/%s.git", o->source, manifest_name(m));
	if (is_directory(given))
		return describe(o, m, source, given);
	free(given);
	return get_cached(o, m, source);
}

bool source_get(const struct source_options *o, const struct manifest *m, struct source *source)
{
	struct source_options like_it = *o;
	const struct source *whole = source;

	*source = (struct source){ 0 };
	if (!get_one(o, m, source))
		return false;
	like_it.choice = whole->origin == ORIGIN_TARBALL ? SOURCE_DEBIAN : SOURCE_GIT;
	for (m = m->next_part; m; m = m->next_part) {
		source->next_part = zalloc(1, sizeof(*source));
		source = source->next_part;
		if (!get_one(&like_it, m, source))
			return false;
		source->dir = m->dir;
		if (source->origin != whole->origin)
			return complain("%s: a tree of another kind than %s: one is upstream's git, "
					"the other a tarball's", source->repository,
					whole->repository);
	}
	return true;
}

void source_free(struct source *source)
{
	if (source->next_part)
		source_free(source->next_part);
	free(source->next_part);
	free(source->repository);
	free(source->tag);
	free(source->commit);
	*source = (struct source){ 0 };
}
