/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk-observe: loads the observer of capabilities into the kernel and pins it in the BPF file
 * system, where it stays until the next boot, and keeps netfilter's hooks in use. Executed by
 * whichever mediator comes first; of several at a time one does it, the others find it done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "husk-paths.h"
#include "observe/hooks.h"
#include "observe/pin.h"
#include "observe/sites.h"

/* Made by bpftool, which casts as it likes; needs the structures above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "capabilities-skeleton.h"
#pragma GCC diagnostic pop

static const char usage[] =
	"Usage: husk-observe [--at-function | --remove]\n"
	"\n"
	"Loads the observer of capabilities into the kernel and keeps the hooks of netfilter in\n"
	"use, so that starts do not wait for them; once a boot; husk does it by itself.\n"
	"\n"
	"  --at-function    at the function cap_capable() itself, as before Linux 6.14, also\n"
	"                   where there is a tracepoint\n"
	"  --remove         take it out again, of all versions of husk; it stays in the kernel\n"
	"                   until the containers that run have ended\n"
	"  --help           print this text\n"
	"  --version        print the version\n";

#define SYMBOLS_AT_ONCE (256UL * 1024)

/* The last thing that libbpf complained of: the reason, where loading fails. */
static char complaint[256];

__attribute__((format(printf, 2, 0))) static int keep_complaint(enum libbpf_print_level level,
								const char *format, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(complaint, sizeof(complaint), format, args);
	complaint[strcspn(complaint, "\n")] = '\0';
	return 0;
}

/* Each line of /proc/kallsyms. */
static int each_symbol(struct sites *sites, void (*take)(struct sites *sites, const char *line),
		       struct error *err)
{
	cleanup_file FILE *symbols = fopen("/proc/kallsyms", "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	if (!symbols)
		return error_set(err, errno, "cannot open '/proc/kallsyms'");
	/* The kernel finds its place anew at every read(2). */
	setvbuf(symbols, NULL, _IOFBF, SYMBOLS_AT_ONCE);
	while (getline(&line, &room, symbols) > 0)
		take(sites, line);
	return 0;
}

/* FUSE's functions are in the table; where it is a module, opening the device brings it in. */
static void load_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

static bool pipes_are_limited(void)
{
	cleanup_free char *text = NULL;
	size_t len;

	return read_file_at(AT_FDCWD, "/proc/sys/fs/pipe-user-pages-hard", 64, &text, &len, NULL) <
		       0 ||
	       strcmp(text, "0\n") != 0;
}

static int find_sites(struct observe_site (*lines)[OBSERVE_SITES_MAX], struct error *err)
{
	struct sites sites;
	int r;

	load_fuse();
	sites_init(&sites, lines, pipes_are_limited());
	r = each_symbol(&sites, sites_find, err);
	if (r == 0)
		r = each_symbol(&sites, sites_bound, err);
	/* Not one function known: every mmap(2) would look like a use of CAP_SYS_ADMIN. */
	if (r == 0 && sites_finish(&sites) == 0)
		r = error_say(err, EOPNOTSUPP, "%s",
			      sites.hidden ? "the kernel hides the addresses of its functions"
					   : "none of the kernel's functions is known");
	return r;
}

/* With one of the two programs; the kernel has a place for one of them at least, if any. */
static int load(bool at_return, struct capabilities **ret, struct error *err)
{
	struct capabilities *skeleton = capabilities__open();
	struct bpf_program *other;
	int r;

	if (!skeleton)
		return error_set(err, errno, "cannot open the program");
	other = at_return ? skeleton->progs.at_tracepoint : skeleton->progs.at_return;
	bpf_program__set_autoload(other, false);
	r = find_sites(skeleton->rodata->sites, err);
	if (r == 0) {
		r = capabilities__load(skeleton);
		if (r == 0)
			r = capabilities__attach(skeleton);
		if (r < 0)
			error_set(err, -r, "cannot load the observer of capabilities (%.200s)",
				  complaint);
	}
	if (r < 0) {
		capabilities__destroy(skeleton);
		return r;
	}
	*ret = skeleton;
	return 0;
}

/* The link first: whoever finds the map relies on it. */
static int pin(struct capabilities *skeleton, struct error *err)
{
	struct bpf_link *link = skeleton->links.at_tracepoint ? skeleton->links.at_tracepoint
							      : skeleton->links.at_return;
	int r;

	unlink(OBSERVE_LINK_PIN); /* of one that died in between */
	r = bpf_link__pin(link, OBSERVE_LINK_PIN);
	if (r < 0)
		return error_set(err, -r, "cannot pin '%s'", OBSERVE_LINK_PIN);
	r = bpf_map__pin(skeleton->maps.containers, OBSERVE_MAP_PIN);
	if (r < 0) {
		unlink(OBSERVE_LINK_PIN);
		return error_set(err, -r, "cannot pin '%s'", OBSERVE_MAP_PIN);
	}
	return 0;
}

static int observe(bool at_function, struct error *err)
{
	cleanup_close int dir_fd = open_dir_made(OBSERVE_DIRECTORY, 0700, err);
	struct capabilities *skeleton = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (flock(dir_fd, LOCK_EX) < 0)
		return error_set(err, errno, "cannot lock '%s'", OBSERVE_DIRECTORY);
	if (access(OBSERVE_MAP_PIN, F_OK) == 0) {
		if (access(OBSERVE_LINK_PIN, F_OK) == 0)
			return 0;
		unlink(OBSERVE_MAP_PIN); /* nobody fills it */
	}
	hooks_keep();
	r = load(at_function, &skeleton, err);
	if (r < 0 && !at_function) {
		/* Before Linux 6.14 there is no tracepoint; what is told is why that failed. */
		struct error other = ERROR_INIT;

		r = load(true, &skeleton, &other);
	}
	if (r < 0)
		return r;
	*err = ERROR_INIT;
	r = pin(skeleton, err);
	capabilities__destroy(skeleton);
	return r;
}

/* Of all versions: each that an update left behind costs at every check. */
static int forget(struct error *err)
{
	cleanup_dir DIR *directory = opendir(OBSERVE_DIRECTORY);
	const struct dirent *entry;

	if (!directory)
		return errno == ENOENT
			       ? 0
			       : error_set(err, errno, "cannot open '%s'", OBSERVE_DIRECTORY);
	hooks_forget();
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, OBSERVE_PIN_NAME, strlen(OBSERVE_PIN_NAME)) == 0 &&
		    unlinkat(dirfd(directory), entry->d_name, 0) < 0 && errno != ENOENT)
			return error_set(err, errno, "cannot remove '%s/%s'", OBSERVE_DIRECTORY,
					 entry->d_name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	bool remove = argc == 2 && strcmp(argv[1], "--remove") == 0;
	bool at_function = argc == 2 && strcmp(argv[1], "--at-function") == 0;

	open_standard_streams();
	umask(077);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("husk-observe " HUSK_VERSION) < 0 ? EX_IOERR : EX_OK;
	if (argc != 1 && !remove && !at_function) {
		fputs("husk-observe: unknown argument; see husk-observe --help\n", stderr);
		return EX_USAGE;
	}
	libbpf_set_print(keep_complaint);
	if ((remove ? forget(&err) : observe(at_function, &err)) == 0)
		return EX_OK;
	error_print("husk-observe", &err);
	return EX_UNAVAILABLE;
}
