/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, keys, messages: what needs no network. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"

static const struct {
	const char *text, *back; /* back NULL: no address */
	bool public;
} addresses[] = {
	{"203.0.113.7", "203.0.113.7", true},
	{"1.1.1.1", "1.1.1.1", true},
	{"10.0.0.1", "10.0.0.1", false},
	{"100.63.255.255", "100.63.255.255", true},
	{"100.64.0.0", "100.64.0.0", false},
	{"100.127.255.255", "100.127.255.255", false},
	{"100.128.0.0", "100.128.0.0", true},
	{"127.9.9.9", "127.9.9.9", false},
	{"168.63.129.16", "168.63.129.16", false},
	{"169.254.169.254", "169.254.169.254", false},
	{"172.15.0.1", "172.15.0.1", true},
	{"172.31.255.255", "172.31.255.255", false},
	{"172.32.0.0", "172.32.0.0", true},
	{"192.0.0.192", "192.0.0.192", false},
	{"192.168.1.1", "192.168.1.1", false},
	{"224.0.0.251", "224.0.0.251", false},
	{"255.255.255.255", "255.255.255.255", false},
	{"0.0.0.0", "0.0.0.0", false},
	{"::", "::", false},
	{"::1", "::1", false},
	{"fe80::1", "fe80::1", false},
	{"fd00:ec2::254", "fd00:ec2::254", false},
	{"ff02::1", "ff02::1", false},
	{"2001:db8::1", "2001:db8::1", true},
	{"2001:0:1::", "2001:0:1::", false},
	{"2606:4700::1111", "2606:4700::1111", true},
	{"::ffff:169.254.169.254", "169.254.169.254", false},
	{"64:ff9b::1.1.1.1", "64:ff9b::101:101", true},
	{"64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe", false},
	{"2002:a9fe:a9fe::1", "2002:a9fe:a9fe::1", false},
	{"2002:101:101::1", "2002:101:101::1", true},
	{"127.1", NULL, false},
	{"0x7f.0.0.1", NULL, false},
	{"1.2.3.4 ", NULL, false},
	{"fe80::1%lo", NULL, false},
	{"", NULL, false},
};

static void addresses_have_one_text_and_one_class(void **state)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		char text[ADDRESS_TEXT_ROOM];
		struct in6_addr address;

		if (!addresses[i].back) {
			assert_int_equal(address_parse(addresses[i].text, &address), -EINVAL);
			continue;
		}
		assert_int_equal(address_parse(addresses[i].text, &address), 0);
		address_format(&address, text);
		assert_string_equal(text, addresses[i].back);
		if (address_is_public(&address) != addresses[i].public)
			fail_msg("%s", addresses[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_one_text_and_one_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
