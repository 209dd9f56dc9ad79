#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a start costs: start.sh BUILD_ROOT [PAIRS]. Runs the same bundle bare and with husk in turn, PAIRS
# times (default 40), on crun and runc, and prints medians in milliseconds and their ratio. The function is in
# enforce. Machines are noisy, so only pairs are compared; nothing is judged here.
set -euo pipefail

if [ -z "${HUSK_BENCH_INSIDE-}" ]; then
	HUSK_BENCH_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
build=$(realpath "$1")
pairs=${2:-40}
source=$(realpath "$(dirname "$0")/../..")
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup
[ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ] || mount -t bpf bpf /sys/fs/bpf
rootfs=$("$source/contrib/rootfs")
scratch=$(mktemp -d /tmp/husk-bench-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
build=$("$source/tests/bench/programs" "$build" "$scratch")
cat >"$scratch/husk.conf" <<EOF
state_directory = $scratch/state
runtime_directory = $scratch/runtime
launch_program = $build/src/launch/husk-launch
observe_program = $build/src/observe/bpf/husk-observe
merge_program = $build/src/husk-merge
detector_file = $source/config/detectors
EOF
husk=("$build/src/cli/husk" --config "$scratch/husk.conf")

# bundle ENGINE LABEL WORD...: a bare one and one with husk
bundle() {
	local engine=$1 label=$2 args
	shift 2
	args=$(jq -nc '$ARGS.positional' --args -- "$@")
	mkdir -p "$scratch/$engine-$label-bare" "$scratch/$engine-$label-husk"
	(cd "$scratch/$engine-$label-bare" && "$engine" spec &&
		jq --argjson args "$args" --arg rootfs "$rootfs" --arg f "$engine-$label" '
		del(.linux.resources.devices) | .process.terminal = false | .process.rlimits = []
		| .process.args = $args | .root = {path: $rootfs, readonly: true}
		| .annotations["husk.function"] = $f' config.json >new && mv new config.json)
	jq --argjson hooks "$("${husk[@]}" hooks print --hook-program "$build/src/husk-hook")" \
		'.hooks = ($hooks | .hooks // .)' \
		"$scratch/$engine-$label-bare/config.json" >"$scratch/$engine-$label-husk/config.json"
}

# measure ENGINE LABEL: interleaved pairs
measure() {
	python3 - "$scratch" "$1" "$2" "$pairs" <<'EOF'
import statistics, subprocess, sys, time
scratch, engine, label, pairs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

def start(kind, number):
    begin = time.perf_counter()
    subprocess.run([engine, 'run', '--bundle', f'{scratch}/{engine}-{label}-{kind}', f'husk-bench-{number}-{kind}'],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1000

times = {'bare': [], 'husk': []}
for number in range(pairs):
    for kind in ('bare', 'husk') if number % 2 else ('husk', 'bare'):
        times[kind].append(start(kind, number))
bare, husk = (statistics.median(times[kind]) for kind in ('bare', 'husk'))
more = statistics.median(h - b for b, h in zip(times['bare'], times['husk']))
print(f'{engine:6} {label:8} {bare:10.2f} {husk:10.2f} {more:10.2f} {husk / bare:8.2f}')
EOF
}

printf '%-6s %-8s %10s %10s %10s %8s\n' engine program 'bare ms' 'husk ms' 'more ms' ratio
for engine in crun runc; do
	command -v "$engine" >/dev/null || continue
	for label in true python; do
		case $label in
		true) bundle "$engine" "$label" /bin/true ;;
		python) bundle "$engine" "$label" /usr/bin/python3 -B -c 'import json' ;;
		esac
		for number in 1 2 3; do
			"$engine" run --bundle "$scratch/$engine-$label-husk" "husk-bench-w$number" </dev/null >/dev/null
		done
		"${husk[@]}" mode "$engine-$label" enforce >/dev/null
		measure "$engine" "$label"
	done
done
