/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/process.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic uint32_t next_id = 1;

static ssize_t read_stat(uint32_t pid, char *text, size_t size)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

/*
 * "pid (comm) state ppid ..." with the start time as the 22nd field, see
 * proc(5). comm may hold anything, ")" and spaces too: the last ")" ends it.
 */
static void parse_stat(struct process *p, const char *text)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	const char *at = close;
	size_t length;

	if (!open || !close || close < open)
		return;
	length = (size_t)(close - open - 1);
	if (length >= sizeof(p->comm))
		length = sizeof(p->comm) - 1;
	memcpy(p->comm, open + 1, length);
	p->comm[length] = '\0';
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
		if (at && field == 3)
			p->ppid = (uint32_t)strtoul(at + 1, NULL, 10);
	}
	if (at)
		p->start = strtoull(at + 1, NULL, 10);
}

static void look_up(struct process *p, uint32_t pid)
{
	char text[1024];

	p->pid = pid;
	strcpy(p->comm, "?");
	if (read_stat(pid, text, sizeof(text)) > 0)
		parse_stat(p, text);
}

static bool same_process(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->start == b->start && a->uid == b->uid && a->gid == b->gid &&
	       strcmp(a->comm, b->comm) == 0;
}

struct process *process_find(struct process_table *t, uint32_t pid, uint32_t uid, uint32_t gid,
			     uint64_t now_ns, bool *fresh)
{
	struct process *known = &t->slots[pid % PROCESS_SLOTS];
	struct process now = { .uid = uid, .gid = gid, .checked_ns = now_ns };

	*fresh = false;
	if (known->pid == pid && known->uid == uid && known->gid == gid &&
	    now_ns - known->checked_ns < PROCESS_FRESH)
		return known;
	look_up(&now, pid);
	now.id = known->id;
	if (!same_process(known, &now) || !known->id) {
		now.id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
		*fresh = true;
	}
	*known = now;
	return known;
}
