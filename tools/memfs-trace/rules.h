/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules.h - the language of memfs-trace assert: text in, rules out.
 *
 *	rules    = [ rule ] { ( newline | ";" ) [ rule ] }        # begins a comment
 *	rule     = quantity operator value
 *	quantity = function "(" ops { "," filter } ")" | fact
 *	function = "count" | "errors" | "bytes" | "files" |
 *	           "total" | "mean" | "p50" | "p95" | "p99" | "max"
 *	fact     = "events" | "lost" | "skipped" | "gaps" | "complete"
 *	ops      = "*" | op { "|" op }
 *	filter   = key ( "=" | "!=" ) ( word | string )
 *	key      = "path" | "command" | "pid" | "uid" | "errno"
 *	operator = "==" | "!=" | "<" | "<=" | ">" | ">="
 *	value    = digits [ "." digits ] [ unit ] | "true" | "false"
 *	unit     = "ns" | "us" | "ms" | "s" | "m" | "h"           of times, where it must stand
 *	         | "K" | "M" | "G" | "T"                           of bytes, powers of 1024
 *	string   = '"' { character | "\" character | "\x" hex hex } '"'
 *
 * The parser keeps nothing between two calls, and touches nothing but its arguments.
 */
#ifndef MEMFS_TRACE_RULES_H
#define MEMFS_TRACE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_function {
	RULE_COUNT,
	RULE_ERRORS,
	RULE_BYTES,
	RULE_FILES,
	RULE_TOTAL,
	RULE_MEAN,
	RULE_P50,
	RULE_P95,
	RULE_P99,
	RULE_MAX,
	RULE_EVENTS, /* from here on facts: no operations, no filters */
	RULE_LOST,
	RULE_SKIPPED,
	RULE_GAPS,
	RULE_COMPLETE,
	RULE_FUNCTIONS
};

enum rule_kind { RULE_NUMBER, RULE_SIZE, RULE_TIME, RULE_TRUTH };

enum rule_operator { RULE_EQ, RULE_NE, RULE_LT, RULE_LE, RULE_GT, RULE_GE };

enum rule_key { RULE_PATH, RULE_COMMAND, RULE_PID, RULE_UID, RULE_ERRNO, RULE_KEYS };

struct rule_filter {
	enum rule_key key;
	bool negated;
	uint64_t number; /* pid, uid, errno */
	char *text;      /* path, command: a pattern; else NULL */
};

struct rule {
	enum rule_function function;
	uint64_t ops;              /* bit N: operation N */
	struct rule_filter *filters;
	size_t filter_count;
	enum rule_operator operator;
	uint64_t value;            /* bytes, ns, 0 or 1... */
	char *text;                /* the rule as it was written */
	const char *source;        /* where, as it was given to rules_parse(); not owned */
	unsigned line;             /* from 1 */
};

struct rules {
	struct rule *list;
	size_t count;
};

struct rules_error {
	unsigned line, column; /* from 1; of bytes */
	char what[160];        /* one line */
};

/*
 * Adds the rules of a text, `length` bytes without any terminator, to those that are there.
 * Returns 0; -EINVAL with *error telling what is wrong, and then none are added; or -ENOMEM.
 */
int rules_parse(struct rules *rules, const char *source, const char *text, size_t length,
		struct rules_error *error);

void rules_free(struct rules *rules);

/* What a function's values are. */
enum rule_kind rule_kind(enum rule_function function);

/* Is it a fact of the whole trace? */
static inline bool rule_is_fact(enum rule_function function)
{
	return function >= RULE_EVENTS;
}

/* Does what was found hold against the rule's value? */
bool rule_holds(const struct rule *rule, uint64_t found);

#endif
