/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/directories.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/run.h"
#include "common/text.h"

bool make_directories(const char *path)
{
	char *copy = text_copy(path), *slash = copy;
	bool ok = true;

	while (ok && slash) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		ok = mkdir(copy, 0755) == 0 || errno == EEXIST;
		if (!ok)
			complain("%s: %s", copy, strerror(errno));
		if (slash)
			*slash = '/';
	}
	free(copy);
	return ok;
}

void remove_tree(const char *path)
{
	const char *const argv[] = { "rm", "-rf", "--one-file-system", "--", path, NULL };

	run(&(struct task){ .argv = argv, .log = "/dev/stderr", .to_the_end = true });
}
