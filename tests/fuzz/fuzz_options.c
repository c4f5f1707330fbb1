/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_options.c - the command line of memfs, and sizes as people write them.
 *
 * The input is the arguments, each ended by a newline. Whatever they are: they
 * are taken, and then what they set is within its limits; or answered (--help);
 * or refused with one line on stderr that can be printed.
 */
#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "options.h"
#include "base/size.h"

#define ARGUMENTS_MAX 12

/* What it said, in one piece. */
struct said {
	char *text;
	size_t size;
};

static void check_refusal(const struct said *said)
{
	const char *newline = memchr(said->text, '\n', said->size);

	fuzz_check(said->size > 0, "refused without a word");
	fuzz_check(strncmp(said->text, "memfs: ", 7) == 0, "a message that does not say whose it is");
	fuzz_check(newline == said->text + said->size - 1, "more or less than one line");
	for (size_t i = 0; i + 1 < said->size; i++)
		fuzz_check(!iscntrl((unsigned char)said->text[i]), "control characters in a message");
}

/* A comma in a value would be another option to the kernel. */
static void check_kernel_options(const char *list)
{
	static const char *const first = "default_permissions,subtype=memfs,fsname=memfs";

	fuzz_check(list && strncmp(list, first, strlen(first)) == 0, "options that do not begin with ours");
	for (list += strlen(first); *list; list += strcspn(list, ",")) {
		size_t length;

		fuzz_check(*list == ',', "two options without a comma between");
		list++;
		length = strcspn(list, ",");
		fuzz_check(length > 0 || !*list, "an empty option");
		fuzz_check(!memchr(list, '=', length) || strncmp(list, "fsname=", 7) == 0,
			   "an option with a value that is not memfs's to give");
	}
}

static void check_taken(const struct options *o, char *const *argv, int argc)
{
	bool given = false;

	for (int i = 1; i < argc; i++)
		given |= o->mountpoint == argv[i];
	fuzz_check(given, "a mount point that nobody gave");
	fuzz_check(o->store.mode <= 07777, "a mode of too many bits");
	fuzz_check(o->store.uid != (uid_t)-1 && o->store.gid != (gid_t)-1, "an owner that means none");
	fuzz_check(o->cache >= CACHE_ALWAYS && o->cache <= CACHE_NEVER, "no such cache mode");
	fuzz_check(!o->trace_ring || (o->trace_ring >= 65536 && o->trace_ring <= 1u << 30),
		   "a ring out of its limits");
	fuzz_check(!o->trace || *o->trace, "an empty path");
	check_kernel_options(o->kernel_options);
}

static void parse(int argc, char **argv)
{
	struct said said = { 0 }, told = { 0 };
	FILE *real_stderr = stderr, *real_stdout = stdout;
	enum options_verdict verdict;
	struct options o;

	stderr = open_memstream(&said.text, &said.size);
	stdout = open_memstream(&told.text, &told.size);
	fuzz_check(stderr && stdout, "no memory");
	optind = 0; /* getopt's way to begin anew */
	verdict = options_parse(&o, argc, argv);
	fclose(stderr);
	fclose(stdout);
	stderr = real_stderr;
	stdout = real_stdout;
	if (verdict == OPTIONS_WRONG)
		check_refusal(&said);
	else
		fuzz_check(said.size == 0, "said something, and went on");
	fuzz_check((verdict == OPTIONS_DONE) == (told.size > 0), "an answer that was not asked for");
	if (verdict == OPTIONS_RUN)
		check_taken(&o, argv, argc);
	options_free(&o);
	free(said.text);
	free(told.text);
}

/* A size is refused, or is what the digits say. */
static void check_size(const char *text)
{
	uint64_t n = 0, again = 0;
	char digits[32];

	if (size_parse(text, 0, &n))
		return;
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	fuzz_check(!size_parse(digits, 0, &again) && again == n, "a size that is not its own digits");
	n = 101;
	fuzz_check(size_parse("7%", 0, &again) != NULL, "a part of nothing");
	fuzz_check(!size_parse("100%", 4096, &n) && n <= 4096, "more than all");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *argv[ARGUMENTS_MAX + 2], *rest = copy, name[] = "memfs";
	int argc = 1;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	/* An argument has no NUL, and is cut off at one here. \1 stands for a newline within one. */
	argv[0] = name;
	while (rest && argc <= ARGUMENTS_MAX && (argv[argc] = strsep(&rest, "\n"))) {
		for (char *at = argv[argc]; *at; at++)
			if (*at == '\1')
				*at = '\n';
		check_size(argv[argc++]);
	}
	argv[argc] = NULL;
	parse(argc, argv);
	free(copy);
	return 0;
}
