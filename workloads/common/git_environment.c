/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/git_environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

void git_forget_variables(void)
{
	for (size_t i = 0; environ[i];) {
		const char *equals = strchr(environ[i], '=');
		char *name;

		if (strncmp(environ[i], "GIT_", 4) != 0 || !equals ||
		    strncmp(environ[i], "GIT_EXEC_PATH=", 14) == 0) {
			i++;
			continue;
		}
		name = text_format("%.*s", (int)(equals - environ[i]), environ[i]);
		unsetenv(name); /* the next one moves to its place */
		free(name);
	}
}

bool git_use_config(const char *path, const char *config)
{
	FILE *file = fopen(path, "we");
	bool ok = file && fputs(config, file) >= 0;

	ok = (!file || fclose(file) == 0) && ok;
	ok = ok && setenv("GIT_CONFIG_GLOBAL", path, 1) == 0 &&
	     setenv("GIT_CONFIG_NOSYSTEM", "1", 1) == 0 &&
	     setenv("GIT_TERMINAL_PROMPT", "0", 1) == 0 && setenv("LC_ALL", "C", 1) == 0;
	return ok || complain("%s: %s", path, strerror(errno));
}
