/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk-hook: what an OCI runtime calls. The state of the container comes on standard input. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "hook/hook.h"
#include "husk-paths.h"

static const struct stage {
	const char *name;
	int (*run)(const char *config_path, struct error *err);
} stages[] = {
	{"createRuntime", hook_create_runtime},
	{"createContainer", hook_create_container},
	{"poststop", hook_poststop},
};

static int usage(FILE *out, int code)
{
	fputs("usage: husk-hook [--config FILE] createRuntime|createContainer|poststop\n"
	      "       husk-hook --version | --help\n"
	      "An OCI hook: the runtime calls it with the container's state on standard input.\n"
	      "See husk-hook(8), and 'husk hooks print' for the hooks object of config.json.\n",
	      out);
	return code;
}

static int run_stage(const struct stage *stage, const char *config_path)
{
	struct error err = ERROR_INIT;

	if (stage->run(config_path, &err) == 0)
		return EX_OK;
	error_print("husk-hook", &err);
	return error_exit_code(&err);
}

int main(int argc, char **argv)
{
	const char *config_path = NULL;
	int at = 1;

	open_standard_streams();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("husk-hook " HUSK_VERSION);
		return EX_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EX_OK);
	if (argc > at + 1 && strcmp(argv[at], "--config") == 0) {
		config_path = argv[at + 1];
		at += 2;
	}
	if (argc != at + 1)
		return usage(stderr, EX_USAGE);
	/* Engines leave descriptors open that the mediator must not keep: they wait for their end.
	 */
	syscall(SYS_close_range, 3, ~0U, 0);
	umask(077);
	limits_lift();
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (strcmp(stages[i].name, argv[at]) == 0)
			return run_stage(&stages[i], config_path);
	}
	fprintf(stderr, "husk-hook: '%s' is no stage that husk takes part in\n", argv[at]);
	return EX_USAGE;
}
