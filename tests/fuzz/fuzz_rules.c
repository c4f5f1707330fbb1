/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_rules.c - the rules of memfs-trace assert.
 *
 * The input is a text of rules. Either it is refused, with one line that can be printed about a place that is
 * in the text, and adds nothing; or each rule that was taken says what was written: its own text, and the
 * same said in full, mean the same rule.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <memfs/trace_ops.h>

#include "fuzz.h"
#include "memfs-trace/rules.h"

static const char *const functions[RULE_FUNCTIONS] = {
	"count", "errors", "bytes", "files", "total", "mean", "p50", "p95", "p99", "max",
	"events", "lost", "skipped", "gaps", "complete",
};
static const char *const keys[RULE_KEYS] = { "path", "command", "pid", "uid", "errno" };
static const char *const operators[] = { "==", "!=", "<", "<=", ">", ">=" };

/* --- refusals ------------------------------------------------------------------ */

/* The line of a text; its length without the newline in *length. NULL = there is none. */
static const char *line_of(const char *text, size_t size, unsigned line, size_t *length)
{
	const char *end = text + size, *newline;

	while (--line) {
		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			return NULL;
		text = newline + 1;
	}
	newline = memchr(text, '\n', (size_t)(end - text));
	*length = (size_t)((newline ? newline : end) - text);
	return text;
}

static void check_refusal(const struct rules_error *error, const char *text, size_t size)
{
	size_t length;

	fuzz_check(error->line >= 1 && line_of(text, size, error->line, &length), "an error on no line");
	fuzz_check(error->column >= 1 && error->column <= length + 1, "an error beside its line");
	fuzz_check(error->what[0] && memchr(error->what, '\0', sizeof(error->what)),
		   "refused without a word");
	for (const char *c = error->what; *c; c++)
		fuzz_check(!iscntrl((unsigned char)*c), "control characters in a message");
}

/* --- rules --------------------------------------------------------------------- */

static void check_filter(const struct rule_filter *f)
{
	bool is_text = f->key == RULE_PATH || f->key == RULE_COMMAND;

	fuzz_check(f->key < RULE_KEYS, "no such filter");
	fuzz_check(is_text == (f->text != NULL), "a text that should be a number, or none");
	fuzz_check(f->number <= UINT32_MAX, "a number out of its limits");
}

/* Of what was found and the rule's value one is less, or they are the same: the operators must agree. */
static void check_holds(const struct rule *rule, uint64_t found)
{
	bool holds[RULE_GE + 1];
	struct rule r = *rule;

	for (int operator = RULE_EQ; operator <= RULE_GE; operator++) {
		r.operator = (enum rule_operator)operator;
		holds[operator] = rule_holds(&r, found);
	}
	fuzz_check(holds[RULE_EQ] + holds[RULE_LT] + holds[RULE_GT] == 1, "neither less, nor more, nor same");
	fuzz_check(holds[RULE_NE] == !holds[RULE_EQ] && holds[RULE_LE] == !holds[RULE_GT] &&
		   holds[RULE_GE] == !holds[RULE_LT], "an operator and its opposite");
	fuzz_check(holds[RULE_EQ] == (found == rule->value), "the same, and not the same");
}

static void check_rule(const struct rule *r, const char *text, size_t size)
{
	size_t length;
	const char *line = line_of(text, size, r->line, &length);

	fuzz_check(r->function < RULE_FUNCTIONS && r->operator <= RULE_GE, "no such function or operator");
	fuzz_check(line && r->text && memmem(line, length, r->text, strlen(r->text)),
		   "a rule that is not on its line");
	fuzz_check(rule_is_fact(r->function) ? !r->ops && !r->filter_count : r->ops != 0,
		   "a fact with operations, or a function without");
	fuzz_check(rule_kind(r->function) != RULE_TRUTH || r->value <= 1, "neither true nor false");
	for (size_t i = 0; i < r->filter_count; i++)
		check_filter(&r->filters[i]);
	check_holds(r, r->value);
	check_holds(r, r->value - 1);
	check_holds(r, r->value + 1);
}

/* --- the same again ------------------------------------------------------------ */

static void print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (isprint((unsigned char)*text))
			fputc(*text, out);
		else
			fprintf(out, "\\x%02X", (unsigned char)*text);
	}
	fputc('"', out);
}

static void print_ops(FILE *out, uint64_t ops)
{
	const char *between = "";

	if (ops == UINT64_MAX) {
		fputc('*', out);
		return;
	}
#define X(constant, opcode, name) \
	if (ops & (uint64_t)1 << (opcode)) { \
		fprintf(out, "%s%s", between, name); \
		ops &= ~((uint64_t)1 << (opcode)); \
		between = " | "; \
	}
	TRACE_OPS(X)
#undef X
	fuzz_check(ops == 0, "operations that have no name");
}

static void print_filter(FILE *out, const struct rule_filter *f)
{
	fprintf(out, ", %s %s ", keys[f->key], f->negated ? "!=" : "=");
	if (f->text)
		print_string(out, f->text);
	else
		fprintf(out, "%" PRIu64, f->number);
}

/* In full: strings quoted, times in ns. */
static void print_rule(FILE *out, const struct rule *r)
{
	enum rule_kind kind = rule_kind(r->function);

	fputs(functions[r->function], out);
	if (!rule_is_fact(r->function)) {
		fputs(" ( ", out);
		print_ops(out, r->ops);
		for (size_t i = 0; i < r->filter_count; i++)
			print_filter(out, &r->filters[i]);
		fputs(" ) ", out);
	}
	fprintf(out, " %s ", operators[r->operator]);
	if (kind == RULE_TRUTH)
		fputs(r->value ? "true" : "false", out);
	else
		fprintf(out, "%" PRIu64 "%s", r->value, kind == RULE_TIME ? "ns" : "");
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	bool same = a->function == b->function && a->ops == b->ops && a->operator == b->operator &&
		    a->value == b->value && a->filter_count == b->filter_count;

	for (size_t i = 0; same && i < a->filter_count; i++) {
		const struct rule_filter *f = &a->filters[i], *g = &b->filters[i];

		same = f->key == g->key && f->negated == g->negated && f->number == g->number &&
		       (f->text ? g->text && strcmp(f->text, g->text) == 0 : !g->text);
	}
	return same;
}

/* A text that is this one rule and no other. */
static void check_means(const char *text, const struct rule *r)
{
	struct rules again = { 0 };
	struct rules_error error;

	fuzz_check(rules_parse(&again, "again", text, strlen(text), &error) == 0, text);
	fuzz_check(again.count == 1 && is_same(&again.list[0], r), text);
	rules_free(&again);
}

static void check_again(const struct rule *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fuzz_check(out, "no memory");
	print_rule(out, r);
	fclose(out);
	check_means(text, r);
	check_means(r->text, r);
	free(text);
}

/* Rules are added to those that are there; a text with an error adds none. */
static void check_adding(struct rules *rules, const char *text, size_t size)
{
	static const char broken[] = "lost == 0; count(nonsense) == 1";
	struct rules_error error;
	size_t count = rules->count;

	fuzz_check(rules_parse(rules, "twice", text, size, &error) == 0, "taken, and then refused");
	fuzz_check(rules->count == 2 * count, "another number of rules the second time");
	for (size_t i = 0; i < count; i++)
		fuzz_check(is_same(&rules->list[i], &rules->list[count + i]), "other rules the second time");
	fuzz_check(rules_parse(rules, "broken", broken, sizeof(broken) - 1, &error) == -EINVAL &&
		   rules->count == 2 * count, "a text with an error has added something");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct rules_error error = { 0 };
	struct rules rules = { 0 };
	int err = rules_parse(&rules, "input", text, size, &error);

	fuzz_check(err == 0 || err == -EINVAL, "another error than the language has");
	if (err) {
		fuzz_check(rules.count == 0, "refused, and taken in part");
		check_refusal(&error, text, size);
	} else {
		for (size_t i = 0; i < rules.count; i++) {
			check_rule(&rules.list[i], text, size);
			check_again(&rules.list[i]);
		}
		check_adding(&rules, text, size);
	}
	rules_free(&rules);
	return 0;
}
