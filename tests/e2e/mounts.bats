# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the runtime promised of mounts holds with husk as without it.

load helpers

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

# Prints mountinfo in its order: place, flags, propagation, place of the parent; the type, and the
# numbers of groups that are the host's, where the mount is not the view's. Then, for every mount,
# what writing, executing and listing there gives.
MOUNTS='
import errno, os, stat
kinds = {}
entries = []
for line in open("/proc/self/mountinfo"):
    left, right = line.split(" - ")
    ident, parent, _, root, point, flags, *optional = left.split()
    kinds[ident] = point
    native = point.split("/")[1] in ("proc", "sys", "dev", *os.environ.get("NATIVE", "").split())
    if native:
        hosts = os.environ.get("GROUPS", "").split()
        propagation = [x if x.split(":")[-1] in hosts else x.split(":")[0] for x in optional]
    else:
        # What the view serves can be shared, but receives no mounts of the host (husk(7)).
        propagation = sorted({x.split(":")[0] for x in optional} - {"master"})
    entries.append((point, parent, flags, propagation, right.split()[0], native))
for point, parent, flags, propagation, kind, native in entries:
    print(point, flags, *propagation, "below", kinds.get(parent, "-"), kind if native else "data")
def attempt(what, call):
    try:
        return f"{what}: {call()}"
    except OSError as problem:
        return f"{what}: {errno.errorcode[problem.errno]}"
def create(point):
    name = os.path.join(point, ".husk-probe")
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o755))
    os.unlink(name)
    return "made"
for point, *_ in entries:
    st = os.stat(point)
    print(point, stat.filemode(st.st_mode), st.st_uid, st.st_gid,
          attempt("create", lambda: create(point)) if stat.S_ISDIR(st.st_mode) else "",
          "flags", os.statvfs(point).f_flag & 15)
'

# What every masked and read-only path of the engines lets a program do.
PATHS='
import errno, os, stat
def attempt(call):
    try:
        return call()
    except OSError as problem:
        return errno.errorcode[problem.errno]
def write(path):
    os.close(os.open(path, os.O_WRONLY))
    return "opened"
for path in """/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list
        /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/fs/selinux /sys/dev/block
        /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /proc/sys/kernel/hostname /app/masked
        /app/readonly /data/masked /data/readonly /data/masked/x /data/readonly/x""".split():
    kind = attempt(lambda: stat.filemode(os.lstat(path).st_mode))
    size = attempt(lambda: len(open(path, "rb").read(64)))
    names = attempt(lambda: len(os.listdir(path)))
    made = attempt(lambda: os.mkdir(path + "/.husk-probe"))
    print(path, kind, "read", size, "list", names, "write", attempt(lambda: write(path)), "make", made)
'

@test "mountinfo is the same, in order, flags and propagation" {
	parity_of_mounts
	output_has "/proc rw"
}

# peer_groups: the numbers of the peer groups of this mount namespace.
peer_groups() {
	grep -oE ' (shared|master):[0-9]+' /proc/self/mountinfo | grep -oE '[0-9]+' | sort -u | tr '\n' ' '
}

# parity_of_mounts [FILTER...]: with a writable root of its own. $NATIVE names volumes, by their first
# directory, that the view does not serve.
parity_of_mounts() {
	local bundle
	ROOTFS=${ROOTFS:-$(own_rootfs)}
	bundle=$(bundle mounts "$ROOTFS" "$@")
	change_bundle "$bundle" '.process.env += ["GROUPS=" + $groups, "NATIVE=" + $native]' \
		--arg groups "$(peer_groups)" --arg native "${NATIVE-}"
	set_python "$bundle" "$MOUNTS"
	parity "$bundle"
}

@test "mountinfo is the same with a read-only root" {
	parity_of_mounts '.root.readonly = true'
	[ "$status" -eq 0 ]
	output_has "/ ro"
	output_has "create: EROFS"
}

@test "mountinfo is the same with volumes of every kind of flag" {
	mkdir -p "$T/v1" "$T/v2" "$T/v3" "$T/v4/sub"
	echo content >"$T/file"
	mount -t tmpfs none "$T/v4/sub"
	# runc gives a tmpfs the mode of the directory that is there.
	ROOTFS=$(own_rootfs)
	mkdir -p "$ROOTFS/v/tmp"
	parity_of_mounts '.mounts += [
		{destination: "/v/rw", type: "bind", source: "'"$T"'/v1", options: ["rbind", "rw"]},
		{destination: "/v/ro", type: "bind", source: "'"$T"'/v1", options: ["rbind", "ro", "nosuid", "nodev", "noexec"]},
		{destination: "/v/noexec", type: "bind", source: "'"$T"'/v2", options: ["bind", "noexec"]},
		{destination: "/v/nodev", type: "bind", source: "'"$T"'/v3", options: ["bind", "nodev", "nosuid"]},
		{destination: "/v/deep", type: "bind", source: "'"$T"'/v4", options: ["rbind"]},
		{destination: "/v/file", type: "bind", source: "'"$T"'/file", options: ["bind", "ro"]},
		{destination: "/etc/hosts", type: "bind", source: "'"$T"'/file", options: ["bind"]},
		{destination: "/v/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "noexec", "mode=1777", "size=1m"]},
		{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nodev", "mode=1777"]}]'
	umount "$T/v4/sub"
	output_has "/v/ro ro,nosuid,nodev,noexec"
	output_has "/v/deep/sub"
	nothing_left
}

@test "mountinfo is the same with each propagation of a volume" {
	mkdir -p "$T/shared"
	mount -t tmpfs none "$T/shared"
	mount --make-shared "$T/shared"
	for kind in private unbindable; do
		parity_of_mounts '.mounts += [{destination: "/v", type: "bind", source: "'"$T"'/shared",
			options: ["rbind", "'"$kind"'"]}]'
	done
	no_event '.event == "degraded"'
	# Mounts pass only between mounts of one file system: such a volume stays as it is, and it is told.
	mkdir "$T/shared/sub"
	mount -t tmpfs none "$T/shared/sub"
	for kind in rshared rslave shared slave; do
		rm -f "$EVENTS"
		NATIVE=v parity_of_mounts '.mounts += [
			{destination: "/v", type: "bind", source: "'"$T"'/shared", options: ["rbind", "'"$kind"'"]},
			{destination: "/v/in", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]
			| .linux.rootfsPropagation = "rslave"'
		output_has "master:"
		has_event '.event == "degraded" and (.detail | test("the volume ./v. is not mediated: mounts are to pass"))'
		has_event '.event == "degraded" and (.detail | test("the volume ./v/in. is not mediated: it is mounted in"))'
	done
	umount -R "$T/shared"
	nothing_left
}

@test "a root and a volume that the host shares leave no mount of the container on the host" {
	mkdir -p "$T/shared"
	mount -t tmpfs none "$T/shared"
	mount --make-shared "$T/shared"
	mkdir "$T/shared/v" "$T/shared/v/sub"
	mount -t tmpfs none "$T/shared/v/sub"
	ROOTFS=$T/shared/rootfs
	mv "$(own_rootfs)" "$ROOTFS"
	cp "$ROOTFS/bin/cat" "$T/shared/v/cat"
	cut -d' ' -f5 /proc/self/mountinfo | sort >"$T/before"
	for volume in /data /volume; do
		# The entry point is a file of the shared root, then of the shared volume.
		program=/bin/cat
		[ "$volume" = /data ] || program=/volume/cat
		bundle=$(bundle "shared$volume" "$ROOTFS" '.mounts += [
			{destination: "'"$volume"'", type: "bind", source: "'"$T"'/shared/v", options: ["rbind", "rshared"]}]
			| .linux.rootfsPropagation = "shared"')
		set_args "$bundle" "$program" "$volume/pipe"
		hook_bundle "$bundle" shared
		mkfifo "$T/shared/v/pipe"
		start_run "$bundle" >"$T/out" 2>&1 3>&- &
		echo through >"$T/shared/v/pipe"
		cut -d' ' -f5 /proc/self/mountinfo | sort >"$T/meanwhile"
		wait $!
		rm "$T/shared/v/pipe"
		[ "$(cat "$T/out")" = through ]
		diff "$T/before" "$T/meanwhile"
		cut -d' ' -f5 /proc/self/mountinfo | sort | diff "$T/before" -
	done
	umount -R "$T/shared"
	nothing_left
}

@test "what the host mounts later in a volume that asks for it is there, and goes again" {
	mkdir -p "$T/shared"
	mount -t tmpfs none "$T/shared"
	mount --make-shared "$T/shared"
	mkdir "$T/shared/late"
	bundle=$(bundle late "$(own_rootfs)" '.mounts += [
		{destination: "/v", type: "bind", source: "'"$T"'/shared", options: ["rbind", "rslave"]}]
		| .linux.rootfsPropagation = "rslave"')
	set_args "$bundle" /bin/sh -c 'echo ready >/v/ready
		until [ -e /v/late/file ]; do sleep 0.02; done; cat /v/late/file; echo seen >/v/seen
		while [ -e /v/late/file ]; do sleep 0.02; done; ls /v/late'
	hook_bundle "$bundle" late
	start_run "$bundle" >"$T/out" 2>&1 3>&- &
	wait_until 20 test -e "$T/shared/ready"
	mount -t tmpfs none "$T/shared/late"
	echo arrived >"$T/shared/late/file"
	wait_until 20 test -e "$T/shared/seen"
	umount "$T/shared/late"
	wait $!
	[ "$(cat "$T/out")" = arrived ]
	umount "$T/shared"
	nothing_left
}

@test "mountinfo is the same with each propagation of the root" {
	ROOTFS=$(own_rootfs)
	for kind in private slave shared unbindable; do
		parity_of_mounts '.linux.rootfsPropagation = "'"$kind"'"'
		# Not every runtime takes every kind.
		[ "$status" -eq 0 ] || [ "$kind" = unbindable ]
	done
}

@test "a volume mounted over a volume hides it, and one over the function's directory shows" {
	mkdir -p "$T/a" "$T/b"
	echo a >"$T/a/name"
	echo b >"$T/b/name"
	bundle=$(bundle over "$(own_rootfs)" '.mounts += [
		{destination: "/app", type: "bind", source: "'"$T"'/a", options: ["bind"]},
		{destination: "/app", type: "bind", source: "'"$T"'/b", options: ["bind", "ro"]}]')
	set_args "$bundle" /bin/sh -c 'exec 2>&1; cat /app/name; echo c >/app/name'
	parity "$bundle"
	output_has b
	output_has "Read-only file system"
	[ "$(cat "$T/a/name" "$T/b/name")" = $'a\nb' ]
}

@test "mountinfo is the same where mounts are stacked at one place" {
	mkdir -p "$T/a/dir" "$T/b"
	echo a >"$T/a/name"
	echo b >"$T/b/name"
	echo one >"$T/one"
	echo two >"$T/two"
	ROOTFS=$(own_rootfs)
	mkdir -p "$ROOTFS/v" "$ROOTFS/t"
	touch "$ROOTFS/f"
	parity_of_mounts '.mounts += [
		{destination: "/v", type: "bind", source: "'"$T"'/a", options: ["bind", "noexec"]},
		{destination: "/v", type: "bind", source: "'"$T"'/b", options: ["bind", "ro"]},
		{destination: "/v", type: "bind", source: "'"$T"'/a", options: ["bind", "nodev"]},
		{destination: "/v/dir", type: "bind", source: "'"$T"'/b", options: ["bind"]},
		{destination: "/t", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]},
		{destination: "/t", type: "tmpfs", source: "tmpfs", options: ["noexec", "mode=755"]},
		{destination: "/f", type: "bind", source: "'"$T"'/one", options: ["bind", "ro"]},
		{destination: "/f", type: "bind", source: "'"$T"'/two", options: ["bind"]},
		{destination: "/proc", type: "proc", source: "proc", options: ["nosuid"]}]
		| .linux.maskedPaths += ["/proc/keys", "/proc/keys", "/proc/acpi", "/v/dir", "/v/dir"]
		| .linux.readonlyPaths += ["/proc/bus", "/proc/bus"]'
	[ "$status" -eq 0 ]
	nothing_left
}

@test "mountinfo is the same where the root file system is a mount point" {
	ROOTFS=$T/mounted
	mkdir "$ROOTFS"
	mount --bind "$(own_rootfs)" "$ROOTFS"
	parity_of_mounts
	umount "$ROOTFS"
	nothing_left
}

@test "mountinfo is the same where the root file system is an overlay" {
	ROOTFS=$T/merged
	mkdir "$ROOTFS" "$T/upper" "$T/work"
	mount -t overlay overlay -o "lowerdir=$HUSK_ROOTFS,upperdir=$T/upper,workdir=$T/work" "$ROOTFS"
	parity_of_mounts
	bundle=$(bundle overlay "$ROOTFS")
	set_args "$bundle" /bin/sh -c 'echo new >/data/new && echo more >>/etc/passwd && rm /etc/issue &&
		mv /etc/hostname /etc/name 2>/dev/null; cat /data/new; tail -n 1 /etc/passwd; ls /etc/issue'
	hook_bundle "$bundle" overlay
	run_bundle 2 "$bundle"
	output_has new
	output_has more
	[ "$(cat "$T/upper/data/new")" = new ]
	[ -c "$T/upper/etc/issue" ]
	umount "$ROOTFS"
	nothing_left
}

@test "mountinfo is the same with a relative path of the root file system" {
	bundle=$(bundle relative "$HUSK_ROOTFS" '.root.readonly = true')
	mkdir "$bundle/rootfs"
	mount --bind "$(own_rootfs)" "$bundle/rootfs"
	change_bundle "$bundle" '.root.path = "rootfs"'
	set_python "$bundle" "$MOUNTS"
	hook_bundle "$bundle" relative
	cd "$bundle"
	id=$(new_id)
	expect 0 "$ENGINE" run "$id"
	output_has "/ ro"
	cd /
	umount "$bundle/rootfs"
	nothing_left
}

@test "every masked and read-only path behaves the same" {
	mkdir -p "$T/v/masked" "$T/v/readonly"
	ROOTFS=$(own_rootfs)
	mkdir "$ROOTFS/app/masked" "$ROOTFS/app/readonly"
	echo secret >"$ROOTFS/app/masked/x"
	echo secret >"$T/v/masked/x"
	echo shown >"$T/v/readonly/x"
	bundle=$(bundle paths "$ROOTFS" '
		.mounts += [{destination: "/data", type: "bind", source: "'"$T"'/v", options: ["bind"]}]
		| .linux.maskedPaths += ["/app/masked", "/data/masked", "/proc/latency_stats", "/proc/scsi", "/sys/dev/block"]
		| .linux.readonlyPaths += ["/app/readonly", "/data/readonly"]')
	set_python "$bundle" "$PATHS"
	parity "$bundle"
	[ "$status" -eq 0 ]
	output_has "/data/masked drwx"
	output_has "/app/readonly drwxr-xr-x read EISDIR list 0 write EISDIR make EROFS"
}

@test "a file that is bound stays the file of the host" {
	echo first >"$T/file"
	bundle=$(bundle file "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/etc/resolv.conf", type: "bind", source: "'"$T"'/file", options: ["bind"]}]')
	set_args "$bundle" /bin/sh -c 'cat /etc/resolv.conf; echo second >>/etc/resolv.conf; cat /etc/resolv.conf'
	hook_bundle "$bundle" file
	run_bundle 0 "$bundle"
	[ "$output" = $'first\nfirst\nsecond' ]
	[ "$(cat "$T/file")" = $'first\nsecond' ]
}

@test "a volume whose ids are mapped shows and gives the same owners" {
	[ "$ENGINE" = crun ] || return 0
	mkdir "$T/v"
	echo mapped >"$T/v/own"
	echo unmapped >"$T/v/hosts"
	chown 1000:1000 "$T/v" "$T/v/own"
	bundle=$(bundle idmapped "$(own_rootfs)" '.mounts += [{destination: "/v", type: "bind", source: "'"$T/v"'",
		options: ["bind", "idmap=uids=1000-0-10;gids=1000-0-10"]}]')
	set_args "$bundle" /bin/sh -c 'exec 2>&1; cd /v; stat -c "%n %u:%g %a" . own hosts; cat own hosts; echo x >hosts
		echo x >new; mkdir -m 2770 dir; ln new dir/link; mkfifo pipe; ln -s own sym; chmod 640 own; chown 3:4 dir
		mv new newer; stat -c "%n %u:%g %a %h" newer dir dir/link pipe sym own; rm -r newer dir pipe sym; chmod 644 own'
	parity "$bundle"
	output_has "own 0:0"
	output_has "hosts 65534:65534"
	no_event '.event == "degraded" and (.detail | contains("a socket or FIFO") | not)'
	set_args "$bundle" /bin/sh -c 'echo x >/v/new'
	run_bundle 0 "$bundle"
	[ "$(stat -c %u:%g "$T/v/new")" = 1000:1000 ]
	change_bundle "$bundle" '.process.capabilities |= map_values(. + ["CAP_CHOWN", "CAP_FOWNER"])'
	set_args "$bundle" /bin/sh -c 'exec 2>&1; cd /v; chown 5000 own; chgrp 5000 own; chown 5 hosts; chmod 600 hosts
		stat -c "%n %u:%g %a" own hosts'
	parity "$bundle"
	output_has "chown: changing ownership of 'own': Value too large"
	nothing_left
}
