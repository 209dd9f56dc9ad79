# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Podman (rootful) with the hook definitions that husk installs, on both runtimes.

load helpers

setup() {
	command -v podman >/dev/null || skip "podman is not installed"
	husk_setup 'shadow_after_runs = 3' 'enforce_after_runs = 3' 'trust_podman_annotations = yes'
	podman_setup
	husk hooks install podman --directory "$T/hooks.d" --hook-program "$HUSK_HOOK"
	ROOTFS=$(own_rootfs)
}

teardown() {
	husk_teardown
}

FUNCTION=(--annotation husk.function=orders --annotation husk.revision=1)

@test "what is installed is valid, says so again, and is removed" {
	for file in "$T"/hooks.d/*.json; do
		jq -e '.version == "1.0.0" and (.stages | length > 0) and (.hook.path | startswith("/"))' "$file"
		jq -e '.stages | index("precreate") | not' "$file"
	done
	husk hooks install podman --directory "$T/hooks.d" --hook-program "$HUSK_HOOK"
	husk hooks remove podman --directory "$T/hooks.d"
	[ -z "$(ls "$T/hooks.d")" ]
}

@test "podman run gives a container a view and merges what it did" {
	podman_run 0 "${FUNCTION[@]}" --rootfs "$ROOTFS" /bin/sh -c 'cat /proc/self/mountinfo; echo x >/data/made'
	output_has fuse
	[ "$(cat "$ROOTFS/data/made")" = x ]
	husk show --json orders | grep -q /data/made
	nothing_left_of_podman
}

@test "a function in podman is learned, enforced, attacked and serves again" {
	mkdir -p "$T/data/invoices" "$T/data/secrets"
	echo "$SECRET" >"$T/data/secrets/api.key"
	cp -r "$HUSK_SOURCE/contrib/function/orders.py" "$HUSK_SOURCE/contrib/function/templates" "$ROOTFS/app/"
	call() {
		event "$@" >"$T/event"
		capture timeout 60 podman "${PODMAN[@]}" run --rm -i "${PODMAN_RUN[@]}" "${FUNCTION[@]}" -v "$T/data:/data" \
			--rootfs "$ROOTFS" /usr/bin/python3 -B /app/orders.py <"$T/event"
	}
	for n in $(seq 1 20); do
		call "$n"
		[ "$status" -eq 0 ] || fail "$output"
		[ "$(mode_of orders exec)" != enforce ] || [ "$(mode_of orders fs)" != enforce ] || break
	done
	[ "$(mode_of orders exec)" = enforce ]
	[ "$(mode_of orders fs)" = enforce ]
	call 50 'customer=x; id; cat /data/secrets/api.key'
	output_lacks "$SECRET"
	output_lacks UID=
	call 51 'template=/data/secrets/api.key'
	output_lacks "$SECRET"
	[ "$(event_count '.event == "denied"')" -ge 2 ]
	call 52
	[ "$status" -eq 0 ] || fail "$output"
	nothing_left_of_podman
}

# like_native ARGUMENT...: podman run gives the same without hooks, in any order of lines. Podman passes the
# two streams on apart, even pieces of lines: who writes to both makes them one.
like_native() {
	local bare
	capture timeout 60 podman "${PODMAN[@]}" --hooks-dir "$T/none" run --rm "${PODMAN_RUN[@]}" "$@"
	bare="$status $(sort <<<"$output")"
	capture timeout 60 podman "${PODMAN[@]}" run --rm "${PODMAN_RUN[@]}" "${FUNCTION[@]}" "$@"
	[ "$status $(sort <<<"$output")" = "$bare" ] || fail "without husk: $bare
with it: $status $output"
}

@test "the options --init, --read-only, --tmpfs, --user, --workdir and -v are as without husk" {
	mkdir -p "$T/none" "$T/v"
	echo volume >"$T/v/file"
	like_native --init --rootfs "$ROOTFS" /bin/sh -c 'cat /proc/1/comm; busybox ps -o comm'
	like_native --read-only --rootfs "$ROOTFS" /bin/sh -c 'exec 2>&1; touch /data/x; touch /tmp/x; touch /run/x; echo $?'
	like_native --read-only --read-only-tmpfs=false --rootfs "$ROOTFS" /bin/sh -c 'touch /tmp/x'
	like_native --tmpfs /scratch:rw,noexec,size=1m --rootfs "$ROOTFS" /bin/sh -c 'exec 2>&1; echo x >/scratch/x; cat /scratch/x; cp /bin/true /scratch; /scratch/true'
	like_native --user 1000:1000 --rootfs "$ROOTFS" /bin/sh -c 'exec 2>&1; id; touch /etc/x; echo x >/tmp/own; cat /tmp/own'
	like_native --user 1000 --workdir /home/guest --rootfs "$ROOTFS" /bin/sh -c 'pwd; echo x >made; ls'
	like_native -v "$T/v:/v:ro" -v "$T/v/file:/etc/file" --rootfs "$ROOTFS" /bin/sh -c 'exec 2>&1; cat /v/file /etc/file; touch /v/x'
	like_native --env A=B --hostname there --rootfs "$ROOTFS" /bin/sh -c 'echo $A; cat /etc/hostname; grep -c there /etc/hosts'
	like_native --rootfs "$ROOTFS" /bin/sh -c 'exit 42'
	like_native --security-opt no-new-privileges --cap-drop all --rootfs "$ROOTFS" /bin/grep -E 'Cap|NoNew' /proc/self/status
	like_native --entrypoint '["/bin/echo", "entry"]' --rootfs "$ROOTFS"
	nothing_left_of_podman
}

@test "a program that is missing fails as without husk" {
	mkdir "$T/none"
	capture timeout 60 podman "${PODMAN[@]}" --hooks-dir "$T/none" run --rm "${PODMAN_RUN[@]}" --rootfs "$ROOTFS" /no/such
	bare=$status
	podman_run "$bare" "${FUNCTION[@]}" --rootfs "$ROOTFS" /no/such
	nothing_left_of_podman
}

@test "create, start, exec, stop and rm leave nothing" {
	name=$NAME
	timeout 60 podman "${PODMAN[@]}" create --name "$name" "${PODMAN_RUN[@]}" "${FUNCTION[@]}" --rootfs "$ROOTFS" \
		/bin/sh -c 'trap "exit 0" TERM; echo x >/data/begun; while :; do sleep 0.05; done'
	expect 0 timeout 60 podman "${PODMAN[@]}" start "$name"
	wait_until 20 test -e "$ROOTFS/data/begun"
	expect 0 timeout 60 podman "${PODMAN[@]}" exec "$name" /bin/cat /data/begun
	output_has x
	expect 0 timeout 60 podman "${PODMAN[@]}" stop --time 10 "$name"
	expect 0 timeout 60 podman "${PODMAN[@]}" start "$name"
	expect 0 timeout 60 podman "${PODMAN[@]}" kill "$name"
	expect 0 timeout 60 podman "${PODMAN[@]}" rm --force --time 0 "$name"
	nothing_left_of_podman
	[ "$(husk show --json orders | jq '.revisions[0].runs')" -eq 2 ]
}

@test "an annotation that an image may have set neither opts out nor says that a run is trusted" {
	local annotated=(--annotation husk.mode=off --annotation husk.trusted=true)
	podman_run 0 "${FUNCTION[@]}" "${annotated[@]}" --rootfs "$ROOTFS" /bin/cat /proc/self/mountinfo
	output_lacks fuse.husk
	sed -i '/trust_podman_annotations/d' "$CONF"
	podman_run 0 "${FUNCTION[@]}" "${annotated[@]}" --rootfs "$ROOTFS" /bin/cat /proc/self/mountinfo
	output_has fuse.husk
	[ "$(event_count '.event == "degraded" and (.detail | test("husk.mode and husk.trusted: not taken"))')" -eq 1 ]
	husk show --json orders | jq -e '.revision | startswith("1+sha-")'
	nothing_left_of_podman
}

@test "containers without a name are left as they are, with an event" {
	# what they did: of one that ended at once Podman passed nothing on
	for n in 1 2 3 4 5 6 7; do
		podman_run 0 --rootfs "$ROOTFS" /bin/sh -c 'echo served >>/data/served'
		[ "$(wc -l <"$ROOTFS/data/served")" -eq "$n" ]
	done
	[ "$(husk list --json | jq length)" -eq 0 ]
	has_event '.event == "degraded" and (.detail | contains("not wrapped"))'
	no_event '.event == "denied" or .event == "run"'
	nothing_left_of_podman
}

# ends_with FUNCTION ARGUMENT...: runs it until its capabilities and calls are enforced, and once more. It prints
# "FUNCTION works" and its capabilities. What it ends with is printed too, with the test's result.
ends_with() {
	local function=$1 given kept lets learned base
	shift
	for _ in $(seq 12); do
		podman_run 0 --annotation husk.function="$function" --annotation husk.revision=1 -v "$T/data:/data" "$@"
		output_has "$function works"
		[ "$(mode_of "$function" cap)" != enforce ] || [ "$(mode_of "$function" syscall)" != enforce ] || break
	done
	[ "$(mode_of "$function" cap)" = enforce ]
	[ "$(mode_of "$function" syscall)" = enforce ]
	podman_run 0 --annotation husk.function="$function" --annotation husk.revision=1 -v "$T/data:/data" "$@"
	output_has "$function works"
	output_has "CapBnd:	0000000000000000"
	output_has "CapPrm:	0000000000000000"
	given=$(husk show --json "$function" | jq '.revisions[0].capabilities_given | length')
	kept=$(husk show --json "$function" | jq '[.behaviours[] | select(.domain == "cap" and .admitted)] | length')
	learned=$(husk show --json "$function" | jq '[.behaviours[] | select(.domain == "syscall" and .admitted)] | length')
	lets=$(husk show --json "$function" | jq '.revisions[0].calls_given')
	base=$(husk show "$function" | sed -n 's/^System calls: .* outside of the base of \([0-9]*\) .*/\1/p')
	echo "# $function: capabilities $given, then $kept; system calls $lets, then $base of the base and $learned more" >&3
	[ "$given" -eq 11 ]
	[ "$kept" -eq 0 ]
	[ $((base + learned)) -lt "$lets" ]
	[ "$learned" -lt 30 ]
}

@test "how many calls Podman's own profile lets through is told, and that there is none" {
	watched=("${FUNCTION[@]}" --security-opt no-new-privileges --rootfs "$ROOTFS" /bin/true)
	podman_run 0 "${watched[@]}"
	given=$(husk show --json orders | jq '.revisions[0].calls_given')
	[ "$given" -gt 250 ]
	[ "$given" -lt 350 ]
	expect 0 husk show orders
	output_has "System calls: the engine lets $given through; runs have made none outside "
	podman_run 0 --security-opt seccomp=unconfined "${watched[@]}"
	[ "$(husk show --json orders | jq '.revisions[0].calls_given')" = '"all"' ]
	expect 0 husk show orders
	output_has "System calls: the engine lets all through; runs have made none outside "
	nothing_left_of_podman
}

@test "of what Podman gives, functions that need no capability end with none" {
	write_conf 'shadow_after_runs = 1' 'enforce_after_runs = 1' 'trust_podman_annotations = yes'
	mkdir -p "$T/data/invoices"
	cp -r "$HUSK_SOURCE/contrib/function/orders.py" "$HUSK_SOURCE/contrib/function/templates" "$ROOTFS/app/"
	event 1 >"$T/data/event"
	ends_with python --rootfs "$ROOTFS" /bin/sh -c 'python3 -B /app/orders.py </data/event >/data/out &&
		echo python works && grep Cap /proc/self/status'
	ends_with shell --rootfs "$ROOTFS" /bin/sh -c 'for n in 1 2 3; do head -n "$n" /etc/passwd | sort | wc -l; done >/data/lines
		[ "$(wc -l </data/lines)" -eq 3 ] && echo shell works && grep Cap /proc/self/status'
	TOOLS=$(own_rootfs "$HUSK_TOOLS_ROOTFS")
	ends_with node --rootfs "$TOOLS" /usr/bin/node -e '
		const http = require("http"), fs = require("fs");
		const server = http.createServer((q, r) => { fs.appendFileSync("/data/log", "x"); r.end("node works"); });
		server.listen(0, "127.0.0.1", () => http.get({port: server.address().port}, r => r.on("data", d => {
			console.log(`${d}\n${fs.readFileSync("/proc/self/status")}`); process.exit(0); })));'
	no_event '.event == "denied"'
	nothing_left_of_podman
}
