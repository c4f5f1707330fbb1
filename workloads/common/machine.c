/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/json_text.h"
#include "common/run.h"
#include "common/text.h"

/* The value of a line `KEY SEPARATOR value` of a file, to be freed; NULL = not there. */
static char *value_in(const char *path, const char *key, char separator)
{
	char *text = text_from_file(path), *rest = text, *line, *value = NULL;

	while (!value && rest && (line = strsep(&rest, "\n"))) {
		char *at = strchr(line, separator);

		if (!at)
			continue;
		*at = '\0';
		if (strcmp(text_trim(line), key) == 0)
			value = text_copy(text_trim(at + 1));
	}
	free(text);
	return value;
}

static char *first_line(char *text)
{
	char *line;

	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	line = text_copy(text_trim(text));
	free(text);
	return line;
}

char *machine_version_of(const char *program)
{
	const char *const argv[] = { program, "--version", NULL };

	return first_line(run_capture(&(struct task){ .argv = argv, .timeout = 10 }));
}

char *machine_filesystem_type(const char *path)
{
	const char *const argv[] = { "stat", "-f", "-c", "%T", "--", path, NULL };

	return first_line(run_capture(&(struct task){ .argv = argv, .timeout = 10 }));
}

/* Takes the text over; leaves it out when it is NULL. */
static void set_text(json_t *object, const char *key, char *text)
{
	if (text)
		json_object_set_new(object, key, json_text(text));
	free(text);
}

static char *without_quotes(char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
		memmove(text, text + 1, length - 2);
		text[length - 2] = '\0';
	}
	return text;
}

json_t *machine_describe(const char *const *programs)
{
	json_t *machine = json_object();
	long pages = sysconf(_SC_PHYS_PAGES);
	struct utsname names;

	set_text(machine, "cpu", value_in("/proc/cpuinfo", "model name", ':'));
	json_object_set_new(machine, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(machine, "memory_bytes",
			    json_integer((json_int_t)pages * sysconf(_SC_PAGESIZE)));
	if (uname(&names) == 0) {
		json_object_set_new(machine, "kernel", json_text(names.release));
		json_object_set_new(machine, "architecture", json_text(names.machine));
	}
	set_text(machine, "distribution",
		 without_quotes(value_in("/etc/os-release", "PRETTY_NAME", '=')));
	for (; *programs; programs++)
		set_text(machine, *programs, machine_version_of(*programs));
	return machine;
}
