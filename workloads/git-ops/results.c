/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/callback_text.h"
#include "common/csv.h"
#include "common/text.h"

static const char header[] =
	"run,filesystem,command,status,wall_s,user_s,sys_s,daemon_cpu_s,callbacks,callbacks_later,"
	"detail,detail_later\n";

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
	if (row->ok && row->counts) {
		fprintf(file, "%" PRIu64 ",%" PRIu64 ",", callbacks_sum(row->counts->during),
			callbacks_sum(row->counts->later));
		callback_put(file, row->counts->during);
		putc(',', file);
		callback_put(file, row->counts->later);
	} else {
		fputs(",,,", file);
	}
	putc('\n', file);
}

static bool flushed(struct results *results)
{
	if (fflush(results->csv) == 0 && !ferror(results->csv))
		return true;
	results->failed = true;
	return complain("%s: %s", results->path, strerror(errno));
}

bool results_open(struct results *results, const char *path)
{
	*results = (struct results){ .path = path };
	if (!path)
		return true;
	results->csv = fopen(path, "we");
	if (!results->csv)
		return complain("%s: %s", path, strerror(errno));
	fputs(header, results->csv);
	return flushed(results);
}

void results_add(struct results *results, const struct result *row)
{
	results->rows = enlarge(results->rows, results->count + 1, sizeof(*results->rows));
	results->rows[results->count++] = *row;
	if (!row->ok)
		results->failed = true;
	if (results->csv) {
		put_row(results->csv, row);
		flushed(results);
	}
}

bool results_close(struct results *results)
{
	bool ok = true;

	if (results->csv && fclose(results->csv) != 0)
		ok = complain("%s: %s", results->path, strerror(errno));
	for (size_t i = 0; i < results->count; i++)
		free(results->rows[i].counts);
	free(results->rows);
	*results = (struct results){ 0 };
	return ok;
}
