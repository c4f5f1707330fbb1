/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show - one call a line, as strace has it. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

#define PATH_SIZE 8192

static const char help[] =
	"Usage: memfs-trace show [OPTION...] FILE|MOUNTPOINT\n"
	"Show one call a line: time since the trace began, process, operation, result, time\n"
	"it took. Paths are those at the moment of the call, from the root of the mount.\n"
	"~NAME/PID is inferred: the kernel called by itself, for what that process had opened.\n"
	"\n"
	"  -e OP[,OP...]        only these operations; !OP,... all but these\n"
	"  -P GLOB              only paths that match, or lie below what matches\n"
	"  -p PID               only this process\n"
	"      --failed         only calls that failed\n"
	"      --between FIRST LAST\n"
	"                       only between two marks (memfs.trace.mark)\n"
	"      --max-events=N   stop after N\n"
	"      --raw            times in ns, CLOCK_MONOTONIC\n"
	"  -h, --help           show this text\n";

struct filter {
	bool ops[TRACE_OP_LIMIT];
	const char *op_list; /* parsed when the trace with its table is open */
	const char *glob;
	uint32_t pid;
	bool failed;
	struct between between;
	uint64_t max;
	bool raw;
};

/* --- filters ------------------------------------------------------------- */

static bool choose_ops(struct filter *f, const struct trace_reader *r)
{
	const char *p = f->op_list;
	bool except = p && *p == '!';

	for (int i = 0; i < TRACE_OP_LIMIT; i++)
		f->ops[i] = !p || except;
	if (except)
		p++;
	while (p && *p) {
		size_t length = strcspn(p, ",");
		int op = find_op(r, p, length);

		if (op < 0) {
			char name[64];

			snprintf(name, sizeof(name), "%.*s", (int)length, p);
			complain(name, "no such operation");
			return false;
		}
		f->ops[op] = !except;
		p += length + (p[length] == ',');
	}
	return true;
}

/* Does the glob match the path, or a directory above it? */
static bool path_matches(const char *glob, char *path)
{
	if (fnmatch(glob, path, 0) == 0)
		return true;
	for (char *slash = strrchr(path, '/'); slash && slash > path; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (fnmatch(glob, path, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool node_matches(const struct filter *f, const struct trace_reader *r, uint64_t node,
			 const char *name)
{
	char path[PATH_SIZE];

	if (!node)
		return false;
	trace_path(r, node, name, path, sizeof(path));
	return path_matches(f->glob, path);
}

/* The name stands in `node`, but that of a link in `node2`. */
static const char *first_name(const struct trace_event *e)
{
	return e->op == TRACE_OP_LINK || e->op == TRACE_OP_GETXATTR ||
	       e->op == TRACE_OP_SETXATTR || e->op == TRACE_OP_REMOVEXATTR ? NULL : e->name;
}

static const char *second_name(const struct trace_event *e)
{
	return e->op == TRACE_OP_LINK ? e->name : e->name2;
}

static bool is_wanted(const struct filter *f, const struct trace_reader *r,
		      const struct trace_event *e)
{
	if (!f->ops[e->op % TRACE_OP_LIMIT])
		return false;
	if (f->failed && !e->error)
		return false;
	if (f->pid && (!e->process || e->process->pid != f->pid))
		return false;
	return !f->glob || node_matches(f, r, e->node, first_name(e)) ||
	       node_matches(f, r, e->node2, second_name(e));
}

/* --- one line ------------------------------------------------------------ */

static void print_path(const struct trace_reader *r, uint64_t node, const char *name)
{
	char path[PATH_SIZE], shown[4 * PATH_SIZE];

	trace_path(r, node, name, path, sizeof(path));
	fputs(format_name(path, shown, sizeof(shown)), stdout);
}

static void print_name(const char *name)
{
	char shown[4 * PATH_SIZE];

	fputs(format_name(name ? name : "?", shown, sizeof(shown)), stdout);
}

static void print_open_flags(uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ O_CREAT, "O_CREAT" }, { O_EXCL, "O_EXCL" }, { O_TRUNC, "O_TRUNC" },
		{ O_APPEND, "O_APPEND" }, { O_NONBLOCK, "O_NONBLOCK" }, { O_SYNC, "O_SYNC" },
		{ O_DSYNC, "O_DSYNC" }, { O_DIRECT, "O_DIRECT" }, { O_DIRECTORY, "O_DIRECTORY" },
		{ O_NOFOLLOW, "O_NOFOLLOW" }, { O_NOATIME, "O_NOATIME" },
	};
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	fputs(access[flags & O_ACCMODE], stdout);
	flags &= ~(uint32_t)O_ACCMODE;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].bit && (flags & names[i].bit) == names[i].bit) {
			printf("|%s", names[i].name);
			flags &= ~names[i].bit;
		}
	}
	/* 0x8000 is the kernel's O_LARGEFILE, which is always there. */
	if (flags & ~0x8000u)
		printf("|0x%x", flags & ~0x8000u);
}

static void print_setattr(const struct trace_event *e)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} others[] = {
		{ 1 << 4, "atime" }, { 1 << 5, "mtime" }, { 1 << 7, "atime=now" },
		{ 1 << 8, "mtime=now" }, { 1 << 10, "ctime" }, { 1 << 11, "kill_suidgid" },
	};

	if (e->flags & 1)
		printf(", mode=%#o", e->mode & 07777);
	if (e->flags & 2)
		printf(", uid=%u", e->new_uid);
	if (e->flags & 4)
		printf(", gid=%u", e->new_gid);
	if (e->flags & 8)
		printf(", size=%" PRIu64, e->size);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (e->flags & others[i].bit)
			printf(", %s", others[i].name);
}

/* Of renameat2(2). */
static void print_rename_flags(uint32_t flags)
{
	static const char *const names[] = { "RENAME_NOREPLACE", "RENAME_EXCHANGE", "RENAME_WHITEOUT" };
	const char *separator = ", ";

	for (unsigned bit = 0; bit < 3; bit++) {
		if (!(flags & 1u << bit))
			continue;
		printf("%s%s", separator, names[bit]);
		separator = "|";
	}
	if (flags >> 3)
		printf("%s%#x", separator, flags & ~7u);
}

/* What stands between the parentheses, behind the path. */
static void print_rest(const struct trace_reader *r, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_SETATTR:
		print_setattr(e);
		break;
	case TRACE_OP_OPEN:
	case TRACE_OP_OPENDIR:
		fputs(", ", stdout);
		print_open_flags(e->flags);
		break;
	case TRACE_OP_CREATE:
		fputs(", ", stdout);
		print_open_flags(e->flags);
		printf(", %#o", e->mode & 07777);
		break;
	case TRACE_OP_TMPFILE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
		printf(", %#o", e->mode);
		break;
	case TRACE_OP_SYMLINK:
		fputs(", ", stdout);
		print_name(e->name2);
		break;
	case TRACE_OP_READ:
	case TRACE_OP_FALLOCATE:
		printf(", %" PRIu64 " @ %" PRIu64, e->size, e->offset);
		break;
	case TRACE_OP_WRITE:
		printf(", %" PRIu64 " @ %" PRIu64 "%s", e->size, e->offset,
		       e->flags & 1 ? ", writeback" : "");
		break;
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS:
		printf(", cookie %" PRIu64, e->offset);
		break;
	case TRACE_OP_LSEEK:
		printf(", %" PRIu64 ", %s", e->offset,
		       e->flags == SEEK_DATA ? "SEEK_DATA" : e->flags == SEEK_HOLE ? "SEEK_HOLE" : "?");
		break;
	case TRACE_OP_RENAME:
	case TRACE_OP_LINK:
		fputs(", ", stdout);
		print_path(r, e->node2, second_name(e));
		if (e->op == TRACE_OP_RENAME && e->flags)
			print_rename_flags(e->flags);
		break;
	case TRACE_OP_COPY_FILE_RANGE:
		printf(" @ %" PRIu64 ", ", e->offset);
		print_path(r, e->node2, NULL);
		printf(" @ %" PRIu64 ", %" PRIu64, e->offset2, e->size);
		break;
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
		fputs(", ", stdout);
		print_name(e->name);
		if (e->name2) {
			fputs(", ", stdout);
			print_name(e->name2);
		}
		break;
	case TRACE_OP_IOCTL:
		printf(", %#x", e->flags);
		break;
	case TRACE_OP_FORGET:
		printf(", %" PRIu64, e->size);
		break;
	default:
		break;
	}
}

static void print_result(const struct trace_event *e)
{
	if (e->error) {
		const char *name = strerrorname_np(e->error);

		printf(" = -1 %s (%s)", name ? name : "E?", strerror(e->error));
	} else if (e->op == TRACE_OP_LSEEK) {
		printf(" = %" PRIu64, e->offset2);
	} else if (e->op == TRACE_OP_READ || e->op == TRACE_OP_WRITE ||
		   e->op == TRACE_OP_COPY_FILE_RANGE) {
		printf(" = %" PRIu64, e->done);
	} else {
		fputs(" = 0", stdout);
	}
}

static void print_event(const struct filter *f, const struct trace_reader *r,
			const struct trace_event *e, uint64_t began)
{
	char shown[4 * PATH_SIZE], duration[16];

	if (f->raw)
		printf("%" PRIu64 " ", e->start_ns);
	else
		printf("%.6f ", (double)(e->start_ns - began) / 1e9);
	if (e->process) {
		size_t length = strlen(format_name(e->process->comm, shown, sizeof(shown)));

		printf("%s%.*s/%u ", e->inferred ? "~" : "", (int)length - 2, shown + 1,
		       e->process->pid);
	} else {
		fputs("kernel/0 ", stdout);
	}
	printf("%s(", trace_op_name(r, e->op));
	if (e->op == TRACE_OP_BATCH_FORGET)
		printf("%" PRIu64 " nodes", e->size);
	else if (e->node)
		print_path(r, e->node, first_name(e));
	print_rest(r, e);
	putchar(')');
	print_result(e);
	if (f->raw)
		printf(" <%" PRIu64 ">\n", e->duration_ns);
	else
		printf(" <%s>\n", format_duration(e->duration_ns, duration));
}

/* --- the command ---------------------------------------------------------- */

static bool parse_number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *n > max) {
		complain(text, "is no number for this option");
		return false;
	}
	return true;
}

static int parse(struct filter *f, int argc, char **argv, const char **path)
{
	static const struct option options[] = {
		{ "failed", no_argument, NULL, 'F' },
		{ "between", required_argument, NULL, 'B' },
		{ "max-events", required_argument, NULL, 'n' },
		{ "raw", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t n;
	int c;

	while ((c = next_option(argc, argv, "e:P:p:h", options, help, path)) >= 0) {
		switch (c) {
		case 'e':
			f->op_list = optarg;
			break;
		case 'P':
			f->glob = optarg;
			break;
		case 'p':
			if (!parse_number(optarg, UINT32_MAX, &n))
				return -2;
			f->pid = (uint32_t)n;
			break;
		case 'F':
			f->failed = true;
			break;
		case 'B':
			if (!between_parse(&f->between, argc, argv))
				return -2;
			break;
		case 'n':
			if (!parse_number(optarg, UINT64_MAX, &f->max))
				return -2;
			break;
		case 'R':
			f->raw = true;
			break;
		}
	}
	return c;
}

int command_show(int argc, char **argv)
{
	struct filter f = { .max = UINT64_MAX };
	struct trace_event event;
	struct trace_reader *r;
	struct trace_info info;
	uint64_t shown = 0;
	const char *path;
	int c = parse(&f, argc, argv, &path);

	if (c < -1)
		return c == -3 ? 0 : 2;
	r = open_trace(path);
	if (!r)
		return 2;
	if (!choose_ops(&f, r)) {
		trace_close(r);
		return 2;
	}
	trace_get_info(r, &info);
	while (shown < f.max && next_event(r, path, &event)) {
		if (!between_wants(&f.between, &event) || !is_wanted(&f, r, &event))
			continue;
		print_event(&f, r, &event, info.clock_monotonic);
		shown++;
	}
	trace_get_info(r, &info);
	if (info.lost || info.gaps || info.skipped)
		fprintf(stderr, "memfs-trace: %s: %" PRIu64 " events lost, %" PRIu64
			" gaps, %" PRIu64 " left out by trace_max: what is shown is not all\n",
			path, info.lost, info.gaps, info.skipped);
	trace_close(r);
	return shown < f.max ? between_verdict(&f.between) : 0;
}
