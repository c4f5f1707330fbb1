/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupted SECONDS - makes, writes, reads, renames and removes files in the current directory while
 * a signal comes every 100 us, with a handler and without SA_RESTART. Each call must be done, or
 * fail with EINTR and not be done. Leaves the files "keep-0" .. of KEEP, whose bytes it has compared; prints
 * how many calls were made and interrupted, and how many signals came.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define KEEP 8
#define SIZE 300000

static volatile sig_atomic_t signals;
static unsigned long calls, interruptions;
static uint8_t wanted[SIZE], got[SIZE];

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void fail(const char *what)
{
	int err = errno;

	fprintf(stderr, "interrupted: %s: %s\n", what, strerror(err));
	exit(1);
}

/* The call, again as long as it is interrupted: what it then says shows that it was not done before. */
#define CALL(result, call) \
	do { \
		calls++; \
		while (((result) = (call)) < 0 && errno == EINTR) \
			interruptions++; \
		if ((result) < 0) \
			fail(#call); \
	} while (0)

static void set_timer(long us)
{
	const struct itimerval timer = { { .tv_usec = us }, { .tv_usec = us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* A call may end early with fewer bytes, when a signal comes in between. */
static void write_all(int fd)
{
	ssize_t n;

	for (size_t done = 0; done < SIZE; done += (size_t)n)
		CALL(n, write(fd, wanted + done, SIZE - done));
}

static void compare(int fd)
{
	ssize_t n = 1;
	size_t done = 0;

	memset(got, 0, SIZE);
	for (; n > 0 && done < SIZE; done += (size_t)n)
		CALL(n, pread(fd, got + done, SIZE - done, (off_t)done));
	if (done != SIZE || memcmp(got, wanted, SIZE) != 0) {
		errno = EIO;
		fail("other bytes than were written");
	}
}

static void one_round(unsigned round)
{
	struct stat st;
	char name[32];
	int fd, r;

	snprintf(name, sizeof(name), "keep-%u", round % KEEP);
	for (size_t i = 0; i < SIZE; i++)
		wanted[i] = (uint8_t)(i * 7 + round);
	CALL(fd, open("new", O_RDWR | O_CREAT | O_EXCL, 0600));
	write_all(fd);
	compare(fd);
	CALL(r, link("new", "second"));
	CALL(r, mkdir("d", 0700));
	CALL(r, rename("second", "d/third"));
	CALL(r, rename("new", name));
	CALL(r, fstat(fd, &st));
	if (st.st_nlink != 2 || st.st_size != SIZE)
		fail("links or size");
	CALL(r, unlink("d/third"));
	CALL(r, rmdir("d"));
	/* close(2) is over also when it says EINTR. */
	close(fd);
	CALL(fd, open(name, O_RDONLY));
	compare(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = count_signal };
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	unsigned round = 0;

	sigaction(SIGALRM, &action, NULL);
	set_timer(100);
	while (time(NULL) < end || round < KEEP)
		one_round(round++);
	set_timer(0);
	printf("%lu %lu %ld\n", calls, interruptions, (long)signals);
	return 0;
}
