/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "marker.h"

#define KIB(n) ((size_t)(n) << 10)
#define ALIGNMENT 4096

#define EDITED "edited\n"

/* A chunk size with each way of calling fsync(2). */
#define CHUNKS(label, bytes) \
	{ .name = "write-" label, .what = "write(2) of " #bytes " bytes at a time", \
	  .write = write_chunks, .flags = O_TRUNC, .chunk = (bytes) }, \
	{ .name = "write-" label "-fsync", .what = "the same, fsync(2) before close(2)", \
	  .write = write_chunks, .flags = O_TRUNC, .chunk = (bytes), .sync = SYNC_END }, \
	{ .name = "write-" label "-fsync-each", .what = "the same, fsync(2) after each write", \
	  .write = write_chunks, .flags = O_TRUNC, .chunk = (bytes), .sync = SYNC_EACH }

const struct method methods[] = {
	{ .name = "whole", .what = "all in one write(2)", .write = write_chunks,
	  .flags = O_TRUNC },
	{ .name = "whole-fsync", .what = "the same, then fsync(2)", .write = write_chunks,
	  .flags = O_TRUNC, .sync = SYNC_END },
	CHUNKS("4107", 4107),
	CHUNKS("64k", 65536),
	CHUNKS("512k", 524288),
	CHUNKS("1m", 1048576),
	{ .name = "fdatasync", .what = "write(2) of 64 KiB at a time, then fdatasync(2)",
	  .write = write_chunks, .flags = O_TRUNC, .chunk = KIB(64), .sync = SYNC_DATA },
	{ .name = "stdio", .what = "fwrite(3) of 4107 bytes at a time", .write = write_stdio },
	{ .name = "o_sync", .what = "write(2) of 64 KiB at a time with O_SYNC",
	  .write = write_chunks, .flags = O_TRUNC | O_SYNC, .chunk = KIB(64) },
	{ .name = "o_dsync", .what = "write(2) of 64 KiB at a time with O_DSYNC",
	  .write = write_chunks, .flags = O_TRUNC | O_DSYNC, .chunk = KIB(64) },
	{ .name = "o_direct", .what = "write(2) of 64 KiB at a time with O_DIRECT",
	  .write = write_chunks, .flags = O_TRUNC | O_DIRECT, .chunk = KIB(64) },
	{ .name = "o_append", .what = "write(2) of 64 KiB at a time with O_APPEND",
	  .write = write_chunks, .flags = O_TRUNC | O_APPEND, .chunk = KIB(64) },
	{ .name = "pwritev", .what = "pwritev(2) of 64 KiB at a time from 16 buffers",
	  .write = write_vectors, .flags = O_TRUNC, .chunk = KIB(64) },
	{ .name = "mmap", .what = "a shared mapping, munmap(2), close(2)",
	  .write = map_closed_last, .flags = O_RDWR | O_TRUNC },
	{ .name = "mmap-msync", .what = "a shared mapping, msync(2), munmap(2), close(2)",
	  .write = map_synced, .flags = O_RDWR | O_TRUNC },
	{ .name = "mmap-close-first", .what = "a shared mapping, filled after close(2)",
	  .write = map_closed_first, .flags = O_RDWR | O_TRUNC },
	{ .name = "fallocate", .what = "fallocate(2), then write(2) of 64 KiB at a time",
	  .write = write_allocated, .flags = O_TRUNC, .chunk = KIB(64) },
	{ .name = "copy_file_range", .what = "copy_file_range(2) from a file beside it",
	  .write = copy_range, .flags = O_TRUNC },
	{ .name = "sendfile", .what = "sendfile(2) from a file on another filesystem",
	  .write = copy_sendfile, .flags = O_TRUNC, .needs_source = true },
	{ .name = "splice", .what = "splice(2) from there through a pipe, 64 KiB at a time",
	  .write = copy_splice, .flags = O_TRUNC, .chunk = KIB(64), .needs_source = true },
	{ .name = "io_uring", .what = "io_uring, 8 writes of 64 KiB under way",
	  .write = write_uring, .flags = O_TRUNC, .chunk = KIB(64) },
	{ .name = "rename", .what = "64 KiB at a time into another file, fsync(2), rename(2)",
	  .write = write_renamed, .chunk = KIB(64), .sync = SYNC_END },
	{ .name = "rename-fsync-dir", .what = "the same, then fsync(2) of the directory",
	  .write = write_renamed_synced, .chunk = KIB(64), .sync = SYNC_END },
	{ .name = "rename-over", .what = "as rename, over a file that is there",
	  .write = write_renamed, .chunk = KIB(64), .sync = SYNC_END, .exists = true },
	{ .name = "rewrite", .what = "O_TRUNC of a file that is there, 64 KiB at a time",
	  .write = write_chunks, .flags = O_TRUNC, .chunk = KIB(64), .exists = true },
	{ .name = "overwrite", .what = "in place over a file that is there, 64 KiB at a time",
	  .write = write_chunks, .chunk = KIB(64), .exists = true },

	{ .name = "cp", .what = "cp from another filesystem", .needs_source = true,
	  .program = { .tool = "cp", .write = "cp \"$SOURCE\" \"$TARGET\"" } },
	{ .name = "dd", .what = "dd bs=64k", .needs_source = true,
	  .program = { .tool = "dd",
		       .write = "dd if=\"$SOURCE\" of=\"$TARGET\" bs=64k status=none" } },
	{ .name = "dd-fsync", .what = "dd bs=1M conv=fsync", .needs_source = true,
	  .program = { .tool = "dd", .write = "dd if=\"$SOURCE\" of=\"$TARGET\" bs=1M "
						"conv=fsync status=none" } },
	{ .name = "tar-create", .what = "tar -c: the target is the archive", .needs_source = true,
	  .program = { .tool = "tar", .read = "tar -xOf \"$TARGET\"",
		       .write = "tar -cf \"$TARGET\" -C \"${SOURCE%/*}\" \"${SOURCE##*/}\"" } },
	{ .name = "tar-extract", .what = "tar -x: the target is in the archive",
	  .needs_source = true,
	  .program = { .tool = "tar",
		       .prepare = "tar -cf \"$SCRATCH/archive.tar\" -C \"${SOURCE%/*}\" "
				  "--transform=s,.*," TARGET_NAME ", \"${SOURCE##*/}\"",
		       .write = "tar -xf \"$SCRATCH/archive.tar\" -C \"$DIR\"" } },
	{ .name = "rsync", .what = "rsync of one file", .needs_source = true,
	  .program = { .tool = "rsync", .write = "rsync \"$SOURCE\" \"$TARGET\"" } },
	{ .name = "vim", .what = "vim: a line is put before the first, :wq",
	  .text = true, .exists = true, .first = EDITED,
	  .program = { .tool = "vim", .write = "vim -N -u NONE -i NONE -es "
						 "-c '0put =\\\"edited\\\"' -c wq \"$TARGET\"" } },
	{ .name = "emacs", .what = "emacs --batch: the same, save-buffer",
	  .text = true, .exists = true, .first = EDITED,
	  .program = { .tool = "emacs",
		       .write = "emacs -Q --batch --eval '(setq large-file-warning-threshold nil)' "
				"\"$TARGET\" --eval '(progn (goto-char (point-min)) "
				"(insert \"edited\\n\") (save-buffer))'" } },
	{ .name = "sqlite-rollback", .what = "sqlite3: a table of lines, journal_mode=DELETE",
	  .text = true, .needs_source = true,
	  .program = { .tool = "sqlite3",
		       .read = "sqlite3 \"$TARGET\" 'SELECT line FROM t ORDER BY rowid'",
		       .write = "cd \"${SOURCE%/*}\" && sqlite3 -bail \"$TARGET\" "
				"'PRAGMA journal_mode=DELETE' 'CREATE TABLE t(line TEXT)' "
				"'.separator \\t' \".import ${SOURCE##*/} t\"" } },
	{ .name = "sqlite-wal", .what = "sqlite3: the same, journal_mode=WAL",
	  .text = true, .needs_source = true,
	  .program = { .tool = "sqlite3",
		       .read = "sqlite3 \"$TARGET\" 'SELECT line FROM t ORDER BY rowid'",
		       .write = "cd \"${SOURCE%/*}\" && sqlite3 -bail \"$TARGET\" "
				"'PRAGMA journal_mode=WAL' 'CREATE TABLE t(line TEXT)' "
				"'.separator \\t' \".import ${SOURCE##*/} t\"" } },
	{ .name = "git-commit", .what = "git add and git commit of a file that is there",
	  .needs_source = true,
	  .program = { .tool = "git",
		       .prepare = "git init -q \"$DIR\" && cp \"$SOURCE\" \"$TARGET\"",
		       .write = "git -C \"$DIR\" add " TARGET_NAME " && "
				"git -C \"$DIR\" commit -q -m message",
		       .read = "git -C \"$DIR\" cat-file blob HEAD:" TARGET_NAME } },
	{ .name = "python3", .what = "Python: write() of each line to an open() file",
	  .text = true, .needs_source = true,
	  .program = { .tool = "python3",
		       .write = "python3 -I -c '\n"
				"import sys\n"
				"with open(sys.argv[1]) as source, open(sys.argv[2], \"w\") as target:\n"
				"    for line in source:\n"
				"        target.write(line)\n' \"$SOURCE\" \"$TARGET\"" } },
	{ .name = "go", .what = "Go: io.Copy() to an os.Create() file", .needs_source = true,
	  .program = { .tool = "go",
		       .prepare = "[ -x \"$SCRATCH/copy\" ] || {\n"
				  "cat >\"$SCRATCH/copy.go\" <<'END'\n"
				  "package main\n"
				  "import (\"io\"; \"os\")\n"
				  "func check(err error) { if err != nil { panic(err) } }\n"
				  "func main() {\n"
				  "	source, err := os.Open(os.Args[1]); check(err)\n"
				  "	target, err := os.Create(os.Args[2]); check(err)\n"
				  "	_, err = io.Copy(target, source); check(err)\n"
				  "	check(target.Close())\n"
				  "}\n"
				  "END\n"
				  "GOCACHE=\"$SCRATCH/go-cache\" GOPATH=\"$SCRATCH/go\" GO111MODULE=off "
				  "GOFLAGS= go build -o \"$SCRATCH/copy\" \"$SCRATCH/copy.go\"\n"
				  "}",
		       .write = "\"$SCRATCH/copy\" \"$SOURCE\" \"$TARGET\"" } },
};

const size_t method_count = sizeof(methods) / sizeof(methods[0]);

const struct method *method_find(const char *name, size_t length)
{
	for (size_t i = 0; i < method_count; i++)
		if (strlen(methods[i].name) == length &&
		    strncmp(methods[i].name, name, length) == 0)
			return &methods[i];
	return NULL;
}

bool method_is_program(const struct method *method)
{
	return method->program.tool != NULL;
}

int method_error(struct job *job, const char *what)
{
	int err = errno;

	snprintf(job->why, sizeof(job->why), "%s: %s", what, strerror(err));
	return err == EOPNOTSUPP || err == ENOSYS || err == EXDEV || err == EINVAL ?
	       METHOD_REFUSED : METHOD_FAILED;
}

void *method_buffer(size_t size)
{
	/* As aligned_alloc(3) wants it: a multiple of the alignment. */
	return aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
}

size_t method_part(const struct job *job, uint64_t offset)
{
	uint64_t left = job->content.size - offset;
	size_t chunk = job->method->chunk;

	return chunk && chunk < left ? chunk : (size_t)left;
}

int method_open(struct job *job)
{
	int flags = job->method->flags, fd;

	if ((flags & O_ACCMODE) == O_RDONLY)
		flags |= O_WRONLY;
	fd = open(job->target, flags | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? -method_error(job, "open") : fd;
}

void method_will_close(void)
{
	marker_set();
}

int method_close(struct job *job, int fd, int status)
{
	method_will_close();
	if (close(fd) < 0 && status == METHOD_OK)
		return method_error(job, "close");
	return status;
}
