/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directories that a program works in: new and empty, and gone when it exits, by whatever way.
 *
 * One that was made before filesystems are opened in it (common/filesystem.h) is removed after
 * they are closed.
 */
#ifndef WORKLOADS_WORKSPACE_H
#define WORKLOADS_WORKSPACE_H

/*
 * Makes `dir` if it is not there, and in it a directory PROGRAM-XXXXXX. Its path is to be freed;
 * NULL after a complaint.
 */
char *workspace_make(const char *dir);

/* This one, as workspace_make() returned it, is to stay. */
void workspace_keep(const char *path);

#endif
