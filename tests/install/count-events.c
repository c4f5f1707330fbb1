/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count-events FILE - prints how many events a trace has. Knows of memfs only what is installed. */
#include <stdio.h>

#include <memfs/trace_reader.h>

int main(int argc, char **argv)
{
	struct trace_reader *reader;
	struct trace_event event;
	unsigned long events = 0;
	const char *why;
	int result;

	if (argc != 2 || trace_open(argv[1], &reader, &why) < 0)
		return 1;
	while ((result = trace_next(reader, &event)) == 1)
		events++;
	trace_close(reader);
	printf("%lu\n", events);
	return result < 0;
}
