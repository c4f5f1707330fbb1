/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum options_verdict serve(const char *text)
{
	fputs(text, stdout);
	return flush_output() ? OPTIONS_DONE : OPTIONS_FAILED;
}

static enum options_verdict serve_version(void)
{
	char *text = text_format("%s (memfs) %s\n", program_name, MEMFS_VERSION);
	enum options_verdict verdict = serve(text);

	free(text);
	return verdict;
}

/* Has an option taken, with the name that people know it by. */
static bool take(const struct command_line *line, int c, void *context)
{
	char name[40] = { '-', (char)c };

	for (const struct option *option = line->options; option->name; option++)
		if (option->val == c)
			snprintf(name, sizeof(name), "--%s", option->name);
	return line->take(context, &(struct argument){ c, name, optarg });
}

enum options_verdict command_line_read(const struct command_line *line, int argc, char **argv,
				       void *context)
{
	int c;

	while ((c = getopt_long(argc, argv, line->letters, line->options, NULL)) != -1) {
		if (c == 'h')
			return serve(line->usage);
		if (c == 'V')
			return serve_version();
		if (c == '?' || !take(line, c, context))
			return OPTIONS_WRONG; /* the reason has been said */
	}
	for (; optind < argc; optind++) {
		if (!line->take_operand)
			complain("%s: is not an option; see --help", argv[optind]);
		if (!line->take_operand || !line->take_operand(context, argv[optind]))
			return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

void argument_set(char **option, char *value)
{
	free(*option);
	*option = value;
}

/* False: it is no number, or greater than `most`. */
static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && *number <= most;
}

bool argument_count(const struct argument *argument, unsigned most, unsigned *count)
{
	uint64_t number;

	if (!parse_number(argument->value, most, &number) || !number)
		return complain("%s %s: needs a number from 1 to %u", argument->name,
				argument->value, most);
	*count = (unsigned)number;
	return true;
}

bool argument_number(const struct argument *argument, uint64_t most, uint64_t *number)
{
	return parse_number(argument->value, most, number) ||
	       complain("%s %s: needs a number from 0 to %" PRIu64, argument->name,
			argument->value, most);
}

bool argument_file(const struct argument *argument, char **option)
{
	if (!*argument->value)
		return complain("%s: the name is empty", argument->name);
	argument_set(option, argument_path(argument->value));
	return true;
}

char *argument_path(const char *path)
{
	char *here, *joined;

	if (*path == '/')
		return text_copy(path);
	here = getcwd(NULL, 0);
	if (!here)
		return text_copy(path);
	joined = text_format("%s/%s", here, path);
	free(here);
	return joined;
}

char *beside_program(const char *where)
{
	char self[PATH_MAX], *path;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return NULL;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	path = text_format("%s/%s", self, where);
	if (access(path, X_OK) == 0) /* of a directory: may be searched */
		return path;
	free(path);
	return NULL;
}
