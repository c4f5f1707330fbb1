/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/text.h"

__attribute__((noreturn))
static void child(const char *const *argv, const char *log, bool outlives, pid_t parent)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644), null;

	/* Its own session: Ctrl-C at the terminal must not take it from under the workload. */
	setsid();
	if (!outlives) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
	}
	interrupt_restore();
	null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	closefrom(STDERR_FILENO + 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

bool server_start(struct server *server, const char *const *argv, const char *log, bool outlives)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(argv, log, outlives, parent);
	if (pid < 0)
		return complain("fork: %s", strerror(errno));
	*server = (struct server){ .pid = pid, .pidfd = pidfd_open(pid, 0) };
	if (server->pidfd < 0) {
		complain("pidfd_open: %s", strerror(errno));
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
		server->pid = 0;
		return false;
	}
	return true;
}

bool server_has_ended(const struct server *server, double seconds)
{
	struct pollfd fd = { .fd = server->pidfd, .events = POLLIN };
	double until = clock_seconds() + seconds;

	do {
		int wait = seconds > 0.1 ? 100 : (int)(seconds * 1000);

		if (poll(&fd, 1, wait) > 0)
			return true;
		progress_tick();
	} while (clock_seconds() < until);
	return false;
}

bool server_finish(struct server *server, double patience)
{
	struct outcome outcome = { .end = RUN_FAILED };
	bool by_itself = server_has_ended(server, patience);

	if (!by_itself) {
		kill(server->pid, SIGTERM);
		if (!server_has_ended(server, 5))
			kill(server->pid, SIGKILL);
	}
	while (waitpid(server->pid, &outcome.status, 0) < 0 && errno == EINTR)
		;
	close(server->pidfd);
	*server = (struct server){ 0 };
	if (!by_itself)
		return complain("memfs: did not end after the unmount");
	return outcome.status == 0 || complain("memfs: %s", outcome_text(&outcome));
}

void server_leave(struct server *server)
{
	close(server->pidfd);
	*server = (struct server){ 0 };
}

double server_cpu(const struct server *server)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		return -1;
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

long server_peak_kib(const struct server *server)
{
	char *path = text_format("/proc/%d/status", (int)server->pid);
	char *text = text_from_file(path), *line = text ? strstr(text, "\nVmHWM:") : NULL;
	long kib = line ? strtol(line + strlen("\nVmHWM:"), NULL, 10) : -1;

	free(text);
	free(path);
	return kib;
}
