/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_BEHAVIOUR_H
#define HUSK_POLICY_BEHAVIOUR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The words that every part shares: what a function can do (domain, access, program, key), and what
 * is done about it (mode, verdict, mark). The numbers are stored in journals and policy images:
 * never renumber, only append.
 */

enum domain {
	DOMAIN_FS = 0,
	DOMAIN_EXEC = 1,
	DOMAIN_NET = 2,
	DOMAIN_DNS = 3,
	DOMAIN_CAP = 4,
	DOMAIN_SYSCALL = 5,
	DOMAINS = 6,
};

/* How much is done in one domain of one revision, weakest first; ordered, so they compare. */
enum mode {
	MODE_UNAVAILABLE = 0, /* the host or this version cannot watch the domain */
	MODE_LEARN = 1,	      /* allow and record */
	MODE_SHADOW = 2,      /* allow, record, tell what would be denied */
	MODE_ENFORCE = 3,     /* deny what is not in the policy */
	MODES = 4,
};

/* What was done to the key. Other domains bring their own later. */
enum access {
	ACCESS_NONE = 0,
	ACCESS_READ = 1,   /* fs: content opened for reading */
	ACCESS_WRITE = 2,  /* fs: content, name or metadata changed, removal included */
	ACCESS_CREATE = 3, /* fs: a name that was not there */
	ACCESS_LIST = 4,   /* fs: a directory listed */
	ACCESS_EXEC =
		5, /* exec: a file executed by execve(2), or the interpreter of a "#!" script */
	ACCESS_INTERPRET = 6, /* exec: what the kernel loads to run `program`: its ELF PT_INTERP */
	ACCESS_CONNECT = 7,   /* net: a flow out, or to the container itself */
	ACCESS_SERVE = 8,     /* net: a flow from outside to a port of the container */
	ACCESS_RESOLVE = 9,   /* dns: a name asked for */
	ACCESS_CONSULT = 10,  /* dns: a resolver asked that the container is not set up for */
	ACCESSES = 11,
};

/* One behaviour. The strings are borrowed; names are bytes, not text. */
struct behaviour {
	enum domain domain;
	enum access access;
	const char *program; /* absolute path of the acting program in the container, "" for any */
	/* fs, exec: canonical absolute path in the container, widened; dns: name, widened, or
	 * address */
	const char *key;
	uint32_t flags; /* enum behaviour_flags */
};

enum behaviour_flags {
	BEHAVIOUR_IMAGE = 1 << 0,      /* image content that did not change since the start */
	BEHAVIOUR_PERSISTENT = 1 << 1, /* the key lies in a volume that outlives the container */
	BEHAVIOUR_FOREIGN = 1 << 2,    /* by a process that an engine executed into the container */
	BEHAVIOUR_PRIVILEGED =
		1 << 3, /* exec: the file gives its caller other ids or capabilities */
	/* in a volume, while that could be learned; create: a socket or a FIFO was made, write: a
	 * socket of the host's was connected to */
	BEHAVIOUR_SOCKET = 1 << 4,
};

/* What the policy says of one behaviour in one run. */
enum verdict {
	VERDICT_ALLOWED = 0,	/* in the policy, or inert */
	VERDICT_NOVEL = 1,	/* learn: not known yet, allowed */
	VERDICT_WOULD_DENY = 2, /* shadow: not in the policy, allowed */
	VERDICT_DENIED = 3,	/* enforce: not in the policy, or marked so: refused */
	VERDICTS = 4,
};

/* What a person said of one behaviour; deny wins over allow wins over nothing. */
enum mark { MARK_NONE = 0, MARK_ALLOW = 1, MARK_DENY = 2, MARKS = 3 };

/* How a run ended. */
enum outcome {
	OUTCOME_UNKNOWN = 0,   /* the status of the first process could not be known */
	OUTCOME_EXITED = 1,    /* with the status that stands beside it */
	OUTCOME_KILLED = 2,    /* by the signal that stands beside it */
	OUTCOME_OOM = 3,       /* killed while its control group was out of memory */
	OUTCOME_NEVER_RAN = 4, /* created, never started */
	OUTCOME_LOST = 5,      /* the mediator died: the journal is all that is known */
	OUTCOMES = 6,
};

/* Lower-case names as used in options, events and JSON; "?" for a number out of range. */
const char *domain_name(enum domain domain);
const char *mode_name(enum mode mode);
const char *access_name(enum access access);
const char *verdict_name(enum verdict verdict); /* "allowed", "novel", "would-deny", "denied" */
const char *mark_name(enum mark mark);
const char *outcome_name(enum outcome outcome);

/* Is any of the domains enforced? */
bool modes_enforce(const enum mode modes[DOMAINS]);

/* The inverse. Return 0, or -EINVAL (*ret untouched). "unavailable" is no mode a person can name.
 */
int domain_parse(const char *name, enum domain *ret);
int mode_parse(const char *name, enum mode *ret);
int access_parse(const char *name, enum access *ret);
int mark_parse(const char *name, enum mark *ret);
int outcome_parse(const char *name, enum outcome *ret);

#endif
