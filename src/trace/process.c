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

static void read_comm(uint32_t pid, char comm[PROCESS_COMM])
{
	ssize_t n = read_proc(pid, "comm", comm, PROCESS_COMM);

	if (n <= 0)
		strcpy(comm, "?");
	else if (comm[n - 1] == '\n')
		comm[n - 1] = '\0';
}

static bool same_owner(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

static bool same_process(const struct process *a, const struct process *b)
{
	return same_owner(a, b) && a->identity == b->identity && strcmp(a->comm, b->comm) == 0;
}

/* How long what was read last is good for: a quarter of the time that it has held already, within limits. */
static uint64_t good_for(const struct process *p)
{
	uint64_t quarter = (p->checked_ns - p->named_ns) / 4;

	return quarter < PROCESS_YOUNG ? PROCESS_YOUNG : quarter < PROCESS_FRESH ? quarter : PROCESS_FRESH;
}

/*
 * A pid comes again only after all the others: within PROCESS_FRESH the name alone tells whether this is another
 * program, at a third of the cost.
 */
static void look_up(struct process *now, const struct process *known)
{
	bool soon = same_owner(now, known) && now->checked_ns - known->checked_ns < PROCESS_FRESH;

	read_comm(now->pid, now->comm);
	if (soon && strcmp(now->comm, known->comm) == 0)
		now->identity = known->identity;
	else
		now->identity = read_identity(now->pid);
}

struct process *process_find(struct process_table *t, uint32_t pid, uint32_t uid, uint32_t gid,
			     uint64_t now_ns, bool *fresh)
{
	struct process *known = &t->slots[pid % PROCESS_SLOTS];
	struct process now = { .pid = pid, .uid = uid, .gid = gid, .checked_ns = now_ns };

	*fresh = false;
	if (same_owner(known, &now) && now_ns - known->checked_ns < good_for(known))
		return known;
	look_up(&now, known);
	if (same_process(known, &now) && known->id) {
		now.id = known->id;
		now.named_ns = known->named_ns;
	} else {
		now.id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
		now.named_ns = now_ns;
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
