/* SPDX-License-Identifier: GPL-2.0-or-later */
/* complain.h - what memfs has to say on stderr. */
#ifndef MEMFS_COMPLAIN_H
#define MEMFS_COMPLAIN_H

#include <stdarg.h>

/*
 * Prints "memfs: ", the message and a newline, always as one line: control
 * characters, which names and options may have, are shown as \ooo.
 */
__attribute__((format(printf, 1, 2)))
void complain(const char *format, ...);
__attribute__((format(printf, 1, 0)))
void vcomplain(const char *format, va_list arguments);

#endif
