/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

#define BUFFER_SIZE (1u << 20)

/* What is to be removed if the program ends now; NULL = nothing. Read by a signal handler. */
static const char *volatile unfinished;

static void remove_unfinished(void)
{
	const char *path = unfinished;

	if (path)
		unlink(path);
}

static void on_signal(int number)
{
	remove_unfinished();
	/* The handler was for once: this ends the program as it would have without us. */
	raise(number);
}

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

static void watch(const char *path)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	static bool registered;

	unfinished = path;
	if (registered)
		return;
	registered = true;
	atexit(remove_unfinished);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	/* A limit of the size of files is to be an error of write(2), as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
}

static bool refuse(const char *path, const char *why)
{
	complain(path, why);
	return false;
}

/* mkostemp(3); no signal comes between the file and its being watched. */
static int make_watched(char *path)
{
	sigset_t ours, before;
	int fd, error;

	sigemptyset(&ours);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&ours, numbers[i]);
	sigprocmask(SIG_BLOCK, &ours, &before);
	fd = mkostemp(path, O_CLOEXEC);
	error = errno;
	if (fd >= 0)
		watch(path);
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return fd;
}

/* Makes the file beside the one that was asked for. Its descriptor, -1 = said. */
static int make_temporary(struct output *o)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		refuse(o->path, strerror(ENOMEM));
		return -1;
	}
	fd = make_watched(o->temporary);
	if (fd < 0) {
		refuse(o->path, strerror(errno));
		free(o->temporary);
		o->temporary = NULL;
		return -1;
	}
	/* As open(2) would have made it. */
	if (fchmod(fd, 0666 & ~mask) < 0) {
		refuse(o->path, strerror(errno));
		close(fd);
		output_close(o, false);
		return -1;
	}
	return fd;
}

/* May the file be written? Tells if it is one that keeps its place. */
static bool look(const struct output *o, bool *direct)
{
	struct stat st;

	*direct = false;
	if (stat(o->path, &st) < 0)
		return errno == ENOENT || refuse(o->path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return refuse(o->path, "is a directory");
	*direct = !S_ISREG(st.st_mode);
	return *direct || o->replace || refuse(o->path, "exists; --force writes over it");
}

bool output_open(struct output *o, const char *path, bool replace)
{
	bool direct;

	*o = (struct output){ .file = stdout, .path = path, .replace = replace };
	if (path) {
		int fd;

		if (!look(o, &direct))
			return false;
		fd = direct ? open(path, O_WRONLY | O_CLOEXEC) : make_temporary(o);
		if (fd < 0)
			return direct ? refuse(path, strerror(errno)) : false;
		o->file = fdopen(fd, "w");
		if (!o->file) {
			close(fd);
			output_close(o, false);
			return refuse(path, strerror(errno));
		}
	}
	/* Before the first byte; if it cannot be had, it goes on with a smaller one. */
	setvbuf(o->file, NULL, _IOFBF, BUFFER_SIZE);
	return true;
}

bool output_open_name(struct output *o, const char *path, bool replace)
{
	bool direct;
	int fd;

	*o = (struct output){ .path = path, .replace = replace };
	if (!look(o, &direct))
		return false;
	if (direct)
		return refuse(path, "is no regular file");
	fd = make_temporary(o);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool output_failed(struct output *o)
{
	if (!o->file || !ferror(o->file))
		return false;
	if (!o->error)
		o->error = errno ? errno : EIO;
	return true;
}

/* Gives the finished file its name. */
static bool settle(struct output *o)
{
	int done = o->replace ? rename(o->temporary, o->path) :
		   renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE);

	/* Not all filesystems can refuse by themselves; whether there is something was asked before. */
	if (done < 0 && !o->replace && errno == EINVAL)
		done = rename(o->temporary, o->path);
	return done == 0 || refuse(o->path, strerror(errno));
}

/* Writes what is buffered, and closes. False: not all was written. */
static bool finish_file(struct output *o)
{
	bool failed = output_failed(o);

	if (fflush(o->file) != 0 && !failed) {
		o->error = errno;
		failed = true;
	}
	if (o->file == stdout) {
		/* What could not be written once is not to be tried again. */
		__fpurge(stdout);
	} else if (fclose(o->file) != 0 && !failed) {
		o->error = errno;
		failed = true;
	}
	o->file = NULL;
	return !failed;
}

bool output_close(struct output *o, bool good)
{
	if (o->file && !finish_file(o)) {
		if (good && o->error != EPIPE)
			refuse(o->path ? o->path : "standard output", strerror(o->error));
		good = false;
	}
	if (o->temporary) {
		good = good && settle(o);
		if (!good)
			unlink(o->temporary);
		unfinished = NULL;
		free(o->temporary);
		o->temporary = NULL;
	}
	return good;
}
