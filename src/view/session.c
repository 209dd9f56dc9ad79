/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a view, and the way of a request: read here, taken apart by libfuse, or here where
 * libfuse does not know it, and answered by one of the op_ functions. libfuse never reads or writes
 * the device itself (fuse_session_custom_io), so the reply to INIT can be completed: libfuse 3.14
 * knows neither passthrough nor the flags beside it.
 *
 * Nothing here waits: the descriptor is non-blocking, and no answer depends on another request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

/*
 * What the view wants of the kernel; what it does not offer is left out. Sources: linux/fuse.h.
 * Writeback caching and zero-message opens are left out on purpose: opens are judged. POSIX and
 * flock(2) locks are asked for where they are to be shared: else the kernel keeps them by itself.
 */
static const uint64_t wanted_flags = FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
				     FUSE_DONT_MASK | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS |
				     FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS |
				     FUSE_POSIX_ACL | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
				     FUSE_HAS_IOCTL_DIR | FUSE_HANDLE_KILLPRIV_V2 |
				     FUSE_SETXATTR_EXT | FUSE_INIT_EXT | PROTOCOL_ALLOW_IDMAP;

static void complete_init(struct view *view, struct protocol_init_out *out)
{
	uint64_t flags = wanted_flags;

	if (view->options.passthrough)
		flags |= PROTOCOL_PASSTHROUGH;
	if (view->options.without_acls)
		flags &= ~(uint64_t)FUSE_POSIX_ACL;
	if (view->options.share_locks)
		flags |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
	flags &= view->init_flags;
	view->shares_locks = flags & FUSE_POSIX_LOCKS;
	view->passes = flags & PROTOCOL_PASSTHROUGH;
	view->long_setxattr = flags & FUSE_SETXATTR_EXT;
	out->flags = (uint32_t)flags;
	out->flags2 = (uint32_t)(flags >> 32);
	out->max_stack_depth = view->passes ? PROTOCOL_STACK_DEPTH : 0;
}

static ssize_t device_writev(int fd, struct iovec *parts, int count, void *context)
{
	struct view *view = context;
	const struct fuse_out_header *header = parts[0].iov_base;
	ssize_t done;

	if (view->init_unique && header->unique == view->init_unique && !header->error &&
	    count == 2 && parts[1].iov_len == sizeof(struct protocol_init_out))
		complete_init(view, parts[1].iov_base);
	done = writev(fd, parts, count);
	/*
	 * ENOENT: the request was given up meanwhile. libfuse prints other errors, so the end of
	 * the connection is kept for view_serve() and shown as that one.
	 */
	if (done < 0 && errno != ENOENT) {
		view->write_error = errno;
		errno = ENOENT;
	}
	return done;
}

static ssize_t device_read(int fd, void *bytes, size_t len, void *context)
{
	return read(fd, bytes, len);
}

static void init(void *context, struct fuse_conn_info *conn)
{
	conn->max_write = VIEW_WRITE_MAX;
	/* RELEASE is a background request: with few places for them, one could be kept back while
	 * later requests of the same thread overtake it, and the judge relies on their order. */
	conn->max_background = UINT16_MAX;
	conn->time_gran = 1;
}

static const struct fuse_lowlevel_ops operations = {
	.init = init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.create = op_create,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.ioctl = op_ioctl,
	.getlk = op_getlk,
	.setlk = op_setlk,
	.flock = op_flock,
	.flush = op_flush,
};

static void *map_buffer(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_session(struct view *view)
{
	static char name[] = "husk";
	char *arguments[] = {name, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, arguments);
	const struct fuse_custom_io io = {.writev = device_writev, .read = device_read};

	view->session = fuse_session_new(&args, &operations, sizeof(operations), view);
	fuse_opt_free_args(&args);
	if (!view->session)
		return -ENOMEM;
	return fuse_session_custom_io(view->session, &io, view->fd);
}

static int set_up(struct view *view)
{
	const struct inode_key key = {.ino = FUSE_ROOT_ID, .lower = UINT32_MAX};
	int flags = fcntl(view->fd, F_GETFL);
	int rc;

	if (flags < 0 || fcntl(view->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	view->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (view->proc_fd < 0 || chdir("/proc") < 0)
		return -errno;
	view->request = map_buffer(VIEW_REQUEST_MAX);
	view->data = map_buffer(VIEW_WRITE_MAX);
	view->path = map_buffer(VIEW_PATH_MAX);
	if (!view->request || !view->data || !view->path)
		return -ENOMEM;
	rc = inode_table_init(&view->inodes, view->options.names_max, descriptor_drop, view);
	if (rc < 0)
		return rc;
	rc = inode_make(&view->inodes, &key, S_IFDIR, NULL, "", &view->top);
	if (rc < 0)
		return rc;
	view->top->fixed = true;
	view->top->own = true;
	view->prune_at = view->options.names_max - view->options.names_max / 8;
	descriptors_init(view);
	return open_session(view);
}

int view_new(int fuse_fd, const struct view_options *options, struct view **ret, struct error *err)
{
	struct view *view = calloc(1, sizeof(*view));
	int rc;

	if (!view) {
		close(fuse_fd);
		return error_set(err, ENOMEM, "cannot start the view");
	}
	view->fd = fuse_fd;
	view->proc_fd = -1;
	view->gate.shown_fd = -1;
	view->options = *options;
	rc = set_up(view);
	if (rc < 0) {
		view_free(view);
		return error_set(err, -rc, "cannot start the view");
	}
	*ret = view;
	return 0;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	if (view->session) {
		gate_release(view);
		locks_end(view);
	}
	if (view->inodes.buckets)
		inode_table_release(&view->inodes);
	if (view->session)
		fuse_session_destroy(view->session);
	else
		close(view->fd);
	if (view->proc_fd >= 0)
		close(view->proc_fd);
	if (view->request)
		munmap(view->request, VIEW_REQUEST_MAX);
	if (view->data)
		munmap(view->data, VIEW_WRITE_MAX);
	if (view->path)
		munmap(view->path, VIEW_PATH_MAX);
	for (size_t i = 0; i < view->lower_count; i++) {
		if (view->lowers[i].mount_fd >= 0)
			close(view->lowers[i].mount_fd);
	}
	free(view->lowers);
	free(view);
}

int view_fd(const struct view *view)
{
	return view->fd;
}

pid_t view_caller(const struct view *view)
{
	return view->caller;
}

/* An answer without libfuse. */
static void refuse(struct view *view, const struct fuse_in_header *header, int code)
{
	const struct fuse_out_header out = {
		.len = sizeof(out),
		.error = -code,
		.unique = header->unique,
	};

	if (write(view->fd, &out, sizeof(out)) < 0 && errno != ENOENT)
		view->write_error = errno;
}

static void note_init(struct view *view, const struct fuse_in_header *header)
{
	const struct fuse_init_in *in = request_arguments(view);

	view->init_unique = header->unique;
	view->init_flags = in->flags;
	if (in->flags & FUSE_INIT_EXT)
		view->init_flags |= (uint64_t)in->flags2 << 32;
}

static void process(struct view *view, size_t len)
{
	struct fuse_in_header *header = (void *)view->request;
	const struct fuse_buf buf = {.size = len, .mem = view->request};

	view->statistics.requests++;
	view->statistics.operations[header->opcode < 64 ? header->opcode : 0]++;
	view->tick++;
	view->opcode = header->opcode;
	if (header->pid > 0)
		view->caller = (pid_t)header->pid;
	switch (header->opcode) {
	case FUSE_INIT:
		note_init(view, header);
		break;
	case FUSE_INTERRUPT:
		if (view->shares_locks) {
			const struct fuse_interrupt_in *in = request_arguments(view);

			/* one that is not waiting for a lock has been answered meanwhile */
			(void)locks_interrupt(view, in->unique);
			return;
		}
		/* ENOSYS: no more of them. Every request is answered soon, but the gate's, which
		 * must be. */
		refuse(view, header, ENOSYS);
		return;
	case FUSE_TMPFILE:
		/* libfuse 3.14 does not know it; its arguments are those of CREATE */
		header->opcode = FUSE_CREATE;
		break;
	case PROTOCOL_STATX:
		/* nor this; its arguments begin as those of GETATTR do */
		header->opcode = FUSE_GETATTR;
		break;
	default:
		break;
	}
	fuse_session_process_buf(view->session, &buf);
}

int view_serve(struct view *view, unsigned int budget)
{
	int served = 0;

	if (view->lock_waiters)
		locks_look(view);
	while (budget-- > 0) {
		ssize_t len = read(view->fd, view->request, VIEW_REQUEST_MAX);

		if (len < 0) {
			if (errno == EAGAIN)
				return served;
			/* ENOENT: a request was given up before it was read */
			if (errno == EINTR || errno == ENOENT)
				continue;
			return -errno;
		}
		if ((size_t)len < sizeof(struct fuse_in_header))
			return -EIO;
		process(view, (size_t)len);
		if (view->write_error == ENODEV)
			return -ENODEV;
		if (view->inodes.count >= view->prune_at)
			prune(view);
		served++;
	}
	return served;
}

struct view_statistics view_statistics(const struct view *view)
{
	struct view_statistics statistics = view->statistics;

	statistics.names = view->inodes.count;
	return statistics;
}
