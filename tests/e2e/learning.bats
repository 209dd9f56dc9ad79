# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The main job, on each engine: a function is learned, watched in shadow, enforced, attacked.

load helpers

setup() {
	husk_setup 'shadow_after_runs = 3' 'enforce_after_runs = 3'
}

teardown() {
	husk_teardown
}

# attack_line TITLE: "title | field | value" with the placeholders filled in.
attacks() {
	grep -v '^#' "$HUSK_SOURCE/contrib/function/attacks" | sed "s/@SECRET@/$SECRET/g"
}

# fingerprint: of everything that an attack must not change.
fingerprint() {
	(cd "$ROOTFS" && find app etc bin/ usr/bin tmp root -xdev -printf '%p %y %m %s %l\n' | sort &&
		cat app/orders.py app/templates/* etc/passwd)
	cat "$DATA/secrets/api.key"
	ls "$DATA" "$DATA/secrets"
}

@test "a function goes from learning over shadow to enforcement by itself and keeps working" {
	function_bundle orders
	invoke_well 1
	[ "$(mode_of orders fs)" = learn ]
	learn orders
	has_event '.event == "promoted" and .mode == "shadow"'
	has_event '.event == "promoted" and .mode == "enforce"'
	no_event '.event == "denied"'
	for n in 101 102 103 104 105; do
		invoke_well "$n"
	done
	no_event '.event == "denied"'
	nothing_left
}

@test "every attack on the enforced function is stopped and the next invocation works" {
	function_bundle orders
	learn orders
	fingerprint >"$T/before"
	count=200
	while IFS='|' read -r title field value; do
		title=${title% } field=${field// /} value=${value# }
		before=$(event_count '.event == "denied"')
		capture start_run "$BUNDLE" < <(event "$count" "$field=$value")
		[[ $output != *"$SECRET"* ]] || fail "$title: the key came out: $output"
		[[ $output != *uid=0* && $output != *UID=0* && $output != *'an order-processing function'* ]] ||
			fail "$title: it ran: $output"
		fingerprint | diff "$T/before" - || fail "$title: it changed something"
		[ "$(event_count '.event == "denied"')" -gt "$before" ] ||
			fail "$title: no event tells of it; output: $output"
		count=$((count + 1))
		invoke_well "$count" || fail "after '$title' the function does not work"
	done < <(attacks)
	[ "$count" -gt 210 ]
	nothing_left
}

@test "an attack while learning is recorded as new and does not spread to another function" {
	function_bundle orders
	invoke_well 1
	invoke 0 2 "customer=x; id"
	husk show --json orders | jq -e '[.. | objects | select((.key? // "") | test("/bin/id$"))] | length > 0'
	has_event '.event == "novelty" and (.key | test("/bin/id$"))'
}

@test "an attack in shadow works, and an event says that it would be denied" {
	function_bundle orders
	invoke_well 1
	invoke_well 2
	husk mode orders shadow
	invoke 0 3 "customer=x; id"
	output_has 'UID=0'
	has_event '.event == "would-deny" and (.key | test("/bin/id$")) and .domain == "exec" and .mode == "shadow"'
	no_event '.event == "denied"'
}

@test "a mode set by hand stays and its denial is one event with all that is known" {
	function_bundle orders
	invoke_well 1
	invoke_well 2
	husk mode orders enforce
	capture start_run "$BUNDLE" < <(event 3 'customer=x; id')
	[[ $output != *uid=* && $output != *UID=* ]]
	[ "$(event_count '.event == "denied"')" -eq 1 ]
	events '.event == "denied"' | jq -e '.function == "orders" and .revision == "1" and .domain == "exec"
		and .operation == "exec" and (.key | test("/bin/id$")) and (.program | test("sh$"))
		and .mode == "enforce" and (.time | test("^20.*Z$")) and (.run | test("^[0-9a-f]{32}$")) and .pid > 0'
	invoke_well 4
	[ "$(mode_of orders exec)" = enforce ]
}

@test "one behaviour that a person allows or denies is settled in the next run" {
	function_bundle orders
	invoke_well 1
	invoke_well 2
	husk mode orders enforce
	husk allow orders exec /usr/bin/id
	invoke 0 3 "customer=x; id"
	output_has 'UID=0'
	husk deny orders exec /usr/bin/id
	capture start_run "$BUNDLE" < <(event 4 'customer=x; id')
	[[ $output != *UID=0* ]]
	has_event '.event == "marked"'
}

@test "one domain can be enforced alone" {
	function_bundle orders
	invoke_well 1
	invoke_well 2
	husk mode orders --domain exec enforce
	[ "$(mode_of orders exec)" = enforce ]
	[ "$(mode_of orders fs)" = learn ]
	invoke 0 3 "customer=x; echo y >/tmp/new"
	capture start_run "$BUNDLE" < <(event 4 'customer=x; id')
	[[ $output != *UID=0* ]]
}

@test "a new revision of a function has a policy of its own" {
	function_bundle orders
	invoke_well 1
	invoke_well 2
	husk mode orders enforce
	hook_bundle "$BUNDLE" orders 2
	invoke 0 3 "customer=x; id"
	output_has 'UID=0'
	[ "$(husk show --json orders | jq '.revisions | length')" -eq 2 ]
}

@test "a container without a name is never enforced and never merged" {
	function_bundle orders
	change_bundle "$BUNDLE" 'del(.annotations["husk.function"], .annotations["husk.revision"])'
	for n in 1 2 3 4 5 6 7 8; do
		invoke_well "$n"
	done
	invoke 0 9 "customer=x; id"
	output_has 'UID=0'
	[ "$(husk list --json | jq 'length')" -eq 0 ] || husk list --json | jq -e '.functions | length == 0'
	no_event '.event == "denied"'
	nothing_left
}

