/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/csv.h"

enum column {
	COLUMN_PROJECT, COLUMN_FILESYSTEM, COLUMN_RUN, COLUMN_PHASE, COLUMN_SECONDS,
	COLUMN_PERCENT, COLUMN_RSS, COLUMN_PSS, COLUMN_CACHED, COLUMN_SHMEM, COLUMN_STORED,
	COLUMN_COUNT,
};

static const char header[] = "project,filesystem,run,phase,seconds,percent,rss_bytes,pss_bytes,"
			     "cached_bytes,shmem_bytes,stored_bytes";

/* --- writing ----------------------------------------------------------- */

static void put_row(FILE *file, const struct memory_row *row)
{
	const struct memory_sample *s = &row->sample;

	csv_put_text(file, row->project);
	putc(',', file);
	csv_put_text(file, row->filesystem);
	fprintf(file, ",%u,%s,%.3f,%.2f,", row->run,
		s->phase == PHASE_MOUNT ? "" : phase_name((enum phase)s->phase), s->seconds,
		row->percent);
	if (s->has_daemon)
		fprintf(file, "%" PRId64 ",%" PRId64, s->rss, s->pss);
	else
		putc(',', file);
	fprintf(file, ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n", s->cached, s->shmem, s->stored);
}

static bool is_of(const struct results *finished, const struct memory_row *row)
{
	for (size_t i = 0; i < finished->count; i++) {
		const struct result *r = &finished->rows[i];

		if (r->run == row->run && strcmp(r->project, row->project) == 0 &&
		    strcmp(r->filesystem, row->filesystem) == 0)
			return true;
	}
	return false;
}

bool samples_open(struct samples *samples, const char *path, const struct results *finished)
{
	*samples = (struct samples){ 0 };
	if (!path)
		return true;
	if (finished && access(path, F_OK) == 0 && !samples_read(samples, path))
		return false;
	if (!csv_writer_open(&samples->csv, path, header))
		return false;
	for (size_t i = 0; i < samples->count; i++)
		if (is_of(finished, &samples->rows[i]))
			put_row(samples->csv.file, &samples->rows[i]);
	return csv_writer_flush(&samples->csv);
}

bool samples_add(struct samples *samples, const char *project, const char *filesystem,
		 unsigned run, const struct memory_sample *turn, size_t count)
{
	double whole = count ? turn[count - 1].seconds : 0;

	if (!samples->csv.file)
		return true;
	for (size_t i = 0; i < count; i++)
		put_row(samples->csv.file, &(struct memory_row){
			.project = project, .filesystem = filesystem, .run = run,
			.percent = whole > 0 ? 100 * turn[i].seconds / whole : 100,
			.sample = turn[i],
		});
	return csv_writer_flush(&samples->csv);
}

bool samples_close(struct samples *samples)
{
	bool ok = csv_writer_close(&samples->csv);

	free(samples->rows);
	text_list_free(&samples->names);
	*samples = (struct samples){ 0 };
	return ok;
}

/* --- reading ----------------------------------------------------------- */

static const char *name_of(struct samples *samples, const char *name)
{
	for (size_t i = 0; i < samples->names.count; i++)
		if (strcmp(samples->names.items[i], name) == 0)
			return samples->names.items[i];
	text_list_add(&samples->names, name);
	return samples->names.items[samples->names.count - 1];
}

static bool take_number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return *text && !*end && isfinite(*value) && fabs(*value) < 1e17;
}

static bool take_row(struct samples *samples, const struct csv_reader *csv)
{
	double values[COLUMN_COUNT] = { 0 };
	struct memory_row row = { 0 };
	const char *phase = csv->fields[COLUMN_PHASE];
	bool daemon = *csv->fields[COLUMN_RSS] != '\0';

	for (int i = COLUMN_RUN; i < COLUMN_COUNT; i++)
		if (i != COLUMN_PHASE && (daemon || (i != COLUMN_RSS && i != COLUMN_PSS)) &&
		    !take_number(csv->fields[i], &values[i]))
			return false;
	row.sample.phase = (int32_t)(*phase ? phase_by_name(phase) : PHASE_MOUNT);
	if (!text_is_printable(csv->fields[COLUMN_PROJECT]) ||
	    !text_is_printable(csv->fields[COLUMN_FILESYSTEM]))
		return false;
	if (row.sample.phase == PHASE_COUNT || values[COLUMN_RUN] < 1 || values[COLUMN_RUN] > 1e4)
		return false;
	row.project = name_of(samples, csv->fields[COLUMN_PROJECT]);
	row.filesystem = name_of(samples, csv->fields[COLUMN_FILESYSTEM]);
	row.run = (unsigned)values[COLUMN_RUN];
	row.percent = values[COLUMN_PERCENT];
	row.sample.seconds = values[COLUMN_SECONDS];
	row.sample.has_daemon = daemon;
	row.sample.rss = (int64_t)values[COLUMN_RSS];
	row.sample.pss = (int64_t)values[COLUMN_PSS];
	row.sample.cached = (int64_t)values[COLUMN_CACHED];
	row.sample.shmem = (int64_t)values[COLUMN_SHMEM];
	row.sample.stored = (int64_t)values[COLUMN_STORED];
	if (samples->count % 1024 == 0)
		samples->rows = enlarge(samples->rows, samples->count + 1024,
					sizeof(*samples->rows));
	samples->rows[samples->count++] = row;
	return true;
}

/* Is the record that has been read the header that this version writes? */
static bool is_header(const struct csv_reader *csv)
{
	const char *at = header;

	for (size_t i = 0; i < csv->count; i++) {
		size_t length = strlen(csv->fields[i]);

		if (strncmp(at, csv->fields[i], length) != 0 || !strchr(",\n", at[length]))
			return false;
		at += length + 1;
	}
	return !*at;
}

bool samples_read(struct samples *samples, const char *path)
{
	struct csv_reader csv;
	bool ok;

	*samples = (struct samples){ 0 };
	if (!csv_reader_open(&csv, path)) {
		complain("%s: %s", path, strerror(errno));
		csv_reader_close(&csv);
		return false;
	}
	ok = (csv_reader_next(&csv) && is_header(&csv)) ||
	     complain("%s: no samples of compile-workload: has other columns", path);
	while (ok && csv_reader_next(&csv) && !csv.torn)
		ok = (csv.count == COLUMN_COUNT && take_row(samples, &csv)) ||
		     complain("%s:%u: no sample", path, csv.line);
	csv_reader_close(&csv);
	return ok;
}
