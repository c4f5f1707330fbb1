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
	/* Threads may overwrite each other here; it is a mark on a wall, not a sum. */
	if (used + n > atomic_load_explicit(&a->high, memory_order_relaxed))
		atomic_store_explicit(&a->high, used + n, memory_order_relaxed);
	return true;
}

void account_give(struct account *a, uint64_t n)
{
	uint64_t left = atomic_fetch_sub_explicit(&a->used, n, memory_order_relaxed) - n;
	uint64_t high = atomic_load_explicit(&a->high, memory_order_relaxed);

	if (!a->ebb || high < BUDGET_EBB || left > high / 2 || high - left < BUDGET_EBB)
		return;
	atomic_store_explicit(&a->high, left, memory_order_relaxed);
	a->ebb(a->context);
}
