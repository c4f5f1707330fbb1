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
	return true;
}

void account_give(struct account *a, uint64_t n)
{
	atomic_fetch_sub_explicit(&a->used, n, memory_order_relaxed);
}
