/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/gnuplot.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json_text.h"
#include "common/run.h"
#include "common/text.h"

#define PATIENCE 300  /* seconds for a script */
#define NOT_FOUND 127 /* exit status of a task that could not become gnuplot */

static int become_gnuplot(void *script)
{
	/* -d: without the settings of the user. */
	const char *const argv[] = { "gnuplot", "-d", script, NULL };

	setenv("LC_ALL", "C.UTF-8", 1);
	/* execvp() takes pointers to char for history's sake and changes nothing. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	return NOT_FOUND;
}

bool gnuplot_run(const char *dir, const char *script)
{
	char *argument = text_copy(script);
	struct outcome outcome = run(&(struct task){
		.function = become_gnuplot, .argument = argument, .dir = dir,
		.log = "/dev/stderr", .timeout = PATIENCE,
	});

	free(argument);
	if (WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == NOT_FOUND)
		return complain("gnuplot: not found; install gnuplot-nox");
	return outcome.end == RUN_OK || complain("gnuplot: %s", outcome_text(&outcome));
}

bool gnuplot_check(void)
{
	return gnuplot_run(".", "/dev/null");
}

bool gnuplot_start(struct gnuplot *g, const char *dir)
{
	int fd = memfd_create("script", MFD_CLOEXEC);

	*g = (struct gnuplot){ .script = fd < 0 ? NULL : fdopen(fd, "w"), .dir = dir };
	if (g->script)
		return true;
	complain("gnuplot: its script: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

bool gnuplot_finish(struct gnuplot *g)
{
	/* Not /proc/self: that is gnuplot when it opens it. */
	char *path = text_format("/proc/%d/fd/%d", (int)getpid(), fileno(g->script));
	bool ok = (fflush(g->script) == 0 && !ferror(g->script)) ||
		  complain("gnuplot: its script: %s", strerror(errno));

	ok = ok && gnuplot_run(g->dir, path);
	fclose(g->script);
	free(path);
	return ok;
}

char *gnuplot_quote(const char *text)
{
	json_t *valid = json_text(text);
	char *quoted = text_format("\"%s\"", json_string_value(valid));

	json_decref(valid);
	for (char *at = quoted + 1; at[1]; at++)
		if (strchr("\"'`\\$", *at) || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '_';
	return quoted;
}
