/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faulty.h - system calls on files that fail when a test says so.
 *
 * As with failing.h the linker leads them here (--wrap), in all that a test program is linked of but for
 * shared libraries. Check is in it, too: while something is to fail nothing can be asserted. All threads count.
 */
#ifndef MEMFS_TESTS_FAULTY_H
#define MEMFS_TESTS_FAULTY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From now on the n-th call of a function fails with this errno, and no other; 0 = none does. NULL: the
 * n-th of any of them. Names are those of the manual, such as "pread". Counts anew.
 */
void faulty_at(const char *function, uint64_t n, int error);

/* From now on no read and no write of bytes is whole: half of it is done; or each second one is interrupted. */
void faulty_in_pieces(bool interrupted);

/* When that function is called next, fn() is called before: as if another thread had been there just now. */
void faulty_before(const char *function, void (*fn)(void));

/* All is well again. The name of what has failed since the last faulty_at(), or NULL. */
const char *faulty_stop(void);

/* Calls that counted since faulty_at(). */
uint64_t faulty_calls(void);

#endif
