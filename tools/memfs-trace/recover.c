/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recover - saves what is good of a damaged trace. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memfs/trace_blocks.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "query.h"

static const struct option options[] = {
	{ "force", no_argument, NULL, 'f' },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace recover [OPTION...] IN OUT\n"
		"Write the good blocks of a damaged trace to a new one, in which nothing is damaged.\n"
		"It notes what was lost, and so never counts as complete. IN stays as it is.\n"
		"\n"
		"      --force          write over OUT if there is one\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_JSON,
	.operands = 2,
};

static bool same_file(const char *in, const char *out)
{
	struct stat a, b;

	return stat(in, &a) == 0 && stat(out, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool fail(const char *path, const char *why, int error)
{
	char text[256];

	if (error == EPROTO || error == ENOTSUP)
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "%s: %s", why, strerror(error));
	complain(path, text);
	return false;
}

static bool recover(const char *in, struct output *out, struct trace_recovery *recovery)
{
	int fd = open(out->temporary, O_WRONLY | O_CLOEXEC), err;
	const char *why;

	if (fd < 0)
		return fail(out->path, "cannot be written", errno);
	err = trace_recover(in, fd, recovery, &why);
	if (close(fd) < 0 && !err) {
		recovery->out_failed = true;
		err = -errno;
		why = "cannot be written";
	}
	return !err || fail(recovery->out_failed ? out->path : in, why, -err);
}

static void print_text(const struct trace_recovery *r)
{
	char bytes[FORMAT_SIZE];

	printf("%" PRIu64 " blocks saved", r->blocks);
	if (r->gaps)
		printf("; LOST: %" PRIu64 " gap%s of %s bytes, %" PRIu64 " block%s missing", r->gaps,
		       r->gaps == 1 ? "" : "s", format_count(r->gap_bytes, bytes), r->missing,
		       r->missing == 1 ? "" : "s");
	else
		printf("; nothing was damaged");
	puts(r->header_damaged ? "; the file's header was damaged" : "");
}

static void print_json(const struct trace_recovery *r)
{
	json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:b}", "blocks", (json_int_t)r->blocks, "gaps",
				   (json_int_t)r->gaps, "gap_bytes", (json_int_t)r->gap_bytes,
				   "missing", (json_int_t)r->missing, "header_damaged",
				   (int)r->header_damaged);

	query_print_json(object);
}

int command_recover(int argc, char **argv)
{
	struct trace_recovery recovery = { 0 };
	struct query q = { 0 };
	struct output out;
	bool force = false, good;
	const char *in, *path;
	int c;

	while ((c = query_option(&q, &spec, argc, argv)) >= 0)
		force = true;
	if (c != QUERY_READY)
		return query_end(&q, c);
	in = argv[optind];
	path = argv[optind + 1];
	if (same_file(in, path))
		return query_end(&q, complain(path, "is the damaged trace itself"));
	if (!output_open_name(&out, path, force))
		return query_end(&q, QUERY_MISUSE);
	good = output_close(&out, recover(in, &out, &recovery));
	if (good && q.json)
		print_json(&recovery);
	else if (good)
		print_text(&recovery);
	return query_end(&q, good ? 0 : 2);
}
