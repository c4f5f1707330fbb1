/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints what recording one call costs on the operation's path, and on the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/recorder.h"

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 2000000;
	struct recorder_options options = {
		.path = "bench-record.trace", .mountpoint = "/", .command_line = "",
		.mount_options = "", .cache_mode = "always", .ring_bytes = 64u << 20,
	};
	static char names[1000][24];
	struct recorder_stats stats;
	struct recorder *rec;
	const uint32_t pid = (uint32_t)getpid(); /* once: it is a system call */
	uint64_t busy = 0;

	for (int i = 0; i < 1000; i++)
		snprintf(names[i], sizeof(names[i]), "some-source-file-%d.c", i);
	if (recorder_create(&options, &rec) < 0) {
		perror(options.path);
		return 1;
	}
	/* In bursts, as a build has them, so that the writer keeps up. */
	for (long i = 0; i < count;) {
		uint64_t start = recorder_clock();

		for (long burst = 0; burst < 10000 && i < count; burst++, i++) {
			struct trace_call call = {
				.op = TRACE_OP_LOOKUP, .node = 2, .result = (uint64_t)(i % 1000) + 3,
				.name = names[i % 1000], .pid = pid,
			};

			call.start_ns = recorder_enter(rec, call.pid, 0, 0);
			call.end_ns = call.start_ns + 5000;
			recorder_record(rec, &call);
		}
		busy += recorder_clock() - start;
		usleep(2000);
	}
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	printf("%ld events, %llu lost: %.1f ns an event on the operation's path, %.1f bytes an event on disk\n",
	       count, (unsigned long long)stats.lost, (double)busy / (double)count,
	       (double)stats.written / (double)stats.recorded);
	recorder_close(rec);
	unlink(options.path);
	return 0;
}
