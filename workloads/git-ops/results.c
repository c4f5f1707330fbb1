/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <stdlib.h>

#include "common/callback_text.h"
#include "common/text.h"

static const char header[] =
	"run,filesystem,command,status,wall_s,user_s,sys_s,daemon_cpu_s," CALLBACK_COLUMNS;

const char *command_name(enum command command)
{
	static const char *const names[COMMAND_COUNT] = {
		[COMMAND_MOUNT] = "mount", [COMMAND_INIT] = "init", [COMMAND_ADD] = "add",
		[COMMAND_COMMIT] = "commit", [COMMAND_STATUS] = "status",
		[COMMAND_BRANCH] = "branch", [COMMAND_COMMIT_CHANGE] = "commit-change",
		[COMMAND_CHECKOUT] = "checkout", [COMMAND_CLONE] = "clone", [COMMAND_GC] = "gc",
		[COMMAND_CHECK] = "check", [COMMAND_UNMOUNT] = "unmount",
	};

	return names[command];
}

static void put_row(FILE *file, const struct result *row)
{
	fprintf(file, "%u,", row->run);
	csv_put_text(file, row->filesystem);
	fprintf(file, ",%s,%s,", command_name(row->command), row->ok ? "ok" : "failed");
	if (row->ok)
		fprintf(file, "%.6f,%.6f,%.6f,", row->wall, row->user, row->sys);
	else
		fputs(",,,", file);
	if (row->ok && row->daemon_cpu >= 0)
		fprintf(file, "%.6f", row->daemon_cpu);
	putc(',', file);
	callback_put(file, row->ok ? row->counts : NULL);
	putc('\n', file);
}

bool results_open(struct results *results, const char *path)
{
	*results = (struct results){ 0 };
	return csv_writer_open(&results->csv, path, header);
}

void results_add(struct results *results, const struct result *row)
{
	results->rows = enlarge(results->rows, results->count + 1, sizeof(*results->rows));
	results->rows[results->count++] = *row;
	if (results->csv.file)
		put_row(results->csv.file, row);
	if (!csv_writer_flush(&results->csv) || !row->ok)
		results->failed = true;
}

bool results_close(struct results *results)
{
	bool ok = csv_writer_close(&results->csv);

	for (size_t i = 0; i < results->count; i++)
		free(results->rows[i].counts);
	free(results->rows);
	*results = (struct results){ 0 };
	return ok;
}
