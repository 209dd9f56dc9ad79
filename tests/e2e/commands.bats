# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The husk command: local runs, and what a person sees and says.

load helpers

setup() {
	husk_setup 'shadow_after_runs = 3' 'enforce_after_runs = 3'
	cd "$T" || return
	cp -r "$HUSK_SOURCE/contrib/function" "$T/function"
	# A pyenv and the like in front of PATH are not of interest here.
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

teardown() {
	cd /
	husk_teardown
}

# run_here STATUS ARGUMENT...: husk run with the programs of this build, no input
run_here() {
	local expected=$1
	shift
	expect "$expected" husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" "$@"
}

@test "husk run works without an image: read-only host, private /tmp, the directory writable" {
	echo hosts >"/tmp/$NAME-hosts"
	run_here 0 --name here -- /bin/sh -c "cat function/templates/invoice.txt; echo x >made; ls /tmp/$NAME-hosts; touch /usr/x; echo y >/tmp/y && cat /tmp/y"
	rm -f "/tmp/$NAME-hosts"
	output_has INVOICE
	output_has y
	output_has "Read-only file system"
	output_has "No such file or directory"
	[ "$(cat "$T/made")" = x ]
	nothing_left
}

@test "husk run works where a mount of the host is covered by another" {
	# Not below /tmp, which the program has of its own; this file has a mount namespace of its own.
	mount -t tmpfs none /srv
	mkdir /srv/below
	mount -t tmpfs none /srv/below
	mount -t tmpfs none /srv
	echo shown >/srv/file
	run_here 0 --name covered -- /bin/cat /srv/file
	output_has shown
	umount /srv
	umount /srv/below
	umount /srv
	nothing_left
}

@test "husk run gives crun a cgroup2 mount of its own where the host's control groups are hybrid" {
	[ "$ENGINE" = crun ] || return 0
	hybrid() {
		timeout --kill-after=5 "$COMMAND_TIMEOUT_S" unshare --mount --propagation private /bin/sh -ec '
			mount -t tmpfs none /sys/fs/cgroup
			mkdir /sys/fs/cgroup/unified
			mount -t cgroup2 none /sys/fs/cgroup/unified
			exec "$@"' _ "$@"
	}
	expect 0 hybrid "$HUSK" --config "$CONF" run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name hybrid \
		-- /bin/echo served
	output_has served
	output_lacks "not wrapped"
	has_event '.event == "run" and .function == "hybrid"'
	expect 0 hybrid "$HUSK" --config "$CONF" check --hook-program "$HUSK_HOOK"
	output_has "husk run gives crun a cgroup2 mount of its own"
	nothing_left
}

@test "husk run takes an event on standard input and passes streams and exit status on" {
	event 1 >"$T/event"
	mkdir "$T/invoices"
	capture husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --env "INVOICES=$T/invoices" -- python3 -B function/orders.py <"$T/event"
	[ "$status" -eq 0 ] || fail "$output"
	jq -e .total <<<"$output"
	for code in 0 3 255; do
		run_here "$code" -- /bin/sh -c "exit $code"
	done
	husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" -- /bin/sh -c 'echo o; echo e >&2' >"$T/o" 2>"$T/e" </dev/null
	[ "$(cat "$T/o")" = o ]
	[ "$(cat "$T/e")" = e ]
	nothing_left
}

@test "husk run --rootfs, --volume, --env, --user and --workdir" {
	mkdir "$T/v"
	echo volume >"$T/v/file"
	run_here 0 --rootfs "$(own_rootfs)" --volume "$T/v:/v:ro" --env A=B --user 1000:1000 --workdir /home/guest \
		-- /bin/sh -c 'cat /v/file; echo $A; id -u; pwd; touch /v/x; true'
	output_has volume
	output_has B
	output_has 1000
	output_has /home/guest
	output_has "Read-only file system"
	nothing_left
}

@test "a root file system, bundle or working directory that is none is named" {
	touch file
	run_here 66 --rootfs file -- /bin/true
	output_has "cannot use the root file system '$T/file': Not a directory"
	run_here 66 --bundle file
	output_has "cannot use the bundle '$T/file': Not a directory"
	run_here 66 --workdir "$T/file" -- /bin/true
	output_has "cannot use the working directory '$T/file': Not a directory"
	run_here 65 --rootfs / -- /bin/true
	output_has "without --rootfs the program sees the host's files"
}

@test "a program that cannot be executed is named, with the way out" {
	touch script
	run_here 69 --name script -- ./script
	output_has "./script"
	[[ ${output,,} == *"permission denied"* ]]
	output_has "an interpreter before a script"
	run_here 69 --name none -- no-such-program
	output_has no-such-program
	output_lacks "an interpreter before a script"
	nothing_left
}

@test "husk run --bundle runs a bundle as it is" {
	bundle=$(bundle local "$HUSK_ROOTFS" '.root.readonly = true')
	set_args "$bundle" /bin/sh -c 'echo from the bundle; exit 5'
	run_here 5 --bundle "$bundle" --name bundled
	output_has "from the bundle"
	husk show bundled
	nothing_left
}

@test "a signal to husk run reaches the program" {
	run_it() {
		status=0
		timeout 60 "$HUSK" --config "$CONF" run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" -- \
			/bin/sh -c 'trap "echo caught; exit 7" TERM; echo x >ready; while :; do sleep 0.05; done' >"$T/out" 2>&1 </dev/null || status=$?
		echo "$status" >"$T/status.new"
		mv "$T/status.new" "$T/status"
	}
	run_it 3>&- 4>&- &
	wait_until 30 test -e "$T/ready"
	# timeout(1) hands the signal on.
	pkill -TERM -P "$!" timeout
	wait_until 30 test -e "$T/status"
	grep -q caught "$T/out" || fail "$(cat "$T/out" "$T/status")"
	nothing_left
}

# its_life COMMAND...: COMMAND sees a husk run of a program that waits, in $PID and with $T/ready, and
# then neither the program nor anything of the run is left. The exit status comes to $T/status.
its_life() {
	rm -f "$T/ready" "$T/status"
	(
		status=0
		"$HUSK" --config "$CONF" run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" -- \
			/bin/sh -c "sleep 1$$ & echo x >ready; exec sleep 1$$" </dev/null >"$T/out" 2>&1 &
		echo $! >"$T/pid"
		wait $! || status=$?
		echo "$status" >"$T/status"
	) 3>&- 4>&- &
	wait_until 30 test -e "$T/ready"
	PID=$(cat "$T/pid")
	"$@"
	wait_until 30 test -e "$T/status"
	wait_until 10 no_such_sleep
	wait_until 10 no_husk_process
}

# Seconds that no other test sleeps.
no_such_sleep() {
	! pgrep -fx "sleep 1$$" >/dev/null
}

such_sleep() {
	! no_such_sleep
}

@test "a program without handlers ends by a signal, and nothing of the run outlives husk" {
	terminate() { kill -TERM "$PID"; }
	its_life terminate
	[ "$(cat "$T/status")" -eq 143 ] || fail "$(cat "$T/status" "$T/out")"
	nothing_left
	kill_husk() { kill -KILL "$PID"; }
	its_life kill_husk
	[ "$(cat "$T/status")" -eq 137 ]
	# What was killed could not clean up: the next run does, and leaves nothing itself.
	run_here 0 --name next -- /bin/true
	nothing_left
	[ ! -e "$RUNTIME/local" ] || fail "$(find "$RUNTIME/local")"
}

@test "Ctrl-C in a terminal ends a program without handlers" {
	rm -f "$T/ready"
	run_it="$HUSK --config $CONF run --runtime $ENGINE --hook-program $HUSK_HOOK -- /bin/sh -c 'echo x >ready; sleep 1$$'"
	(
		wait_until 30 test -e "$T/ready"
		wait_until 30 such_sleep
		printf '\003'
		wait_until 30 test -e "$T/status"
	) 3>&- 4>&- | timeout 60 script -qec "$run_it; echo \$? >$T/status" /dev/null >"$T/out" 2>&1
	[ "$(cat "$T/status")" -eq 130 ] || fail "$(cat "$T/status" "$T/out")"
	nothing_left
}

@test "the terminal of a program has the size of the caller's" {
	run_it="$HUSK --config $CONF run --runtime $ENGINE --hook-program $HUSK_HOOK -- /bin/stty size"
	expect 0 script -qec "stty rows 33 columns 99; $run_it" /dev/null
	output_has "33 99"
	nothing_left
}

@test "the first process of a local run shows nothing of the host and cannot be looked into" {
	run_here 0 --name init -e SECRET=x -- /usr/bin/python3 -B -c '
import os
def attempt(call):
    try:
        return call()
    except OSError as problem:
        return type(problem).__name__
print(os.getpid() != 1, open("/proc/1/cmdline").read().rstrip("\0"), open("/proc/1/comm").read().strip())
for name in "root", "cwd", "exe", "ns/mnt", "fd/0":
    print(name, attempt(lambda: os.readlink(f"/proc/1/{name}")))
print("environ", attempt(lambda: open("/proc/1/environ").read()))
print("mem", attempt(lambda: open("/proc/1/mem", "rb").read(1)))
os.kill(1, 9)
print([line.split()[1] for line in open("/proc/1/status") if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))])
for n in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
left = lambda: [p for p in os.listdir("/proc") if p.isdigit() and p not in ("1", str(os.getpid()))]
while left():
    pass
print("no zombies")'
	output_has "True husk-init husk-init"
	for name in root cwd exe ns/mnt fd/0 environ mem; do
		output_has "$name PermissionError"
	done
	output_has "['0000000000000000', '0000000000000000', '1']"
	output_has "no zombies"
}

@test "husk run in a directory below /dev/shm" {
	mkdir "/dev/shm/$NAME"
	cd "/dev/shm/$NAME"
	run_here 0 --name shm -- /bin/sh -c 'pwd; echo made >file'
	cd "$T"
	output_has "/dev/shm/$NAME"
	output_has "is not watched"
	[ "$(cat "/dev/shm/$NAME/file")" = made ]
	rm -r "/dev/shm/$NAME"
}

waits_in_poll() {
	grep -q poll "/proc/$1/wchan"
}

@test "a function that writes by the day works on the next one in enforcement" {
	mkdir "$T/days"
	cat >write.sh <<-'EOF'
		day=$(cat)
		mkdir -p "days/$day"
		echo x >"days/$day/$(echo "$day" | tr / -).log"
	EOF
	for n in 1 2 3 4 5 6 7; do
		expect_in 0 2026/11/27 husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name days -- /bin/sh write.sh
	done
	enforce_files days
	expect_in 0 2026/11/28 husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name days -- /bin/sh write.sh
	expect_in 0 2027/01/01 husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name days -- /bin/sh write.sh
	[ -e days/2027/01/01/2027-01-01.log ]
	no_event '.event == "denied"'
	expect_in 2 2027/01/x husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name days -- /bin/sh write.sh
	nothing_left
}

@test "events --follow waits for a state directory that is not there yet" {
	"$HUSK" --config "$CONF" events --follow --json >"$T/followed" 2>&1 </dev/null 3>&- 4>&- &
	pid=$!
	wait_until 10 waits_in_poll "$pid"
	[ ! -e "$STATE" ]
	run_here 0 --name followed -- /bin/true
	wait_until 20 grep -q '"followed"' "$T/followed"
	kill "$pid"
	wait "$pid" || true
}

@test "list, show and events tell the same to people and as JSON" {
	run_here 0 --name first -- /bin/cat function/templates/invoice.txt
	run_here 0 --name second -- /bin/true
	expect 0 husk list
	output_has first
	output_has second
	expect 0 husk list --json
	jq -e . <<<"$output"
	expect 0 husk show first
	output_has /bin/cat
	output_has fs
	expect 0 husk show --json first
	jq -e '.function == "first" or .name == "first"' <<<"$output"
	expect 0 husk show --domain exec first
	output_lacks invoice.txt
	expect 0 husk events
	output_has first
	expect 0 husk events --json first
	jq -es 'length > 0 and all(.[]; .function == "first")' <<<"$output"
}

@test "events --follow shows what comes" {
	run_here 0 --name before -- /bin/true
	husk events --follow --json >"$T/followed" 2>/dev/null </dev/null 3>&- 4>&- &
	pid=$!
	run_here 0 --name followed -- /bin/true
	wait_until 20 grep -q '"followed"' "$T/followed"
	kill "$pid"
	wait "$pid" || true
}

@test "a profile travels: export, import elsewhere, export again gives the same bytes" {
	for n in 1 2 3 4 5 6 7; do
		run_here 0 --name traveller -- /bin/cat function/templates/invoice.txt
	done
	husk export traveller >"$T/one"
	jq -e '.schema == "husk.profile/1"' "$T/one"
	STATE=$T/elsewhere
	EVENTS=$STATE/events.jsonl
	write_conf
	expect 0 husk import "$T/one"
	expect_in 0 "$(cat "$T/one")" husk import -
	husk export traveller >"$T/two"
	cmp "$T/one" "$T/two"
	expect 0 husk import "$T/one"
	husk export traveller | cmp - "$T/two"
	expect 0 husk export --output "$T/three" traveller
	cmp "$T/three" "$T/two"
	mknod -m 600 "$T/null" c 1 3
	expect 0 husk export --output "$T/null" traveller
	[ -c "$T/null" ]
	husk export --output >(cat >"$T/piped") traveller
	wait_until 5 cmp -s "$T/piped" "$T/two"
	expect 73 husk export --output "$T" traveller
	output_has "cannot write to '$T': Is a directory"
}

@test "what is no profile is refused with its place, and changes nothing" {
	for text in '' '{' '[]' '{"schema": "other/1"}' '{"schema": "husk.profile/1"}' '{"schema": "husk.profile/2", "function": "x"}'; do
		printf '%s' "$text" >"$T/bad"
		capture husk import "$T/bad"
		[ "$status" -eq 65 ] || fail "'$text': exit status $status: $output"
		[[ $output == husk:* ]] || fail "$output"
	done
	head -c 1000000 /dev/zero | tr '\0' '[' >"$T/bad"
	expect 65 husk import "$T/bad"
	truncate --size 1G "$T/bad"
	expect 65 husk import "$T/bad"
	[ "$(husk list --json | jq '[.. | .name? // empty] | length')" -eq 0 ]
}

@test "mistakes of usage exit 64, unknown functions and files tell what is missing" {
	expect 64 husk nonsense
	expect 64 husk show
	expect 64 husk mode orders nonsense
	expect 64 husk --nonsense
	expect 64 husk run --nonsense
	expect 64 husk run
	for command in "show nothing" "mode nothing learn" "allow nothing exec /bin/x" "export nothing" "forget nothing"; do
		# shellcheck disable=SC2086 # several words
		capture husk $command
		[ "$status" -eq 66 ] || fail "$command: exit status $status: $output"
		output_has nothing
	done
	expect 66 husk import "$T/not-there"
	expect 66 husk import "$T"
	expect 66 husk events nothing
	output_has "no function 'nothing' is known"
	output_has "see 'husk list'; a function is there once a run of it has ended"
	expect 66 "$HUSK" --config "$T/not-there" list
	expect 66 "$HUSK" --config "$T" list
	output_has "'$T' is a directory, and no file"
}

@test "a runtime that starts nothing is named, and passes for no program's end" {
	expect 69 husk run --runtime /bin/false --hook-program "$HUSK_HOOK" -- /bin/true
	output_has "false started nothing and ended with status 1"
	expect 69 husk run --runtime /bin/true --hook-program "$HUSK_HOOK" -- /bin/true
	output_has "true started nothing and ended with status 0"
	nothing_left
}

@test "help is that of the command list, whatever stands before it" {
	expect 0 husk --help
	wanted=$output
	output_has forget
	expect 0 "$HUSK" -V --help
	[ "$output" = "$wanted" ] || fail "$output"
}

@test "a mark that nothing can match is told, and so is one that was never there" {
	run_here 0 --name marked -- /bin/cat function/templates/invoice.txt
	real=$(husk show --json marked | jq -r '[.behaviours[] | select(.domain == "exec" and (.key | endswith("/cat"))).key][0]')
	expect 0 husk deny marked exec "/else/cat"
	output_has "denied: exec /else/cat"
	output_has "no run has shown this key yet; was '$real' meant?"
	expect 64 husk deny marked syscall execve
	output_has "'execve' cannot be denied"
	husk show --json marked | jq -e 'all(.behaviours[]; .key != "execve")'
	expect 0 husk deny marked exec "/usr/..//.$real"
	output_has "denied: exec $real"
	output_lacks "no run has shown"
	expect 0 husk allow --withdraw marked exec "$real"
	output_has "no longer denied"
	marks=$(event_count '.event == "marked"')
	expect 0 husk deny --withdraw marked exec "$real"
	[ "$output" = "nothing was marked" ] || fail "$output"
	[ "$(event_count '.event == "marked"')" -eq "$marks" ]
}

@test "what was set and said is told as JSON too" {
	run_here 0 --name marked -- /bin/cat function/templates/invoice.txt
	real=$(husk show --json marked | jq -r '[.behaviours[] | select(.domain == "exec" and (.key | endswith("/cat"))).key][0]')
	expect 0 husk mode --json --domain fs marked shadow
	jq -e '.function == "marked" and .revision != "" and .domains == ["fs"] and .mode == "shadow"' <<<"$output"
	expect 0 husk mode --json marked auto
	jq -e '(.domains | length) == 6 and .mode == "auto"' <<<"$output"
	expect 0 husk deny --json marked exec "/else/cat"
	jq -e --arg real "$real" '. == {function: "marked", revision, domain: "exec", access: "exec", key: "/else/cat",
		program: "", mark: "deny", seen: false, similar: $real}' <<<"$output"
	expect 0 husk allow --json --program /bin/x marked exec "$real"
	jq -e '.mark == "allow" and .program == "/bin/x"' <<<"$output"
	expect 0 husk deny --json --withdraw marked exec "/else/cat"
	jq -e '.mark == "none" and .withdrawn == "deny"' <<<"$output"
	expect 0 husk deny --json --withdraw marked exec "/else/cat"
	jq -e '.mark == "none" and .withdrawn == "none"' <<<"$output"
	expect 0 husk allow --json marked cap CAP_CHOWN
	jq -e '.domain == "cap" and .access == "none" and .key == "CAP_CHOWN" and .seen == false' <<<"$output"
	expect 0 husk mode marked learn
	[ -z "$output" ]
	expect 0 husk forget --json marked
	jq -e '. == {function: "marked"}' <<<"$output"
}

@test "husk run tells that it does not wrap" {
	STATE=/proc/husk
	write_conf "event_file = $T/events.jsonl"
	run_here 0 --name unwrapped -- /bin/echo ran
	output_has ran
	output_has "this run is not wrapped: cannot"
	STATE=$T/state
	write_conf
	run_here 0 --name unwrapped -- /bin/echo ran
	output_lacks "not wrapped"
	HUSK_LAUNCH=$T/no-launch
	write_conf
	run_here 0 --name unwrapped -- /bin/echo ran
	output_has ran
	output_has "this run is not wrapped: cannot use '$T/no-launch'"
	husk mode unwrapped enforce
	run_here 69 --name unwrapped -- /bin/echo ran
	output_has "see 'husk events unwrapped'"
	nothing_left
}

@test "husk check tells that a directory cannot be made" {
	STATE=/proc/husk
	EVENTS=$T/events.jsonl
	write_conf "event_file = $EVENTS"
	expect 69 husk check --json --hook-program "$HUSK_HOOK"
	jq -e '[.items[] | select(.name == "state").state] == ["missing"]' <<<"$output"
}

@test "husk check reads the detector table, and looks where events go" {
	echo nonsense >"$T/table"
	write_conf "event_file = $T/not/there"
	sed -i "s|^detector_file = .*|detector_file = $T/table|" "$CONF"
	expect 69 husk check --json --hook-program "$HUSK_HOOK"
	jq -e '.items[] | select(.name == "detectors") | .state == "missing" and (.detail | contains("table:1: "))' <<<"$output"
	jq -e '.items[] | select(.name == "event file") | .state == "degraded"' <<<"$output"
	write_conf "event_file = $T/events"
	expect 0 husk check --json --hook-program "$HUSK_HOOK"
	jq -e '[.items[] | select(.name == "detectors" or .name == "event file").state] == ["ok", "ok"]' <<<"$output"
}

@test "a state directory without room is told of, and nothing is half forgotten" {
	mkdir "$T/small"
	mount -t tmpfs -o size=2m small "$T/small"
	STATE=$T/small/state
	EVENTS=$STATE/events.jsonl
	write_conf
	run_here 0 --name crammed -- /bin/echo ran
	husk mode crammed enforce
	before=$(ls "$STATE/policies")
	dd if=/dev/zero of="$T/small/filler" bs=4k status=none || true
	expect 69 husk check --json --hook-program "$HUSK_HOOK"
	jq -e '.items[] | select(.name == "state") | .state == "missing" and (.detail | endswith("No space left on device"))
		and (.mend | startswith("make room"))' <<<"$output"
	run_here 69 --name crammed -- /bin/echo ran
	output_has "this run is not wrapped: cannot write to '$STATE': No space left on device"
	expect 73 husk forget crammed
	[ "$(ls "$STATE/policies")" = "$before" ]
	[ "$(mode_of crammed fs)" = enforce ]
	rm "$T/small/filler"
	run_here 0 --name crammed -- /bin/echo ran
	output_lacks "not wrapped"
	expect 0 husk forget crammed
	[ -z "$(ls "$STATE/policies")" ]
	umount "$T/small"
}

@test "hooks install says that it made the directory" {
	expect 0 husk hooks --hook-program "$HUSK_HOOK" -d "$T/hooks" install podman
	output_has "installed in $T/hooks, which was made:"
	expect 0 husk hooks --hook-program "$HUSK_HOOK" -d "$T/hooks" install podman
	output_lacks "which was made"
}

@test "husk forget forgets" {
	run_here 0 --name forgotten -- /bin/true
	policy=$(find "$STATE/policies" -name 'forgotten-*.policy')
	: >"${policy%.policy}.trees"
	expect 0 husk forget forgotten
	[ -z "$(find "$STATE/policies" -name 'forgotten-*')" ]
	expect 66 husk show forgotten
}

@test "husk check tells what the host can do, for people and as JSON" {
	expect 0 husk check --hook-program "$HUSK_HOOK"
	output_has fuse
	expect 0 husk check --json --hook-program "$HUSK_HOOK"
	jq -e . <<<"$output"
}

@test "husk check tries the rules of the network themselves" {
	check_rules() {
		timeout --kill-after=5 "$COMMAND_TIMEOUT_S" unshare --user --map-root-user --net /bin/sh -c \
			"$1"' && shift && exec "$@"' sh "$1" "$HUSK" --config "$CONF" check --json
	}
	capture check_rules true
	jq -e '.items[] | select(.name == "network rules") | .state == "ok"' <<<"$output"
	capture check_rules 'echo 0 >/proc/sys/user/max_net_namespaces'
	jq -e '.items[] | select(.name == "network rules") | .state == "degraded"
		and (.detail | contains("cannot make a network namespace"))' <<<"$output"
}

@test "hooks print is what a bundle needs" {
	hooks_json >"$T/hooks"
	jq -e '(.hooks // .) | .createRuntime[0].path and .poststop[0].path' "$T/hooks"
}

# completes WORD...: what is offered for the last one, in a row.
completes() {
	bash -c '
		source "$HUSK_SOURCE/contrib/completion/husk.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_husk
		echo "${COMPREPLY[*]}"' - husk "$@"
}

@test "completion offers the options of each command, and knows which of them take a word" {
	local command
	for command in run list show events mode allow deny export import check hooks forget; do
		expect 0 husk "$command" --help
		[ "$(completes "$command" -- | tr ' ' '\n' | sort)" = "$(grep -oE '^ .*--[a-z-]+' <<<"$output" | grep -oE -e '--[a-z-]+$' | sort)" ] ||
			fail "$command: $(completes "$command" --)"
	done
	[ "$(completes mode -r 1 -d fs orders en)" = enforce ]
	[ "$(completes show -d sys)" = syscall ]
	[ "$(completes run -r run)" = runc ]
}
