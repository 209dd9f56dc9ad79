/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first bytes of an executable, as load_script() and load_elf_binary() of the kernel read them.
 */
#include "view/executable.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM_HEADERS_MAX = 65536 }; /* bytes: the kernel refuses more, fs/binfmt_elf.c */

/* Both classes of ELF, each with its own layout of the same fields. */
struct layout {
	uint64_t headers; /* offset in the file */
	uint32_t size;	  /* of one */
	uint32_t count;
};

static bool read_layout(const unsigned char *head, struct layout *ret)
{
	Elf64_Ehdr wide;
	Elf32_Ehdr narrow;

	if (head[EI_CLASS] == ELFCLASS64) {
		memcpy(&wide, head, sizeof(wide));
		*ret = (struct layout){wide.e_phoff, sizeof(Elf64_Phdr), wide.e_phnum};
		return wide.e_phentsize == sizeof(Elf64_Phdr);
	}
	memcpy(&narrow, head, sizeof(narrow));
	*ret = (struct layout){narrow.e_phoff, sizeof(Elf32_Phdr), narrow.e_phnum};
	return narrow.e_phentsize == sizeof(Elf32_Phdr);
}

/* The type is the first field of a program header of either class. */
static bool has_interpreter(int fd, const struct layout *layout)
{
	unsigned char chunk[16 * sizeof(Elf64_Phdr)];
	uint32_t per_chunk = sizeof(chunk) / layout->size;

	if ((uint64_t)layout->count * layout->size > PROGRAM_HEADERS_MAX)
		return false;
	for (uint32_t first = 0; first < layout->count; first += per_chunk) {
		uint64_t at = layout->headers + (uint64_t)first * layout->size;
		ssize_t len = at > INT64_MAX ? -1 : pread(fd, chunk, sizeof(chunk), (off_t)at);

		if (len < (ssize_t)layout->size)
			return false;
		for (uint32_t i = 0; i < per_chunk && first + i < layout->count; i++) {
			uint32_t type;

			if ((size_t)len < (size_t)(i + 1) * layout->size)
				return false;
			memcpy(&type, chunk + (size_t)i * layout->size, sizeof(type));
			if (type == PT_INTERP)
				return true;
		}
	}
	return false;
}

enum view_executable executable_look(int fd)
{
	unsigned char head[sizeof(Elf64_Ehdr)] = {0};
	struct layout layout;
	ssize_t len = pread(fd, head, sizeof(head), 0);

	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return VIEW_SCRIPT;
	if (len < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return VIEW_WHOLE;
	return read_layout(head, &layout) && has_interpreter(fd, &layout) ? VIEW_DYNAMIC
									  : VIEW_WHOLE;
}
