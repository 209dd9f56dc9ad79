/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_NATIVE_REVIEW_H
#define HUSK_MEDIATOR_NATIVE_REVIEW_H

#include "mediator/mediator-internal.h"

/* Decides m->wish: what the policy proposes; where not both domains are enforced only what lies on
 * a read-only root; of some runs, by chance, nothing: those see everything. */
void native_decide(struct mediator *m);

/* The policy has been replaced: what the old one wished is forgotten. After the wrap only what it
 * says of volumes matters. */
void native_decide_again(struct mediator *m);

/* Keeps the container's root for native_look(), as the runtime has mounted it: to be called before
 * husk-hook ends, since then the runtime makes it the root and it has this path no more. */
void native_open_root(struct mediator *m);

/* Looks the wished trees through, while the runtime still prepares the container: later its first
 * process would wait for that. */
void native_look(struct mediator *m);

/*
 * The policy of a live run has changed: what it denies by hand in a tree that is attached natively
 * is denied from now on, by one more hole. Where there can be none (all of the tree was denied, or
 * something that was widened), the view's own tree covers it. It is never detached: then its holes
 * would fall off for whoever has a directory in it open (umount_tree() of fs/namespace.c). Files
 * that are open stay open, and who is in a tree that is covered goes on to see it and its holes. A
 * directory that the function fills holds its data, so there the denial waits for the next run,
 * with an event.
 */
void native_review(struct mediator *m);

/* A socket or a FIFO was made in a volume, which the host cannot reach through the view, or was not
 * to be made: told once a run. */
void native_tell_socket(struct mediator *m, const char *path, bool refused);

#endif
