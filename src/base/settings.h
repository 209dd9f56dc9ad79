/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_SETTINGS_H
#define HUSK_BASE_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"

enum hold { HOLD_AUTO, HOLD_YES, HOLD_NO };

/*
 * What husk.conf(5) says. One `key = value` a line, `#` starts a comment line; a key that is
 * unknown, given twice or out of range is an error that names file and line. A missing default file
 * is the same as an empty one; a missing file that was named is an error.
 */
struct settings {
	/* absolute paths, shorter than PATH_MAX: literals, or in `text` */
	const char *state_directory;	 /* profiles, policies, journals, events */
	const char *runtime_directory;	 /* one directory for each live run */
	const char *event_file;		 /* default: events.jsonl in state_directory */
	const char *launch_program;	 /* husk-launch, an absolute path */
	const char *merge_program;	 /* husk-merge, an absolute path */
	const char *observe_program;	 /* husk-observe, an absolute path */
	const char *detector_file;	 /* the detector table */
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
	enum hold hold_cpu_latency;    /* /dev/cpu_dma_latency at 0 while requests flow */
	unsigned long mediate_one_in;  /* of so many runs one attaches nothing natively; 1: all */
	bool count_requests; /* tell at the end of a run what the view was asked, by operation */
	char *text;	     /* settings_release() frees it */
};

/*
 * Fills *ret from the file `path`, or from the built-in default path where `path` is NULL. The
 * caller releases it. Returns 0 or -errno; then *ret holds the defaults, and releasing it does
 * nothing.
 */
int settings_read(const char *path, struct settings *ret, struct error *err);

/* Frees what the paths point into; *settings holds the defaults afterwards. */
void settings_release(struct settings *settings);

/* The path that settings_read() uses for NULL. */
const char *settings_default_path(void);

/* For fuzzing and tests: reads `len` bytes that are called `name` in errors. */
int settings_parse(const char *name, const char *bytes, size_t len, struct settings *ret,
		   struct error *err);

#endif
