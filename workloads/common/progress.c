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
#define ESTIMATE_AFTER 10 /* seconds of work that must be behind us before we tell what is left */

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

/*
 * ", about 12 min left", or nothing as long as little is known: what is behind us tells how
 * long a unit of the total takes here.
 */
static void estimate(char *text, size_t length, double now)
{
	double spent = (*progress.what ? progress.began : now) - progress.started;
	double unit = progress.done ? spent / progress.done : 0, step, left;
	unsigned minutes;

	*text = '\0';
	if (!progress.done || spent < ESTIMATE_AFTER || progress.done >= progress.total)
		return;
	step = *progress.what ? now - progress.began : 0;
	if (step > progress.weight * unit)
		step = progress.weight * unit;
	left = (progress.total - progress.done) * unit - step;
	minutes = (unsigned)(left / 60 + 0.5);
	if (minutes < 1)
		snprintf(text, length, ", less than a minute left");
	else if (minutes < 100)
		snprintf(text, length, ", about %u min left", minutes);
	else
		snprintf(text, length, ", about %u h %02u min left", minutes / 60, minutes % 60);
}

static void draw(double now)
{
	char bar[BAR_WIDTH + 1], step[16], whole[16], left[48], line[320];
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
	estimate(left, sizeof(left), now);
	snprintf(line, sizeof(line), "[%s] %3u%%  %s  %s  (%s in all%s)", bar,
		 progress.done * 100 / total, progress.what, step, whole, left);
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
	char time[16], left[48];

	if (!*progress.what || now - progress.shown < interval)
		return;
	progress.shown = now;
	if (progress.terminal) {
		draw(now);
		return;
	}
	elapsed(time, sizeof(time), now - progress.began);
	estimate(left, sizeof(left), now);
	fprintf(stderr, "       %s: %s so far%s\n", progress.what, time, left);
}

void progress_done(const char *result)
{
	bool has_weight = progress.weight > 0;
	char what[sizeof(progress.what)], left[48] = "";

	progress_clear();
	memcpy(what, progress.what, sizeof(what));
	progress.what[0] = '\0';
	progress.done += progress.weight;
	progress.weight = 0;
	if (has_weight) /* the others change nothing of it */
		estimate(left, sizeof(left), clock_seconds());
	fprintf(stderr, "[%3u%%] %s: %s%s\n",
		progress.total ? progress.done * 100 / progress.total : 100, what, result, left);
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
