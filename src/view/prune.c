/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeping the table small: when it is nearly full, the kernel is asked to forget files that were
 * not looked up for a while (FUSE_NOTIFY_PRUNE of Linux 6.18, which takes no lock that a process
 * might hold while it waits for us). Its FORGETs come with the next requests.
 *
 * Older kernels could only be told that names are invalid, which locks directories and may wait for
 * an answer of ours, for ever, even if we are killed. There the table may grow further instead:
 * each entry is a sixth of what the kernel itself remembers for it, and charges to the container.
 */
#include <errno.h>
#include <sys/uio.h>

#include "view/view-internal.h"

enum { PRUNE_BATCH = 256, PRUNE_EVERY = 64, GROWTH_WITHOUT_PRUNING = 4 };

/* Goes round the table: who was not looked up since the last time is proposed. */
static size_t choose(struct inode_table *table, uint64_t *out)
{
	size_t count = 0;

	for (size_t seen = 0; seen < table->bucket_count && count < PRUNE_BATCH; seen++) {
		table->cursor = (table->cursor + 1) & (table->bucket_count - 1);
		for (struct inode *i = table->buckets[table->cursor]; i && count < PRUNE_BATCH;
		     i = i->chain) {
			if (!i->fresh && i->lookups && !i->opens && !i->refs && !i->fixed)
				out[count++] = (uint64_t)(uintptr_t)i;
			i->fresh = false;
		}
	}
	return count;
}

void prune(struct view *view)
{
	uint64_t nodes[PRUNE_BATCH];
	struct protocol_prune_out out = {0};
	struct fuse_out_header header = {.error = PROTOCOL_NOTIFY_PRUNE};
	struct iovec parts[] = {
		{&header, sizeof(header)},
		{&out, sizeof(out)},
		{nodes, 0},
	};

	/* going round is not for free: not with every request while FORGETs are on their way */
	if (view->prunes_not || view->tick - view->pruned < PRUNE_EVERY)
		return;
	view->pruned = view->tick;
	out.count = (uint32_t)choose(&view->inodes, nodes);
	if (!out.count)
		return;
	parts[2].iov_len = out.count * sizeof(nodes[0]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		header.len += (uint32_t)parts[i].iov_len;
	if (writev(view->fd, parts, sizeof(parts) / sizeof(parts[0])) < 0 && errno == EINVAL) {
		view->prunes_not = true;
		view->inodes.max *= GROWTH_WITHOUT_PRUNING;
	}
}
