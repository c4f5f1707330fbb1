/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/csv.h"
#include "common/text.h"

enum column {
	COLUMN_RUN, COLUMN_PROJECT, COLUMN_FILESYSTEM, COLUMN_PHASE, COLUMN_STATUS, COLUMN_WALL,
	COLUMN_USER, COLUMN_SYS, COLUMN_DAEMON_CPU, COLUMN_FILES, COLUMN_DIRS, COLUMN_BYTES,
	COLUMN_DAEMON_PEAK, COLUMN_CALLS, COLUMN_COUNT,
};

static const char *const columns[COLUMN_COUNT] = {
	[COLUMN_RUN] = "run", [COLUMN_PROJECT] = "project", [COLUMN_FILESYSTEM] = "filesystem",
	[COLUMN_PHASE] = "phase", [COLUMN_STATUS] = "status", [COLUMN_WALL] = "wall_s",
	[COLUMN_USER] = "user_s", [COLUMN_SYS] = "sys_s", [COLUMN_DAEMON_CPU] = "daemon_cpu_s",
	[COLUMN_FILES] = "files", [COLUMN_DIRS] = "dirs", [COLUMN_BYTES] = "bytes",
	[COLUMN_DAEMON_PEAK] = "daemon_peak_kib", [COLUMN_CALLS] = "calls",
};

#define COLUMNS_NEEDED COLUMN_USER /* the ones before it; a file without them is none of ours */

static const char *const phases[PHASE_COUNT] = {
	[PHASE_MOUNT] = "mount", [PHASE_CLONE] = "clone", [PHASE_STAT] = "stat",
	[PHASE_STAMP] = "stamp", [PHASE_VERIFY] = "verify", [PHASE_BUILD] = "build",
	[PHASE_STAT2] = "stat2", [PHASE_REMOVE] = "remove", [PHASE_UNMOUNT] = "unmount",
};

const char *phase_name(enum phase phase)
{
	return phases[phase];
}

enum phase phase_by_name(const char *name)
{
	int phase = 0;

	while (phase < PHASE_COUNT && strcmp(phases[phase], name) != 0)
		phase++;
	return (enum phase)phase;
}

/* --- rows -------------------------------------------------------------- */

const char *results_name(struct results *results, const char *name)
{
	for (size_t i = 0; i < results->names.count; i++)
		if (strcmp(results->names.items[i], name) == 0)
			return results->names.items[i];
	text_list_add(&results->names, name);
	return results->names.items[results->names.count - 1];
}

void results_add(struct results *results, const struct result *row)
{
	results->rows = enlarge(results->rows, results->count + 1, sizeof(*results->rows));
	results->rows[results->count++] = *row;
	if (!row->ok)
		results->failed = true;
}

void results_set_operations(struct results *results, size_t row,
			    const struct operations *operations)
{
	struct result *r = &results->rows[row];

	free(r->operations);
	r->operations = zalloc(1, sizeof(*r->operations));
	*r->operations = *operations;
	r->calls = 0;
	for (int op = 0; op < TRACE_OP_LIMIT; op++)
		r->calls += (int64_t)operations->calls[op];
}

void results_forget(struct results *results)
{
	while (results->count > results->written)
		free(results->rows[--results->count].operations);
}

void results_keep(struct results *results, const bool *wanted)
{
	size_t kept = 0;

	results->failed = false;
	for (size_t i = 0; i < results->count; i++) {
		if (!wanted[i]) {
			free(results->rows[i].operations);
			continue;
		}
		results->failed = results->failed || !results->rows[i].ok;
		results->rows[kept++] = results->rows[i];
	}
	results->count = kept;
}

/* --- writing ----------------------------------------------------------- */

static void put_row(FILE *file, const struct result *row)
{
	fprintf(file, "%u,", row->run);
	csv_put_text(file, row->project);
	putc(',', file);
	csv_put_text(file, row->filesystem);
	fprintf(file, ",%s,%s,", phase_name(row->phase), row->ok ? "ok" : "failed");
	if (!row->ok) {
		fputs(",,,,,,,,\n", file);
		return;
	}
	fprintf(file, "%.6f,%.6f,%.6f,", row->wall, row->user, row->sys);
	if (row->daemon_cpu >= 0)
		fprintf(file, "%.6f", row->daemon_cpu);
	putc(',', file);
	if (row->counted)
		fprintf(file, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", row->files, row->dirs,
			row->bytes);
	else
		fputs(",,,", file);
	if (row->daemon_peak_kib >= 0)
		fprintf(file, "%ld", row->daemon_peak_kib);
	putc(',', file);
	if (row->calls >= 0)
		fprintf(file, "%" PRId64, row->calls);
	putc('\n', file);
}

void results_write(struct results *results)
{
	if (!results->csv) {
		results->written = results->count;
		return;
	}
	for (; results->written < results->count; results->written++)
		put_row(results->csv, &results->rows[results->written]);
	/* To the disk: hours of work are to be there also when the machine goes down. */
	if (fflush(results->csv) == 0 && !ferror(results->csv) &&
	    (fdatasync(fileno(results->csv)) == 0 || errno == EINVAL || errno == EROFS))
		return;
	results->failed = true;
	complain("%s: %s", results->path, strerror(errno));
}

bool results_is_plain(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

char *results_beside(const char *path, const char *suffix)
{
	size_t length = strlen(path);

	if (length > 4 && strcmp(path + length - 4, ".csv") == 0)
		length -= 4;
	return text_format("%.*s%s", (int)length, path, suffix);
}

bool results_open(struct results *results, const char *path)
{
	char *new_path;
	bool ok = true;

	results->path = path;
	results->written = 0;
	if (!path) {
		results->written = results->count;
		return true;
	}
	new_path = results_is_plain(path) ? text_format("%s.new", path) : text_copy(path);
	results->csv = fopen(new_path, "we");
	if (!results->csv)
		ok = complain("%s: %s", path, strerror(errno));
	for (int i = 0; ok && i < COLUMN_COUNT; i++)
		fprintf(results->csv, "%s%c", columns[i], i + 1 < COLUMN_COUNT ? ',' : '\n');
	if (ok)
		results_write(results);
	ok = ok && !results->failed;
	/* What was measured before is either in the old file or in the new one, at each moment. */
	if (ok && results_is_plain(path) && rename(new_path, path) < 0)
		ok = complain("%s: %s", path, strerror(errno));
	if (!ok && results->csv && results_is_plain(path))
		unlink(new_path);
	free(new_path);
	return ok;
}

bool results_close(struct results *results)
{
	bool ok = true;

	if (results->csv && fclose(results->csv) != 0)
		ok = complain("%s: %s", results->path, strerror(errno));
	for (size_t i = 0; i < results->count; i++)
		free(results->rows[i].operations);
	free(results->rows);
	text_list_free(&results->names);
	*results = (struct results){ 0 };
	return ok;
}

/* --- reading ----------------------------------------------------------- */

struct reading {
	struct csv_reader csv;
	const char *path;
	int where[COLUMN_COUNT]; /* the field of each column; negative = not there */
};

static const char *field(const struct reading *r, enum column column)
{
	int at = r->where[column];

	return at >= 0 && (size_t)at < r->csv.count ? r->csv.fields[at] : "";
}

/* A number that is not negative; -1 = empty, -2 = none. */
static double number(const struct reading *r, enum column column)
{
	const char *text = field(r, column);
	char *end;
	double value;

	if (!*text)
		return -1;
	value = strtod(text, &end);
	return *end || !isfinite(value) || value < 0 || value > 1e15 ? -2 : value;
}

static bool wrong(const struct reading *r, const char *what)
{
	return complain("%s:%u: %s", r->path, r->csv.line, what);
}

static bool read_header(struct reading *r, bool to_go_on)
{
	bool same;

	if (!csv_reader_next(&r->csv))
		return complain("%s: is empty", r->path);
	same = r->csv.count == COLUMN_COUNT && !r->csv.torn;
	for (int i = 0; i < COLUMN_COUNT; i++) {
		r->where[i] = csv_reader_column(&r->csv, columns[i]);
		if (r->where[i] < 0 && i < COLUMNS_NEEDED)
			return complain("%s: no results of compile-workload: has no column '%s'",
					r->path, columns[i]);
		same = same && r->where[i] == i;
	}
	return same || !to_go_on ||
	       complain("%s: has other columns than this version writes", r->path);
}

static bool has_numbers(const struct reading *r, struct result *row)
{
	for (int i = COLUMN_WALL; i < COLUMN_COUNT; i++)
		if (number(r, (enum column)i) <= -2)
			return false;
	row->wall = number(r, COLUMN_WALL);
	row->user = number(r, COLUMN_USER);
	row->sys = number(r, COLUMN_SYS);
	row->daemon_cpu = number(r, COLUMN_DAEMON_CPU);
	row->daemon_peak_kib = (long)number(r, COLUMN_DAEMON_PEAK);
	row->calls = (int64_t)number(r, COLUMN_CALLS);
	row->counted = number(r, COLUMN_BYTES) >= 0;
	if (row->counted) {
		row->files = (uint64_t)fmax(0, number(r, COLUMN_FILES));
		row->dirs = (uint64_t)fmax(0, number(r, COLUMN_DIRS));
		row->bytes = (uint64_t)number(r, COLUMN_BYTES);
	}
	return !row->ok || row->wall >= 0;
}

static bool read_row(struct results *results, const struct reading *r)
{
	const char *status = field(r, COLUMN_STATUS);
	double run = number(r, COLUMN_RUN);
	struct result row = {
		.phase = phase_by_name(field(r, COLUMN_PHASE)), .ok = strcmp(status, "ok") == 0,
	};

	if (run < 1 || run > 10000)
		return wrong(r, "no number of a run");
	if (!*field(r, COLUMN_PROJECT) || !*field(r, COLUMN_FILESYSTEM))
		return wrong(r, "no project or no filesystem");
	if (!text_is_printable(field(r, COLUMN_PROJECT)) ||
	    !text_is_printable(field(r, COLUMN_FILESYSTEM)))
		return wrong(r, "control characters in a name");
	if (row.phase == PHASE_COUNT)
		return wrong(r, "no phase of that name");
	if (!row.ok && strcmp(status, "failed") != 0)
		return wrong(r, "the status is neither 'ok' nor 'failed'");
	if (!has_numbers(r, &row))
		return wrong(r, "a value is no number");
	row.run = (unsigned)run;
	row.project = results_name(results, field(r, COLUMN_PROJECT));
	row.filesystem = results_name(results, field(r, COLUMN_FILESYSTEM));
	results_add(results, &row);
	return true;
}

bool results_read(struct results *results, const char *path, bool to_go_on)
{
	struct reading r = { .path = path };
	bool ok = csv_reader_open(&r.csv, path);

	if (!ok)
		complain("%s: %s", path, strerror(errno));
	ok = ok && read_header(&r, to_go_on);
	while (ok && csv_reader_next(&r.csv)) {
		size_t wanted = (size_t)r.where[COLUMN_WALL];

		if (r.csv.torn && to_go_on)
			break;
		ok = r.csv.count > wanted || wrong(&r, "a line with too few fields");
		ok = ok && read_row(results, &r);
	}
	csv_reader_close(&r.csv);
	return ok;
}
