/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each test enters the sandbox in a process of its own, and then tries what is said to be possible, or not. Check's
 * own process will not do: it sets timers, which serving does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "store/backing.h"
#include "unit.h"

static const struct sandbox_needs traced = { .trace = "/var/tmp/trace" };
static const struct sandbox_needs untraced = { 0 };
static const struct sandbox_needs with_ring = { .io_uring = true };

/* Ends the process of the test. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			dprintf(STDERR_FILENO, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno); \
			_exit(1); \
		} \
	} while (0)

/* The call must be refused as one that does not exist. */
#define REFUSED(call) EXPECT((errno = 0, (long)(call) == -1 && errno == ENOSYS))
#define FAILS(error, call) EXPECT((errno = 0, (long)(call) == -1 && errno == (error)))
#define WORKS(call) EXPECT((long)(call) >= 0)

static void enter(const struct sandbox_needs *needs)
{
	EXPECT(sandbox_enter(needs) == 0);
}

static int in_child(void (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		function();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

#define SANDBOX_TEST(name) \
	static void child_##name(void); \
	START_TEST(name) \
	{ \
		ck_assert_int_eq(in_child(child_##name), 0); \
	} \
	END_TEST \
	static void child_##name(void)

SANDBOX_TEST(no_program_is_run)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	enter(&traced);
	REFUSED(execve("/bin/true", argv, NULL));
	REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0));
	REFUSED(fork());
	REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(SYS_clone3, NULL, (size_t)0));
	REFUSED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

SANDBOX_TEST(no_data_becomes_a_program)
{
	void *at;

	enter(&traced);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(at != MAP_FAILED);
	REFUSED(mprotect(at, 4096, PROT_READ | PROT_EXEC));
	WORKS(mprotect(at, 4096, PROT_READ));
	WORKS(munmap(at, 4096));
}

SANDBOX_TEST(nothing_is_mounted_or_unmounted)
{
	enter(&traced);
	REFUSED(mount("none", "/tmp", "tmpfs", 0, NULL));
	REFUSED(umount2("/nonexistent", MNT_DETACH));
	REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
	REFUSED(chroot("/"));
	REFUSED(syscall(SYS_unshare, 0));
	REFUSED(syscall(SYS_setns, -1, 0));
}

SANDBOX_TEST(no_other_process_is_touched)
{
	const pid_t self = getpid(), parent = getppid();

	enter(&traced);
	REFUSED(ptrace(PTRACE_ATTACH, parent, NULL, NULL));
	REFUSED(syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0));
	REFUSED(kill(parent, 0));
	REFUSED(syscall(SYS_tgkill, parent, parent, 0));
	REFUSED(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0));
	REFUSED(syscall(SYS_pidfd_getfd, -1, 0, 0));
	WORKS(syscall(SYS_tgkill, self, self, 0)); /* pthread_cancel(3), abort(3) */
}

SANDBOX_TEST(no_network)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/nonexistent" };
	int fd;

	enter(&traced);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0));
	REFUSED(socket(AF_INET6, SOCK_DGRAM, 0));
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0));
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	WORKS(fd);
	FAILS(ENOENT, connect(fd, (struct sockaddr *)&log, sizeof(log)));
	REFUSED(bind(fd, (struct sockaddr *)&log, sizeof(log)));
	REFUSED(listen(fd, 1));
	close(fd);
}

SANDBOX_TEST(nothing_of_the_system_is_changed)
{
	struct rlimit limit;

	enter(&traced);
	REFUSED(setuid(0));
	REFUSED(syscall(SYS_capset, NULL, NULL));
	REFUSED(chmod("/nonexistent", 0));
	REFUSED(chown("/nonexistent", 0, 0));
	REFUSED(mkdir("/nonexistent", 0));
	REFUSED(symlink("a", "/nonexistent"));
	REFUSED(syscall(SYS_bpf, 0, NULL, 0));
	REFUSED(syscall(SYS_keyctl, 0));
	REFUSED(ioctl(STDIN_FILENO, TIOCSTI, "x"));
	REFUSED(prctl(PR_SET_DUMPABLE, 1));
	WORKS(getrlimit(RLIMIT_STACK, &limit));
	REFUSED(setrlimit(RLIMIT_STACK, &limit));
}

SANDBOX_TEST(trace_calls_are_for_a_trace)
{
	enter(&untraced);
	REFUSED(rename("/nonexistent", "/nonexistent2"));
	REFUSED(unlink("/nonexistent"));
	REFUSED(ftruncate(-1, 0));
	REFUSED(fchmod(-1, 0));
	REFUSED(socket(AF_UNIX, SOCK_DGRAM, 0));
	REFUSED(syscall(SYS_memfd_create, "x", 0));
	REFUSED(syscall(SYS_pidfd_open, getpid(), 0));
}

SANDBOX_TEST(a_trace_can_be_put_aside)
{
	char path[] = "/tmp/test-sandboxXXXXXX", aside[sizeof(path) + 2];
	int fd = mkstemp(path);

	WORKS(fd);
	snprintf(aside, sizeof(aside), "%s.1", path);
	enter(&(struct sandbox_needs){ .trace = path });
	WORKS(rename(path, aside));
	FAILS(ENOENT, access(path, F_OK));
	close(fd);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	WORKS(fd);
	WORKS(fchmod(fd, 0600));
	WORKS(flock(fd, LOCK_EX | LOCK_NB));
	WORKS(ftruncate(fd, 0));
	close(fd);
	WORKS(unlink(aside));
	WORKS(unlink(path));
	WORKS(syscall(SYS_pidfd_open, getpid(), 0));
}

SANDBOX_TEST(rings_are_for_io_uring)
{
	enter(&traced);
	REFUSED(syscall(SYS_memfd_create, "x", MFD_CLOEXEC));
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
	REFUSED(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0));
	REFUSED(syscall(SYS_mbind, NULL, 0, 0, NULL, 0, 0));
}

SANDBOX_TEST(io_uring_has_its_rings)
{
	enter(&with_ring);
	FAILS(EBADF, syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0)); /* the kernel's own answer */
	WORKS(syscall(SYS_eventfd2, 0, 0));
}

static void *sleep_until_cancelled(void *unused)
{
	const struct timespec second = { .tv_sec = 1 };

	(void)unused;
	for (;;)
		nanosleep(&second, NULL);
	return NULL;
}

/* As libfuse begins and ends its workers: libgcc must be there by then. */
SANDBOX_TEST(threads_begin_and_are_cancelled)
{
	pthread_t threads[8];
	void *result;

	enter(&untraced);
	for (int i = 0; i < 8; i++)
		EXPECT(pthread_create(&threads[i], NULL, sleep_until_cancelled, NULL) == 0);
	for (int i = 0; i < 8; i++) {
		EXPECT(pthread_cancel(threads[i]) == 0);
		EXPECT(pthread_join(threads[i], &result) == 0);
		EXPECT(result == PTHREAD_CANCELED);
	}
}

static void *in_thread(void *done)
{
	errno = 0;
	*(bool *)done = setuid(getuid()) == -1 && errno == ENOSYS;
	return NULL;
}

SANDBOX_TEST(threads_are_bound_as_well)
{
	bool refused = false;
	pthread_t thread;

	enter(&untraced);
	EXPECT(pthread_create(&thread, NULL, in_thread, &refused) == 0);
	pthread_join(thread, NULL);
	EXPECT(refused);
}

static unsigned long long status_field(const char *name, int base)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	EXPECT(n > 0);
	text[n] = '\0';
	at = strstr(text, name);
	EXPECT(at != NULL);
	return strtoull(at + strlen(name), NULL, base);
}

SANDBOX_TEST(no_capability_is_left)
{
	enter(&traced);
	EXPECT(status_field("CapEff:", 16) == 0);
	EXPECT(status_field("CapPrm:", 16) == 0);
	EXPECT(status_field("NoNewPrivs:", 10) == 1);
}

static char others[] = "/tmp/test-sandboxXXXXXX"; /* a directory */

/* Root writes the trace where a user may: to go on there, it needs to override that it may not. */
static void write_where_a_user_may(void)
{
	char trace[sizeof(others) + 2], aside[sizeof(others) + 4];
	int fd;

	snprintf(trace, sizeof(trace), "%s/t", others);
	snprintf(aside, sizeof(aside), "%s/t.1", others);
	fd = open(trace, O_WRONLY | O_CREAT, 0600);
	WORKS(fd);
	enter(&(struct sandbox_needs){ .trace = trace });
	EXPECT(status_field("CapEff:", 16) == 1u << 1); /* CAP_DAC_OVERRIDE */
	WORKS(rename(trace, aside));
	WORKS(unlink(aside));
	close(fd);
}

START_TEST(a_directory_of_somebody_else)
{
	if (geteuid() != 0)
		return;
	ck_assert_ptr_nonnull(mkdtemp(others));
	ck_assert_int_eq(chmod(others, 0755), 0);
	ck_assert_int_eq(chown(others, 1, 1), 0);
	ck_assert_int_eq(in_child(write_where_a_user_may), 0);
	ck_assert_int_eq(rmdir(others), 0);
}
END_TEST

static bool have_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

SANDBOX_TEST(no_other_file_is_opened)
{
	int fd;

	if (!have_landlock())
		_exit(0);
	enter(&traced);
	FAILS(EACCES, open("/etc/passwd", O_RDONLY));
	FAILS(EACCES, open("/", O_RDONLY | O_DIRECTORY));
	FAILS(EACCES, open("/tmp/test-sandbox", O_WRONLY | O_CREAT, 0600));
	FAILS(EACCES, open("/proc/self/comm", O_WRONLY));
	FAILS(EACCES, rename("/etc/passwd", "/var/tmp/passwd"));
	FAILS(EACCES, unlink("/etc/passwd"));
	WORKS(open("/proc/self/comm", O_RDONLY));
	WORKS(open("/proc/self/stat", O_RDONLY));
	WORKS(open("/sys", O_RDONLY | O_DIRECTORY));
	WORKS(open("/dev/null", O_RDWR));
	fd = open("/dev/fuse", O_RDWR);
	EXPECT(fd >= 0 || errno != EACCES || access("/dev/fuse", W_OK) < 0);
}

SANDBOX_TEST(without_a_trace_no_file_is_made)
{
	if (!have_landlock())
		_exit(0);
	enter(&untraced);
	FAILS(EACCES, open("/var/tmp/test-sandbox", O_WRONLY | O_CREAT, 0600));
	FAILS(EACCES, open("/tmp/test-sandbox", O_WRONLY | O_CREAT, 0600));
}

/* --- passthrough ------------------------------------------------------------- */

#define BACKING_OPEN _IOW(229, 1, uint64_t[2])
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

static struct backing *backing;

/* Where that takes more rights than there are, there is nothing to test. */
static void enter_with_backing(void)
{
	struct sandbox_needs needs = { .passthrough = true };

	if (backing_create(1u << 20, &backing) < 0)
		_exit(0);
	needs.backing_root = backing_root(backing);
	enter(&needs);
}

SANDBOX_TEST(backing_files_can_be_used)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	uint64_t a, b, n;
	struct stat st;
	char byte;

	enter_with_backing();
	EXPECT(status_field("CapEff:", 16) == 1u << 21); /* CAP_SYS_ADMIN */
	EXPECT(backing_make(backing, &a) == 0 && backing_make(backing, &b) == 0);
	EXPECT(backing_write(backing, a, 5000, "x", 1) == 1);
	EXPECT(backing_copy(backing, a, 4999, b, 0, 10) == 2);
	EXPECT(backing_read(backing, b, 1, &byte, 1) == 1 && byte == 'x');
	EXPECT(backing_seek(backing, a, 0, SEEK_DATA) == 4096);
	EXPECT(backing_truncate(backing, a, 100) == 0);
	EXPECT(backing_allocate(backing, b, FALLOC_FL_ZERO_RANGE, 0, 8192) == 0);
	EXPECT(backing_set_times(backing, a, times) == 0);
	EXPECT(backing_stat(backing, a, &st) == 0 && st.st_size == 100 && st.st_mtime == 2);
	EXPECT(backing_used(backing, &n) == 0 && n == 8192);
	backing_remove(backing, b);
	EXPECT(backing_count(backing, &n) == 0 && n == 1);
	FAILS(EBADF, ioctl(-1, BACKING_OPEN, NULL));
	FAILS(EBADF, ioctl(-1, BACKING_CLOSE, NULL));
}

SANDBOX_TEST(the_right_to_mount_is_of_no_use)
{
	enter_with_backing();
	REFUSED(mount("none", "/tmp", "tmpfs", 0, NULL));
	REFUSED(umount2("/nonexistent", MNT_DETACH));
	REFUSED(fsopen("tmpfs", 0));
	REFUSED(fspick(AT_FDCWD, "/", 0));
	REFUSED(fsconfig(-1, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
	REFUSED(syscall(SYS_setns, -1, 0));
	REFUSED(syscall(SYS_unshare, 0));
	REFUSED(mknodat(backing_root(backing), "x", S_IFREG | 0644, 0));
	REFUSED(mknodat(backing_root(backing), "x", S_IFCHR | 0600, 0));
	if (have_landlock())
		FAILS(EACCES, open("/etc/passwd", O_RDONLY));
}

SANDBOX_TEST(without_it_nothing_is_handed_over)
{
	enter(&untraced);
	REFUSED(ioctl(-1, BACKING_OPEN, NULL));
	REFUSED(mknodat(-1, "x", S_IFREG | 0600, 0));
	REFUSED(pwrite(-1, "x", 1, 0));
}

static Suite *sandbox_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *rights = tcase_create("rights"), *calls;

	tcase_add_test(rights, no_capability_is_left);
	tcase_add_test(rights, a_directory_of_somebody_else);
	tcase_add_test(rights, a_trace_can_be_put_aside);
	tcase_add_test(rights, threads_begin_and_are_cancelled);
	suite_add_tcase(suite, rights);
	if (!sandbox_has_filter())
		return suite;
	calls = tcase_create("calls");
	tcase_add_test(calls, no_program_is_run);
	tcase_add_test(calls, no_data_becomes_a_program);
	tcase_add_test(calls, nothing_is_mounted_or_unmounted);
	tcase_add_test(calls, no_other_process_is_touched);
	tcase_add_test(calls, no_network);
	tcase_add_test(calls, nothing_of_the_system_is_changed);
	tcase_add_test(calls, trace_calls_are_for_a_trace);
	tcase_add_test(calls, rings_are_for_io_uring);
	tcase_add_test(calls, io_uring_has_its_rings);
	tcase_add_test(calls, threads_are_bound_as_well);
	tcase_add_test(calls, no_other_file_is_opened);
	tcase_add_test(calls, without_a_trace_no_file_is_made);
	tcase_add_test(calls, backing_files_can_be_used);
	tcase_add_test(calls, the_right_to_mount_is_of_no_use);
	tcase_add_test(calls, without_it_nothing_is_handed_over);
	suite_add_tcase(suite, calls);
	return suite;
}

int main(void)
{
	return unit_run(sandbox_suite());
}
