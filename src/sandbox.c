/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/complain.h"
#include "fuse/device.h"

/* Newer than some headers. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool sandbox_has_filter(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
	return false;
#else
	return true;
#endif
#else
	return true;
#endif
}

/* --- capabilities --------------------------------------------------------- */

/* Of all capabilities these remain, if they are there. */
static int keep(const unsigned *wanted, size_t count, capng_select_t from)
{
	unsigned kept[4], n = 0;

	if (capng_get_caps_process() < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (capng_have_capability(CAPNG_PERMITTED, wanted[i]))
			kept[n++] = wanted[i];
	/* Without it the bounding set stays, which then bounds nothing: see no_new_privs. */
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		from = CAPNG_SELECT_CAPS;
	capng_clear(from);
	for (size_t i = 0; i < n; i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
	return capng_apply(from) < 0 ? -1 : 0;
}

int sandbox_keep_unmounting(void)
{
	/* The second to reach a mount point below directories of others. */
	static const unsigned wanted[] = { CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH };

	/* The bounding set stays: fusermount3 needs it. */
	return keep(wanted, COUNT(wanted), CAPNG_SELECT_CAPS);
}

/* Could a file be made beside this one, and renamed, without any capability? */
static bool is_ours(const char *path)
{
	char *copy = strdup(path);
	bool ours = false;
	void *saved;

	if (!copy || capng_get_caps_process() < 0) {
		free(copy);
		return false;
	}
	saved = capng_save_state();
	capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, -1);
	if (capng_apply(CAPNG_SELECT_CAPS) == 0)
		ours = faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) == 0;
	capng_restore_state(&saved);
	capng_apply(CAPNG_SELECT_CAPS); /* what cannot be had back is not needed */
	free(copy);
	return ours;
}

static int drop_capabilities(const struct sandbox_needs *needs)
{
	unsigned wanted[2];
	size_t count = 0;

	if (needs->trace && !is_ours(needs->trace))
		wanted[count++] = CAP_DAC_OVERRIDE;
	if (needs->passthrough)
		wanted[count++] = CAP_SYS_ADMIN;
	return keep(wanted, count, CAPNG_SELECT_BOTH);
}

/* --- files ------------------------------------------------------------------ */

/* All that this version of Landlock can refuse: from the first bit on, more with each. */
static uint64_t all_access(long version)
{
	static const unsigned bits[] = { 13, 14, 15, 15, 16 };

	return (1ull << bits[version > (long)COUNT(bits) ? COUNT(bits) - 1 :
			     (size_t)version - 1]) - 1;
}

/* Allows it for a file, or for all below a directory. What does not exist needs no leave. */
static bool allow_path(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	bool ok;

	if (rule.parent_fd < 0)
		return errno == ENOENT;
	ok = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return ok;
}

static bool allow_trace(int ruleset, const char *trace, uint64_t all)
{
	const uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
	char *copy = strdup(trace);
	bool ok = copy && allow_path(ruleset, dirname(copy), access & all);

	free(copy);
	return ok;
}

/*
 * The backing files. The kernel opens them for others, by the rights that this process had when it handed them over:
 * also to execute them.
 */
static bool allow_backing(int ruleset, int root, uint64_t all)
{
	const uint64_t access =
		LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
		LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
		LANDLOCK_ACCESS_FS_TRUNCATE;
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access & all,
		.parent_fd = root,
	};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/*
 * Of all files, those that serving opens: the device for each worker, names of processes, what the machine has of processors,
 * and beside the trace. 0 or a negative errno.
 */
static int restrict_files(const struct sandbox_needs *needs)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t device = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				LANDLOCK_ACCESS_FS_IOCTL_DEV;
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attributes;
	int ruleset, err = 0;

	if (version <= 0) /* before Linux 5.13, or switched off: as usual as not */
		return version < 0 && errno != ENOSYS && errno != EOPNOTSUPP ? -errno : 0;
	memset(&attributes, 0, sizeof(attributes));
	attributes.handled_access_fs = all_access(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return -errno;
	if (!allow_path(ruleset, "/proc", read) || !allow_path(ruleset, "/sys", read) ||
	    !allow_path(ruleset, "/dev/fuse", device & attributes.handled_access_fs) ||
	    !allow_path(ruleset, "/dev/null", device & attributes.handled_access_fs) ||
	    (needs->trace && !allow_trace(ruleset, needs->trace, attributes.handled_access_fs)) ||
	    (needs->passthrough &&
	     !allow_backing(ruleset, needs->backing_root, attributes.handled_access_fs)) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		err = -errno;
	close(ruleset);
	return err;
}

/* --- system calls --------------------------------------------------------- */

/* Those that any mount needs, whatever their arguments. */
static const int always[] = {
	/* requests and replies */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(splice), SCMP_SYS(vmsplice), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	/* files: of the device once for each worker, /proc, /sys, /dev/null */
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(_llseek),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(statx), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(chdir), SCMP_SYS(getcwd), SCMP_SYS(getdents64),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* threads */
	SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(wait4), SCMP_SYS(waitid),
	/* signals */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
	/* what there is to know */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(uname),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getuid32), SCMP_SYS(geteuid32), SCMP_SYS(getgid32), SCMP_SYS(getegid32),
};

/* The rings in memory, the file and its series, and who is behind a pid; the system's log, if the file fails. */
static const int tracing[] = {
	SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fchmod),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(flock), SCMP_SYS(pidfd_open), SCMP_SYS(connect), SCMP_SYS(sendto),
};

/* libfuse's threads with their rings, each on its processor and with memory near to it. */
static const int ring[] = {
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(eventfd2), SCMP_SYS(sched_setaffinity), SCMP_SYS(mbind),
	SCMP_SYS(get_mempolicy), SCMP_SYS(set_mempolicy),
};

/* Files in the private tmpfs: making and removing them, and what the kernel does not do with them by itself. */
static const int backing[] = {
	SCMP_SYS(unlinkat), SCMP_SYS(pwrite64), SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64),
	SCMP_SYS(fallocate), SCMP_SYS(copy_file_range), SCMP_SYS(utimensat),
	SCMP_SYS(utimensat_time64), SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64),
};

/* Those that may be made with one argument only, or with some bits of it as they must be. */
struct bounded_call {
	int number;
	struct scmp_arg_cmp argument;
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i], 0, NULL);
	return err;
}

static int allow_each(scmp_filter_ctx filter, const struct bounded_call *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].number, 1,
					     &calls[i].argument);
	return err;
}

static int allow_bounded(scmp_filter_ctx filter, bool trace)
{
	const struct bounded_call calls[] = {
		/* Nothing that was data becomes a program. */
		{ SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		/* Threads, but no processes. clone3(2) hides its flags: without it, clone(2) is used. */
#ifdef __s390__
		{ SCMP_SYS(clone), SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) },
#else
		{ SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) },
#endif
		{ SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FUSE_DEV_IOC_CLONE) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TCGETS) },
		{ SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0) },
		{ SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0) }, /* asks, and sets nothing */
		{ SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0) },
	};

	return allow_each(filter, calls, COUNT(calls) - (trace ? 0 : 1)); /* without a trace, no log */
}

static int allow_passthrough(scmp_filter_ctx filter)
{
	const struct bounded_call calls[] = {
		{ SCMP_SYS(mknodat), SCMP_A2(SCMP_CMP_EQ, S_IFREG | 0600, 0) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FUSE_DEV_IOC_BACKING_OPEN) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FUSE_DEV_IOC_BACKING_CLOSE) },
	};
	int err = allow(filter, backing, COUNT(backing));

	return err ? err : allow_each(filter, calls, COUNT(calls));
}

/*
 * What would be loaded or read later: libgcc, by pthread_cancel(3), which libfuse ends its threads with (backtrace(3) loads
 * it too); the time zone, by syslog(3).
 */
static void prepare(void)
{
	void *frame;

	backtrace(&frame, 1);
	tzset();
}

/*
 * clone3(2) is refused at each new thread, as a matter of course (see allow_bounded()): in a filter of its own,
 * since a filter logs all of its refusals or none, and a log that says so at each mount would be read by nobody.
 */
static int refuse_clone3(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return -ENOMEM;
	err = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
	if (!err) {
		seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
		err = seccomp_load(filter);
	}
	seccomp_release(filter);
	return err;
}

static int filter_calls(const struct sandbox_needs *needs)
{
	static const int refused_already[] = { SCMP_SYS(clone3) };
	scmp_filter_ctx filter;
	int err = refuse_clone3();

	if (err)
		return err;
	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return -ENOMEM;
	err = allow(filter, always, COUNT(always));
	if (!err)
		err = allow(filter, refused_already, COUNT(refused_already));
	if (!err)
		err = allow_bounded(filter, needs->trace != NULL);
	if (!err && needs->trace)
		err = allow(filter, tracing, COUNT(tracing));
	if (!err && needs->io_uring)
		err = allow(filter, ring, COUNT(ring));
	if (!err && needs->passthrough)
		err = allow_passthrough(filter);
	if (!err) {
		/* Where the kernel can: log each refusal, and look the most frequent calls up fast. */
		seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1); /* errors are the kernel's */
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		err = seccomp_load(filter);
	}
	seccomp_release(filter);
	return err;
}

/* --- all of it -------------------------------------------------------------- */

int sandbox_enter(const struct sandbox_needs *needs)
{
	int err;

	if (drop_capabilities(needs) < 0) {
		complain("sandbox: capabilities cannot be given up: %s; see the option "
			 "no_sandbox", strerror(errno));
		return -1;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		complain("sandbox: no_new_privs: %s; going on without", strerror(errno));
	if (!sandbox_has_filter())
		return 0;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prepare();
	err = restrict_files(needs);
	if (err)
		complain("sandbox: files cannot be restricted: %s; going on without",
			 strerror(-err));
	err = filter_calls(needs);
	if (err)
		complain("sandbox: the system calls cannot be filtered: %s; going on without",
			 strerror(-err));
	return 0;
}
