/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuse/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/complain.h"
#include "fuse/operations.h"
#include "fuse/receive.h"

#define MAX_BACKGROUND 128 /* readahead, writeback and releases under way at once */
#define READ_AHEAD (1u << 20)  /* bytes; one READ has no more */

const char *cache_mode_name(enum cache_mode mode)
{
	static const char *const names[] = { "always", "auto", "never" };

	return names[mode];
}

bool session_io_uring_offered(void)
{
	FILE *f = fopen("/sys/module/fuse/parameters/enable_uring", "re");
	int c = f ? fgetc(f) : 'N';

	if (f)
		fclose(f);
	return c == 'Y' || c == '1';
}

static void want(struct fuse_conn_info *conn, uint64_t capability, bool wanted)
{
	if (wanted)
		fuse_set_feature_flag(conn, capability); /* only if the kernel can */
	else
		fuse_unset_feature_flag(conn, capability);
}

/*
 * Can this process have rings? As libfuse makes them: when it cannot, calls come over /dev/fuse, and nobody is told.
 * 0 or a negative errno.
 */
static int try_ring(int device)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
		.cq_entries = 16,
	};
	int ring = (int)syscall(SYS_io_uring_setup, 8, &params);
	int err = 0;

	if (ring < 0)
		return -errno;
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &device, 1) < 0)
		err = -errno;
	close(ring);
	return err;
}

static void negotiate(const struct fs *fs, struct fuse_conn_info *conn)
{
	bool caching = fs->cache != CACHE_NEVER;

	want(conn, FUSE_CAP_WRITEBACK_CACHE, fs_writes_back(fs));
	want(conn, FUSE_CAP_CACHE_SYMLINKS, caching);
	want(conn, FUSE_CAP_PARALLEL_DIROPS, true);
	/* Else O_TRUNC is left to an OPEN that does not come. */
	want(conn, FUSE_CAP_ATOMIC_O_TRUNC, !fs->no_open);
	want(conn, FUSE_CAP_EXPORT_SUPPORT, true);
	want(conn, FUSE_CAP_POSIX_ACL, true);
	want(conn, FUSE_CAP_DONT_MASK, true); /* a default access control list goes before the umask */
	want(conn, FUSE_CAP_IOCTL_DIR, true);
	/* Spares a getxattr(security.capability) before each write. */
	want(conn, FUSE_CAP_HANDLE_KILLPRIV_V2, true);
	/* Nobody but this kernel changes files: its pages never go stale by themselves. */
	want(conn, FUSE_CAP_AUTO_INVAL_DATA, false);
	want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA, caching);
	want(conn, FUSE_CAP_DIRECT_IO_ALLOW_MMAP, !caching);
	want(conn, FUSE_CAP_OVER_IO_URING, fs->io_uring);
	/* How deep filesystems are stacked stays as it is: so overlayfs can lie above. */
	want(conn, FUSE_CAP_PASSTHROUGH, fs->passthrough);
	/* No call waits long enough to be worth interrupting; and to be ready for it libfuse keeps a list of all
	 * calls under way, under a lock that all workers take twice a call. */
	conn->no_interrupt = 1;
	conn->max_readahead = READ_AHEAD; /* else the kernel goes back to what it began with */
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
}

/* Says so, if the kernel lacks what was asked for. ring: what try_ring() found. */
static bool lacks_something(const struct fs *fs, struct fuse_conn_info *conn, int ring)
{
	if (fs->passthrough && !fuse_get_feature_flag(conn, FUSE_CAP_PASSTHROUGH))
		complain("option 'passthrough': the kernel does not offer it: it takes Linux 6.9, "
			 "with CONFIG_FUSE_PASSTHROUGH");
	else if (fs->insists_on_io_uring && ring < 0)
		complain("option 'io_uring': no ring can be made: %s; see kernel.io_uring_disabled and, in a "
			 "container, its filter of system calls", strerror(-ring));
	else if (fs->insists_on_io_uring && !fs->uses_io_uring)
		complain("option 'io_uring': the kernel does not offer it");
	else
		return false;
	return true;
}

void session_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;
	int ring = fs->io_uring ? try_ring(fuse_session_fd(fs->session)) : 0;

	if (ring < 0)
		fs->io_uring = false;
	negotiate(fs, conn);
	fs->uses_io_uring = fs->io_uring && fuse_get_feature_flag(conn, FUSE_CAP_OVER_IO_URING);
	if (lacks_something(fs, conn, ring)) {
		fs->failed = true;
		fuse_session_exit(fs->session);
		return;
	}
	if (fs->recorder) {
		struct recorder_session session = {
			.transport = fs->uses_io_uring ? "io_uring" : "/dev/fuse",
			.proto_major = conn->proto_major,
			.proto_minor = conn->proto_minor,
			.capabilities = conn->want_ext,
		};

		recorder_set_session(fs->recorder, &session);
	}
	fs->ready(fs);
}

/* While libfuse mounts, of its messages the first one tells the cause, others only follow from it. MUTE: nobody has to know. */
static enum { NOT_MOUNTING, MOUNTING, MOUNTING_FAILED, MUTE } mounting;

__attribute__((format(printf, 2, 0)))
static void log_message(enum fuse_log_level level, const char *format, va_list arguments)
{
	const char *hint = "";
	char *text;

	if (level > FUSE_LOG_WARNING || mounting == MOUNTING_FAILED || mounting == MUTE ||
	    vasprintf(&text, format, arguments) < 0)
		return;
	if (mounting == MOUNTING && level <= FUSE_LOG_ERR) {
		mounting = MOUNTING_FAILED;
		if (strstr(text, "fusermount3"))
			hint = "; who is not root mounts through it: install fuse3, or mount in a "
			       "namespace of your own (unshare -Urm)";
	}
	text[strcspn(text, "\n")] = '\0'; /* some have one, some have none */
	complain("%s%s", text, hint);
	free(text);
}

static bool mount_session(struct fuse_session *se, const char *mountpoint)
{
	bool mounted;

	mounting = MOUNTING;
	mounted = fuse_session_mount(se, mountpoint) == 0;
	mounting = MUTE;
	if (mounted)
		receive_sparingly(se); /* or, where it cannot be, as libfuse does */
	mounting = NOT_MOUNTING;
	return mounted;
}

/*
 * How far the kernel reads ahead in files that it has not got, 128 KiB as FUSE mounts are made: then each takes a round
 * trip. Only root may, where sysfs can be written. The device is asked for without a call to us, who do not serve yet.
 */
static void read_further_ahead(const char *mountpoint)
{
	char path[64];
	struct statx st;
	int fd;

	if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, 0, &st) < 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", st.stx_dev_major, st.stx_dev_minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (dprintf(fd, "%u", READ_AHEAD / 1024) < 0)
		complain("%s: %s", path, strerror(errno));
	close(fd);
}

static struct fuse_session *new_session(struct fs *fs, const struct session_options *options)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se = NULL;

	if (fuse_opt_add_arg(&args, "memfs") == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, options->kernel_options) == 0 &&
	    (!fs->io_uring || fuse_opt_add_arg(&args, "-oio_uring") == 0))
		se = fuse_session_new(&args, &operations_table, sizeof(operations_table), fs);
	fuse_opt_free_args(&args);
	return se;
}

/*
 * libfuse's verdict when it ends, negative for an error, of which it has said nothing. EOPNOTSUPP is the kernel's answer to
 * a ring when io_uring was switched off since INIT: then all calls have come over /dev/fuse, as well as ever.
 */
static int tell_of_error(const struct fs *fs, int result)
{
	if (result >= 0)
		return 0; /* 0, or the signal that ended it */
	if (fs->uses_io_uring && result == -EOPNOTSUPP) {
		complain("io_uring was switched off while memfs began: calls came over /dev/fuse");
		return fs->insists_on_io_uring;
	}
	complain("serving ended: %s", strerror(-result));
	return 1;
}

static int serve(struct fs *fs, const struct session_options *options)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int result;

	if (!config)
		return 1;
	/* A descriptor for each worker, so that they do not queue at one. */
	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, options->threads);
	fuse_loop_cfg_set_idle_threads(config, options->threads);
	result = fuse_session_loop_mt(fs->session, config);
	fuse_loop_cfg_destroy(config);
	return fs->failed ? 1 : tell_of_error(fs, result); /* what failed has said so */
}

/* As libfuse asks before it unmounts: the device of what was unmounted by somebody else is in error. */
static bool is_mounted(struct fuse_session *se)
{
	struct pollfd device = { .fd = fuse_session_fd(se) };

	return poll(&device, 1, 0) != 1 || !(device.revents & POLLERR);
}

/* It ends already: a service manager that unmounts and then ends what is left must not cost the end of the trace. */
static void ignore_signals(void)
{
	/* Before libfuse takes its handlers away, and these alone: none comes in between. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

int session_run(struct fs *fs, const struct session_options *options, bool *left)
{
	struct fuse_session *se;
	int result = 1;

	*left = false;
	fuse_set_log_func(log_message);
	se = new_session(fs, options);
	if (!se)
		return 1;
	fs->session = se;
	if (fuse_set_signal_handlers(se) == 0) {
		if (mount_session(se, options->mountpoint)) {
			read_further_ahead(options->mountpoint);
			result = fs->mounted(fs) == 0 ? serve(fs, options) : 1;
			*left = is_mounted(se);
		}
		ignore_signals();
		fuse_remove_signal_handlers(se);
	}
	/* Closes the device: to unmount writes back what is dirty, for which nobody serves any more. */
	fuse_session_destroy(se);
	return result;
}
