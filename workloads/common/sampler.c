/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/run.h"
#include "common/text.h"

#define INTERVAL_MS 200
#define COST_LIMIT 20      /* a look may take one in so many parts of the time */
#define PHASE_PATIENCE 1000 /* milliseconds for the look at the start of a phase */
#define STOP_PATIENCE 2000 /* milliseconds for the last look */
#define KILL_PATIENCE 5000 /* milliseconds in which what was killed must be dead */

struct sampler {
	pid_t pid;
	int pidfd, phases, samples; /* one end of a socket for phases; memory file of samples */
};

/* --- looking ----------------------------------------------------------- */

/* The number of a line such as "Name:   123 kB" or "name 123"; negative = no such line. */
static int64_t value_of(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && (line[length] == ':' || line[length] == ' '))
			return strtoll(line + length + 1, NULL, 10);
	}
	return -1;
}

/*
 * Where the page cache is counted. What our tasks touch first is charged to their control group,
 * so that others on the machine do not disturb; where none has a count, the machine's has to do.
 */
struct cache_counts {
	char *path;
	const char *all, *shared; /* names of all page cache, and of the shared memory in it */
	int64_t unit;             /* bytes */
};

/* The group behind `kind` in a line of /proc/self/cgroup, to be freed; NULL = no such line. */
static char *group_path(const char *groups, const char *kind)
{
	const char *found = strstr(groups, kind);

	return found ? text_format("%.*s", (int)strcspn(found + strlen(kind), "\n"),
				   found + strlen(kind)) : NULL;
}

static bool use_group(struct cache_counts *c, const char *groups, const char *kind,
		      const char *mount)
{
	char *group = group_path(groups, kind), *text;

	if (!group)
		return false;
	c->path = text_format("%s%s/memory.stat", mount, group);
	free(group);
	text = text_from_file(c->path);
	if (text && value_of(text, c->all) >= 0 && value_of(text, c->shared) >= 0) {
		free(text);
		return true;
	}
	free(text);
	free(c->path);
	return false;
}

static struct cache_counts find_counts(void)
{
	struct cache_counts version_1 = { .all = "total_cache", .shared = "total_shmem", .unit = 1 };
	struct cache_counts version_2 = { .all = "file", .shared = "shmem", .unit = 1 };
	struct cache_counts machine = { .all = "Cached", .shared = "Shmem", .unit = 1024 };
	char *groups = text_from_file("/proc/self/cgroup");
	bool is_1 = groups && use_group(&version_1, groups, ":memory:", "/sys/fs/cgroup/memory");
	bool is_2 = groups && !is_1 && use_group(&version_2, groups, "0::", "/sys/fs/cgroup");

	free(groups);
	if (is_1 || is_2)
		return is_1 ? version_1 : version_2;
	machine.path = text_copy("/proc/meminfo");
	return machine;
}

static void look_at_daemon(struct memory_sample *s, pid_t daemon)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)daemon);
	text = text_from_file(path);
	if (text) {
		s->rss = value_of(text, "Rss") * 1024;
		s->pss = value_of(text, "Pss") * 1024;
		s->has_daemon = s->rss >= 0 && s->pss >= 0;
	}
	free(text);
}

static void look_at_cache(struct memory_sample *s, const struct cache_counts *c)
{
	char *text = text_from_file(c->path);

	if (text) {
		s->shmem = value_of(text, c->shared) * c->unit;
		s->cached = value_of(text, c->all) * c->unit - s->shmem;
	}
	free(text);
}

static void look(struct memory_sample *s, const char *root, pid_t daemon,
		 const struct cache_counts *c)
{
	struct statfs st;

	if (daemon)
		look_at_daemon(s, daemon);
	look_at_cache(s, c);
	if (statfs(root, &st) == 0)
		s->stored = (int64_t)(st.f_blocks - st.f_bfree) *
			    (st.f_frsize ? st.f_frsize : st.f_bsize);
}

/* --- the process ------------------------------------------------------- */

/* Waits until it is time, or another phase begins. False: the end. */
static bool wait_for_next(int phases, int32_t *phase, double cost)
{
	struct pollfd fd = { .fd = phases, .events = POLLIN };
	double stretched = cost * 1000 * COST_LIMIT;
	int wait = stretched > INTERVAL_MS ? (int)stretched : INTERVAL_MS;
	unsigned char byte;

	if (poll(&fd, 1, wait) <= 0)
		return true;
	if (read(phases, &byte, 1) != 1)
		return false;
	*phase = byte;
	return true;
}

__attribute__((noreturn))
static void sample(const char *root, pid_t daemon, int phases, int out)
{
	struct cache_counts counts = find_counts();
	double started = clock_seconds();
	struct memory_sample first = { 0 };
	int32_t phase = 0, known = 0;
	bool more = true;

	look(&first, root, daemon, &counts);
	for (;;) {
		struct memory_sample s = { .seconds = clock_seconds() - started, .phase = phase };

		look(&s, root, daemon, &counts);
		s.cached -= first.cached;
		s.shmem -= first.shmem;
		s.stored -= first.stored;
		if (write(out, &s, sizeof(s)) != sizeof(s))
			_exit(1);
		/* Who waits for this look may have given it up. */
		if (phase != known && send(phases, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
			known = phase;
		if (!more) /* this one was of the moment at which all ended */
			_exit(0);
		more = wait_for_next(phases, &phase, clock_seconds() - started - s.seconds);
	}
}

/* --- the other side ---------------------------------------------------- */

static bool begin(struct sampler *s, const char *root, pid_t daemon, const int ends[2])
{
	pid_t parent = getpid();

	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0) {
		setpgid(0, 0); /* Ctrl-C is for the driver, which then ends us */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(ends[1]);
		sample(root, daemon, ends[0], s->samples);
	}
	if (s->pid < 0)
		return complain("fork: %s", strerror(errno));
	s->pidfd = pidfd_open(s->pid, 0);
	return true;
}

struct sampler *sampler_start(const char *root, pid_t daemon)
{
	struct sampler *s = zalloc(1, sizeof(*s));
	int ends[2];

	s->samples = memfd_create("samples", MFD_CLOEXEC);
	if (s->samples < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		complain("sampling of memory: %s", strerror(errno));
		if (s->samples >= 0)
			close(s->samples);
		free(s);
		return NULL;
	}
	s->phases = ends[1];
	if (!begin(s, root, daemon, ends)) {
		close(ends[0]);
		close(s->phases);
		close(s->samples);
		free(s);
		return NULL;
	}
	close(ends[0]);
	return s;
}

void sampler_phase(struct sampler *s, int phase)
{
	unsigned char byte;
	struct pollfd fd = { .events = POLLIN };

	if (!s)
		return;
	fd.fd = s->phases;
	while (recv(s->phases, &byte, 1, MSG_DONTWAIT) == 1)
		; /* an answer that came too late */
	/* It may have ended; then what is there of the samples will have to do. */
	byte = (unsigned char)phase;
	if (send(s->phases, &byte, 1, MSG_NOSIGNAL) == 1 && poll(&fd, 1, PHASE_PATIENCE) == 1 &&
	    recv(s->phases, &byte, 1, MSG_DONTWAIT) != 1)
		return;
}

static struct memory_sample *read_samples(int fd, size_t *count)
{
	struct memory_sample *samples;
	struct stat st;

	*count = 0;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*samples))
		return NULL;
	*count = (size_t)st.st_size / sizeof(*samples);
	samples = zalloc(*count, sizeof(*samples));
	if (pread(fd, samples, *count * sizeof(*samples), 0) ==
	    (ssize_t)(*count * sizeof(*samples)))
		return samples;
	free(samples);
	*count = 0;
	return NULL;
}

static void end(struct sampler *s)
{
	struct pollfd fd = { .fd = s->pidfd, .events = POLLIN };

	if (s->pidfd < 0 || poll(&fd, 1, STOP_PATIENCE) <= 0) {
		kill(s->pid, SIGKILL);
		/* It may wait inside a filesystem that does not answer, where no signal reaches it. */
		if (s->pidfd >= 0 && poll(&fd, 1, KILL_PATIENCE) == 0 && run_stuck)
			run_stuck();
	}
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (s->pidfd >= 0)
		close(s->pidfd);
}

struct memory_sample *sampler_stop(struct sampler *s, size_t *count)
{
	struct memory_sample *samples;

	close(s->phases);
	end(s);
	samples = read_samples(s->samples, count);
	close(s->samples);
	free(s);
	return samples;
}
