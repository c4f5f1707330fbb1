/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/run.h"

#define BAR_WIDTH 24

static struct {
	unsigned total, done, weight; /* of all, of what is over, of this step */
	char what[128];               /* this step; empty = none */
	double started, began;        /* the whole, this step */
	double shown;                 /* when it was last drawn or told */
	bool terminal, drawn;
} progress;

void progress_start(unsigned total)
{
	progress.total = total;
	progress.done = progress.weight = 0;
	progress.started = clock_seconds();
	progress.terminal = isatty(STDERR_FILENO);
}

static unsigned columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void elapsed(char *text, size_t length, double seconds)
{
	snprintf(text, length, "%u:%02u", (unsigned)seconds / 60, (unsigned)seconds % 60);
}

static void draw(double now)
{
	char bar[BAR_WIDTH + 1], step[16], whole[16], line[256];
	unsigned total = progress.total ? progress.total : 1;
	unsigned full = progress.done * BAR_WIDTH / total;

	if (full > BAR_WIDTH)
		full = BAR_WIDTH;
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', full);
	/* The head walks on while the step lasts: a bar that stands still looks dead. */
	if (full < BAR_WIDTH)
		bar[full] = "->"[(unsigned)(now * 2) % 2];
	bar[BAR_WIDTH] = '\0';
	elapsed(step, sizeof(step), now - progress.began);
	elapsed(whole, sizeof(whole), now - progress.started);
	snprintf(line, sizeof(line), "[%s] %3u%%  %s  %s  (%s in all)", bar,
		 progress.done * 100 / total, progress.what, step, whole);
	fprintf(stderr, "\r%.*s\033[K", (int)columns() - 1, line);
	progress.drawn = true;
}

void progress_step(unsigned weight, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(progress.what, sizeof(progress.what), format, arguments);
	va_end(arguments);
	progress.weight = weight;
	progress.began = progress.shown = clock_seconds();
	if (progress.terminal)
		draw(progress.began);
}

void progress_tick(void)
{
	double now = clock_seconds(), interval = progress.terminal ? 0.25 : 30;
	char time[16];

	if (!*progress.what || now - progress.shown < interval)
		return;
	progress.shown = now;
	if (progress.terminal) {
		draw(now);
		return;
	}
	elapsed(time, sizeof(time), now - progress.began);
	fprintf(stderr, "       %s: %s so far\n", progress.what, time);
}

void progress_done(const char *result)
{
	progress_clear();
	progress.done += progress.weight;
	fprintf(stderr, "[%3u%%] %s: %s\n",
		progress.total ? progress.done * 100 / progress.total : 100, progress.what,
		result);
	progress.weight = 0;
	progress.what[0] = '\0';
}

void progress_abandon(void)
{
	progress_clear();
	progress.weight = 0;
	progress.what[0] = '\0';
}

void progress_reach(unsigned done)
{
	progress.done = done;
}

void progress_clear(void)
{
	if (progress.drawn)
		fputs("\r\033[K", stderr);
	progress.drawn = false;
}
