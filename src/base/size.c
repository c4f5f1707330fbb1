/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

uint64_t size_of_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

const char *size_parse(const char *text, uint64_t whole, uint64_t *out)
{
	static const char units[] = "kmgtpe";
	unsigned long long n;
	const char *unit;
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return "needs a whole number, such as 512m or 2g";
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return "is too large";
	if (*end == '%' && !end[1] && whole) {
		if (n > 100)
			return "more than 100% of memory";
		*out = whole / 100 * n;
		return NULL;
	}
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (*end && (!unit || end[1]))
		return whole ? "the unit is one of k, m, g, t, %" : "the unit is one of k, m, g, t";
	for (const char *u = units; unit && u <= unit; u++) {
		if (n > UINT64_MAX / 1024)
			return "is too large";
		n *= 1024;
	}
	*out = n;
	return NULL;
}
