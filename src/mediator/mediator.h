/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_MEDIATOR_H
#define HUSK_MEDIATOR_MEDIATOR_H

#include "base/error.h"
#include "base/settings.h"
#include "container/identity.h"
#include "container/spec.h"
#include "container/state.h"
#include "policy/behaviour.h"
#include "policy/image.h"

/*
 * The mediator: the process beside one container. It serves the container's view, puts the view in
 * place when the entry point is executed (the late wrap), judges and records what is done through
 * it, and ends when the view does, by executing husk-merge.
 */
struct mediator_setup {
	const struct settings *settings;
	const char *config_path; /* the file that they came from; NULL: the default */
	const struct oci_state *state;
	const struct oci_spec *spec;
	const struct identity *identity;
	int state_fd;	     /* the state directory */
	int runtime_fd;	     /* the runtime directory */
	const char *run_id;  /* made by run_id_make() */
	const char *run_key; /* name of this run's file there, made by run_file_claim() */
	int run_fd;	     /* that file, locked */
	/* To who stands by to merge the run (merge/standby.h), or -1: */
	int word_fd;	 /* an eventfd(2), 1 is added for each word */
	int end_fd;	 /* a pipe, closed when the journal is complete */
	int not_ours_fd; /* its other end, which the mediator closes */
	/* Called by the calling process while the mediator sets itself up, which takes longer than
	 * what this one does meanwhile; NULL: nothing. */
	void (*meanwhile)(void *context);
	void *context;
	struct policy_image
		*policy; /* NULL where nothing was learned yet; taken over by the mediator */
};

/*
 * Forks the mediator and waits until the gate is bound over the container's entry point.
 * Returns 0: the container may start; 1: there is no entry point to wrap, the runtime will say so
 * itself, and no mediator is left; -errno: it cannot be wrapped, and nothing was changed.
 * The caller is single-threaded, and has closed every descriptor that is not husk's own.
 */
int mediator_start(const struct mediator_setup *setup, struct error *err);

/* The modes that are wanted: what the policy says, lowered by what the identity allows. */
void mediator_modes(const struct policy_image *policy, const struct identity *identity,
		    enum mode ret[DOMAINS]);

#endif
