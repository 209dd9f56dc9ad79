# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the files of this suite share: a directory each, a view over it, its counters. Needs root,
# /dev/fuse and overlayfs. VIEW_MOUNT and VIEW_COMPARE name the
# programs.
bats_require_minimum_version 1.5.0

# A view that hangs must not stop the suite.
export BATS_TEST_TIMEOUT=${HUSK_LONG:+3600}
: "${BATS_TEST_TIMEOUT:=240}"

setup() {
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/husk-view-$BATS_TEST_NUMBER-XXXXXX")
	LOWER=$DIR/lower
	VIEW=$DIR/view
	mkdir "$LOWER" "$VIEW"
	VIEW_PID=
}

teardown() {
	cd /
	umount -R -l "$VIEW" "$DIR/bind" "$DIR/other" 2>/dev/null || true
	[ -z "$VIEW_PID" ] || wait "$VIEW_PID" 2>/dev/null || true
	umount -l "$DIR/base" "$DIR/second" 2>/dev/null || true
	rm -rf --one-file-system "$DIR"
}

# view [OPTION...] [PATH=DIR...]: shows $LOWER at $VIEW. FILES limits the descriptors.
view() {
	local options=() lowers=()
	for argument in "$@"; do
		case $argument in
		/*=*) lowers+=("$argument") ;;
		*) options+=("$argument") ;;
		esac
	done
	(
		ulimit -n "${FILES:-1024}"
		exec "$VIEW_MOUNT" -f -s "$DIR/counters" "${options[@]}" "$LOWER" "$VIEW" "${lowers[@]}"
	) 3>&- &
	VIEW_PID=$!
	for _ in $(seq 200); do
		mountpoint -q "$VIEW" && return 0
		kill -0 "$VIEW_PID" || return 1
		sleep 0.02
	done
	return 1
}

# Unmounts and waits for the view, which must end without an error.
end_view() {
	umount "$VIEW"
	wait "$VIEW_PID"
	VIEW_PID=
}

counter() {
	awk -v name="$1" '$1 == name { print $2 }' "$DIR/counters"
}

# Compares below $1 of $LOWER, with options for the view behind it.
compare() {
	local without=$1
	shift
	mkdir "$LOWER/native" "$LOWER/viewed"
	chmod 755 "$DIR"
	view "$@"
	"$VIEW_COMPARE" ${without:+-x "$without"} "$LOWER/native" "$VIEW/viewed" >"$DIR/tap" || {
		grep -v '^ok' "$DIR/tap"
		return 1
	}
	end_view
	[ "$(counter names)" -le 3 ]
}
