/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memfs - a tmpfs that one can see inside.
 *
 * The files, in the order in which a call of the kernel's passes through them:
 *
 *   memfs.c              main(): start, tell, stop
 *   options.c            the command line
 *   base/complain.c      what there is to say on stderr
 *   base/size.c          sizes as people write them: 4g, 50%
 *   notify.c             what there is to say to the service manager
 *
 *   fuse/session.c       mount, negotiate, serve
 *   fuse/operations.h    the table of operations
 *   fuse/call.c          each call: begin, run its handler, reply, record
 *   fuse/op_*.c          the handlers: unpack, one call of the store
 *   fuse/passthrough.c   which files the kernel reads and writes by itself
 *
 *   store/store.h        the filesystem in memory, as the handlers see it
 *   store/store.c        making and ending it, its limits
 *   store/namespace.c    names: look up, make, link, remove, list
 *   store/rename.c       ... and rename
 *   store/walk.c         ... and all names of the tree, for the trace
 *   store/attr.c         attributes
 *   store/xattr.c        extended attributes, access control lists (acl.c, xattrs.c)
 *   store/file.c         reading and writing
 *   store/node.c         nodes and their lifetime
 *   store/node_table.c   ... found by id
 *   store/dir.c          the entries of one directory
 *   store/content.c      the bytes of one file, in one of two ways:
 *   store/data.c         ... in chunks of memory
 *   store/backing.c      ... or in a file of a tmpfs that nobody sees (passthrough)
 *   store/budget.c       what all of it may take
 *   store/lock.c         the locks and their order
 *   store/check.c        what must hold of all of it
 *
 *   trace/recorder.c     takes each call down
 *   trace/process.c      ... with the process behind it
 *   trace/ring.c         ... on its way to the writer thread
 *   trace/writer.c       the writer thread: from the rings to the file
 *   trace/block.c        blocks with checksums (intern.c: names as numbers)
 *   trace/reader.c       the other end, for the tools: blocks.c, tree.c, map.c; scan.c, recover.c
 *
 *   unmounter.c          a process of its own, which unmounts in the end
 *   sandbox.c            gives up what serving does not need
 *   trim.c               gives memory back after much was removed
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "fuse/passthrough.h"
#include "fuse/session.h"
#include "notify.h"
#include "options.h"
#include "sandbox.h"
#include "trim.h"
#include "unmounter.h"

/* Everything main() owns. */
struct daemon {
	struct options options;
	struct fs fs;
	char mountpoint[PATH_MAX];
	char *command_line;
	struct unmounter unmounter;
	bool trims;   /* trim_start() was called */
	int ready_fd; /* where ready() writes its line; -1 = stdout */
};

__attribute__((format(printf, 1, 2)))
static int fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
	return 1;
}

/* --- before mounting --------------------------------------------------- */

/* realpath(3) but for the last component, which cannot be looked at. */
static bool resolve_dead(const char *given, char path[PATH_MAX])
{
	char *parent = strdup(given), *name = strdup(given), resolved[PATH_MAX];
	bool ok = parent && name && realpath(dirname(parent), resolved) &&
		  snprintf(path, PATH_MAX, "%s/%s", strcmp(resolved, "/") ? resolved : "",
			   basename(name)) < PATH_MAX;

	free(parent);
	free(name);
	return ok;
}

/*
 * A daemon that was killed leaves a mount on which every call fails. What is dead is of no use to anybody: off
 * with it, if it is one of ours.
 */
static bool remove_dead_mount(const char *given)
{
	char path[PATH_MAX];

	if (!resolve_dead(given, path) || !unmounter_is_memfs(path) || unmounter_unmount(path) < 0)
		return false;
	complain("%s: removed the mount of a memfs that had died", given);
	return true;
}

/* What the kernel says of a mount whose daemon has just died: for a moment something else than later. */
static bool means_dead(int error)
{
	return error == ENOTCONN || error == ECONNABORTED || error == ECANCELED /* io_uring */;
}

static int check_mountpoint(struct daemon *d)
{
	const char *given = d->options.mountpoint;
	struct stat st;
	bool found;

	/* There may be more than one. */
	while (!(found = stat(given, &st) == 0) && means_dead(errno))
		if (!remove_dead_mount(given))
			return fail("%s: the mount there is dead; unmount it first: umount %s",
				    given, given);
	if (!found || !realpath(given, d->mountpoint))
		return fail("%s: %s", given, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fail("%s: %s", given, strerror(ENOTDIR));
	return 0;
}

static int check_device(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == ENOENT || errno == ENODEV)
		return fail("/dev/fuse: %s; load the kernel module (modprobe fuse), or in a "
			    "container pass the device (--device /dev/fuse)", strerror(errno));
	if (errno == EPERM)
		return fail("/dev/fuse: %s; in a container pass the device (--device /dev/fuse)",
			    strerror(errno));
	return fail("/dev/fuse: %s; let everybody open it (chmod 666 /dev/fuse), or mount as root",
		    strerror(errno));
}

/* Where nobody can ever have this right, fusermount3 cannot help either. */
static int check_rights(void)
{
	if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		return 0;
	return fail("no right to mount anything here (CAP_SYS_ADMIN); in a container add it "
		    "(--cap-add SYS_ADMIN)");
}

/* The user namespace that all others come from: there its number is always this one. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu

/*
 * Only root may hand files over to the kernel. What is done to them here, on behalf of others, is not what a limit on
 * this process is about.
 */
static int check_passthrough(const struct daemon *d)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct stat st;

	if (!d->options.passthrough)
		return 0;
	if (geteuid() != 0 || stat("/proc/self/ns/user", &st) < 0 || st.st_ino != FIRST_USER_NAMESPACE)
		return fail("option 'passthrough': the kernel allows it to root only, and not to "
			    "that of a user namespace; mount as root, or without it");
	if (setrlimit(RLIMIT_FSIZE, &none) < 0)
		return fail("option 'passthrough': the limit of file sizes (ulimit -f) cannot be "
			    "lifted: %s", strerror(errno));
	return 0;
}

static int choose_transport(struct daemon *d)
{
	bool offered = session_io_uring_offered();

	if (d->options.io_uring == IO_URING_INSIST && !offered)
		return fail("option 'io_uring': the kernel does not offer it; as root: "
			    "echo 1 > /sys/module/fuse/parameters/enable_uring");
	d->fs.io_uring = offered && d->options.io_uring != IO_URING_REFUSE;
	d->fs.insists_on_io_uring = d->options.io_uring == IO_URING_INSIST;
	return 0;
}

/* --- the trace --------------------------------------------------------- */

static char *default_trace_path(void)
{
	const char *dir = getenv("TMPDIR");
	char *path;

	if (!dir || !*dir)
		dir = "/var/tmp";
	return asprintf(&path, "%s/memfs-%d.trace", dir, (int)getpid()) < 0 ? NULL : path;
}

/* Would the file lie below the mount point? Then the trace would record its own writing. */
static bool is_inside(const char *path, const char *mountpoint)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	size_t length = strlen(mountpoint);
	char resolved[PATH_MAX];
	bool inside = false;

	if (slash)
		*(slash == copy ? slash + 1 : slash) = '\0';
	if (copy && realpath(slash ? copy : ".", resolved))
		inside = strncmp(resolved, mountpoint, length) == 0 &&
			 (resolved[length] == '/' || resolved[length] == '\0');
	free(copy);
	return inside;
}

/* Where nobody sees stderr any more, the log of the system has it too. */
static void report(const char *text)
{
	complain("%s", text);
	syslog(LOG_DAEMON | LOG_ERR, "%s", text);
}

/* For a trace that begins in the middle. Names that no memory is found for are unknown there. */
static void tell_names(void *context, recorder_tell_fn tell, void *tell_context)
{
	store_walk(context, tell, tell_context);
}

static int create_recorder(struct daemon *d)
{
	char *path = d->options.trace ? strdup(d->options.trace) : default_trace_path();
	struct recorder_options options = {
		.path = path,
		.mountpoint = d->mountpoint,
		.command_line = d->command_line,
		.mount_options = d->options.given ? d->options.given : "",
		.cache_mode = cache_mode_name(d->options.cache),
		.ring_bytes = d->options.trace_ring,
		.max_bytes = d->options.trace_max,
		.block = d->options.trace_block,
		.report = report,
		.rotate_bytes = d->options.trace_rotate,
		.rotate_files = d->options.trace_files,
		.snapshot = tell_names,
		.snapshot_context = d->fs.store,
		.start_later = true,
	};
	int result = 0, err;

	if (!path)
		return fail("out of memory");
	if (is_inside(path, d->mountpoint)) {
		result = fail("option 'trace=%s': lies inside the mount point", path);
	} else {
		err = recorder_create(&options, &d->fs.recorder);
		if (err == -EBUSY)
			result = fail("trace %s: another memfs is writing to it", path);
		else if (err)
			result = fail("trace %s: %s", path, strerror(-err));
	}
	free(path);
	return result;
}

/* What went wrong, if anything, has been reported. */
static int stop_recorder(struct daemon *d)
{
	return d->fs.recorder && recorder_close(d->fs.recorder) ? 1 : 0;
}

/* --- going to the background ------------------------------------------- */

static void print_size(char *text, size_t length, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double n = (double)bytes;
	int unit = 0;

	if (!bytes) {
		snprintf(text, length, "no limit");
		return;
	}
	for (; n >= 1024 && units[unit + 1]; unit++)
		n /= 1024;
	snprintf(text, length, "%.*f%c", n < 10 && unit ? 1 : 0, n, units[unit]);
}

/* The mount works: says so, and lets the parent (if any) end with success. */
static void ready(struct fs *fs)
{
	struct daemon *d = fs->context;
	char size[32], *line;
	int null, err;

	print_size(size, sizeof(size), d->options.store.size);
	if (asprintf(&line, "memfs: mounted on %s (size %s, cache=%s, %s%s), trace %s\n",
		     d->mountpoint, size, cache_mode_name(fs->cache),
		     fs->passthrough ? "passthrough, " : "",
		     fs->uses_io_uring ? "io_uring" : "/dev/fuse",
		     fs->recorder ? recorder_path(fs->recorder) : "off") < 0)
		return;
	if (d->ready_fd < 0) {
		fputs(line, stdout);
		fflush(stdout);
		free(line);
		err = notify_ready();
		if (err)
			fail("the service manager cannot be told: %s", strerror(-err));
		return;
	}
	if (write(d->ready_fd, line, strlen(line)) < 0)
		fail("cannot report: %s", strerror(errno));
	free(line);
	close(d->ready_fd);
	/* From here on nobody reads what a daemon says. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (chdir("/") < 0)
		fail("/: %s", strerror(errno));
}

/* The parent waits for the line that ready() writes, and prints it; without it, the child failed. */
static int wait_ready(int fd)
{
	char buffer[PATH_MAX * 2 + 256];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(buffer) &&
	       ((n = read(fd, buffer + used, sizeof(buffer) - used)) > 0 ||
		(n < 0 && errno == EINTR)))
		if (n > 0)
			used += (size_t)n;
	fwrite(buffer, 1, used, stdout);
	return used ? 0 : 1;
}

/* Returns in the child with -1; in the parent with the status to exit with. */
static int go_to_background(struct daemon *d)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return fail("fork: %s", strerror(errno));
	if (pid > 0) {
		close(fds[1]);
		return wait_ready(fds[0]);
	}
	close(fds[0]);
	d->ready_fd = fds[1];
	setsid();
	return -1;
}

/* --- main -------------------------------------------------------------- */

static unsigned thread_count(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* Nothing in memory waits long: a few more than CPUs keep all of them busy. */
	return cpus > 0 ? (unsigned)cpus + 2 : 4;
}

/*
 * Between mounting, which takes privileges, and serving, which takes none. Capabilities belong to a thread: those that are
 * started from here on have no more than what is left.
 */
static int mounted(struct fs *fs)
{
	struct daemon *d = fs->context;
	const struct sandbox_needs needs = {
		.trace = fs->recorder ? recorder_path(fs->recorder) : NULL,
		.io_uring = fs->io_uring,
		.passthrough = fs->passthrough,
		.backing_root = store_backing_root(fs->store),
	};
	int err;

	if (!d->options.no_sandbox && sandbox_enter(&needs) < 0)
		return 1;
	err = trim_start(fs->store);
	if (err)
		return fail("%s", strerror(-err));
	d->trims = true;
	err = fs->recorder ? recorder_start(fs->recorder) : 0;
	return err ? fail("%s", strerror(-err)) : 0;
}

static int serve_store(struct daemon *d)
{
	struct session_options options = {
		.mountpoint = d->mountpoint,
		.kernel_options = d->options.kernel_options,
		.threads = thread_count(),
	};
	bool left = false;
	int result, err;

	result = d->options.notrace ? 0 : create_recorder(d);
	if (result == 0)
		result = session_run(&d->fs, &options, &left);
	err = unmounter_end(&d->unmounter, left);
	if (err)
		result = fail("%s: cannot be unmounted: %s", d->mountpoint, strerror(-err));
	if (stop_recorder(d) != 0)
		result = 1;
	if (d->trims)
		trim_stop();
	return result;
}

static int resize_backing(void *context, uint64_t size)
{
	struct daemon *d = context;

	return unmounter_resize(&d->unmounter, size);
}

static int create_store(struct daemon *d)
{
	int err;

	d->options.store.shrunk = trim_ask;
	d->options.store.resize_backing = resize_backing;
	d->options.store.context = d;
	err = store_create(&d->options.store, &d->fs.store);
	if (err)
		return fail(d->options.passthrough ? "option 'passthrough': a tmpfs for the bytes of files: %s" :
			    "%s", strerror(-err));
	err = d->options.passthrough ? passthrough_create(&d->fs.passthrough) : 0;
	return err ? fail("%s", strerror(-err)) : 0;
}

static int serve(struct daemon *d)
{
	int result = create_store(d), err;

	if (result == 0) {
		err = unmounter_start(&d->unmounter, d->mountpoint, store_backing_root(d->fs.store));
		if (err)
			result = fail("%s", strerror(-err));
	}
	if (result == 0) {
		notify_open();
		result = serve_store(d);
	}
	passthrough_destroy(d->fs.passthrough);
	store_destroy(d->fs.store);
	return result;
}

static char *join(char **argv)
{
	char *line = strdup(*argv);

	while (line && *++argv) {
		char *longer;

		if (asprintf(&longer, "%s %s", line, *argv) < 0)
			longer = NULL;
		free(line);
		line = longer;
	}
	return line;
}

static int run(struct daemon *d)
{
	int result = -1;

	d->fs.cache = d->options.cache;
	d->fs.no_open = d->options.no_open;
	/* Nobody but this kernel changes the tree: what it knows stays true for ever (10 years). */
	d->fs.timeout = d->options.cache == CACHE_NEVER ? 0 : 86400.0 * 3650;
	d->fs.mounted = mounted;
	d->fs.ready = ready;
	d->fs.context = d;
	d->fs.next_fh = 1;
	if (check_passthrough(d) || check_mountpoint(d) || check_device() || check_rights() ||
	    choose_transport(d))
		return 1;
	/* The kernel has applied the caller's umask to all modes that it sends. */
	umask(0077);
	if (!d->options.foreground)
		result = go_to_background(d);
	return result < 0 ? serve(d) : result;
}

int main(int argc, char **argv)
{
	struct daemon d = { .ready_fd = -1 };
	int result = 2;

	d.command_line = join(argv);
	switch (options_parse(&d.options, argc, argv)) {
	case OPTIONS_RUN:
		result = d.command_line ? run(&d) : fail("out of memory");
		break;
	case OPTIONS_DONE:
		result = 0;
		break;
	case OPTIONS_WRONG:
		break;
	}
	options_free(&d.options);
	free(d.command_line);
	return result;
}
