/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_SETTINGS_H
#define HUSK_BASE_SETTINGS_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * What husk.conf(5) says. One `key = value` a line, `#` starts a comment line; a key that is
 * unknown, given twice or out of range is an error that names file and line. A missing default file
 * is the same as an empty one; a missing file that was named is an error.
 */
struct settings {
	char state_directory[PATH_MAX];	  /* profiles, policies, journals, events */
	char runtime_directory[PATH_MAX]; /* one directory for each live run */
	char event_file[PATH_MAX];	  /* default: events.jsonl in state_directory */
	char launch_program[PATH_MAX];	  /* husk-launch, an absolute path */
	char merge_program[PATH_MAX];	  /* husk-merge, an absolute path */
	char observe_program[PATH_MAX];	  /* husk-observe, an absolute path */
	char detector_file[PATH_MAX];	  /* the detector table */
	unsigned long shadow_after_runs; /* clean runs without novelty: learn to shadow, 1 to 512 */
	unsigned long enforce_after_runs; /* clean shadow runs without novelty: shadow to enforce, 1
					     to 512 */
	unsigned long view_names_max;	  /* inodes that one view remembers at a time */
	unsigned long events_per_run;	  /* events of a run, of a kind in a domain, before they are
					     only counted */
	unsigned long poststop_wait_ms;	  /* how long poststop waits for the merge */
	bool judge_entered; /* enforce also on what an engine executes into a container */
	bool trust_podman_annotations; /* also where an image may have set them */
	bool degrade;		       /* enforce: start although a domain cannot be set up */
	bool passthrough;	       /* use FUSE passthrough where the kernel has it */
	bool hold_cpu_latency;	       /* hold /dev/cpu_dma_latency at 0 while requests flow */
	unsigned long mediate_one_in;  /* enforce: of so many runs one attaches nothing natively; 1:
					  all */
	bool count_requests; /* tell at the end of a run what the view was asked, by operation */
};

/*
 * Fills *ret from the file `path`, or from the built-in default path where `path` is NULL.
 * Returns 0 or -errno; *ret holds all defaults in either case.
 */
int settings_read(const char *path, struct settings *ret, struct error *err);

/* The path that settings_read() uses for NULL. */
const char *settings_default_path(void);

/* For fuzzing and tests: reads `len` bytes that are called `name` in errors. */
int settings_parse(const char *name, const char *bytes, size_t len, struct settings *ret,
		   struct error *err);

#endif
