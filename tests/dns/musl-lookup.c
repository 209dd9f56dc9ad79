/* SPDX-License-Identifier: GPL-2.0-or-later */
/* musl-lookup NAME: the addresses of a name, one a line, as the C library finds them. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int r = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &list) : EAI_FAIL;
	char text[64];

	if (r != 0) {
		(void)printf("%s\n", gai_strerror(r));
		return 1;
	}
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0,
				NI_NUMERICHOST) == 0)
			(void)printf("%s\n", text);
	}
	freeaddrinfo(list);
	return 0;
}
