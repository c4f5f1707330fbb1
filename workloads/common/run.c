/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/text.h"

#define KILL_PATIENCE 5000 /* milliseconds in which what was killed must be dead */

void (*run_stuck)(void);

double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* --- the child --------------------------------------------------------- */

static void redirect(const struct task *task)
{
	int null = open("/dev/null", O_RDWR);
	int out = null;

	if (task->log) {
		out = open(task->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		if (out < 0)
			out = null;
	}
	dup2(null, STDIN_FILENO);
	dup2(task->capture ? task->capture : out, STDOUT_FILENO);
	dup2(task->capture && task->capture_errors ? task->capture : out, STDERR_FILENO);
	if (out > STDERR_FILENO && out != null)
		close(out);
	if (null > STDERR_FILENO)
		close(null);
}

__attribute__((noreturn))
static void child(const struct task *task, pid_t parent)
{
	setpgid(0, 0);
	/* Should the driver be killed outright, nothing goes on working on its mounts. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	interrupt_restore();
	redirect(task);
	if (task->dir && chdir(task->dir) < 0) {
		dprintf(STDERR_FILENO, "%s: %s\n", task->dir, strerror(errno));
		_exit(126);
	}
	if (task->function)
		_exit(task->function(task->argument));
	/* execvp() takes pointers to char for history's sake and changes nothing. */
	execvp(task->argv[0], (char *const *)(uintptr_t)task->argv);
	dprintf(STDERR_FILENO, "%s: %s\n", task->argv[0], strerror(errno));
	_exit(127);
}

/* --- the parent -------------------------------------------------------- */

/* Waits until the child has ended or must end. */
static enum run_end wait_for(const struct task *task, int pidfd, double started)
{
	struct pollfd fds[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = task->to_the_end ? -1 : interrupt_fd(), .events = POLLIN },
	};

	for (;;) {
		int ready = poll(fds, 2, 100);

		if (ready > 0 && (fds[0].revents & POLLIN))
			return RUN_OK;
		if (!task->to_the_end && interrupted())
			return RUN_INTERRUPTED;
		if (task->timeout > 0 && clock_seconds() - started > task->timeout)
			return RUN_TIMEOUT;
		progress_tick();
	}
}

/* Kills the whole group, the child too if it still runs. */
static void kill_group(pid_t pid, int pidfd)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };

	/* Before the child is reaped, its number cannot belong to another group. */
	kill(-pid, SIGKILL);
	if (pidfd >= 0 && poll(&fd, 1, KILL_PATIENCE) == 0 && run_stuck)
		run_stuck();
}

struct outcome run(const struct task *task)
{
	struct outcome outcome = { .end = RUN_FAILED };
	double started = clock_seconds();
	pid_t parent = getpid(), pid;
	struct rusage usage;
	int pidfd;

	if (!task->to_the_end && interrupted())
		return (struct outcome){ .end = RUN_INTERRUPTED };
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(task, parent);
	if (pid < 0) {
		complain("fork: %s", strerror(errno));
		return outcome;
	}
	setpgid(pid, pid); /* here too: whoever comes first */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		complain("pidfd_open: %s", strerror(errno));
	else
		outcome.end = wait_for(task, pidfd, started);
	outcome.wall = clock_seconds() - started;
	kill_group(pid, pidfd);
	while (wait4(pid, &outcome.status, 0, &usage) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	outcome.user = seconds_of(usage.ru_utime);
	outcome.sys = seconds_of(usage.ru_stime);
	if (outcome.end == RUN_OK && outcome.status != 0)
		outcome.end = RUN_FAILED;
	return outcome;
}

char *run_capture(const struct task *task)
{
	struct task capturing = *task;
	char *text = NULL;

	capturing.capture = memfd_create("output", MFD_CLOEXEC);
	if (capturing.capture < 0) {
		complain("memfd_create: %s", strerror(errno));
		return NULL;
	}
	if (run(&capturing).end == RUN_OK && lseek(capturing.capture, 0, SEEK_SET) == 0)
		text = text_from_fd(capturing.capture);
	close(capturing.capture);
	return text;
}

const char *outcome_text(const struct outcome *outcome)
{
	static char text[80];

	if (outcome->end == RUN_INTERRUPTED)
		return "interrupted";
	if (outcome->end == RUN_TIMEOUT)
		return "took too long";
	if (WIFSIGNALED(outcome->status))
		snprintf(text, sizeof(text), "killed by signal %d (%s)",
			 WTERMSIG(outcome->status), strsignal(WTERMSIG(outcome->status)));
	else
		snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(outcome->status));
	return text;
}

void *shared_alloc(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		out_of_memory();
	return memory;
}

void shared_free(void *memory, size_t size)
{
	munmap(memory, size);
}
