/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/process.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint32_t next_id = 1;

static ssize_t read_proc(uint32_t pid, const char *file, char *text, size_t size)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

static uint64_t read_identity(uint32_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat st = { 0 };

	if (fd < 0)
		return 0; /* a thread other than the first has none */
	fstat(fd, &st);
	close(fd);
	return st.st_ino;
}

static void look_up(struct process *p, uint32_t pid)
{
	ssize_t n = read_proc(pid, "comm", p->comm, sizeof(p->comm));

	p->pid = pid;
	p->identity = read_identity(pid);
	if (n <= 0)
		strcpy(p->comm, "?");
	else if (p->comm[n - 1] == '\n')
		p->comm[n - 1] = '\0';
}

static bool same_process(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->identity == b->identity && a->uid == b->uid &&
	       a->gid == b->gid && strcmp(a->comm, b->comm) == 0;
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

/*
 * "pid (comm) state ppid ..." with the start time as the 22nd field, see
 * proc(5). comm may hold anything, ")" and spaces too: the last ")" ends it.
 */
void process_complete(struct process *p)
{
	char text[1024];
	const char *at;

	if (read_proc(p->pid, "stat", text, sizeof(text)) <= 0)
		return;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
		if (at && field == 3)
			p->ppid = (uint32_t)strtoul(at + 1, NULL, 10);
	}
	if (at)
		p->start = strtoull(at + 1, NULL, 10);
}
