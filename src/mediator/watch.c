/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge. An answer that was given once is found again by (file, access, program, hash of the
 * path) without widening or looking up anything. The hashes start from a random value of this run:
 * a container cannot prepare names that collide.
 */
#include "mediator/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "mediator/pending-exec.h"
#include "mediator/seen.h"
#include "policy/decide.h"
#include "policy/guard.h"
#include "policy/image.h"
#include "policy/native.h"
#include "policy/shape.h"
#include "process/process.h"

struct answer {
	uint64_t node;
	uint64_t path_hash;
	uint32_t program; /* its number, 0 for an empty slot */
	uint32_t epoch;
	uint8_t access;
	uint8_t verdict;
};

/* One piece, so large that the C library maps it: of memory that is never touched nothing is paid.
 */
struct tables {
	struct answer answers[WATCH_CACHE_SLOTS]; /* valid where they are of this epoch */
	uint64_t programs[WATCH_PROGRAMS_MAX];	  /* hashes, numbered from 1 by place */
	struct pending_exec execs[PENDING_EXECS_MAX];
};

struct watch {
	struct watch_options options;
	const struct policy_image *policy;
	enum mode modes[DOMAINS];
	uint64_t seed;
	struct tables *tables;
	uint32_t epoch;	  /* counts policies */
	struct seen seen; /* what the journal holds */
	struct pending_execs execs;
	uint32_t program_count;
	uint64_t repeated;  /* denials of something that was told already */
	bool started;	    /* the container's own program was executed */
	bool left_launcher; /* the first process executes the real program */
	bool told_foreign;
};

int watch_new(const struct watch_options *options, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->options = *options;
	watch->tables = calloc(1, sizeof(*watch->tables));
	if (!watch->tables ||
	    getrandom(&watch->seed, sizeof(watch->seed), 0) != sizeof(watch->seed) ||
	    seen_open(&watch->seen, watch->seed) < 0) {
		watch_free(watch);
		return -ENOMEM;
	}
	watch->execs.places = watch->tables->execs;
	*ret = watch;
	return 0;
}

static struct event new_event(const struct watch *watch, enum event_kind kind)
{
	struct event event = EVENT(kind);

	event.function = watch->options.function;
	event.revision = watch->options.revision;
	event.run = watch->options.run;
	event.container = watch->options.container;
	return event;
}

void watch_free(struct watch *watch)
{
	struct event event;

	if (!watch)
		return;
	if (watch->repeated > 0) {
		event = new_event(watch, EVENT_SUPPRESSED);
		event.count = watch->repeated;
		event.detail = "repetitions of what was told";
		event_emit(watch->options.events, &event);
	}
	pending_release(&watch->execs);
	seen_close(&watch->seen);
	free(watch->tables);
	free(watch);
}

void watch_use(struct watch *watch, const struct policy_image *policy,
	       const enum mode modes[DOMAINS])
{
	watch->policy = policy;
	memcpy(watch->modes, modes, sizeof(watch->modes));
	watch->epoch++; /* clearing the answers would cost a start their pages */
}

bool watch_started(const struct watch *watch)
{
	return watch->started;
}

/* A number for a program, the same for the same path all through the run; 0 once they have run out.
 */
static uint32_t number_program(struct watch *watch, const char *program)
{
	uint64_t hash = hash64_mix(hash64_add(watch->seed, program, strlen(program))) | 1;
	uint32_t slot = (uint32_t)hash % WATCH_PROGRAMS_MAX;

	for (uint32_t i = 0; i < WATCH_PROGRAMS_MAX; i++) {
		uint64_t *at = &watch->tables->programs[(slot + i) % WATCH_PROGRAMS_MAX];

		if (*at == hash)
			return (slot + i) % WATCH_PROGRAMS_MAX + 1;
		if (*at == 0) {
			if (watch->program_count >= WATCH_PROGRAMS_MAX / 2)
				return 0;
			watch->program_count++;
			*at = hash;
			return (slot + i) % WATCH_PROGRAMS_MAX + 1;
		}
	}
	return 0;
}

/* EVENT_KINDS: none. */
static enum event_kind kind_of(const struct watch *watch, enum verdict verdict)
{
	static const enum event_kind kinds[VERDICTS] = {
		[VERDICT_ALLOWED] = EVENT_KINDS,
		[VERDICT_NOVEL] = EVENT_NOVELTY,
		[VERDICT_WOULD_DENY] = EVENT_WOULD_DENY,
		[VERDICT_DENIED] = EVENT_DENIED,
	};

	/* A function of which nothing is known yet has nothing but novelties. */
	return verdict == VERDICT_NOVEL && !watch->policy ? EVENT_KINDS : kinds[verdict];
}

static void tell(struct watch *watch, const struct behaviour *b, struct decision decision,
		 pid_t pid, const char *detail)
{
	struct event event = new_event(watch, kind_of(watch, decision.verdict));
	struct behaviour shown = *b;
	char program[PATH_MAX];

	if (event.kind == EVENT_KINDS)
		return;
	/* Where the policy does not tell programs apart, the event does. */
	if (!*shown.program && pid > 0) {
		process_program(watch->options.proc_fd, pid, watch->options.view, program);
		if (strcmp(program, PROCESS_UNKNOWN) != 0)
			shown.program = program;
	}
	event.behaviour = &shown;
	event.mode = (int)watch->modes[b->domain];
	event.pid = pid;
	event.detail = detail;
	event_emit(watch->options.events, &event);
}

/* program: who is told of, where that is no part of the behaviour. */
static void record(struct watch *watch, const struct behaviour *b, struct decision decision,
		   pid_t pid, const char *program, const char *detail)
{
	struct behaviour told = *b;
	struct journal_behaviour entry = {
		.behaviour = *b,
		.verdict = decision.verdict,
		.novel = decision.novel,
		.pid = pid,
	};
	enum seen_before before = seen_put(&watch->seen, b, decision.verdict);

	if (before == SEEN_KNOWN) {
		watch->repeated += decision.verdict >= VERDICT_WOULD_DENY;
		return;
	}
	told.program = program;
	tell(watch, &told, decision, pid, detail);
	if (!watch->options.journal)
		return;
	if (before == SEEN_LOST)
		journal_lose(watch->options.journal, b->domain, 1);
	else
		journal_put(watch->options.journal, &entry);
}

/* An engine's own process in the container: the operator at work. Told once, learned never. */
static void tell_foreign(struct watch *watch, pid_t pid, const char *program)
{
	static const char outside[] = PROCESS_OUTSIDE; /* often the runtime, about to execute */
	struct event event = new_event(watch, EVENT_ENTERED);
	bool named = program[0] && strncmp(program, outside, sizeof(outside) - 1) != 0;
	char detail[PATH_MAX + 64];

	if (watch->told_foreign)
		return;
	watch->told_foreign = true;
	snprintf(detail, sizeof(detail), "a process that the engine put into the container%s%s",
		 named ? ": " : "", named ? program : "");
	event.pid = pid;
	event.detail = detail;
	event_emit(watch->options.events, &event);
}

/* Looking at a process costs more than all the rest: only what would be learned or denied is looked
 * at. */
static bool is_foreign(const struct watch *watch, pid_t pid)
{
	return watch->options.leads_namespace && pid != watch->options.init &&
	       process_is_foreign(watch->options.proc_fd, pid, watch->options.init);
}

static int result_of(enum verdict verdict)
{
	return verdict == VERDICT_DENIED ? -EACCES : 0;
}

/* ---- judging ---- */

static void make_key(const struct view_question *question, enum access access, const char *path,
		     char *out)
{
	if (access == ACCESS_EXEC || access == ACCESS_INTERPRET)
		shape_literal(path, out);
	else
		shape_key(path, question->flags, out);
}

#define KIN_MAX 8

/*
 * A generator's name may look like a word. Where another of its names is known, so is this one; but
 * none that stands for something, whatever made it.
 */
static bool is_kin_known(const struct watch *watch, const struct view_question *question,
			 const struct behaviour *b, char *key, struct decision *ret)
{
	const char *reason;

	if (b->domain != DOMAIN_FS || guard_of(b, &reason) != GUARD_NONE)
		return false;
	for (unsigned int n = 0;
	     n < KIN_MAX && shape_kin(question->path, question->flags, n, key) > 0; n++) {
		*ret = policy_decide(watch->policy, watch->modes, b);
		if (!ret->novel)
			return ret->verdict == VERDICT_ALLOWED;
	}
	return false;
}

/* One of the file's names may be known to the policy, and it is one file. */
static struct decision decide(const struct watch *watch, const struct view_question *question,
			      const struct behaviour *b, char *key)
{
	struct decision first, other = {VERDICT_DENIED, true};

	make_key(question, b->access, question->path, key);
	first = policy_decide(watch->policy, watch->modes, b);
	if (!first.novel)
		return first;
	for (const char *const *path = question->others; path && *path; path++) {
		make_key(question, b->access, *path, key);
		other = policy_decide(watch->policy, watch->modes, b);
		if (!other.novel && other.verdict == VERDICT_ALLOWED)
			return other;
	}
	make_key(question, b->access, question->path, key);
	if (is_kin_known(watch, question, b, key, &other))
		return other;
	make_key(question, b->access, question->path, key);
	return first;
}

/* What follows from a decision over what `program` did. */
static enum verdict settle(struct watch *watch, struct behaviour *b, struct decision decision,
			   pid_t pid, bool foreign, const char *program, const char *detail)
{
	/* The rules of a network namespace ask for nobody: what they refused is told. */
	bool refused = b->domain == DOMAIN_NET && decision.verdict == VERDICT_DENIED;

	if (foreign) {
		tell_foreign(watch, pid, program);
		if (!watch->options.judge_entered && !refused)
			return VERDICT_ALLOWED;
		b->flags |= BEHAVIOUR_FOREIGN; /* judged, and never learned from */
	}
	record(watch, b, decision, pid, program, detail);
	return decision.verdict;
}

static struct behaviour judged_as(const struct behaviour *b)
{
	struct behaviour judged = *b;

	if (b->domain == DOMAIN_NET || b->domain == DOMAIN_DNS)
		judged.program = "";
	return judged;
}

struct decision watch_decide(const struct watch *watch, const struct behaviour *b)
{
	struct behaviour judged = judged_as(b);

	return policy_decide(watch->policy, watch->modes, &judged);
}

bool watch_tells(const struct watch *watch, const struct behaviour *b, struct decision decision)
{
	struct behaviour judged = judged_as(b);

	return kind_of(watch, decision.verdict) != EVENT_KINDS &&
	       seen_would_be_new(&watch->seen, &judged, decision.verdict);
}

enum verdict watch_observe(struct watch *watch, const struct behaviour *b, struct decision decision,
			   pid_t pid, const char *detail)
{
	struct behaviour judged = judged_as(b);
	/* Whoever is under the launcher's filter descends from the launcher. Who asks for a name is
	 * known of some questions only. */
	bool foreign = decision.novel && pid > 0 && b->domain != DOMAIN_SYSCALL &&
		       b->domain != DOMAIN_DNS && is_foreign(watch, pid);

	return settle(watch, &judged, decision, pid, foreign, b->program, detail);
}

void watch_happened(struct watch *watch, const struct behaviour *b, bool refused, pid_t pid,
		    const char *detail)
{
	struct decision decision = policy_decide(watch->policy, watch->modes, b);

	if (refused)
		decision.verdict = VERDICT_DENIED;
	else if (decision.verdict == VERDICT_DENIED)
		decision.verdict = VERDICT_WOULD_DENY;
	record(watch, b, decision, pid, b->program, detail);
}

void watch_exec_closed(struct watch *watch, uint32_t opening)
{
	pending_closed(&watch->execs, opening);
}

dev_t watch_view(const struct watch *watch)
{
	return watch->options.view;
}

/* A socket or FIFO that is left in a volume has the volume out of the view at the next start. So it
 * takes more than the right to make a file. */
static bool makes_volume_native(const struct watch *watch, const struct behaviour *b)
{
	const void *bytes = NULL;
	size_t len = 0;

	if (!(b->flags & BEHAVIOUR_SOCKET) || watch->modes[DOMAIN_FS] != MODE_ENFORCE)
		return false;
	if (watch->policy)
		bytes = policy_image_attachment(watch->policy, POLICY_NATIVE, &len);
	return !native_has_sockets(bytes, len, b->key);
}

/* *ret_lasting: the same question by the same program gets the same answer, whichever
 * of its processes asks. key: of SHAPE_KEY_MAX bytes, gets what was judged. */
static enum verdict judge_new(struct watch *watch, const struct view_question *question,
			      enum access access, const char *program, char *key, bool *ret_lasting)
{
	bool exec = access == ACCESS_EXEC || access == ACCESS_INTERPRET;
	struct behaviour b = {
		.domain = exec ? DOMAIN_EXEC : DOMAIN_FS,
		.access = access,
		.program = program,
		.key = key,
		.flags = question->flags,
	};
	struct decision decision = decide(watch, question, &b, key);

	if (makes_volume_native(watch, &b))
		decision = (struct decision){VERDICT_DENIED, true};
	/* An enforced function teaches nothing. */
	if (watch->modes[DOMAIN_FS] == MODE_ENFORCE || decision.verdict == VERDICT_DENIED)
		b.flags &= ~(uint32_t)BEHAVIOUR_SOCKET;
	*ret_lasting = !(decision.novel && is_foreign(watch, question->pid));
	return settle(watch, &b, decision, question->pid, !*ret_lasting, program, NULL);
}

/* The kernel's own path for the program that a process executes: "/" while that is husk-launch,
 * since the gate is the root of its mount and nowhere attached any more. */
#define LAUNCHER_SHOWN_AS "/"

/* Who asks. What the first process does as husk-launch is the runtime's wish. */
static void find_program(struct watch *watch, const struct view_question *question, char *out)
{
	process_program(watch->options.proc_fd, question->pid, watch->options.view, out);
	if (watch->left_launcher || question->pid != watch->options.init)
		return;
	if (strcmp(out, LAUNCHER_SHOWN_AS) == 0)
		memcpy(out, WATCH_RUNTIME, sizeof(WATCH_RUNTIME));
	else
		watch->left_launcher = true;
}

static int judge_exec(struct watch *watch, const struct view_question *question)
{
	struct pending_exec *pending = pending_find(&watch->execs, question->pid);
	char program[SHAPE_KEY_MAX], key[SHAPE_KEY_MAX];
	enum access access = ACCESS_EXEC;
	enum verdict verdict;
	bool lasting;

	find_program(watch, question, program);
	if (pending) {
		access = pending->executable == VIEW_SCRIPT ? ACCESS_EXEC : ACCESS_INTERPRET;
		memcpy(program, pending->program, strlen(pending->program) + 1);
	}
	verdict = judge_new(watch, question, access, program, key, &lasting);
	if (verdict == VERDICT_DENIED && pending)
		pending_drop(&watch->execs, pending);
	else if (verdict != VERDICT_DENIED)
		pending_expect(&watch->execs, question, key);
	return result_of(verdict);
}

static int judge_file(struct watch *watch, const struct view_question *question)
{
	struct answer asked = {
		.node = question->node, .access = (uint8_t)question->access, .epoch = watch->epoch};
	struct pending_exec *pending = pending_find(&watch->execs, question->pid);
	char program[PATH_MAX], key[SHAPE_KEY_MAX];
	struct answer *slot;
	uint64_t hash;
	bool lasting;

	/* It is back in its program, so its execve(2) is over. */
	if (pending)
		pending_drop(&watch->execs, pending);
	find_program(watch, question, program);
	/* a file of that name that was made before is another behaviour */
	hash = hash64_add(watch->seed ^ (question->flags & BEHAVIOUR_SOCKET), question->path,
			  strlen(question->path) + 1);
	asked.path_hash = hash64_mix(hash);
	asked.program = number_program(watch, program);
	hash = asked.path_hash ^ hash64_mix(question->node) ^ asked.program;
	slot = &watch->tables->answers[(hash + asked.access) % WATCH_CACHE_SLOTS];
	if (asked.program && slot->epoch == watch->epoch && slot->program == asked.program &&
	    slot->node == asked.node && slot->access == asked.access &&
	    slot->path_hash == asked.path_hash) {
		watch->repeated += slot->verdict >= VERDICT_WOULD_DENY;
		return result_of((enum verdict)slot->verdict);
	}
	asked.verdict =
		(uint8_t)judge_new(watch, question, question->access, program, key, &lasting);
	if (asked.program && lasting)
		*slot = asked;
	return result_of((enum verdict)asked.verdict);
}

/*
 * What an engine executes into the container may ask before the launcher has done its work. The
 * launcher itself opens terminals, has no children, and executes when all else is done.
 */
static bool shows_start(const struct watch *watch, const struct view_question *question)
{
	if (question->pid == watch->options.init)
		return question->access == ACCESS_EXEC || watch->left_launcher;
	return process_descends(watch->options.proc_fd, question->pid, watch->options.init);
}

int watch_judge(struct watch *watch, const struct view_question *question)
{
	int r = question->access == ACCESS_EXEC ? judge_exec(watch, question)
						: judge_file(watch, question);

	if (!watch->started)
		watch->started = shows_start(watch, question);
	return r;
}
