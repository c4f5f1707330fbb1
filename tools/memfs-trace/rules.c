/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memfs/trace_ops.h>

#include "format.h"

struct parser {
	const char *at, *end;
	const char *line_start;
	unsigned line;
	int err;                  /* the first one; nothing goes on after it */
	struct rules_error *error;
};

static const struct {
	const char *name;
	enum rule_kind kind;
} functions[RULE_FUNCTIONS] = {
	[RULE_COUNT] = { "count", RULE_NUMBER }, [RULE_ERRORS] = { "errors", RULE_NUMBER },
	[RULE_BYTES] = { "bytes", RULE_SIZE }, [RULE_FILES] = { "files", RULE_NUMBER },
	[RULE_TOTAL] = { "total", RULE_TIME }, [RULE_MEAN] = { "mean", RULE_TIME },
	[RULE_P50] = { "p50", RULE_TIME }, [RULE_P95] = { "p95", RULE_TIME },
	[RULE_P99] = { "p99", RULE_TIME }, [RULE_MAX] = { "max", RULE_TIME },
	[RULE_EVENTS] = { "events", RULE_NUMBER }, [RULE_LOST] = { "lost", RULE_NUMBER },
	[RULE_SKIPPED] = { "skipped", RULE_NUMBER }, [RULE_GAPS] = { "gaps", RULE_NUMBER },
	[RULE_COMPLETE] = { "complete", RULE_TRUTH },
};

static const char *const keys[RULE_KEYS] = {
	[RULE_PATH] = "path", [RULE_COMMAND] = "command", [RULE_PID] = "pid",
	[RULE_UID] = "uid", [RULE_ERRNO] = "errno",
};

enum rule_kind rule_kind(enum rule_function function)
{
	return functions[function].kind;
}

bool rule_holds(const struct rule *rule, uint64_t found)
{
	switch (rule->operator) {
	case RULE_EQ: return found == rule->value;
	case RULE_NE: return found != rule->value;
	case RULE_LT: return found < rule->value;
	case RULE_LE: return found <= rule->value;
	case RULE_GT: return found > rule->value;
	case RULE_GE: return found >= rule->value;
	}
	return false;
}

/* --- errors ------------------------------------------------------------------ */

/* Notes the first error, at a place of the text. */
static void __attribute__((format(printf, 3, 4)))
fail(struct parser *p, const char *where, const char *format, ...)
{
	va_list arguments;

	if (p->err)
		return;
	p->err = -EINVAL;
	p->error->line = p->line;
	p->error->column = (unsigned)(where - p->line_start) + 1;
	va_start(arguments, format);
	vsnprintf(p->error->what, sizeof(p->error->what), format, arguments);
	va_end(arguments);
}

static void fail_memory(struct parser *p)
{
	if (!p->err)
		p->err = -ENOMEM;
}

/* --- words ------------------------------------------------------------------- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
	if (p->at < p->end && *p->at == '#')
		while (p->at < p->end && *p->at != '\n')
			p->at++;
}

/* The word that stands next, its length 0 if none does. */
static const char *take_word(struct parser *p, size_t *length)
{
	const char *word;

	skip_blanks(p);
	word = p->at;
	while (p->at < p->end && is_word(*p->at))
		p->at++;
	*length = (size_t)(p->at - word);
	return word;
}

static bool is_same(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

static bool take(struct parser *p, const char *token)
{
	size_t length = strlen(token);

	skip_blanks(p);
	if ((size_t)(p->end - p->at) < length || memcmp(p->at, token, length) != 0)
		return false;
	p->at += length;
	return true;
}

static void need(struct parser *p, const char *token)
{
	if (!p->err && !take(p, token))
		fail(p, p->at, "'%s' is missing", token);
}

/* How much of a word a message shows. */
static int shown(size_t length)
{
	return length < 40 ? (int)length : 40;
}

/* --- strings ----------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands behind a backslash. */
static char take_escape(struct parser *p)
{
	const char *where = p->at - 1;
	char c = p->at < p->end ? *p->at++ : '\n';
	int byte;

	switch (c) {
	case '"': case '\\': return c;
	case 'n': return '\n';
	case 't': return '\t';
	case 'x':
		byte = p->end - p->at < 2 || hex_digit(p->at[0]) < 0 || hex_digit(p->at[1]) < 0 ?
		       0 : hex_digit(p->at[0]) << 4 | hex_digit(p->at[1]);
		p->at += byte ? 2 : 0;
		if (byte)
			return (char)byte;
		break;
	/* A pattern keeps what takes away the meaning of the character behind. */
	case '*': case '?': case '[': case ']':
		p->at--;
		return '\\';
	default:
		break;
	}
	fail(p, where, "there is no such escape");
	return '?';
}

/* Behind the opening quote. Owned by the caller; NULL after an error. */
static char *take_string(struct parser *p)
{
	const char *start = p->at - 1;
	char *text = malloc((size_t)(p->end - p->at) + 1);
	size_t length = 0;

	if (!text)
		fail_memory(p);
	while (!p->err && p->at < p->end && *p->at != '"' && *p->at != '\n' && *p->at) {
		char c = *p->at++;

		text[length++] = c == '\\' ? take_escape(p) : c;
	}
	if (!p->err && (p->at == p->end || *p->at != '"'))
		fail(p, start, "the string does not end on this line");
	if (p->err) {
		free(text);
		return NULL;
	}
	p->at++;
	text[length] = '\0';
	return text;
}

static char *take_text(struct parser *p)
{
	const char *word;
	size_t length;
	char *text;

	if (p->err)
		return NULL;
	if (take(p, "\""))
		return take_string(p);
	word = take_word(p, &length);
	if (!length) {
		fail(p, p->at, "a value is missing");
		return NULL;
	}
	text = strndup(word, length);
	if (!text)
		fail_memory(p);
	return text;
}

/* --- operations and filters --------------------------------------------------- */

static int find_operation(const char *word, size_t length)
{
#define X(constant, opcode, name) \
	if (is_same(word, length, name)) \
		return opcode;
	TRACE_OPS(X)
#undef X
	return -1;
}

static uint64_t take_ops(struct parser *p)
{
	uint64_t ops = 0;

	if (take(p, "*"))
		return UINT64_MAX;
	do {
		size_t length;
		const char *word = take_word(p, &length);
		int op = find_operation(word, length);

		if (!length)
			fail(p, p->at, "an operation is missing; * means all");
		else if (op < 0)
			fail(p, word, "%.*s: no such operation", shown(length), word);
		else
			ops |= (uint64_t)1 << op;
	} while (!p->err && take(p, "|"));
	return ops;
}

static void set_filter(struct parser *p, struct rule_filter *f, const char *where, char *text)
{
	int error;

	if (f->key == RULE_PATH || f->key == RULE_COMMAND) {
		f->text = text;
		return;
	}
	if (f->key == RULE_ERRNO) {
		error = parse_errno(text, strlen(text));
		f->number = error < 0 ? 0 : (uint64_t)error;
		if (error < 0)
			fail(p, where, "no such errno");
	} else if (!parse_number(text, UINT32_MAX, &f->number)) {
		fail(p, where, "%s must be a number", keys[f->key]);
	}
	free(text);
}

static void take_filter(struct parser *p, struct rule *rule)
{
	struct rule_filter *bigger, f = { .key = RULE_PATH };
	const char *word, *where;
	size_t length;
	char *text;

	word = take_word(p, &length);
	while (f.key < RULE_KEYS && !is_same(word, length, keys[f.key]))
		f.key++;
	if (f.key == RULE_KEYS) {
		fail(p, word, "a filter is one of path, command, pid, uid, errno");
		return;
	}
	f.negated = take(p, "!=");
	if (!f.negated)
		need(p, "=");
	skip_blanks(p);
	where = p->at;
	text = take_text(p);
	if (!text)
		return;
	set_filter(p, &f, where, text);
	bigger = realloc(rule->filters, (rule->filter_count + 1) * sizeof(*bigger));
	if (!bigger) {
		fail_memory(p);
		free(f.text);
		return;
	}
	rule->filters = bigger;
	rule->filters[rule->filter_count++] = f;
}

/* --- comparisons --------------------------------------------------------------- */

static void take_operator(struct parser *p, struct rule *rule)
{
	static const struct {
		const char *token;
		enum rule_operator operator;
	} operators[] = { /* the longer ones first */
		{ "==", RULE_EQ }, { "!=", RULE_NE }, { "<=", RULE_LE },
		{ ">=", RULE_GE }, { "<", RULE_LT }, { ">", RULE_GT },
	};

	if (p->err)
		return;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (take(p, operators[i].token)) {
			rule->operator = operators[i].operator;
			return;
		}
	}
	fail(p, p->at, "one of == != < <= > >= is missing");
}

/* By how much a unit multiplies; 0 = it is none of this kind. */
static uint64_t unit_of(enum rule_kind kind, const char *unit, size_t length)
{
	static const struct {
		enum rule_kind kind;
		const char *name;
		uint64_t factor;
	} units[] = {
		{ RULE_NUMBER, "", 1 }, { RULE_SIZE, "", 1 }, { RULE_SIZE, "K", 1u << 10 },
		{ RULE_SIZE, "M", 1u << 20 }, { RULE_SIZE, "G", 1u << 30 },
		{ RULE_SIZE, "T", (uint64_t)1 << 40 }, { RULE_TIME, "ns", 1 },
		{ RULE_TIME, "us", 1000 }, { RULE_TIME, "ms", 1000000 },
		{ RULE_TIME, "s", 1000000000 }, { RULE_TIME, "m", 60000000000 },
		{ RULE_TIME, "h", 3600000000000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].kind == kind && is_same(unit, length, units[i].name))
			return units[i].factor;
	return 0;
}

/* Digits behind the point, as a share of the unit; what is smaller than one is let go. */
static uint64_t take_fraction(struct parser *p, const char *digits, const char *end, uint64_t unit)
{
	double share = 0, weight = 0.1;

	if (digits == end)
		fail(p, digits, "digits are missing behind the point");
	if (unit == 1)
		fail(p, digits - 1, "that is no whole number");
	for (; digits < end; digits++, weight /= 10)
		share += weight * (*digits - '0');
	return (uint64_t)(share * (double)unit + 0.5);
}

static const char *take_digits(struct parser *p)
{
	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return p->at;
}

static uint64_t take_number(struct parser *p, enum rule_kind kind)
{
	const char *start = p->at, *end = take_digits(p), *fraction = NULL, *fraction_end, *unit;
	uint64_t whole = 0, factor, rest = 0;
	bool fits = true;
	size_t length;

	if (p->at < p->end && *p->at == '.') {
		fraction = ++p->at;
		take_digits(p);
	}
	fraction_end = p->at;
	for (unit = p->at; p->at < p->end && is_word(*p->at); p->at++)
		;
	length = (size_t)(p->at - unit);
	for (const char *c = start; c < end; c++)
		fits = fits && !__builtin_mul_overflow(whole, 10u, &whole) &&
		       !__builtin_add_overflow(whole, (uint64_t)(*c - '0'), &whole);
	factor = unit_of(kind, unit, length);
	if (!factor && kind == RULE_TIME && !length && !whole && !fraction)
		factor = 1; /* nothing is nothing in any unit */
	if (!factor)
		fail(p, unit, kind == RULE_TIME ? "a time ends in ns, us, ms, s, m or h" :
		     kind == RULE_SIZE ? "bytes may end in K, M, G or T" : "a count has no unit");
	if (fraction && factor)
		rest = take_fraction(p, fraction, fraction_end, factor);
	if (!fits || __builtin_mul_overflow(whole, factor, &whole) ||
	    __builtin_add_overflow(whole, rest, &whole))
		fail(p, start, "the number is too big");
	return whole;
}

static void take_value(struct parser *p, struct rule *rule)
{
	enum rule_kind kind = rule_kind(rule->function);
	const char *where, *word;
	size_t length;

	if (p->err)
		return;
	skip_blanks(p);
	where = p->at;
	if (kind != RULE_TRUTH && p->at < p->end && *p->at >= '0' && *p->at <= '9') {
		rule->value = take_number(p, kind);
		return;
	}
	word = take_word(p, &length);
	if (kind != RULE_TRUTH)
		fail(p, where, "a number is missing");
	else if (is_same(word, length, "true") || is_same(word, length, "1"))
		rule->value = 1;
	else if (!is_same(word, length, "false") && !is_same(word, length, "0"))
		fail(p, where, "true or false is missing");
}

/* --- rules --------------------------------------------------------------------- */

static void free_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->filter_count; i++)
		free(rule->filters[i].text);
	free(rule->filters);
	free(rule->text);
}

static void take_rule(struct parser *p, struct rule *rule)
{
	const char *start = p->at, *word;
	size_t length;

	rule->line = p->line;
	word = take_word(p, &length);
	while (rule->function < RULE_FUNCTIONS &&
	       !is_same(word, length, functions[rule->function].name))
		rule->function++;
	if (rule->function == RULE_FUNCTIONS) {
		fail(p, word, length ? "%.*s: no such function" : "a function is missing",
		     shown(length), word);
		return;
	}
	if (!rule_is_fact(rule->function)) {
		need(p, "(");
		if (!p->err)
			rule->ops = take_ops(p);
		while (!p->err && take(p, ","))
			take_filter(p, rule);
		need(p, ")");
	}
	take_operator(p, rule);
	take_value(p, rule);
	rule->text = p->err ? NULL : strndup(start, (size_t)(p->at - start));
	if (!rule->text)
		fail_memory(p);
}

static void add_rule(struct parser *p, struct rules *rules, const char *source)
{
	struct rule *bigger = realloc(rules->list, (rules->count + 1) * sizeof(*bigger));

	if (!bigger) {
		fail_memory(p);
		return;
	}
	rules->list = bigger;
	rules->list[rules->count] = (struct rule){ .source = source };
	take_rule(p, &rules->list[rules->count++]);
}

int rules_parse(struct rules *rules, const char *source, const char *text, size_t length,
		struct rules_error *error)
{
	struct parser p = {
		.at = text, .end = text + length, .line_start = text, .line = 1, .error = error,
	};
	size_t before = rules->count;

	while (!p.err) {
		skip_blanks(&p);
		if (p.at == p.end)
			break;
		if (*p.at == ';') {
			p.at++;
		} else if (*p.at == '\n') {
			p.line_start = ++p.at;
			p.line++;
		} else {
			add_rule(&p, rules, source);
			skip_blanks(&p);
			if (p.at < p.end && *p.at != ';' && *p.at != '\n')
				fail(&p, p.at, "the rule should end here");
		}
	}
	while (p.err && rules->count > before)
		free_rule(&rules->list[--rules->count]);
	return p.err;
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free_rule(&rules->list[i]);
	free(rules->list);
	*rules = (struct rules){ 0 };
}
