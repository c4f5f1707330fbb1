/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

const char *event_first_name(const struct trace_event *e)
{
	return e->op == TRACE_OP_LINK || e->op == TRACE_OP_GETXATTR ||
	       e->op == TRACE_OP_SETXATTR || e->op == TRACE_OP_REMOVEXATTR ? NULL : e->name;
}

const char *event_second_name(const struct trace_event *e)
{
	return e->op == TRACE_OP_LINK ? e->name : e->name2;
}

const char *event_caller(const struct trace_process *process, bool inferred, char *buf, size_t size)
{
	if (process)
		snprintf(buf, size, "%s%s/%u", inferred ? "~" : "",
			 *process->comm ? process->comm : "?", process->pid);
	else
		snprintf(buf, size, "kernel/0");
	return buf;
}

mode_t event_made_type(const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
		return S_IFREG;
	case TRACE_OP_MKNOD:
		return e->mode & S_IFMT ? e->mode & S_IFMT : S_IFREG;
	case TRACE_OP_MKDIR:
		return S_IFDIR;
	case TRACE_OP_SYMLINK:
		return S_IFLNK;
	default:
		return 0;
	}
}

const char *event_path(const struct trace_reader *r, const struct trace_event *e, char *buf,
		       size_t size)
{
	return trace_path(r, e->node, event_first_name(e), buf, size);
}

const char *event_mark(const struct trace_event *e)
{
	return e->op == TRACE_OP_SETXATTR && !e->error && e->name &&
	       strcmp(e->name, "memfs.trace.mark") == 0 ? e->name2 : NULL;
}

static void print_path(FILE *out, const struct trace_reader *r, uint64_t node, const char *name)
{
	char path[EVENT_PATH_SIZE], shown[4 * EVENT_PATH_SIZE];

	trace_path(r, node, name, path, sizeof(path));
	fputs(format_quoted(path, shown, sizeof(shown)), out);
}

static void print_name(FILE *out, const char *name)
{
	char shown[4 * EVENT_PATH_SIZE];

	fputs(format_quoted(name ? name : "?", shown, sizeof(shown)), out);
}

static void print_open_flags(FILE *out, uint32_t flags)
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

	fputs(access[flags & O_ACCMODE], out);
	flags &= ~(uint32_t)O_ACCMODE;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].bit && (flags & names[i].bit) == names[i].bit) {
			fprintf(out, "|%s", names[i].name);
			flags &= ~names[i].bit;
		}
	}
	/* 0x8000 is the kernel's O_LARGEFILE, which is always there. */
	if (flags & ~0x8000u)
		fprintf(out, "|0x%x", flags & ~0x8000u);
}

static void print_setattr(FILE *out, const struct trace_event *e)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} others[] = {
		{ 1 << 4, "atime" }, { 1 << 5, "mtime" }, { 1 << 7, "atime=now" },
		{ 1 << 8, "mtime=now" }, { 1 << 10, "ctime" }, { 1 << 11, "kill_suidgid" },
	};

	if (e->flags & 1)
		fprintf(out, ", mode=%#o", e->mode & 07777);
	if (e->flags & 2)
		fprintf(out, ", uid=%u", e->new_uid);
	if (e->flags & 4)
		fprintf(out, ", gid=%u", e->new_gid);
	if (e->flags & 8)
		fprintf(out, ", size=%" PRIu64, e->size);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (e->flags & others[i].bit)
			fprintf(out, ", %s", others[i].name);
}

/* Of renameat2(2). */
static void print_rename_flags(FILE *out, uint32_t flags)
{
	static const char *const names[] = { "RENAME_NOREPLACE", "RENAME_EXCHANGE", "RENAME_WHITEOUT" };
	const char *separator = ", ";

	for (unsigned bit = 0; bit < 3; bit++) {
		if (!(flags & 1u << bit))
			continue;
		fprintf(out, "%s%s", separator, names[bit]);
		separator = "|";
	}
	if (flags >> 3)
		fprintf(out, "%s%#x", separator, flags & ~7u);
}

/* What stands between the parentheses, behind the path. */
static void print_rest(FILE *out, const struct trace_reader *r, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_SETATTR:
		print_setattr(out, e);
		break;
	case TRACE_OP_OPEN:
	case TRACE_OP_OPENDIR:
		fputs(", ", out);
		print_open_flags(out, e->flags);
		break;
	case TRACE_OP_CREATE:
		fputs(", ", out);
		print_open_flags(out, e->flags);
		fprintf(out, ", %#o", e->mode & 07777);
		break;
	case TRACE_OP_TMPFILE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
		fprintf(out, ", %#o", e->mode);
		break;
	case TRACE_OP_SYMLINK:
		fputs(", ", out);
		print_name(out, e->name2);
		break;
	case TRACE_OP_READ:
	case TRACE_OP_FALLOCATE:
		fprintf(out, ", %" PRIu64 " @ %" PRIu64, e->size, e->offset);
		break;
	case TRACE_OP_WRITE:
		fprintf(out, ", %" PRIu64 " @ %" PRIu64 "%s", e->size, e->offset,
		       e->flags & 1 ? ", writeback" : "");
		break;
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS:
		fprintf(out, ", cookie %" PRIu64, e->offset);
		break;
	case TRACE_OP_LSEEK:
		fprintf(out, ", %" PRIu64 ", %s", e->offset,
		       e->flags == SEEK_DATA ? "SEEK_DATA" : e->flags == SEEK_HOLE ? "SEEK_HOLE" : "?");
		break;
	case TRACE_OP_RENAME:
	case TRACE_OP_LINK:
		fputs(", ", out);
		print_path(out, r, e->node2, event_second_name(e));
		if (e->op == TRACE_OP_RENAME && e->flags)
			print_rename_flags(out, e->flags);
		break;
	case TRACE_OP_COPY_FILE_RANGE:
		fprintf(out, " @ %" PRIu64 ", ", e->offset);
		print_path(out, r, e->node2, NULL);
		fprintf(out, " @ %" PRIu64 ", %" PRIu64, e->offset2, e->size);
		break;
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
		fputs(", ", out);
		print_name(out, e->name);
		if (e->name2) {
			fputs(", ", out);
			print_name(out, e->name2);
		}
		break;
	case TRACE_OP_IOCTL:
		fprintf(out, ", %#x", e->flags);
		break;
	case TRACE_OP_FORGET:
		fprintf(out, ", %" PRIu64, e->size);
		break;
	default:
		break;
	}
}

static void print_result(FILE *out, const struct trace_event *e)
{
	if (e->error) {
		const char *name = strerrorname_np(e->error);

		fprintf(out, " = -1 %s (%s)", name ? name : "E?", strerror(e->error));
	} else if (e->op == TRACE_OP_LSEEK) {
		fprintf(out, " = %" PRIu64, e->offset2);
	} else if (e->op == TRACE_OP_READ || e->op == TRACE_OP_WRITE ||
		   e->op == TRACE_OP_COPY_FILE_RANGE) {
		fprintf(out, " = %" PRIu64, e->done);
	} else {
		fputs(" = 0", out);
	}
}

static void print_time(FILE *out, const struct trace_event *e, const struct event_style *style)
{
	/* What a trace holds need not be true: a call may seem to lie before its beginning. */
	if (style->raw)
		fprintf(out, "%" PRIu64 " ", e->start_ns);
	else
		fprintf(out, "%.6f ", (double)(int64_t)(e->start_ns - style->began_ns) / 1e9);
}

static void print_process(FILE *out, const struct trace_event *e)
{
	char shown[256];

	if (e->process)
		fprintf(out, "%s%s/%u ", e->inferred ? "~" : "",
			format_escaped(e->process->comm, shown, sizeof(shown)), e->process->pid);
	else
		fputs("kernel/0 ", out);
}

void event_print_call(FILE *out, const struct trace_reader *r, const struct trace_event *e)
{
	char op[64];

	fprintf(out, "%s(", format_escaped(trace_op_name(r, e->op), op, sizeof(op)));
	if (e->op == TRACE_OP_BATCH_FORGET)
		fprintf(out, "%" PRIu64 " nodes", e->size);
	else if (e->node)
		print_path(out, r, e->node, event_first_name(e));
	print_rest(out, r, e);
	putc(')', out);
	if (e->error)
		print_result(out, e);
}

void event_print(FILE *out, const struct trace_reader *r, const struct trace_event *e,
		 const struct event_style *style)
{
	bool stands_out = style->color && e->error;
	char duration[FORMAT_SIZE];

	print_time(out, e, style);
	print_process(out, e);
	if (stands_out)
		fputs("\x1b[31m", out);
	event_print_call(out, r, e);
	if (!e->error)
		print_result(out, e);
	if (stands_out)
		fputs("\x1b[0m", out);
	if (style->raw)
		fprintf(out, " <%" PRIu64 ">\n", e->duration_ns);
	else
		fprintf(out, " <%s>\n", format_duration(e->duration_ns, duration));
}
