/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <memfs/trace_reader.h>

static const char end_suffix[] = " end";

char *calls_trace_of(const char *root)
{
	char path[PATH_MAX];
	ssize_t length = getxattr(root, "memfs.trace", path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	return text_copy(path);
}

/* Which phase begins or ends with this event? PHASE_COUNT = none. */
static enum phase marked(const struct trace_event *e, bool *ends)
{
	size_t length, suffix = strlen(end_suffix);
	enum phase phase;
	char *name;

	if (e->op != TRACE_OP_SETXATTR || e->error || !e->name || !e->name2 ||
	    strcmp(e->name, "memfs.trace.mark") != 0)
		return PHASE_COUNT;
	length = strlen(e->name2);
	*ends = length > suffix && strcmp(e->name2 + length - suffix, end_suffix) == 0;
	name = text_format("%.*s", (int)(*ends ? length - suffix : length), e->name2);
	phase = phase_by_name(name);
	free(name);
	return phase;
}

static int count(struct trace_reader *reader, struct calls *calls)
{
	enum phase now = PHASE_COUNT, phase;
	struct trace_event event;
	bool ends = false;
	int more;

	while ((more = trace_next(reader, &event)) > 0) {
		phase = marked(&event, &ends);
		if (phase != PHASE_COUNT) {
			/* A build may set marks of its own, with any text: only the next one counts. */
			if (ends && phase == now) {
				calls->known[phase] = true;
				now = PHASE_COUNT;
				continue;
			}
			if (!ends && now == PHASE_COUNT && !calls->known[phase]) {
				now = phase;
				continue;
			}
		}
		if (now != PHASE_COUNT)
			calls->phases[now].calls[event.op % TRACE_OP_LIMIT]++;
	}
	return more;
}

static bool is_whole(const char *trace, const struct trace_reader *reader)
{
	struct trace_info info;

	trace_get_info(reader, &info);
	if (info.lost || info.skipped)
		return complain("%s: %" PRIu64 " events are missing: calls are not counted", trace,
				info.lost + info.skipped);
	return !info.gaps || complain("%s: is damaged: calls are not counted", trace);
}

static void take_fact(const struct trace_reader *reader, const char *key, char **fact)
{
	const char *value = trace_meta(reader, key);

	if (value && !*fact)
		*fact = text_copy(value);
}

bool calls_count(const char *trace, struct calls *calls, struct mount_facts *facts)
{
	struct trace_reader *reader;
	const char *why = "";
	bool ok;
	int err = trace_open(trace, &reader, &why);

	*calls = (struct calls){ 0 };
	if (err < 0)
		return complain("%s: %s: calls are not counted", trace, why);
	err = count(reader, calls);
	ok = err == 0 || complain("%s: %s: calls are not counted", trace, strerror(-err));
	ok = ok && is_whole(trace, reader);
	take_fact(reader, "memfs.version", &facts->version);
	take_fact(reader, "mount_options", &facts->mount_options);
	take_fact(reader, "cache", &facts->cache);
	take_fact(reader, "transport", &facts->transport);
	take_fact(reader, "protocol", &facts->protocol);
	trace_close(reader);
	return ok;
}

void mount_facts_free(struct mount_facts *facts)
{
	free(facts->version);
	free(facts->mount_options);
	free(facts->cache);
	free(facts->transport);
	free(facts->protocol);
	*facts = (struct mount_facts){ 0 };
}
