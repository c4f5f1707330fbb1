/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/packages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/run.h"

static bool is_installed(const char *package)
{
	const char *const argv[] = {
		"dpkg-query", "-W", "-f", "${db:Status-Status}\n", package, NULL
	};
	char *status = run_capture(&(struct task){ .argv = argv });
	bool installed = false;

	/* One line for each architecture of the package. */
	for (char *rest = status, *line; rest && (line = strsep(&rest, "\n"));)
		installed = installed || strcmp(line, "installed") == 0;
	free(status);
	return installed;
}

void packages_missing(const char *wanted, struct text_list *missing)
{
	struct text_list names = { 0 };
	struct stat st;

	if (!wanted || stat("/var/lib/dpkg/status", &st) < 0)
		return;
	text_list_split(&names, wanted, " \t");
	for (size_t i = 0; i < names.count; i++)
		if (!text_list_has(missing, names.items[i]) && !is_installed(names.items[i]))
			text_list_add(missing, names.items[i]);
	text_list_free(&names);
}

static bool apt(const struct text_list *packages, const char *log)
{
	static const char *const head[] = {
		"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
		"--no-install-recommends",
	};
	const size_t fixed = sizeof(head) / sizeof(head[0]);
	const char **argv = zalloc(fixed + packages->count + 1, sizeof(*argv));
	struct outcome outcome;

	memcpy(argv, head, sizeof(head));
	for (size_t i = 0; i < packages->count; i++)
		argv[fixed + i] = packages->items[i];
	outcome = run(&(struct task){ .argv = argv, .log = log });
	free(argv);
	return outcome.end == RUN_OK;
}

bool packages_install(const struct text_list *packages)
{
	static const char *const update[] = { "apt-get", "update", "-qq", NULL };
	const char *log = "/dev/stderr";

	if (!packages->count || apt(packages, log))
		return true;
	/* Lists that are missing or too old to agree with the mirror are the usual reason. */
	run(&(struct task){ .argv = update, .log = log });
	return apt(packages, log) || complain("apt-get install: failed; see above");
}
