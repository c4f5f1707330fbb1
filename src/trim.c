/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trim.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "store/store.h"

#define DELAY_S 1

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool asked, stopping;
static pthread_t thread;

static void wait_until_asked(void)
{
	while (!asked && !stopping)
		pthread_cond_wait(&changed, &mutex);
	asked = false;
}

static void wait_a_while(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DELAY_S;
	while (!stopping && pthread_cond_timedwait(&changed, &mutex, &until) == 0)
		;
}

static void *run(void *store)
{
	pthread_setname_np(pthread_self(), "memfs-trim");
	pthread_mutex_lock(&mutex);
	while (!stopping) {
		wait_until_asked();
		wait_a_while();
		if (stopping)
			break;
		pthread_mutex_unlock(&mutex);
		store_reclaim(store);
		malloc_trim(0);
		pthread_mutex_lock(&mutex);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int trim_start(struct store *store)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	pthread_condattr_destroy(&attributes);
	asked = stopping = false;
	return -pthread_create(&thread, NULL, run, store);
}

void trim_ask(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&mutex);
	asked = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
}

void trim_stop(void)
{
	pthread_mutex_lock(&mutex);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&changed);
}
