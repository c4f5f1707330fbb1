/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/size.h"

/* Smaller, and two names of the longest kind do not fit; larger is surely a mistake. */
#define ROTATE_MIN (64u << 10)
#define RING_MIN (64u << 10)
#define RING_MAX (1u << 30)

static const char usage_text[] =
	"Usage: memfs [-f] [-o OPTION[,OPTION...]] [SOURCE] MOUNTPOINT\n"
	"Mount an empty filesystem that lives in memory and records every call it gets.\n"
	"\n"
	"  -f, --foreground     stay in the foreground\n"
	"  -o, --options OPTION[,...]\n"
	"                       mount options, below\n"
	"  -h, --help           show this text\n"
	"  -V, --version        show the version\n"
	"\n"
	"As in tmpfs:\n"
	"  size=BYTES           limit of file data: k, m, g, or % of RAM (default 50%)\n"
	"  nr_inodes=N          limit of files (default half the pages of RAM); k, m, g\n"
	"  mode=OCTAL uid=N gid=N\n"
	"                       of the root directory (default 1777, yours)\n"
	"What the kernel may keep, and so what the trace sees:\n"
	"  cache=always         names and bytes, small writes gathered (default)\n"
	"  cache=auto           the same, but every write(2) comes at once\n"
	"  cache=never          nothing: every system call is seen\n"
	"  no_open              files are opened without asking; the trace sees no opens\n"
	"  passthrough          it reads and writes files by itself; the trace sees no reads and\n"
	"                       writes (root, Linux 6.9)\n"
	"Trace:\n"
	"  trace=FILE           where to record (default: a new file in TMPDIR or /var/tmp)\n"
	"  trace_policy=discard|block\n"
	"                       when calls come too fast: count them (default), or wait\n"
	"  trace_max=SIZE       record no more than this, then only totals\n"
	"  trace_rotate=SIZE    put the file aside when it has that size, as FILE.1, FILE.2...\n"
	"  trace_files=N        keep no more than N of them, with the one being written\n"
	"  trace_ring=SIZE      memory of each thread for what is not yet in the file (4m)\n"
	"  notrace              record nothing\n"
	"Transport:\n"
	"  io_uring no_io_uring insist on FUSE-over-io_uring, or refuse it\n"
	"                       (default: when the kernel offers it)\n"
	"Debugging:\n"
	"  no_sandbox           keep all privileges\n"
	"And of mount(8): ro rw allow_other auto_unmount dev nodev suid nosuid exec noexec\n"
	"  atime noatime sync async dirsync fsname=NAME\n"
	"\n"
	"Unmount with: umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT\n";

/* Options for the kernel, which memfs hands on as they are. */
static const char *const kernel_flags[] = {
	"ro", "rw", "dev", "nodev", "suid", "nosuid", "exec", "noexec", "atime", "noatime",
	"sync", "async", "dirsync", "allow_other", "auto_unmount",
};

/* What mount(8) adds to options for its own purposes: of no meaning here. */
static const char *const ignored_flags[] = {
	"defaults", "auto", "noauto", "user", "nouser", "users", "_netdev", "nofail",
	"diratime", "nodiratime", "relatime", "norelatime", "strictatime",
};

static bool wrong(const char *name, const char *value, const char *why)
{
	complain("option '%s%s%s': %s", name, value ? "=" : "", value ? value : "", why);
	return false;
}

static bool parse_size(const char *name, const char *value, uint64_t whole, uint64_t *out)
{
	const char *why = size_parse(value, whole, out);

	return why ? wrong(name, value, why) : true;
}

static bool parse_number(const char *name, const char *value, int base, unsigned long max,
			 unsigned *out)
{
	unsigned long n;
	bool is_number = value && isdigit((unsigned char)*value);
	char *end;

	errno = 0;
	n = is_number ? strtoul(value, &end, base) : 0;
	if (!is_number || errno || *end || n > max)
		return wrong(name, value, base == 8 ? "needs an octal mode, such as 0755" :
			     "needs a number");
	*out = (unsigned)n;
	return true;
}

static bool parse_cache(struct options *o, const char *value)
{
	for (int mode = CACHE_ALWAYS; mode <= CACHE_NEVER; mode++) {
		if (value && strcmp(value, cache_mode_name((enum cache_mode)mode)) == 0) {
			o->cache = (enum cache_mode)mode;
			return true;
		}
	}
	return wrong("cache", value, "is one of always, auto, never");
}

static bool out_of_memory(void)
{
	complain("out of memory");
	return false;
}

/* Appends to a comma-separated list. */
static bool append(char **list, const char *item)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", *list ? *list : "", *list ? "," : "", item) < 0)
		return out_of_memory();
	free(*list);
	*list = longer;
	return true;
}

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof((list)[0]))

/* What is shown as the mount's source. */
static bool set_fsname(struct options *o, const char *value)
{
	char *item;
	bool ok;

	if (strpbrk(value, ",\\"))
		return wrong("fsname", value, "cannot have commas and backslashes");
	if (strlen(value) > 255)
		return wrong("fsname", value, "is too long");
	if (asprintf(&item, "fsname=%s", value) < 0)
		return out_of_memory();
	ok = append(&o->kernel_options, item);
	free(item);
	return ok;
}

/* An option without a value: what it sets, or says that it is not known. */
static bool parse_flag(struct options *o, const char *name)
{
	if (strcmp(name, "notrace") == 0)
		o->notrace = true;
	else if (strcmp(name, "no_sandbox") == 0)
		o->no_sandbox = true;
	else if (strcmp(name, "no_open") == 0)
		o->no_open = true;
	else if (strcmp(name, "passthrough") == 0)
		o->passthrough = o->store.backing = true;
	else if (strcmp(name, "io_uring") == 0)
		o->io_uring = IO_URING_INSIST;
	else if (strcmp(name, "no_io_uring") == 0)
		o->io_uring = IO_URING_REFUSE;
	else if (IS_ONE_OF(name, kernel_flags))
		return append(&o->kernel_options, name);
	else if (!IS_ONE_OF(name, ignored_flags))
		return wrong(name, NULL, "unknown; see memfs --help");
	return true;
}

static bool parse_trace(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "trace_max") == 0)
		return parse_size(name, value, 0, &o->trace_max);
	if (strcmp(name, "trace_rotate") == 0)
		return parse_size(name, value, 0, &o->trace_rotate) &&
		       (o->trace_rotate >= ROTATE_MIN ||
			wrong(name, value, "must be 64k or more"));
	if (strcmp(name, "trace_files") == 0)
		return parse_number(name, value, 10, 9999, &o->trace_files) &&
		       (o->trace_files || wrong(name, value, "must be 1 or more"));
	if (strcmp(name, "trace_ring") == 0) {
		if (!parse_size(name, value, 0, &o->trace_ring))
			return false;
		return (o->trace_ring >= RING_MIN && o->trace_ring <= RING_MAX) ||
		       wrong(name, value, "must be between 64k and 1g");
	}
	if (strcmp(name, "trace_policy") != 0)
		return wrong(name, value, "unknown; see memfs --help");
	o->trace_block = value && strcmp(value, "block") == 0;
	return o->trace_block || (value && strcmp(value, "discard") == 0) ||
	       wrong(name, value, "is one of block, discard");
}

static bool parse_valued(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "size") == 0)
		return parse_size(name, value, size_of_memory(), &o->store.size);
	if (strcmp(name, "nr_inodes") == 0)
		return parse_size(name, value, 0, &o->store.nr_inodes);
	if (strcmp(name, "mode") == 0)
		return parse_number(name, value, 8, 07777, &o->store.mode);
	if (strcmp(name, "uid") == 0)
		return parse_number(name, value, 10, UINT32_MAX - 1, &o->store.uid);
	if (strcmp(name, "gid") == 0)
		return parse_number(name, value, 10, UINT32_MAX - 1, &o->store.gid);
	if (strcmp(name, "cache") == 0)
		return parse_cache(o, value);
	if (strncmp(name, "trace_", 6) == 0)
		return parse_trace(o, name, value);
	if (!value && strcmp(name, "trace") != 0 && strcmp(name, "fsname") != 0)
		return parse_flag(o, name);
	if (!value || !*value)
		return wrong(name, value, "needs a value");
	if (strcmp(name, "trace") == 0) {
		free(o->trace);
		o->trace = strdup(value);
		return o->trace ? true : out_of_memory();
	}
	if (strcmp(name, "fsname") == 0)
		return set_fsname(o, value);
	return wrong(name, value, "unknown; see memfs --help");
}

static bool parse_list(struct options *o, const char *list)
{
	char *copy = strdup(list), *rest = copy, *item;
	bool ok = copy && append(&o->given, list);

	while (ok && (item = strsep(&rest, ","))) {
		char *value = strchr(item, '=');

		if (!*item)
			continue;
		if (value)
			*value++ = '\0';
		ok = parse_valued(o, item, value);
	}
	free(copy);
	return ok;
}

static bool set_defaults(struct options *o)
{
	uint64_t memory = size_of_memory();

	*o = (struct options){
		.store = {
			.size = memory / 2,
			.nr_inodes = memory / (uint64_t)sysconf(_SC_PAGESIZE) / 2,
			.mode = 01777,
			.uid = getuid(),
			.gid = getgid(),
		},
		.cache = CACHE_ALWAYS,
	};
	/* fsname first: one of the user's own comes later and wins. */
	return append(&o->kernel_options, "default_permissions,subtype=memfs,fsname=memfs");
}

static enum options_verdict misuse(const char *why, const char *what)
{
	complain("%s%s; see memfs --help", why, what);
	return OPTIONS_WRONG;
}

/* After getopt_long() has said '?' or ':'. */
static enum options_verdict misused_option(int verdict, char *const *argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	if (verdict == ':')
		return misuse("option needs a value: ", argv[optind - 1]);
	if (!optopt)
		return misuse("unknown option: ", argv[optind - 1]);
	return strchr("fhV", optopt) ? misuse("option takes no value: ", argv[optind - 1]) :
	       misuse("unknown option: ", letter);
}

static bool go_together(const struct options *o)
{
	if (o->no_open && o->cache == CACHE_NEVER)
		return wrong("no_open", NULL, "does not go together with cache=never");
	if (o->passthrough && o->cache == CACHE_NEVER)
		return wrong("passthrough", NULL, "does not go together with cache=never");
	if (o->passthrough && o->no_open) /* what is read and written is said when it is opened */
		return wrong("passthrough", NULL, "does not go together with no_open");
	if (o->trace_max && o->trace_rotate)
		return wrong("trace_max", NULL, "does not go together with trace_rotate");
	return true;
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "options", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	if (!set_defaults(o))
		return OPTIONS_WRONG;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":fo:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->foreground = true;
			break;
		case 'o':
			if (!parse_list(o, optarg))
				return OPTIONS_WRONG;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return OPTIONS_DONE;
		case 'V':
			printf("memfs %s (libfuse %s)\n", MEMFS_VERSION, fuse_pkgversion());
			return OPTIONS_DONE;
		default:
			return misused_option(c, argv);
		}
	}
	if (optind == argc)
		return misuse("no mount point given", "");
	if (optind + 2 < argc)
		return misuse("more than a source and a mount point given: ", argv[optind + 2]);
	/* mount(8) calls its helpers with a source first; here that is just a name to show. */
	if (optind + 1 < argc && !set_fsname(o, argv[optind]))
		return OPTIONS_WRONG;
	o->mountpoint = argv[argc - 1];
	return go_together(o) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
	free(o->trace);
	free(o->kernel_options);
	free(o->given);
}
