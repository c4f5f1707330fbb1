/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_create [DIRECTORIES [ENTRIES]] - what a file costs to make in the store, and to keep, as there are more and more.
 *
 * CPU time of the thread, not what the clock on the wall says. callgrind counts instructions: see create_first() and
 * create_last().
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/store.h"

#define FIRST 10000u  /* the first window ends here ... */
#define WINDOW 1000u  /* ... and is so long, as is the last */

static void die(const char *what, int error)
{
	fprintf(stderr, "bench-create: %s: %s\n", what, strerror(error));
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t resident(void)
{
	unsigned long total, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu %lu", &total, &pages) != 2)
		die("/proc/self/statm", errno);
	fclose(f);
	return pages * 4096;
}

/* Files number first to end - 1. The kernel forgets each of them again. */
static void create(struct store *s, node_id directory, uint32_t first, uint32_t end)
{
	const struct store_cred cred = { 0 };
	struct store_entry entry;
	char name[16];

	for (uint32_t i = first; i < end; i++) {
		int err;

		snprintf(name, sizeof(name), "%08u", i);
		err = store_mknod(s, cred, directory, name, S_IFREG | 0644, 0, &entry);
		if (err)
			die("mknod", -err);
		store_forget(s, entry.id, 1);
	}
}

/* Two that do the same, for callgrind to tell apart. */
__attribute__((noinline))
static void create_first(struct store *s, node_id directory, uint32_t first, uint32_t end)
{
	create(s, directory, first, end);
	__asm__ volatile("# first" ::: "memory"); /* else they would be made one */
}

__attribute__((noinline))
static void create_last(struct store *s, node_id directory, uint32_t first, uint32_t end)
{
	create(s, directory, first, end);
	__asm__ volatile("# last" ::: "memory");
}

static void one_directory(struct store *s, uint32_t number, uint32_t entries, uint64_t empty)
{
	const struct store_cred cred = { 0 };
	double begin = cpu_ns(), first, last, all;
	struct store_entry directory;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "d%u", number);
	err = store_mkdir(s, cred, STORE_ROOT, name, 0755, &directory);
	if (err)
		die("mkdir", -err);
	create(s, directory.id, 0, FIRST - WINDOW);
	first = cpu_ns();
	create_first(s, directory.id, FIRST - WINDOW, FIRST);
	first = cpu_ns() - first;
	create(s, directory.id, FIRST, entries - WINDOW);
	last = cpu_ns();
	create_last(s, directory.id, entries - WINDOW, entries);
	last = cpu_ns() - last;
	all = cpu_ns() - begin;
	printf("%9u %16.0f %16.0f %10.0f %15.0f\n", number * entries + entries, first / WINDOW, last / WINDOW, all / entries,
	       (double)(resident() - empty) / (number * entries + entries));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint32_t directories = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
	uint32_t entries = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
	const struct store_options options = { .mode = 0755 };
	uint64_t empty = resident();
	struct store *s;
	int err;

	if (argc > 3 || !directories || entries < FIRST + WINDOW || directories > UINT32_MAX / entries) {
		fprintf(stderr, "Usage: bench-create [DIRECTORIES [ENTRIES]], at least %u entries\n", FIRST + WINDOW);
		return 2;
	}
	err = store_create(&options, &s);
	if (err)
		die("store", -err);
	printf("%9s %16s %16s %10s %15s\n", "files", "ns at the 10000th", "ns at the last", "ns, all", "bytes each");
	for (uint32_t i = 0; i < directories; i++)
		one_directory(s, i, entries, empty);
	store_destroy(s);
	return 0;
}
