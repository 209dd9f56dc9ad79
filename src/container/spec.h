/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_SPEC_H
#define HUSK_CONTAINER_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct json;

/*
 * What husk needs of a bundle's config.json. Source: OCI runtime-spec, config.md and
 * config-linux.md. Only these members are looked at; unknown ones are ignored. Strings live as long
 * as the spec.
 */
struct oci_mount {
	const char *destination; /* as written: may be relative to "/" */
	const char *type;	 /* may be NULL */
	const char *source;	 /* may be NULL */
	bool propagates;	 /* the last propagation among its options is shared or slave */
	bool noexec;		 /* the last of exec, rexec and noexec among them is noexec */
};

struct oci_spec {
	struct json *json;     /* what the strings below point into */
	const char *root_path; /* as written: absolute, or relative to the bundle */
	bool root_readonly;
	const char *const *args; /* n_args strings and a NULL; n_args may be 0 */
	size_t n_args;
	const char *const *env; /* "NAME=value"; n_env strings and a NULL */
	size_t n_env;
	const char *cwd; /* absolute; "/" where absent */
	uint32_t uid, gid;
	bool terminal;
	bool no_new_privileges;
	uint64_t bounding, ambient; /* capabilities as bits; names that nobody knows are left out */
	bool seccomp_listener;	    /* linux.seccomp.listenerPath: the engine listens itself */
	bool seccomp_closed;	    /* linux.seccomp does not let husk-launch take anything away */
	bool seccomp_stays;	    /* ... nor change its working directory */
	bool seccomp_blind;	    /* ... nor look at its standard streams and open them again */
	struct oci_mount *mounts;
	size_t n_mounts;
	bool mount_namespace_new; /* linux.namespaces has "mount" without a path */
	bool mount_namespace;	  /* ... with or without one: else the host's mounts are shared */
	bool user_namespace;
	bool network_namespace_new; /* linux.namespaces has "network" without a path */
	const char *cgroups_path;   /* may be NULL */
	/* hooks.createContainer or hooks.startContainer: they run in the container, before it */
	bool has_inner_hooks;
	bool root_shared; /* linux.rootfsPropagation is shared or rshared */
};

/* Parses `len` bytes that are called `name` in errors. Returns 0 with *ret owned by the caller, or
 * -errno: -EINVAL, -EFBIG as in state.h. */
int oci_spec_parse(const char *name, const char *bytes, size_t len, struct oci_spec *ret,
		   struct error *err);
/* Reads the file `name`, a path from `bundle` or an absolute one, at most JSON_BYTES_MAX bytes. */
int oci_spec_read(const char *bundle, const char *name, struct oci_spec *ret, struct error *err);
void oci_spec_release(struct oci_spec *spec);

#define cleanup_oci_spec __attribute__((cleanup(oci_spec_release)))

/* The value of an annotation, of an environment variable (the last one wins, as with getenv(3)
 * after the runtimes' own handling), or NULL. */
const char *oci_spec_annotation(const struct oci_spec *spec, const char *key);
const char *oci_spec_env(const struct oci_spec *spec, const char *name);

/*
 * How many of the calls `names` linux.seccomp lets through, whatever their arguments: those that a
 * rule without arguments allows or logs and, where the default action does, those that no rule
 * names. CALLS_ALL (policy/calls.h) where there is no linux.seccomp. `names`: `count` of them, at
 * most CALLS_NUMBERS, sorted by strcmp(3), no two the same. Source: OCI runtime-spec,
 * config-linux.md, "Seccomp".
 */
uint32_t oci_spec_calls(const struct oci_spec *spec, const char *const *names, uint32_t count);

/*
 * The entry of mounts that what is mounted at `point`, an absolute path in the container, comes
 * from: of those whose destination is `point` or a directory above it, not "/", the one that lies
 * deepest, and among equals the last, which covers the others. NULL where it is the root's.
 * Symbolic links in a destination are not followed.
 */
const struct oci_mount *oci_spec_mount_at(const struct oci_spec *spec, const char *point);

#endif
