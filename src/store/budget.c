/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/budget.h"

bool account_take(struct account *a, uint64_t n)
{
	uint64_t limit = atomic_load_explicit(&a->limit, memory_order_relaxed);
	uint64_t used = atomic_load_explicit(&a->used, memory_order_relaxed);

	do {
		if (n > limit || used > limit - n)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&a->used, &used, used + n,
							memory_order_relaxed,
							memory_order_relaxed));
	/* Threads may overwrite each other here: a high-water mark need not be exact, as a sum must. */
	if (used + n > atomic_load_explicit(&a->peak, memory_order_relaxed))
		atomic_store_explicit(&a->peak, used + n, memory_order_relaxed);
	return true;
}

void account_give(struct account *a, uint64_t n)
{
	uint64_t left = atomic_fetch_sub_explicit(&a->used, n, memory_order_relaxed) - n;
	uint64_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);

	if (!a->shrunk || left > peak / 2 || peak - left < BUDGET_SHRUNK_MIN)
		return;
	atomic_store_explicit(&a->peak, left, memory_order_relaxed);
	a->shrunk(a->context);
}
