/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions for the proxy, taken in together: of what is sent to port 53 each waits in the kernel,
 * with its program gone on, and costs a copy and a share of two system calls. */
#include <sys/mman.h>
#include <sys/socket.h>

#include "net/net-internal.h"
#include "net/queue.h"

/* The longest packet, and what a message says besides. */
#define MESSAGE_MAX (65536 + 1024)

/* Only pages that are used take memory. */
struct questions {
	struct iovec vectors[QUEUE_BATCH_MAX];
	struct mmsghdr messages[QUEUE_BATCH_MAX];
	char bytes[QUEUE_BATCH_MAX][MESSAGE_MAX];
};

static struct questions *make(void)
{
	struct questions *questions = mmap(NULL, sizeof(*questions), PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (questions == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < QUEUE_BATCH_MAX; i++) {
		questions->vectors[i].iov_base = questions->bytes[i];
		questions->vectors[i].iov_len = sizeof(questions->bytes[i]);
		questions->messages[i].msg_hdr.msg_iov = &questions->vectors[i];
		questions->messages[i].msg_hdr.msg_iovlen = 1;
	}
	return questions;
}

void questions_free(struct questions *questions)
{
	if (questions)
		munmap(questions, sizeof(*questions));
}

int net_questions_fd(const struct net *net)
{
	return net->queue_fd;
}

bool net_take_questions(struct net *net,
			void (*ask)(void *context, const struct net_question *question),
			void *context)
{
	struct questions *questions = net->questions;
	struct queue_packet packet, last = {0};
	bool any = false;
	int count;

	if (!questions)
		questions = net->questions = make();
	if (!questions)
		return false;
	count = recvmmsg(net->queue_fd, questions->messages, QUEUE_BATCH_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct reader datagram = {questions->bytes[i], questions->messages[i].msg_len};
		struct net_question question;

		while (queue_read(&datagram, &packet) == 0) {
			last = packet;
			any = true;
			if (question_read(&packet, &question) == 0)
				ask(context, &question);
		}
	}
	/* Should that fail, they wait on, and are dropped with the next. */
	if (any)
		(void)queue_drop(net->queue_fd, net->queue, last.id);
	return count == QUEUE_BATCH_MAX;
}
