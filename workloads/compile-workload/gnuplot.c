/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/machine.h"
#include "common/run.h"
#include "common/text.h"

#define NOT_FOUND 127 /* exit status of a child that could not become gnuplot */

__attribute__((noreturn))
static void child(const char *dir, int script)
{
	/* -d: the user's own settings would give everyone other figures. */
	char *const argv[] = { (char[]){ "gnuplot" }, (char[]){ "-d" }, NULL };
	int null = open("/dev/null", O_WRONLY);

	dup2(script, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (chdir(dir) < 0) {
		complain("%s: %s", dir, strerror(errno));
		_exit(1);
	}
	setenv("LC_ALL", "C.UTF-8", 1);
	execvp(argv[0], argv);
	_exit(NOT_FOUND);
}

bool gnuplot_start(struct gnuplot *g, const char *dir)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return complain("pipe: %s", strerror(errno));
	fflush(NULL);
	g->pid = fork();
	if (g->pid == 0)
		child(dir, ends[0]);
	close(ends[0]);
	g->script = g->pid < 0 ? NULL : fdopen(ends[1], "w");
	if (g->script)
		return true;
	complain("gnuplot: %s", strerror(errno));
	close(ends[1]);
	if (g->pid > 0)
		waitpid(g->pid, NULL, 0);
	return false;
}

bool gnuplot_finish(struct gnuplot *g)
{
	struct outcome outcome = { .end = RUN_FAILED };
	bool written = fflush(g->script) == 0 && !ferror(g->script);

	written = fclose(g->script) == 0 && written;
	while (waitpid(g->pid, &outcome.status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == NOT_FOUND)
		return complain("gnuplot: not found; install gnuplot-nox");
	if (outcome.status != 0)
		return complain("gnuplot: %s", outcome_text(&outcome));
	return written || complain("gnuplot: has not read its script");
}

char *gnuplot_quote(const char *text)
{
	json_t *valid = machine_text(text);
	char *quoted = text_format("\"%s\"", json_string_value(valid));

	json_decref(valid);
	for (char *at = quoted + 1; at[1]; at++)
		if (strchr("\"'`\\$", *at) || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '_';
	return quoted;
}
