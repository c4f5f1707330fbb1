/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_store.c - the store against its model (play.h); bytes are the operations. */
#include "fuzz.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	play(data, size);
	return 0;
}
