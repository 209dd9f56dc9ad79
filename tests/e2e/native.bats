# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Directories that are attached natively, past the view: when, and that they let nothing through that the
# view denies.

load helpers

setup() {
	husk_setup "mediate_one_in = 1000000" "count_requests = yes"
}

teardown() {
	husk_teardown
}

# Reads many modules, then does what $EXTRA says. It never runs another program but /usr/bin/okay.
FUNCTION_CODE='
import asyncio, ctypes, http.server, json, mmap, os, subprocess, sys
subprocess.run(["/usr/bin/okay"], check=True)
libc = ctypes.CDLL(None, use_errno=True)
if os.environ.get("FILL"):
    for n in range(300):
        with open("/tmp/file-%c%c" % (97 + n // 26, 97 + n % 26), "w") as f:
            f.write("filled")
def attempt(what, *args, **keywords):
    try:
        result = what(*args, **keywords)
        print("did it:", getattr(result, "returncode", result), flush=True)
    except OSError as problem:
        print("refused:", problem.errno, flush=True)
exec(os.environ.get("EXTRA", ""))
print("served")
'

# root_with_tree: a root file system of its own with things in /usr/lib/python3.11 that are not for everybody.
root_with_tree() {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/true" "$ROOTFS/usr/bin/okay"
	mkdir -p "$ROOTFS/usr/lib/python3.11/tool/many" "$ROOTFS/usr/lib/python3.11/keys/.ssh"
	cp "$ROOTFS/bin/true" "$ROOTFS/usr/lib/python3.11/tool/run"
	cp -L "$ROOTFS"/lib64/ld-linux-*.so.* "$ROOTFS/usr/lib/python3.11/tool/ld-linux"
	cp "$ROOTFS"/usr/lib/*-linux-gnu/libc.so.6 "$ROOTFS/usr/lib/python3.11/tool/"
	printf '#!/usr/bin/okay\n' >"$ROOTFS/usr/lib/python3.11/tool/script"
	chmod 755 "$ROOTFS/usr/lib/python3.11/tool/script"
	local n
	for n in $(seq 1 40); do ln "$ROOTFS/usr/lib/python3.11/tool/run" "$ROOTFS/usr/lib/python3.11/tool/many/run$n"; done
	echo "$SECRET" >"$ROOTFS/usr/lib/python3.11/keys/.npmrc"
	echo "$SECRET" >"$ROOTFS/usr/lib/python3.11/keys/.ssh/id_test"
	echo "$SECRET" >"$ROOTFS/usr/lib/python3.11/keys/plain"
}

# enforced [FILTER...]: the function on that root, learned and enforced.
enforced() {
	BUNDLE=$(bundle native "$ROOTFS" '.root.readonly = true
		| .process.capabilities |= map_values([])' "$@")
	set_python "$BUNDLE" "$FUNCTION_CODE"
	hook_bundle "$BUNDLE" native
	run_bundle 0 "$BUNDLE"
	enforce_files native
	run_bundle 0 "$BUNDLE"
	no_event '.event == "denied"'
}

# attempt CODE: the function with the code before its end, which must come.
attempt() {
	change_bundle "$BUNDLE" '.process.env |= map(select(startswith("EXTRA=") | not)) + ["EXTRA=" + $code]' \
		--arg code "$1"
	run_bundle 0 "$BUNDLE"
	output_has served
	output_lacks "$SECRET"
}

last_requests() {
	events '.event == "requests"' | tail -n 1 | jq .count
}

is_attached() {
	has_event '.event == "native" and (.detail | contains("'"'$1' is attached"'"))'
}

@test "image content on a read-only root is attached natively, and is asked for no more" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	local native
	native=$(last_requests)
	write_conf "mediate_one_in = 1" "count_requests = yes"
	run_bundle 0 "$BUNDLE"
	[ $((native * 3)) -lt "$(last_requests)" ] || fail "$native requests, $(last_requests) when mediated"
	[ "$(event_count '.event == "native"')" -eq 1 ]
	expect 0 husk show native
	output_has "/usr/lib/python3.11 "
	[ "$(husk show --json native | jq -r '.native[] | select(.path == "/usr/lib/python3.11") | .kind')" = image ]
}

@test "while it learns, image content is native where nothing could be written, and nothing else is" {
	root_with_tree
	local n
	for n in read-only writable; do
		BUNDLE=$(bundle $n "$ROOTFS" ".root.readonly = $([ $n = read-only ] && echo true || echo false)" \
			'.process.user = {uid: 1000, gid: 1000} | .process.env += ["FILL=1"]
			| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]')
		set_python "$BUNDLE" "$FUNCTION_CODE"
		hook_bundle "$BUNDLE" $n
		run_bundle 0 "$BUNDLE"
		attempt 'attempt(subprocess.run, ["/usr/lib/python3.11/tool/run"])'
		output_has "did it: 0"
		husk show --json $n | jq -e '.behaviours[] | select(.domain == "exec" and .key == "/usr/lib/python3.11/tool/run")'
	done
	has_event '.event == "native" and .function == "read-only" and (.detail | contains("'"'/usr/lib/python3.11' is attached"'"))'
	no_event '.event == "native" and .function == "writable"'
	no_event '.event == "native" and (.detail | contains("/tmp"))'
}

@test "mount points in the root cost the start no request each, and its listing is nobody's behaviour" {
	local few
	BUNDLE=$(bundle points "$HUSK_ROOTFS")
	hook_bundle "$BUNDLE" points
	run_bundle 0 "$BUNDLE"
	few=$(last_requests)
	change_bundle "$BUNDLE" '.mounts += ["/mnt", "/srv", "/opt", "/media", "/home", "/root", "/boot", "/var"
		| {destination: ., type: "tmpfs", source: "tmpfs", options: ["nosuid"]}]'
	run_bundle 0 "$BUNDLE"
	[ "$(last_requests)" -lt $((few + 4)) ] || fail "$few requests, $(last_requests) with eight mounts more"
	expect 0 husk show points
	output_lacks "list /"
}

@test "keys in a natively attached tree stay unreadable" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	attempt 'for name in (".npmrc", ".ssh/id_test"):
    attempt(open, "/usr/lib/python3.11/keys/" + name)
os.chdir("/usr/lib/python3.11/keys")
attempt(open, ".npmrc")
attempt(os.open, "../keys/.npmrc", os.O_RDONLY)'
	[ "$(grep -c "refused: 13" <<<"$output")" -eq 4 ] || fail "$output"
	has_event '.event == "denied" and .operation == "read" and .key == "/usr/lib/python3.11/keys/.npmrc"'
	has_event '.event == "denied" and .operation == "read" and .key == "/usr/lib/python3.11/keys/.ssh/id_test"'
}

@test "programs in a natively attached tree stay denied, by whatever way they are executed" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	attempt 'for name in ("run", "script", "many/run7"):
    attempt(subprocess.run, ["/usr/lib/python3.11/tool/" + name])
fd = os.open("/usr/lib/python3.11/tool/run", os.O_PATH)
attempt(subprocess.run, ["/proc/self/fd/%d" % fd], pass_fds=[fd])
os.chdir("/usr/lib/python3.11/tool")
attempt(subprocess.run, ["./run"])'
	[ "$(grep -c "refused: 13" <<<"$output")" -eq 5 ] || fail "$output"
	has_event '.event == "denied" and .operation == "exec" and .key == "/usr/lib/python3.11/tool/run"'
	has_event '.event == "denied" and .operation == "exec" and .key == "/usr/lib/python3.11/tool/script"'
	has_event '.event == "denied" and .operation == "exec" and .key == "/usr/lib/python3.11/tool/many/run7"'
}

@test "what comes into a natively attached tree of the image later stays mediated in the next start" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	[ -n "$(find "$STATE/policies" -name 'native-*.trees')" ]
	cp "$ROOTFS/bin/true" "$ROOTFS/usr/lib/python3.11/tool/later"
	mkdir -p "$ROOTFS/usr/lib/python3.11/asyncio/later"
	cp "$ROOTFS/bin/true" "$ROOTFS/usr/lib/python3.11/asyncio/later/run"
	attempt 'for name in ("tool/later", "asyncio/later/run"):
    attempt(subprocess.run, ["/usr/lib/python3.11/" + name])'
	[ "$(grep -c "refused: 13" <<<"$output")" -eq 2 ] || fail "$output"
	is_attached /usr/lib/python3.11
}

@test "the dynamic loader in a natively attached tree runs nothing" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	attempt 'loader = "/usr/lib/python3.11/tool/ld-linux"
attempt(subprocess.run, [loader, "/usr/lib/python3.11/tool/run"])
attempt(subprocess.run, [loader, "/usr/bin/id"])
attempt(subprocess.run, [os.path.dirname(loader) + "/libc.so.6"])
# an execve that fails behind the open leaves no way either
attempt(os.execv, "/usr/bin/okay", ["x" * (1 << 20)])
attempt(os.execv, loader, [loader, "/usr/lib/python3.11/tool/run"])'
	[ "$(grep -c "refused: 13" <<<"$output")" -eq 4 ] || fail "$output"
	output_has "refused: 7"
	has_event '.event == "denied" and .operation == "exec" and (.key | contains("/ld-linux"))'
}

@test "a program without a file stays denied what it needs to run" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	attempt 'fd = os.memfd_create("program", 0)
os.write(fd, open("/usr/bin/okay", "rb").read()) if os.access("/usr/bin/okay", os.R_OK) else None
attempt(subprocess.run, ["/proc/self/fd/%d" % fd], pass_fds=[fd])'
	output_has "refused: 13"
}

@test "namespaces of its own let a function neither uncover nor change what is natively attached" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	attempt 'loader = "/usr/lib/python3.11/tool/ld-linux".encode()
def mount(*words):
    if libc.mount(*words) != 0:
        raise OSError(ctypes.get_errno(), "mount")
def umount(path):
    if libc.umount2(path, 2) != 0:
        raise OSError(ctypes.get_errno(), "umount2")
if libc.unshare(0x10020000) != 0:
    raise SystemExit("no user namespaces here")
attempt(umount, loader)
attempt(umount, b"/usr/lib/python3.11/keys/.npmrc")
attempt(mount, None, b"/usr/lib/python3.11", None, 32 | 4096, None)
attempt(mount, b"/usr/lib/python3.11", b"/mnt", None, 4096, None)
attempt(mount, b"/usr/lib/python3.11", b"/mnt", None, 4096 | 16384, None)
for name in ("/mnt/tool/run", "/usr/lib/python3.11/tool/run"):
    attempt(subprocess.run, [name])
for name in ("/mnt/keys/.npmrc", "/usr/lib/python3.11/keys/.npmrc"):
    attempt(open, name)'
	[ "$(grep -c "refused:" <<<"$output")" -eq 8 ] || fail "$output"
}

@test "what a person denied in a natively attached tree is denied" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	husk deny native read /usr/lib/python3.11/keys/plain
	attempt 'attempt(open, "/usr/lib/python3.11/keys/plain")'
	output_has "refused: 13"
	has_event '.event == "denied" and .operation == "read" and .key == "/usr/lib/python3.11/keys/plain"'
	[ "$(event_count '.event == "native" and (.detail | contains("/usr/lib/python3.11"))')" -eq 2 ]
}

@test "what a person denies while it runs is denied from then on" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	mkfifo "$T/gate"
	change_bundle "$BUNDLE" '.process.env += ["EXTRA=" + $code]' --arg code 'os.stat("/usr/lib/python3.11/keys/plain")
print("waits", flush=True)
for n in range(600):
    import time
    time.sleep(0.05)
    try:
        os.close(os.open("/usr/lib/python3.11/keys/plain", os.O_RDONLY))
    except OSError as problem:
        print("refused:", problem.errno)
        break'
	start_run "$BUNDLE" </dev/null >"$T/log" 2>&1 3>&- &
	local runner=$!
	wait_until 20 grep -q waits "$T/log"
	husk deny native read /usr/lib/python3.11/keys/plain
	wait "$runner" || fail "$(cat "$T/log")"
	grep -q "refused: 13" "$T/log" || fail "$(cat "$T/log")"
	has_event '.event == "native" and (.detail | contains("is mediated from now on"))'
	no_event '.event == "degraded"'
	nothing_left
}

@test "what a person denies while it runs uncovers nothing to whoever has a directory open there" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	change_bundle "$BUNDLE" '.process.env += ["EXTRA=" + $code]' --arg code 'import time
tree = os.open("/usr/lib/python3.11", os.O_PATH)
keys = os.open("/usr/lib/python3.11/keys", os.O_RDONLY)
os.chdir("/usr/lib/python3.11/tool")
print("waits", flush=True)
for n in range(600):
    time.sleep(0.05)
    try:
        os.close(os.open("/usr/lib/python3.11/keys/plain", os.O_RDONLY))
    except OSError as problem:
        break
attempt(os.open, "plain", os.O_RDONLY, dir_fd=keys)
attempt(os.open, "keys/plain", os.O_RDONLY, dir_fd=tree)
attempt(os.open, ".npmrc", os.O_RDONLY, dir_fd=keys)
attempt(os.open, "keys/.ssh/id_test", os.O_RDONLY, dir_fd=tree)
attempt(subprocess.run, ["./run"])
attempt(subprocess.run, ["many/run7"])
attempt(subprocess.run, ["/proc/self/fd/%d/tool/script" % tree], pass_fds=[tree])
print("covers", flush=True)
for n in range(600):
    time.sleep(0.05)
    try:
        os.listdir("/usr/lib/python3.11")
    except OSError as problem:
        break
attempt(os.listdir, "/usr/lib/python3.11")
attempt(open, "/usr/lib/python3.11/keys/.npmrc")
attempt(os.open, ".npmrc", os.O_RDONLY, dir_fd=keys)
attempt(os.open, "plain", os.O_RDONLY, dir_fd=keys)
attempt(subprocess.run, ["many/run7"])'
	start_run "$BUNDLE" </dev/null >"$T/log" 2>&1 3>&- &
	local runner=$!
	wait_until 20 grep -q waits "$T/log"
	husk deny native read /usr/lib/python3.11/keys/plain
	wait_until 20 grep -q covers "$T/log"
	[ "$(grep -c "refused: 13" "$T/log")" -eq 7 ] || fail "$(cat "$T/log")"
	husk deny native list /usr/lib/python3.11
	wait "$runner" || fail "$(cat "$T/log")"
	[ "$(grep -c "refused: 13" "$T/log")" -eq 12 ] || fail "$(cat "$T/log")"
	no_event '.event == "degraded"'
	nothing_left
}

@test "what a person denies while it runs may stay in a mount namespace of the function's, and an event says so" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	change_bundle "$BUNDLE" '.process.env += ["EXTRA=" + $code]' --arg code 'import time
ready, done = os.pipe(), os.pipe()
if os.fork() == 0:
    if libc.unshare(0x10020000) != 0:
        raise SystemExit("no user namespaces here")
    os.write(ready[1], b"x")
    os.close(done[1])
    os.read(done[0], 1)
    os._exit(0)
os.read(ready[0], 1)
print("waits", flush=True)
for n in range(600):
    time.sleep(0.05)
    try:
        os.close(os.open("/usr/lib/python3.11/keys/plain", os.O_RDONLY))
    except OSError as problem:
        print("refused:", problem.errno)
        break
os.close(done[1])
os.wait()'
	start_run "$BUNDLE" </dev/null >"$T/log" 2>&1 3>&- &
	local runner=$!
	wait_until 20 grep -q waits "$T/log"
	husk deny native read /usr/lib/python3.11/keys/plain
	wait "$runner" || fail "$(cat "$T/log")"
	grep -q "refused: 13" "$T/log" || fail "$(cat "$T/log")"
	has_event '.event == "degraded" and (.detail | contains("made a mount namespace of its own"))'
	nothing_left
}

@test "what a person denies between create and start is denied" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	local id
	id=$(new_id)
	change_bundle "$BUNDLE" '.process.env += ["EXTRA=" + $code]' \
		--arg code 'attempt(open, "/usr/lib/python3.11/keys/plain")'
	timeout 60 "$ENGINE" create --bundle "$BUNDLE" "$id" </dev/null >"$T/log" 2>&1 3>&-
	husk deny native read /usr/lib/python3.11/keys/plain
	sleep 2 # the mediator looks for a newer policy once a second
	timeout 60 "$ENGINE" start "$id"
	wait_until 20 grep -q served "$T/log"
	timeout 60 "$ENGINE" delete --force "$id"
	grep -q "refused: 13" "$T/log" || fail "$(cat "$T/log")"
	[ "$(event_count '.event == "native" and (.detail | contains("/usr/lib/python3.11") and contains("is attached"))')" -eq 2 ]
	nothing_left
}

@test "a container with the capability to remove mounts or to open by handle has nothing natively" {
	local capability
	root_with_tree
	for capability in CAP_SYS_ADMIN CAP_DAC_READ_SEARCH; do
		rm -rf "$STATE"
		enforced '.process.capabilities.bounding = ["'"$capability"'"]'
		no_event '.event == "native" and (.detail | contains("is attached"))'
		has_event '.event == "native" and (.detail | contains("CAP_SYS_ADMIN"))'
	done
}

@test "a tree that another hook changes while the container is made is not attached" {
	root_with_tree
	enforced
	is_attached /usr/lib/python3.11
	change_bundle "$BUNDLE" '.hooks.createRuntime += [{path: "/bin/cp",
		args: ["cp", "'"$ROOTFS/usr/lib/python3.11/tool/run"'", "'"$ROOTFS/usr/lib/python3.11/tool/later"'"]}]'
	attempt 'attempt(subprocess.run, ["/usr/lib/python3.11/tool/later"])'
	output_has "refused: 13"
	has_event '.event == "denied" and .operation == "exec" and .key == "/usr/lib/python3.11/tool/later"'
	has_event '.event == "native" and (.detail | contains("stays mediated: it was changed while"))'
}

@test "a tree in which something is mounted, and a root that root may write to, have nothing natively" {
	root_with_tree
	mkdir "$T/volume"
	enforced '.mounts += [{destination: "/usr/lib/python3.11/tool", type: "bind", source: "'"$T/volume"'", options: ["bind"]}]'
	has_event '.event == "native" and (.detail | contains("'"'/usr/lib/python3.11' stays mediated"'"))'
	is_attached "$(husk show --json native | jq -r '.native[1].path')"
	rm -rf "$STATE"
	enforced '.root.readonly = false'
	no_event '.event == "native"'
}

@test "on a writable root a tree that the function may not change is attached, and read-only" {
	root_with_tree
	enforced '.root.readonly = false | .process.user = {uid: 1000, gid: 1000}'
	is_attached /usr/lib/python3.11
	attempt 'attempt(open, "/usr/lib/python3.11/keys/plain", "w")
attempt(os.mkdir, "/usr/lib/python3.11/keys/new")
attempt(os.unlink, "/usr/lib/python3.11/keys/plain")
attempt(os.chmod, "/usr/lib/python3.11/tool/script", 0o777)
attempt(subprocess.run, ["/usr/lib/python3.11/tool/run"])
print(os.stat("/usr/lib/python3.11/keys/plain").st_size)'
	[ "$(grep -c "refused:" <<<"$output")" -eq 5 ] || fail "$output"
	grep -q "$SECRET" "$ROOTFS/usr/lib/python3.11/keys/plain"
	chown 1000 "$ROOTFS/usr/lib/python3.11/keys"
	run_bundle 0 "$BUNDLE"
	has_event '.event == "native" and (.detail | contains("the function may change something in it"))'
}

@test "a directory that is filled in bulk becomes native, and nothing in it can be run" {
	root_with_tree
	enforced '.process.env += ["FILL=1"]
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]'
	is_attached /tmp
	attempt 'shutil = __import__("shutil")
shutil.copy("/usr/bin/okay", "/tmp/okay") if os.access("/usr/bin/okay", os.R_OK) else None
attempt(subprocess.run, ["/tmp/okay"])
fd = os.open("/tmp/code", os.O_RDWR | os.O_CREAT)
os.write(fd, b"\xc3" * 4096)
attempt(mmap.mmap, fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
attempt(mmap.mmap, fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
attempt(os.link, "/usr/lib/python3.11/keys/.npmrc", "/tmp/linked")
attempt(os.rename, "/tmp/code", "/mnt/code")
attempt(os.symlink, "/usr/lib/python3.11/keys/.npmrc", "/tmp/key")
attempt(open, "/tmp/key")'
	[ "$(grep -c "refused: 13" <<<"$output")" -eq 2 ] || fail "$output"
	[ "$(grep -c "refused: 1$" <<<"$output")" -eq 1 ] || fail "$output"
	[ "$(grep -c "did it:" <<<"$output")" -eq 2 ] || fail "$output"
	[ "$(husk show --json native | jq -r '.native[] | select(.kind == "private") | .path')" = /tmp ]
}
