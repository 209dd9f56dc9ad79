#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What watching and enforcing system calls costs: calls.sh BUILD_ROOT [ROUNDS [LABEL...]]. Runs the same functions under crun
# in turn without a filter, learning, and enforced, ROUNDS times (default 15), and prints the medians, and the median
# of how much a round is more than the one without beside it, with half of a confidence interval. Everything else of
# husk is the same in all three. On a machine that does other things, only processor time tells anything.
#
#   import   Python importing json, ssl, asyncio, http.server, as measured by itself, ms
#   http     a request to a Node.js server, by a client in the same process, us
#   call     a call that is not of the base, us
#   start    the whole life of a container that runs /bin/true, ms
#
#   with /   the program's own processor time
#   with //  processor time of everything: the container, its runtime, the hooks and the mediator, ms
set -euo pipefail

if [ -z "${HUSK_BENCH_INSIDE-}" ]; then
	HUSK_BENCH_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
build=$(realpath "$1")
rounds=${2:-15}
labels=("${@:3}")
[ ${#labels[@]} -gt 0 ] || labels=(import http call start)
source=$(realpath "$(dirname "$0")/../..")
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
rootfs=$("$source/contrib/rootfs" git nodejs sqlite3)
scratch=$(mktemp -d /tmp/husk-bench-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
build=$("$source/tests/bench/programs" "$build" "$scratch")
cat >"$scratch/husk.conf" <<EOF
state_directory = $scratch/state
runtime_directory = $scratch/runtime
launch_program = $build/src/launch/husk-launch
merge_program = $build/src/husk-merge
observe_program = $build/src/observe/bpf/husk-observe
detector_file = $source/config/detectors
EOF
husk=("$build/src/cli/husk" --config "$scratch/husk.conf")

import='import time; t, c = time.perf_counter(), time.process_time()
import json, ssl, asyncio, http.server
print((time.perf_counter() - t) * 1000, (time.process_time() - c) * 1000)'
call='import socket, time
def loop():
    t = time.perf_counter()
    for _ in range(5000): socket.socketpair()
    return time.perf_counter() - t
print(min(loop() for _ in range(3)) / 5000 * 1e6)'
http='const http = require("http"), agent = new http.Agent({keepAlive: true, maxSockets: 8});
const server = http.createServer((q, r) => r.end("ok"));
server.listen(0, "127.0.0.1", () => {
  let done = 0, begin, used;
  const total = 6000, port = server.address().port;
  const next = () => http.get({port, agent, host: "127.0.0.1"}, r => { r.resume(); r.on("end", () => {
    if (++done == 1000) { begin = process.hrtime.bigint(); used = process.cpuUsage(); }
    if (done == total) {
      const cpu = process.cpuUsage(used);
      console.log(Number(process.hrtime.bigint() - begin) / 1e3 / (total - 1000), (cpu.user + cpu.system) / (total - 1000));
      process.exit(0);
    }
    next();
  }); });
  for (let i = 0; i < 8; i++) next();
});'

# bundle LABEL KIND WORD...: "none" has no filter, since neither engine nor policy sets no_new_privs
bundle() {
	local label=$1 kind=$2 bundle=$scratch/$1-$2 args
	shift 2
	args=$(jq -nc '$ARGS.positional' --args -- "$@")
	mkdir -p "$bundle"
	(cd "$bundle" && crun spec &&
		jq --argjson args "$args" --arg rootfs "$rootfs" --arg f "$label-$kind" \
			--argjson hooks "$("${husk[@]}" hooks print --hook-program "$build/src/husk-hook")" '
		del(.linux.resources.devices) | .process.terminal = false | .process.rlimits = []
		| .process.args = $args | .root = {path: $rootfs, readonly: true}
		| .process.noNewPrivileges = ($f | endswith("none") | not)
		| .hooks = ($hooks | .hooks // .) | .annotations["husk.function"] = $f
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]' \
			config.json >new && mv new config.json)
}

for kind in none learn enforce; do
	bundle start "$kind" /bin/true
	bundle import "$kind" /usr/bin/python3 -B -I -c "$import"
	bundle call "$kind" /usr/bin/python3 -B -I -c "$call"
	bundle http "$kind" /usr/bin/node -e "$http"
	for label in "${labels[@]}"; do
		for number in 1 2; do
			crun run --bundle "$scratch/$label-$kind" "husk-bench-w$number" </dev/null >/dev/null
		done
		[ "$kind" != enforce ] ||
			"${husk[@]}" mode "$label-$kind" --domain syscall enforce >/dev/null
	done
done

python3 - "$scratch" "$rounds" "${labels[@]}" <<'EOF'
import ctypes, os, resource, statistics, subprocess, sys, time
scratch, rounds, labels = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
kinds = 'none', 'learn', 'enforce'

# The mediator is nobody's child for long: this process inherits it.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

def used():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000

def once(label, kind, number):
    before, begin = used(), time.perf_counter()
    said = subprocess.run(['crun', 'run', '--bundle', f'{scratch}/{label}-{kind}', f'husk-bench-{label}-{kind}-{number}'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout
    wall = (time.perf_counter() - begin) * 1000
    own = [wall] if label == 'start' else [float(word) for word in said.split()]
    return own + [used() - before]

def ratio(values, base):
    """The median of the pairs' ratios, and how far it may be off: 1.57 quartile ranges by the root of their number."""
    ratios = [100 * (value / other - 1) for value, other in zip(values, base)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f'{middle:+10.1f}%{1.57 * (high - low) / len(ratios) ** 0.5:6.1f}'

print(f'{"":8}' + ''.join(f'{kind:>12}' for kind in kinds) + f'{"learn":>11}{"+-":>6}{"enforce":>11}{"+-":>6}')
for label in labels:
    seen = {kind: [] for kind in kinds}
    for number in range(rounds * (3 if label == 'start' else 1)):
        for kind in kinds[::1 if number % 2 else -1]:
            seen[kind].append(once(label, kind, number))
    names = [label, label + '/', label + '//'][:len(seen['none'][0])]
    if len(names) == 2:
        names[1] = label + '//'
    for which, name in enumerate(names):
        row = {kind: [values[which] for values in seen[kind]] for kind in kinds}
        print(f'{name:8}' + ''.join(f'{statistics.median(row[kind]):12.2f}' for kind in kinds) +
              ''.join(ratio(row[kind], row['none']) for kind in kinds[1:]), flush=True)
EOF
