/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/text.h"

#define MOUNT_PATIENCE 30   /* seconds until a mount or unmount counts as hanging */
#define BUSY_PATIENCE 20    /* seconds in which the last processes of a build may end */

/* Those that are open, the last one first: for the exit handler. */
static struct filesystem *all_open;

static void close_at_exit(void)
{
	for (struct filesystem *fs = all_open, *next; fs; fs = next) {
		next = fs->next_open;
		filesystem_close(fs, "/dev/stderr");
	}
}

/*
 * Something waits in one where no signal reaches. Forcing the unmount of a FUSE filesystem fails as
 * long as it is in use, but breaks the connection to its daemon: all who wait get an error. To
 * kill the daemon alone is not enough when the daemon itself waits for one of them.
 */
static void abort_open(void)
{
	for (struct filesystem *fs = all_open; fs; fs = fs->next_open) {
		if (!fs->server.pid)
			continue;
		complain("memfs does not answer: breaking its connection");
		umount2(fs->root, MNT_FORCE | UMOUNT_NOFOLLOW);
		kill(fs->server.pid, SIGKILL);
	}
}

/* Says what is wrong with a value of --on, whatever bytes it has. Returns false. */
static bool refuse(const char *text, const char *why)
{
	char *shown = text_visible(text);

	complain("--on %s: %s", shown, why);
	free(shown);
	return false;
}

bool filesystem_parse(struct filesystem *fs, const char *text)
{
	const char *equals = strchr(text, '=');

	*fs = (struct filesystem){ .kind = FILESYSTEM_DIRECTORY };
	if (strcmp(text, "memfs") == 0)
		fs->kind = FILESYSTEM_MEMFS;
	else if (strcmp(text, "tmpfs") == 0)
		fs->kind = FILESYSTEM_TMPFS;
	else if (strcmp(text, "native") != 0 && (!equals || equals == text || !equals[1]))
		return refuse(text, "is one of memfs, tmpfs, native, NAME=DIR");
	fs->name = equals ? text_format("%.*s", (int)(equals - text), text) : text_copy(text);
	if (strchr(fs->name, '/'))
		return refuse(text, "a name has no '/'");
	if (!text_is_printable(fs->name))
		return refuse(text, "a name has no control characters");
	if (equals) {
		fs->dir = realpath(equals + 1, NULL);
		if (!fs->dir)
			return refuse(text, strerror(errno));
	}
	return true;
}

static bool has_option(const char *options, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = options; at && *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && strchr(",=", at[length]))
			return true;
	}
	return false;
}

/* Is it on us to have it record, and where? */
static bool is_traced(const struct filesystem_options *o)
{
	return !has_option(o->memfs_options, "trace") && !has_option(o->memfs_options, "notrace");
}

bool filesystem_check(const struct filesystem *fs, const struct filesystem_options *o)
{
	struct statfs st;

	if (fs->kind != FILESYSTEM_DIRECTORY && geteuid() != 0)
		return complain("%s: mounting needs root; run it as root, or use --on native",
				fs->name);
	if (fs->kind == FILESYSTEM_MEMFS && access("/dev/fuse", R_OK | W_OK) < 0)
		return complain("memfs: /dev/fuse: %s; load the kernel module (modprobe fuse), or "
				"in a container pass the device", strerror(errno));
	if (fs->kind == FILESYSTEM_MEMFS && is_traced(o) && strchr(o->trace_dir, ','))
		return complain("%s: traces cannot go there: a mount option cannot hold a comma",
				o->trace_dir);
	if (fs->kind != FILESYSTEM_DIRECTORY || fs->dir)
		return true;
	if (statfs(o->work, &st) < 0)
		return complain("%s: %s", o->work, strerror(errno));
	if (st.f_type == TMPFS_MAGIC || st.f_type == RAMFS_MAGIC)
		return complain("native: %s is a tmpfs, not a disk; choose another directory with "
				"--work DIR", o->work);
	return true;
}

/* --- memfs ------------------------------------------------------------- */

/*
 * The device of what is at a path. Without asking a filesystem for news: a FUSE daemon that
 * has mounted and does not answer yet would keep us waiting where no signal reaches us.
 */
static bool device_of(const char *path, dev_t *device)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
		return false;
	*device = makedev(st.stx_dev_major, st.stx_dev_minor);
	return true;
}

static int probe_task(void *root)
{
	struct stat st;

	if (stat(root, &st) == 0)
		return 0;
	complain("%s: %s", (const char *)root, strerror(errno));
	return 1;
}

/* Waits until the daemon's mount is there and answers. */
static bool wait_for_mount(struct filesystem *fs, dev_t before, const char *log)
{
	double until = clock_seconds() + MOUNT_PATIENCE;
	dev_t device;

	while (!device_of(fs->root, &device) || device == before) {
		if (server_has_ended(&fs->server, 0.01)) {
			char *why = text_last_line(log);

			server_finish(&fs->server, 0);
			complain("memfs does not mount: %s", why ? why : "it gives no reason");
			free(why);
			return false;
		}
		if (interrupted())
			return false;
		if (clock_seconds() > until)
			return complain("memfs: no mount after %d seconds; see %s",
					MOUNT_PATIENCE, log);
	}
	fs->mounted = true;
	return run(&(struct task){ .function = probe_task, .argument = fs->root, .log = log,
				   .timeout = MOUNT_PATIENCE }).end == RUN_OK ||
	       complain("memfs: the mount does not answer; see %s", log);
}

static bool open_memfs(struct filesystem *fs, const struct filesystem_options *o,
		       const char *label, const char *log)
{
	const char *given = o->memfs_options ? o->memfs_options : "";
	char *options = is_traced(o) ?
		text_format("%s%strace=%s/%s.trace", given, *given ? "," : "", o->trace_dir, label) :
		text_copy(given);
	const char *const argv[] = {
		o->memfs, "-f", "-o", *options ? options : "rw", fs->root, NULL
	};
	dev_t before;
	bool ok = device_of(fs->root, &before);

	if (!ok)
		complain("%s: %s", fs->root, strerror(errno));
	ok = ok && server_start(&fs->server, argv, log, o->keep) &&
	     wait_for_mount(fs, before, log);
	free(options);
	return ok;
}

/* --- unmounting -------------------------------------------------------- */

static int unmount_task(void *root)
{
	double until = clock_seconds() + BUSY_PATIENCE;

	/* Processes that were killed a moment ago may still hold their directories. */
	while (umount2(root, UMOUNT_NOFOLLOW) < 0) {
		if (errno != EBUSY || clock_seconds() > until) {
			complain("%s: unmount: %s", (const char *)root, strerror(errno));
			return 1;
		}
		usleep(20000);
	}
	return 0;
}

static bool unmount(struct filesystem *fs, const char *log)
{
	struct outcome outcome = run(&(struct task){
		.function = unmount_task, .argument = fs->root, .log = log,
		.timeout = MOUNT_PATIENCE, .to_the_end = true,
	});

	fs->mounted = false;
	if (outcome.end == RUN_OK)
		return true;
	/* Whoever still uses it, maybe waiting for a daemon that hangs, gets an error and goes. */
	if (fs->kind == FILESYSTEM_MEMFS)
		umount2(fs->root, MNT_FORCE | UMOUNT_NOFOLLOW);
	/* Out of the tree at least; it goes away with its last user. */
	umount2(fs->root, MNT_DETACH | UMOUNT_NOFOLLOW);
	return complain("%s: the unmount failed; detached it; see %s", fs->name, log);
}

/* --- open and close ---------------------------------------------------- */

bool filesystem_open(struct filesystem *fs, const struct filesystem_options *o,
		     const char *label, const char *log)
{
	static bool registered;
	char *parent;
	bool ok;

	if (!registered && atexit(close_at_exit) != 0)
		out_of_memory();
	registered = true;
	run_stuck = abort_open;
	parent = fs->dir ? text_format("%s/%s-%d-%s", fs->dir, program_name, (int)getpid(), label) :
			   text_format("%s/%s", o->work, label);
	fs->root = text_format("%s/%s", parent, fs->name);
	fs->next_open = all_open;
	all_open = fs;
	ok = make_directories(fs->root);
	free(parent);
	if (ok && fs->kind == FILESYSTEM_TMPFS) {
		fs->mounted = mount("tmpfs", fs->root, "tmpfs", 0, NULL) == 0;
		ok = fs->mounted || complain("tmpfs: mount: %s", strerror(errno));
	} else if (ok && fs->kind == FILESYSTEM_MEMFS) {
		ok = open_memfs(fs, o, label, log);
	}
	if (!ok)
		filesystem_close(fs, log);
	return ok;
}

static void forget(struct filesystem *fs)
{
	struct filesystem **link = &all_open;

	while (*link && *link != fs)
		link = &(*link)->next_open;
	if (*link)
		*link = fs->next_open;
	fs->next_open = NULL;
	free(fs->root);
	fs->root = NULL;
	fs->mounted = false;
}

bool filesystem_close(struct filesystem *fs, const char *log)
{
	bool ok = true;
	char *slash;

	if (!fs->root || fs->closing)
		return true;
	fs->closing = true; /* not again from the exit handler, should this end the program */
	if (fs->mounted)
		ok = unmount(fs, log);
	else if (fs->server.pid)
		kill(fs->server.pid, SIGTERM); /* it was still about to mount */
	if (fs->server.pid)
		ok = server_finish(&fs->server, MOUNT_PATIENCE) && ok;
	/* Only a directory of ours has anything in it now; a mount point that is not empty ... */
	if (fs->kind == FILESYSTEM_DIRECTORY)
		remove_tree(fs->root);
	else
		rmdir(fs->root); /* ... is still in use, and is not to be emptied */
	slash = strrchr(fs->root, '/');
	*slash = '\0';
	rmdir(fs->root);
	forget(fs);
	fs->closing = false;
	return ok;
}

void filesystem_leave(struct filesystem *fs)
{
	progress_clear();
	fprintf(stderr, "kept: %s (to remove: %s %s)\n", fs->root,
		fs->mounted ? "umount" : "rm -r", fs->root);
	if (fs->server.pid)
		server_leave(&fs->server);
	forget(fs);
}

void filesystem_free(struct filesystem *fs)
{
	free(fs->name);
	free(fs->dir);
	*fs = (struct filesystem){ 0 };
}
