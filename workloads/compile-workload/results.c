/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/text.h"

static const char header[] =
	"run,project,filesystem,phase,status,wall_s,user_s,sys_s,daemon_cpu_s,"
	"files,dirs,bytes,daemon_peak_kib\n";

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = {
		[PHASE_MOUNT] = "mount", [PHASE_CLONE] = "clone", [PHASE_STAT] = "stat",
		[PHASE_STAMP] = "stamp", [PHASE_VERIFY] = "verify", [PHASE_BUILD] = "build",
		[PHASE_STAT2] = "stat2", [PHASE_REMOVE] = "remove", [PHASE_UNMOUNT] = "unmount",
	};

	return names[phase];
}

static void put_row(FILE *file, const struct result *row)
{
	fprintf(file, "%u,", row->run);
	csv_put_text(file, row->project);
	putc(',', file);
	csv_put_text(file, row->filesystem);
	fprintf(file, ",%s,%s,", phase_name(row->phase), row->ok ? "ok" : "failed");
	if (row->ok)
		fprintf(file, "%.6f,%.6f,%.6f,", row->wall, row->user, row->sys);
	else
		fputs(",,,", file);
	if (row->ok && row->daemon_cpu >= 0)
		fprintf(file, "%.6f", row->daemon_cpu);
	putc(',', file);
	if (row->ok && row->counted)
		fprintf(file, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", row->files, row->dirs,
			row->bytes);
	else
		fputs(",,,", file);
	if (row->ok && row->daemon_peak_kib >= 0)
		fprintf(file, "%ld", row->daemon_peak_kib);
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
	free(results->rows);
	*results = (struct results){ 0 };
	return ok;
}
