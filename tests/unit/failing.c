/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failing.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Atomic uint64_t calls, first, last;
static _Atomic uint32_t chance;
static _Atomic uint64_t random_state = 1;
static atomic_bool failed;

void failing_at(uint64_t n, bool all_behind)
{
	atomic_store(&chance, 0);
	atomic_store(&failed, false);
	atomic_store(&calls, 0);
	atomic_store(&last, all_behind ? UINT64_MAX : n);
	atomic_store(&first, n ? n : UINT64_MAX);
}

void failing_randomly(uint32_t one_in, uint64_t seed)
{
	failing_at(0, false);
	atomic_store(&random_state, seed);
	atomic_store(&chance, one_in);
}

bool failing_stop(void)
{
	bool result = atomic_load(&failed);

	failing_at(0, false);
	return result;
}

bool failing_has(void)
{
	return atomic_load(&failed);
}

uint64_t failing_calls(void)
{
	return atomic_load(&calls);
}

static bool fails_now(void)
{
	uint64_t n = atomic_fetch_add(&calls, 1) + 1;
	uint32_t one_in = atomic_load(&chance);
	bool now = n >= atomic_load(&first) && n <= atomic_load(&last);

	if (one_in) {
		uint64_t x = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15u);

		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		now = (x >> 32) % one_in == 0;
	}
	if (now)
		atomic_store(&failed, true);
	return now;
}

#define WRAP(type, name, parameters, arguments, failure) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		if (fails_now()) \
			return failure; \
		return __real_##name arguments; \
	}
#define NO_MEMORY (errno = ENOMEM, NULL)

WRAP(void *, malloc, (size_t size), (size), NO_MEMORY)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NO_MEMORY)
WRAP(void *, realloc, (void *p, size_t size), (p, size), NO_MEMORY)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NO_MEMORY)
WRAP(char *, strdup, (const char *text), (text), NO_MEMORY)
WRAP(char *, strndup, (const char *text, size_t size), (text, size), NO_MEMORY)
WRAP(char *, getcwd, (char *buf, size_t size), (buf, size), NO_MEMORY)
WRAP(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off_t offset),
     (at, size, prot, flags, fd, offset), (errno = ENOMEM, MAP_FAILED))
WRAP(void *, mremap, (void *at, size_t old, size_t size, int flags, void *to),
     (at, old, size, flags, to), (errno = ENOMEM, MAP_FAILED))
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			   void *context), (thread, attr, start, context), EAGAIN)
WRAP(int, pthread_key_create, (pthread_key_t *key, void (*destroy)(void *)), (key, destroy), EAGAIN)

int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length = -1;

	*text = NULL;
	if (fails_now())
		return -1;
	va_start(arguments, format);
	length = vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}
