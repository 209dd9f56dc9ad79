# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What all suites use, and the one place that knows the oddities of machines that build and test: limits
# that cannot be raised (no CAP_SYS_RESOURCE), so no device rules and low limits; podman's flags for
# that.
#
#   ENGINE  the runtime under test    T     this test's scratch directory    NAME  prefix of every id
#   CONF    this test's husk.conf     STATE, RUNTIME  its directories

ENGINE=$HUSK_ENGINE
HUSK=$HUSK_BUILD/src/cli/husk
HUSK_HOOK=$HUSK_BUILD/src/husk-hook
HUSK_MERGE=$HUSK_BUILD/src/husk-merge
HUSK_LAUNCH=$HUSK_BUILD/src/launch/husk-launch
HUSK_OBSERVE=$HUSK_BUILD/src/observe/bpf/husk-observe
COMMAND_TIMEOUT_S=${COMMAND_TIMEOUT_S:-60}

# A sanitizer's reports would be lost with the mediator's standard error, so they go to files that
# teardown looks for. Leaks are the unit tests' business: a mediator ends by _exit or exec.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# husk_setup [LINE...]: to be called in setup(). Lines are added to husk.conf.
husk_setup() {
	T=$BATS_TEST_TMPDIR
	NAME=husk-$(basename "$BATS_TEST_FILENAME" .bats)-$ENGINE-$BATS_TEST_NUMBER-$$
	STATE=$T/state
	RUNTIME=$T/runtime
	CONF=$T/husk.conf
	EVENTS=$STATE/events.jsonl
	export ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$T/sanitizer
	export UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$T/sanitizer
	mkdir -p "$T/bundles"
	write_conf "$@"
	: >"$T/ids"
	cp /proc/self/mountinfo "$T/hosts-mounts"
}

write_conf() {
	{
		cat <<-EOF
			state_directory = $STATE
			runtime_directory = $RUNTIME
			launch_program = $HUSK_LAUNCH
			merge_program = $HUSK_MERGE
			observe_program = $HUSK_OBSERVE
			detector_file = $HUSK_SOURCE/config/detectors
			poststop_wait_ms = 30000
		EOF
		printf '%s\n' "$@"
	} >"$CONF"
}

# husk_teardown: to be called in teardown(). Removes what a failed test left, and fails on a sanitizer's report.
husk_teardown() {
	local state
	if [ -n "${BATS_TEST_COMPLETED-}" ]; then :; else
		show_trouble
	fi
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		while read -r id; do
			timeout 20 "$ENGINE" delete --force "$id" >/dev/null 2>&1 || true
		done <"$T/ids"
	fi
	if [ -n "${POD-}" ]; then
		timeout 60 podman "${PODMAN[@]}" rm --all --force --time 0 >/dev/null 2>&1 || true
	fi
	# Before bats removes the directory, so that it does not remove what is mounted there.
	cut -d' ' -f5 /proc/self/mountinfo | grep -F -e "$T/" -e "${POD:-$T}/" | sort -r | while read -r point; do
		umount -l "$point" || true
	done
	[ -z "${POD-}" ] || rm -rf --one-file-system "$POD"
	# bats removes the directories of tests when the last one has ended; copies of roots are large.
	rm -rf --one-file-system "$T"/rootfs-*
	# A system call that a mediator's own filter lacks is a defect, whatever came of it.
	if [ -e "$EVENTS" ] && grep "own filter refused" "$EVENTS" >&2; then
		return 1
	fi
	if compgen -G "$T/sanitizer.*" >/dev/null; then
		cat "$T"/sanitizer.* >&2
		return 1
	fi
}

# What helps to understand a failure.
show_trouble() {
	echo "--- repeat: tests/e2e/run $BATS_TEST_FILENAME $HUSK_BUILD $ENGINE (test $BATS_TEST_NUMBER)"
	if [ -e "$EVENTS" ]; then
		echo "--- the last events:"
		tail -n 15 "$EVENTS"
	fi
	if [ -s "$T/out" ]; then
		echo "--- the run in the background:"
		tail -n 30 "$T/out"
	fi
	local pid
	for pid in $(mediators); do
		echo "--- mediator $pid waits in $(cat "/proc/$pid/wchan" 2>/dev/null):"
		cat "/proc/$pid/stack" 2>/dev/null || true
	done
}

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# capture COMMAND...: sets $output (both streams) and $status.
capture() {
	status=0
	output=$("$@" 2>&1) || status=$?
}

# expect STATUS COMMAND...: runs with a time limit and without input; the exit status must be STATUS.
# Sets $output (both streams) and $status.
expect() {
	local expected=$1
	shift
	[ "$expected" != any ] || fail "'expect any' says nothing"
	capture limited "$@" </dev/null
	if [ "$status" -ne "$expected" ]; then
		printf '%s: exit status %s, not %s:\n%s\n' "$*" "$status" "$expected" "$output" >&2
		return 1
	fi
}

# expect_in STATUS TEXT COMMAND...: the same with TEXT as standard input.
expect_in() {
	local expected=$1 text=$2
	shift 2
	printf '%s' "$text" >"$T/stdin"
	capture limited "$@" <"$T/stdin"
	if [ "$status" -ne "$expected" ]; then
		printf '%s: exit status %s, not %s:\n%s\n' "$*" "$status" "$expected" "$output" >&2
		return 1
	fi
}

# Functions of this file have no time limit of timeout(1)'s; programs do.
limited() {
	if [ "$(type -t "$1")" = function ]; then
		"$@"
	else
		timeout --kill-after=5 "$COMMAND_TIMEOUT_S" "$@"
	fi
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	while ! "$@"; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			fail "waited in vain for: $*"
			return 1
		fi
		sleep 0.02
	done
}

output_has() {
	[[ $output == *"$1"* ]] || fail "the output lacks '$1':
$output"
}

output_lacks() {
	[[ $output != *"$1"* ]] || fail "the output has '$1':
$output"
}

husk() {
	timeout --kill-after=5 "$COMMAND_TIMEOUT_S" "$HUSK" --config "$CONF" "$@"
}

# hooks_json: the "hooks" object that puts husk into a bundle.
hooks_json() {
	husk hooks print --hook-program "$HUSK_HOOK"
}

# own_rootfs [SOURCE]: a private, writable copy of a root file system. Prints where.
own_rootfs() {
	local copy
	copy=$(mktemp -d "$T/rootfs-XXXXXX")
	cp -a --reflink=auto "${1:-$HUSK_ROOTFS}/." "$copy/"
	echo "$copy"
}

# bundle NAME ROOTFS [JQ FILTER...]: makes a bundle that runs /bin/true as root, without a terminal, in
# its own cgroup namespace-less cgroup, root writable. Each filter changes config.json. Prints where.
bundle() {
	local bundle=$T/bundles/$1 rootfs=$2 filter
	shift 2
	mkdir -p "$bundle"
	(cd "$bundle" && rm -f config.json && "$ENGINE" spec)
	# Device rules need BPF memory that a host without CAP_SYS_RESOURCE does not give to crun; limits
	# cannot be raised there either.
	change_bundle "$bundle" '
		del(.linux.resources.devices)
		| .process.terminal = false
		| .process.args = ["/bin/true"]
		| .process.rlimits = []
		| .root = {path: $rootfs, readonly: false}
		| .hostname = "function"' --arg rootfs "$rootfs"
	for filter in "$@"; do
		change_bundle "$bundle" "$filter"
	done
	echo "$bundle"
}

# change_bundle BUNDLE FILTER [JQ OPTION...]
change_bundle() {
	local bundle=$1 filter=$2
	shift 2
	jq "$@" "$filter" "$bundle/config.json" >"$bundle/config.json.new"
	mv "$bundle/config.json.new" "$bundle/config.json"
}

# hook_bundle BUNDLE [FUNCTION [REVISION]]: puts the hooks and the annotations into config.json.
hook_bundle() {
	local hooks
	hooks=$(hooks_json)
	change_bundle "$1" '.hooks = ($hooks | .hooks // .)' --argjson hooks "$hooks"
	if [ -n "${2-}" ]; then
		change_bundle "$1" '.annotations["husk.function"] = $f
			| .annotations["husk.revision"] = $r' --arg f "$2" --arg r "${3:-1}"
	fi
}

# set_args BUNDLE WORD...: process.args. No word may hold a byte that is no UTF-8.
set_args() {
	local bundle=$1
	shift
	change_bundle "$bundle" '.process.args = $args' \
		--argjson args "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")"
}

# new_id: an id for a container that teardown removes should the test fail.
new_id() {
	local id
	id=$NAME-$(wc -l <"$T/ids")
	echo "$id" >>"$T/ids"
	echo "$id"
}

# start_run BUNDLE [ENGINE]: runs a bundle under a fresh id; streams pass through.
start_run() {
	timeout --kill-after=5 "$COMMAND_TIMEOUT_S" "${2:-$ENGINE}" run --bundle "$1" "$(new_id)"
}

# run_bundle STATUS BUNDLE [INPUT]: start_run with an expected exit status.
run_bundle() {
	if [ $# -gt 2 ]; then
		expect_in "$1" "$3" start_run "$2"
	else
		expect "$1" start_run "$2"
	fi
}

# in_background: starts $BUNDLE as $ID; its exit status comes to $T/status.
in_background() {
	ID=$(new_id)
	(
		status=0
		timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>&1 || status=$?
		echo "$status" >"$T/status.new"
		mv "$T/status.new" "$T/status"
	) 3>&- 4>&- &
}

PODMAN_ARGS=()
# podman_setup: podman with storage, run directory and hooks directory of this test's own.
podman_setup() {
	# Podman wants a run directory with a short path.
	POD=$(mktemp -d /tmp/husk-pod-XXXXXX)
	mkdir -p "$T/hooks.d"
	PODMAN=(--log-level error --root "$POD/root" --runroot "$POD/run" --tmpdir "$POD/tmp" --runtime "$(command -v "$ENGINE")"
		--cgroup-manager cgroupfs --events-backend none --hooks-dir "$T/hooks.d")
	PODMAN_RUN=(--pids-limit 0 --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --network none)
	[ "$ENGINE" != crun ] || PODMAN_RUN+=(--cgroups disabled)
}

# podman_run STATUS ARGUMENT...: podman run --rm with the flags that this host needs.
podman_run() {
	local expected=$1
	shift
	expect "$expected" timeout --kill-after=5 "$COMMAND_TIMEOUT_S" podman "${PODMAN[@]}" run --rm \
		"${PODMAN_RUN[@]}" "$@"
}

# husk_processes [NAMES]: process ids of the mediators of this test's mount namespace, of what stands by to merge their
# runs, and of the merges that follow them; or of those with a name that the expression matches.
husk_processes() {
	pgrep --ns $$ --nslist mnt -x "${1:-husk-[hm].*}" || true
}

mediators() {
	husk_processes husk-mediator
}

no_husk_process() {
	[ -z "$(husk_processes)" ]
}

# only_mediator: process id of the one mediator that there is.
only_mediator() {
	local all
	all=$(mediators)
	[ "$(wc -w <<<"$all")" -eq 1 ] || fail "there is not exactly one mediator: $all"
	echo "$all"
}

# no_run_left: no mediator, no merge, no file of a run.
no_run_left() {
	wait_until 20 no_husk_process || return 1
	if [ -d "$RUNTIME" ] && [ -n "$(find "$RUNTIME" -mindepth 1 ! -type d -print -quit)" ]; then
		fail "left in the runtime directory: $(find "$RUNTIME")"
		return 1
	fi
	if [ -d "$STATE/journals" ] && [ -n "$(find "$STATE/journals" -mindepth 1 -print -quit)" ]; then
		fail "left journals: $(find "$STATE/journals" -mindepth 1)"
		return 1
	fi
}

# nothing_left: as no_run_left, and no mount more than before the test.
nothing_left() {
	no_run_left || return 1
	# Mounts of others, copied into this namespace, may go at any time; none may come.
	local left
	left=$(comm -13 <(cut -d' ' -f5- "$T/hosts-mounts" | sort) <(cut -d' ' -f5- /proc/self/mountinfo | sort))
	[ -z "$left" ] || fail "left mounts: $left"
}

# nothing_left_of_podman: as nothing_left; podman's own mounts are its own business, also those that it makes
# while it cleans up behind a container
nothing_left_of_podman() {
	local views
	views=$(grep -c fuse.husk "$T/hosts-mounts" || true)
	[ "$(grep -c fuse.husk /proc/self/mountinfo)" -eq "$views" ] || fail "a view is still mounted"
	no_run_left
}

# events JQ_FILTER: the events that match, one compact line each.
events() {
	[ -e "$EVENTS" ] || return 0
	jq -c "select($1)" "$EVENTS"
}

# event_count JQ_FILTER
event_count() {
	events "$1" | wc -l
}

has_event() {
	[ "$(event_count "$1")" -gt 0 ] || fail "no event matches: $1
$(tail -n 20 "$EVENTS" 2>/dev/null)"
}

no_event() {
	[ "$(event_count "$1")" -eq 0 ] || fail "an event matches: $1
$(events "$1" | tail -n 5)"
}

# mode_of FUNCTION DOMAIN: the mode of the newest revision.
mode_of() {
	husk show --json "$1" | jq -r --arg d "$2" '.revisions[0].modes[$d] // .modes[$d]'
}

# enforce_files FUNCTION: fs and exec alone, for tests of what the view answers: a filter of system calls would
# answer many attempts before it.
enforce_files() {
	husk mode "$1" --domain fs enforce
	husk mode "$1" --domain exec enforce
}

# ---- the vulnerable function of contrib/function, as a bundle ----

SECRET=K3Y-0F-4-TEST-91827

# function_bundle FUNCTION [JQ FILTER...]: a root file system of its own with the function in /app, a data
# volume at /data with a key and a directory for invoices. Sets $BUNDLE, $ROOTFS and $DATA.
function_bundle() {
	local function=$1
	shift
	ROOTFS=$(own_rootfs)
	DATA=$T/data
	mkdir -p "$DATA/invoices" "$DATA/secrets"
	echo "$SECRET" >"$DATA/secrets/api.key"
	cp "$HUSK_SOURCE/contrib/function/orders.py" "$ROOTFS/app/"
	cp -r "$HUSK_SOURCE/contrib/function/templates" "$ROOTFS/app/"
	BUNDLE=$(bundle "$function" "$ROOTFS" '
		.process.args = ["/usr/bin/python3", "-B", "/app/orders.py"]
		| .process.cwd = "/app"
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind", "rw", "nosuid", "nodev"]}]
		' "$@")
	hook_bundle "$BUNDLE" "$function"
}

event() {
	"$HUSK_SOURCE/contrib/function/event" "$@"
}

# invoke STATUS N [FIELD=VALUE]...: one invocation of $BUNDLE with the N-th event.
invoke() {
	local expected=$1
	shift
	run_bundle "$expected" "$BUNDLE" "$(event "$@")"
}

# invoke_well N: a legitimate invocation works and gives what the function gives without husk.
invoke_well() {
	local wanted
	wanted=$(event "$1" | INVOICES=$T python3 "$HUSK_SOURCE/contrib/function/orders.py")
	invoke 0 "$1"
	[ "$output" = "$wanted" ] || fail "the function answered: $output
instead of: $wanted"
}

# learn FUNCTION: invokes until both domains are enforced, at most 30 times.
learn() {
	local n
	for n in $(seq 1 30); do
		invoke_well "$n" || return 1
		if [ "$(mode_of "$1" fs)" = enforce ] && [ "$(mode_of "$1" exec)" = enforce ]; then
			return 0
		fi
	done
	fail "after 30 runs: fs $(mode_of "$1" fs), exec $(mode_of "$1" exec)
$(husk show "$1")"
}

# ---- parity: the same bundle with husk and without ----

# parity BUNDLE [INPUT]: runs a bundle bare and with husk; exit status and output must be equal, but for
# the container's id and times. $output and $status are those with husk.
parity() {
	local bundle=$1 bare=$1-bare status_bare input=${2-}
	rm -rf "$bare"
	cp -a "$bundle" "$bare"
	change_bundle "$bare" 'del(.hooks)'
	[ -n "${HUSK_E2E_BARE-}" ] || hook_bundle "$bundle" "${FUNCTION:-parity}"
	capture limited start_run "$bare" <<<"$input"
	status_bare=$status
	plain_output >"$T/output-bare"
	capture limited start_run "$bundle" <<<"$input"
	plain_output >"$T/output-husk"
	if ! diff -u "$T/output-bare" "$T/output-husk" || [ "$status" -ne "$status_bare" ]; then
		fail "exit status $status_bare without husk, $status with it"
	fi
}

# plain_output: $output without what differs from run to run.
plain_output() {
	sed -E -e "s/$NAME-[0-9]+/ID/g" -e 's/^time="[^"]*"//' -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]*Z?:?//' \
		-e 's/ [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2} / TIME /' \
		<<<"$output"
}

# python BUNDLE CODE: makes the bundle run a piece of Python.
set_python() {
	set_args "$1" /usr/bin/python3 -B -c "$2"
}
