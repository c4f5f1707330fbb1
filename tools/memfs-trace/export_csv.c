/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 4180. Names are UTF-8 with escapes for what is not text; where bytes are no UTF-8 at
 * all, the column beside has them in hexadecimal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "export.h"
#include "format.h"

static const char header[] =
	"id,start_ns,duration_ns,op,error,errno,pid,comm,comm_hex,inferred,ppid,uid,gid,worker,request,"
	"path,path_hex,path2,path2_hex,name,name_hex,name2,name2_hex,"
	"node,result,fh,offset,size,done,flags,mode,node2,replaced,offset2,new_uid,new_gid,rdev,"
	"whiteout\r\n";

static bool begin(struct export *x)
{
	fputs(header, x->output.file);
	return true;
}

/* Followed by a comma; 0 also for what is not there. */
static void put_number(FILE *out, uint64_t n)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = ',';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	fwrite(at, 1, (size_t)(digits + sizeof(digits) - at), out);
}

/* Within quotes: a quote is doubled; control characters, backslashes and bytes that are no UTF-8 are escaped. */
static void put_quoted(FILE *out, const char *text)
{
	bool utf8 = name_is_utf8(text);

	putc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"')
			fputs("\"\"", out);
		else if (*p == '\\')
			fputs("\\\\", out);
		else if (*p < 0x20 || *p == 0x7f || (*p > 0x7f && !utf8))
			fprintf(out, "\\x%02x", *p);
		else
			putc(*p, out);
	}
	putc('"', out);
}

static void put_text(FILE *out, const char *text)
{
	if (text)
		put_quoted(out, text);
	putc(',', out);
}

/* Two columns. */
static void put_name(FILE *out, const char *name)
{
	put_text(out, name);
	if (name && !name_is_utf8(name)) {
		char *hex = export_memory(malloc(2 * strlen(name) + 1));

		fputs(format_hex(name, hex), out);
		free(hex);
	}
	putc(',', out);
}

static void put_process(FILE *out, const struct trace_event *e)
{
	static const struct trace_process kernel;
	const struct trace_process *p = e->process ? e->process : &kernel;

	put_number(out, p->pid);
	put_name(out, p->comm);
	put_number(out, e->inferred);
	put_number(out, p->ppid);
	put_number(out, p->uid);
	put_number(out, p->gid);
}

static void put_numbers(FILE *out, const struct trace_event *e)
{
	put_number(out, e->node);
	put_number(out, e->result);
	put_number(out, e->fh);
	put_number(out, e->offset);
	put_number(out, e->size);
	put_number(out, e->done);
	put_number(out, e->flags);
	put_number(out, e->mode);
	put_number(out, e->node2);
	put_number(out, e->replaced);
	put_number(out, e->offset2);
	put_number(out, e->new_uid);
	put_number(out, e->new_gid);
	put_number(out, e->rdev);
	fprintf(out, "%" PRIu64 "\r\n", e->whiteout);
}

static bool event(struct export *x, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	FILE *out = x->output.file;

	put_number(out, exported->id);
	put_number(out, e->start_ns);
	put_number(out, e->duration_ns);
	put_text(out, trace_op_name(x->query.reader, e->op));
	put_number(out, (uint64_t)e->error);
	put_text(out, exported->errno_name);
	put_process(out, e);
	put_number(out, e->worker);
	put_number(out, e->request);
	put_name(out, exported->path);
	put_name(out, exported->path2);
	put_name(out, e->name);
	put_name(out, e->name2);
	put_numbers(out, e);
	return true;
}

const struct export_format export_csv = {
	.name = "csv",
	.begin = begin,
	.event = event,
};
