/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target without a fuzzer: runs it over every file of the corpus folder given as the
 * argument, each in memory of its own size. So what was once found stays found with every compiler
 * and sanitizer.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fuzz.h"

enum { INPUT_MAX = 1024 * 1024 };

static bool replay(int dirfd, const char *name)
{
	cleanup_free char *bytes = NULL;
	cleanup_free uint8_t *exact = NULL;
	struct error err = ERROR_INIT;
	size_t len = 0;

	if (read_file_at(dirfd, name, INPUT_MAX, &bytes, &len, &err) < 0) {
		error_print("replay", &err);
		return false;
	}
	exact = malloc(len ? len : 1);
	if (!exact)
		return false;
	memcpy(exact, bytes, len);
	return LLVMFuzzerTestOneInput(exact, len) == 0;
}

int main(int argc, char **argv)
{
	cleanup_dir DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	int files = 0;

	if (!dir) {
		fprintf(stderr, "usage: replay CORPUS\n");
		return 64;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		files++;
		if (!replay(dirfd(dir), entry->d_name)) {
			fprintf(stderr, "replay: failed on '%s'\n", entry->d_name);
			return 1;
		}
	}
	printf("%d files\n", files);
	return files > 0 ? 0 : 1;
}
