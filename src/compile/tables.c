/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of the build: prints what the mediator, which has no libseccomp, needs of system calls
 * (mediator/call-tables.h), for the machine that the build is for.
 */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/filter.h"
#include "policy/calls.h"

static int print_filter(void)
{
	static const struct filter_wish base = {.enforce = false};
	static struct sock_filter code[RESTRICTION_FILTER_MAX];
	struct error err = ERROR_INIT;
	uint32_t count = 0;

	if (filter_make(&base, code, &count, &err) < 0) {
		error_print("husk-tables", &err);
		return EXIT_FAILURE;
	}
	printf("const struct sock_filter call_base_filter[] = {\n");
	for (uint32_t i = 0; i < count; i++)
		printf("\t{%#x, %u, %u, %#" PRIx32 "},\n", (unsigned int)code[i].code, code[i].jt,
		       code[i].jf, code[i].k);
	printf("};\nconst uint32_t call_base_count = %" PRIu32 ";\n\n", count);
	return EXIT_SUCCESS;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_names(void)
{
	char *names[CALLS_NUMBERS];
	int last = 0, count = 0;

	printf("const char *const call_names[] = {\n");
	for (int number = 0; number < CALLS_NUMBERS; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (!name)
			continue;
		printf("\t[%d] = \"%s\",\n", number, name);
		last = number;
		names[count++] = name;
	}
	printf("};\nconst uint32_t call_names_count = %d;\n\n", last + 1);
	qsort(names, (size_t)count, sizeof(names[0]), compare);
	printf("const char *const call_names_sorted[] = {\n");
	for (int i = 0; i < count; i++) {
		printf("\t\"%s\",\n", names[i]);
		free(names[i]);
	}
	printf("};\nconst uint32_t call_names_sorted_count = %d;\n", count);
}

int main(void)
{
	printf("/* Made by husk-tables. */\n#include \"mediator/call-tables.h\"\n\n");
	if (print_filter() != EXIT_SUCCESS)
		return EXIT_FAILURE;
	print_names();
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
