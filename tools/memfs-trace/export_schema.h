/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export_schema.h - the tables of an exported database; docs/trace-export.md explains them. */
#ifndef MEMFS_TRACE_EXPORT_SCHEMA_H
#define MEMFS_TRACE_EXPORT_SCHEMA_H

#define EXPORT_SCHEMA_VERSION 1 /* PRAGMA user_version: raised when tables or views change */

extern const char export_tables[];
extern const char export_indexes[]; /* after the rows, which is faster */
extern const char export_views[];

#endif
