/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "format.h"

#define QUOTE_MAX 100

struct plot {
	pid_t pid;
	FILE *script;
	int picture, errors; /* what gnuplot writes to: files without a name */
};

extern char **environ;

/* --- starting --------------------------------------------------------------- */

static int spawn(struct plot *p, int script)
{
	static const char *const argv[] = { "gnuplot", "--default-settings", "-", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual;
	int err;

	/* The command ignores SIGPIPE; that is not to be inherited. */
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, script, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, p->picture, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, p->errors, STDERR_FILENO);
	err = posix_spawnp(&p->pid, argv[0], &actions, &attributes, (char **)(uintptr_t)argv,
			   environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return err;
}

static void print_style(FILE *out)
{
	static const char *const colours[PLOT_STYLES] = {
		"#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#444444",
	};

	for (int i = 0; i < PLOT_STYLES; i++)
		fprintf(out, "set style line %d lc rgb '%s' lw 1.5 pt 7 ps 0.5\n", i + 1, colours[i]);
	fputs("set encoding utf8\n"
	      "set border 3 lc rgb '#888888'\n"
	      "set tics nomirror out tc rgb '#333333'\n"
	      "set grid y lt 1 lw 0.5 lc rgb '#dddddd'\n"
	      "set style fill solid 0.35 noborder\n", out);
}

static void print_terminal(FILE *out, const struct plot_options *o)
{
	if (o->kind == PLOT_SVG)
		fprintf(out, "set terminal svg noenhanced size %u,%u font 'sans-serif,12' "
			"background rgb '#ffffff'%s%s%s\n", o->width, o->height,
			o->name ? " name '" : "", o->name ? o->name : "", o->name ? "'" : "");
	else
		fprintf(out, "set terminal pngcairo noenhanced size %u,%u font 'Sans,10' "
			"background rgb '#ffffff'\n", o->width, o->height);
}

static void release(struct plot *p)
{
	if (p->script)
		fclose(p->script);
	if (p->picture >= 0)
		close(p->picture);
	if (p->errors >= 0)
		close(p->errors);
	free(p);
}

struct plot *plot_begin(const struct plot_options *options)
{
	struct plot *p = calloc(1, sizeof(*p));
	int ends[2] = { -1, -1 }, err = 0;

	if (!p)
		exit(complain("gnuplot", "out of memory"));
	p->picture = memfd_create("picture", MFD_CLOEXEC);
	p->errors = memfd_create("errors", MFD_CLOEXEC);
	if (p->picture < 0 || p->errors < 0 || pipe2(ends, O_CLOEXEC) < 0)
		err = errno;
	if (!err)
		err = spawn(p, ends[0]);
	if (ends[0] >= 0)
		close(ends[0]);
	if (!err && !(p->script = fdopen(ends[1], "w")))
		err = errno;
	if (err) {
		if (ends[1] >= 0)
			close(ends[1]);
		release(p);
		complain("gnuplot", err == ENOENT ? "not found; pictures need it (package gnuplot-nox)" :
			 strerror(err));
		return NULL;
	}
	print_terminal(p->script, options);
	print_style(p->script);
	return p;
}

/* --- writing ---------------------------------------------------------------- */

FILE *plot_script(struct plot *p)
{
	return p->script;
}

void plot_quote(FILE *script, const char *text)
{
	char shown[QUOTE_MAX + 5];

	format_escaped(text, shown, sizeof(shown));
	/* Between single quotes nothing is special but these. */
	putc('\'', script);
	for (const char *p = shown; *p; p++) {
		if (*p == '\'')
			putc('\'', script);
		putc(*p, script);
	}
	putc('\'', script);
}

/* --- ending ----------------------------------------------------------------- */

/* The last line that gnuplot wrote on its stderr is the one that says what is wrong. */
static void say_error(struct plot *p, int status)
{
	char text[1024], ended[64], *line, *end;
	ssize_t n = pread(p->errors, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (end = text + strlen(text); end > text && strchr(" \n", end[-1]); end--)
		end[-1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	line += strspn(line, " ");
	snprintf(ended, sizeof(ended), WIFEXITED(status) ? "ended with status %d" :
		 "was killed by signal %d",
		 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	complain("gnuplot", *line ? line : ended);
}

static char *read_picture(struct plot *p, size_t *size)
{
	off_t length = lseek(p->picture, 0, SEEK_END);
	char *picture;

	if (length <= 0) {
		complain("gnuplot", "has drawn nothing");
		return NULL;
	}
	picture = malloc((size_t)length + 1);
	/* It lies in memory: one call gets it all. */
	if (!picture || pread(p->picture, picture, (size_t)length, 0) != length)
		exit(complain("gnuplot", "out of memory"));
	picture[length] = '\0';
	*size = (size_t)length;
	return picture;
}

char *plot_end(struct plot *p, size_t *size)
{
	char *picture = NULL;
	int status;

	/* If gnuplot has ended before, that is said by its status. */
	fclose(p->script);
	p->script = NULL;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say_error(p, status);
	else
		picture = read_picture(p, size);
	release(p);
	return picture;
}

bool plot_end_file(struct plot *p, const char *path)
{
	size_t size;
	char *picture = plot_end(p, &size);
	FILE *out;
	bool good;

	if (!picture)
		return false;
	out = fopen(path, "we");
	good = out && fwrite(picture, 1, size, out) == size;
	if (out)
		good = fclose(out) == 0 && good;
	if (!good)
		complain(path, strerror(errno));
	free(picture);
	return good;
}

void plot_place_labels(double *places, size_t count, double width, double gap)
{
	double free_from = 0, free_to = width - 0.5 * gap;

	for (size_t i = 0; i < count; i++) {
		places[i] += 0.5 * gap;
		if (places[i] < free_from)
			places[i] = free_from;
		free_from = places[i] + gap;
	}
	for (size_t i = count; i-- > 0 && places[i] > free_to; free_to -= gap)
		places[i] = free_to;
}
