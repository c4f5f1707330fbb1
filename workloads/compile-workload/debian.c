/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "debian.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/run.h"
#include "common/text.h"
#include "source.h"

/* The mirror that the system takes its own packages from. */
struct mirror {
	char *uri;
	char *suite; /* as its list of sources calls it */
};

static const char *const keyrings[] = {
	"/usr/share/keyrings/debian-archive-keyring.gpg",
	"/usr/share/keyrings/debian-archive-keyring.pgp",
};

/* The code name of the system's release; NULL after a complaint. */
static char *code_name(void)
{
	static const char key[] = "VERSION_CODENAME=";
	char *text = text_from_file("/etc/os-release"), *name = NULL;

	for (char *rest = text, *line; !name && rest && (line = strsep(&rest, "\n"));)
		if (strncmp(line, key, strlen(key)) == 0)
			name = text_copy(line + strlen(key));
	free(text);
	if (!name)
		complain("/etc/os-release: no VERSION_CODENAME: which release is this?");
	return name;
}

/* Takes the first line `URI SUITE COMPONENT CODENAME` of the system's own release. */
static bool pick(struct mirror *mirror, char *lines, const char *code)
{
	for (char *rest = lines, *line; rest && (line = strsep(&rest, "\n"));) {
		struct text_list fields = { 0 };
		bool found;

		text_list_split(&fields, line, " ");
		found = fields.count == 4 && strcmp(fields.items[2], "main") == 0 &&
			(strcmp(fields.items[1], code) == 0 ||
			 (strcmp(fields.items[3], code) == 0 && !strchr(fields.items[1], '-')));
		if (found) {
			mirror->uri = text_copy(fields.items[0]);
			mirror->suite = text_copy(fields.items[1]);
		}
		text_list_free(&fields);
		if (found)
			return true;
	}
	return false;
}

static bool find_mirror(struct mirror *mirror, const char *log)
{
	static const char format[] = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME)";
	/*
	 * Without release info apt answers from the lists of sources alone, also when no index
	 * was downloaded yet; with it, it knows what "stable" is.
	 */
	const char *const bare[] = {
		"apt-get", "indextargets", "--no-release-info", "--format", format, NULL
	};
	const char *const full[] = { "apt-get", "indextargets", "--format", format, NULL };
	char *code = code_name(), *lines;
	bool found = false;

	if (!code)
		return false;
	for (int i = 0; i < 2 && !found; i++) {
		lines = run_capture(&(struct task){ .argv = i ? full : bare, .log = log });
		found = lines && pick(mirror, lines, code);
		free(lines);
	}
	if (!found)
		complain("apt: no source of packages for %s main is configured", code);
	free(code);
	return found;
}

static bool write_list(const char *path, const struct mirror *mirror)
{
	FILE *file = fopen(path, "we");
	const char *keyring = NULL;
	bool ok = file != NULL;

	for (size_t i = 0; !keyring && i < sizeof(keyrings) / sizeof(keyrings[0]); i++)
		if (access(keyrings[i], R_OK) == 0)
			keyring = keyrings[i];
	if (ok) {
		fprintf(file, "deb-src %s%s%s%s %s main\n", keyring ? "[signed-by=" : "",
			keyring ? keyring : "", keyring ? "] " : "", mirror->uri,
			mirror->suite);
		ok = !ferror(file);
		ok = fclose(file) == 0 && ok;
	}
	return ok || complain("%s: %s", path, strerror(errno));
}

/* Downloads with the private configuration below `apt`. */
static bool download(const char *package, const char *apt, const char *dir, const char *log)
{
	char *list = text_format("Dir::Etc::SourceList=%s/sources.list", apt);
	char *lists = text_format("Dir::State::Lists=%s/lists", apt);
	char *cache = text_format("Dir::Cache=%s/cache", apt);
	/* Indexes of other sources in there would be cleaned away, were this the system's. */
	const char *const argv[] = {
		"apt-get", "-q", "-o", list, "-o", "Dir::Etc::SourceParts=-", "-o", lists, "-o",
		cache, "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2", "update",
		NULL, NULL, NULL, NULL
	};
	const size_t verb = 14;
	const char **source = zalloc(sizeof(argv) / sizeof(argv[0]), sizeof(*source));
	struct outcome outcome;

	memcpy(source, argv, sizeof(argv));
	source[verb] = "source";
	source[verb + 1] = "--download-only";
	source[verb + 2] = "--tar-only";
	source[verb + 3] = package;
	outcome = run(&(struct task){ .argv = argv, .log = log });
	/* An update that failed is no reason to stop while the index of the last one is good. */
	if (outcome.end != RUN_INTERRUPTED)
		outcome = run(&(struct task){ .argv = source, .dir = dir, .log = log });
	free(source);
	free(cache);
	free(lists);
	free(list);
	return outcome.end == RUN_OK ||
	       complain("Debian source package %s: apt-get: %s; see %s", package,
			outcome_text(&outcome), log);
}

static char *unpack(const char *package, const char *dir, const char *log)
{
	char *pattern = text_format("%s/*.orig.tar.*", dir), *tree = text_format("%s/tree", dir);
	const char *argv[] = {
		"tar", "-x", "--no-same-owner", "--strip-components=1", "-C", tree, "-f", NULL,
		NULL
	};
	struct outcome outcome = { .end = RUN_FAILED };
	glob_t found = { 0 };

	if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc != 1) {
		complain("Debian source package %s: not one upstream tarball", package);
	} else if (mkdir(tree, 0755) < 0) {
		complain("%s: %s", tree, strerror(errno));
	} else {
		argv[7] = found.gl_pathv[0];
		outcome = run(&(struct task){ .argv = argv, .log = log });
		if (outcome.end != RUN_OK)
			complain("%s: tar: %s; see %s", argv[7], outcome_text(&outcome), log);
	}
	globfree(&found);
	free(pattern);
	if (outcome.end == RUN_OK)
		return tree;
	free(tree);
	return NULL;
}

char *debian_unpack(const char *package, const char *cache, const char *dir, const char *log)
{
	char *apt = text_format("%s/apt", cache), *list = text_format("%s/sources.list", apt);
	char *lists = text_format("%s/lists/partial", apt);
	char *archives = text_format("%s/cache/archives/partial", apt), *tree = NULL;
	struct mirror mirror = { 0 };

	if (find_mirror(&mirror, log) && make_directories(lists) && make_directories(archives) &&
	    write_list(list, &mirror) && download(package, apt, dir, log))
		tree = unpack(package, dir, log);
	free(mirror.uri);
	free(mirror.suite);
	free(archives);
	free(lists);
	free(list);
	free(apt);
	return tree;
}
