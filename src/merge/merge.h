/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MERGE_MERGE_H
#define HUSK_MERGE_MERGE_H

#include <stdint.h>

#include "base/error.h"
#include "base/settings.h"
#include "event/event.h"
#include "store/store.h"

/*
 * What happens after something was learned: promotion, compilation, the policy file, the events
 * that tell of it. Never meets a container.
 */

/* Opens STATE/journals; the caller closes it. Returns a descriptor or -errno. */
int merge_open_journals(const struct settings *settings, struct error *err);

/*
 * Brings one revision up to date: promotes domains by the rules (profile/promotion.h), emits an
 * event for each, compiles the policy image, and replaces the policy file where its bytes changed.
 * revision NULL: every revision of the function. Returns 0 or -errno.
 */
int merge_refresh(struct store *store, const struct settings *settings, const char *function,
		  const char *revision, struct event_sink *events, struct error *err);

/*
 * Merges the journal `name` below `journals`, removes it, and refreshes its revision. A journal
 * that is damaged, or that the store refuses for what it holds, is kept as NAME.damaged and said in
 * an event, which is no failure. The journal of a run without function is removed: nothing can be
 * learned from it. Returns -EBUSY, and tells nobody, where somebody has the journal's lock: its run
 * or another merge goes on. Else returns 0, or -errno, said in an event too: then either the
 * journal stays for a later run, or it is merged and only the refresh failed, which the next run of
 * the revision tries again. The store is waited for as long as half of settings->poststop_wait_ms.
 */
int merge_journal(int journals, const char *name, const struct settings *settings,
		  struct event_sink *events, struct error *err);

/*
 * Waits for the lock of this run's journal, and merges it so. The journal may be gone: another
 * run's end merges what has no writer any more. ready: the store, as the caller has opened it, or
 * NULL; with it nobody is waited for, and that the run is not merged is not told, since somebody
 * else will come for it.
 * Returns 0 or -errno, as merge_journal() does.
 */
int merge_run(int journals, const char *run_id, struct store *ready,
	      const struct settings *settings, struct event_sink *events, struct error *err);

/*
 * Merges every journal that lies in `journals` (merge_open_journals()) and has no writer any more
 * (its lock is free): what earlier runs could not merge, because the store was locked or the disk
 * full, or whose mediator died. At most 32 of them, so that no run's end pays for all; none younger
 * than a second, since its writer may not have locked it yet. ready: as of merge_run().
 * Returns 0 or the first -errno.
 */
int merge_left_over(int journals, struct store *ready, const struct settings *settings,
		    struct event_sink *events, struct error *err);

#endif
