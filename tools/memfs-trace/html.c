/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html.h"

#include <string.h>

#include "format.h"

/*
 * Length of a character that must not be shown as it is, 0 = there is none at p: U+0080 to U+009F are
 * control characters, U+200E, U+200F, U+2028 to U+202E and U+2066 to U+2069 rearrange what stands around them.
 */
static size_t hidden_length(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] < 0xa0)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 &&
	    (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

void html_text(FILE *out, const char *text)
{
	bool utf8 = name_is_utf8(text);

	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t hidden = utf8 ? hidden_length(p) : *p < 0x20 || *p >= 0x7f;

		if (hidden) {
			while (hidden--)
				fprintf(out, "\\x%02x", *p++);
			continue;
		}
		switch (*p) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: putc(*p, out); break;
		}
		p++;
	}
}
