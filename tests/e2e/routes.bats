# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Odd routes to what an enforced function may not do, from within the function itself: whoever controls
# its process, not only its input. And the way out of the view.

load helpers

setup() {
	husk_setup
	DATA=$T/data
	mkdir -p "$DATA/secrets" "$DATA/out"
	echo "$SECRET" >"$DATA/secrets/api.key"
}

teardown() {
	husk_teardown
}

# A function that is learned with one behaviour (write a file, run /bin/true) and then does what an
# environment variable says: which stands for code that an attacker put in.
FUNCTION='
import ctypes, errno, fcntl, mmap, os, shutil, socket, stat, struct, subprocess, sys, tempfile, time
def tell(what, call):
    try:
        print(what, "WORKED", call())
    except OSError as problem:
        print(what, errno.errorcode.get(problem.errno, problem.errno))
    except subprocess.CalledProcessError as problem:
        print(what, "status", problem.returncode)
def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout
with open("/data/out/result.txt", "w") as file:
    file.write("served")
open("/data/out/result.txt").close()
os.unlink("/data/out/result.txt")
subprocess.run(["/bin/true"], check=True)
libc = ctypes.CDLL(None, use_errno=True)
def syscall(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result
exec(os.environ.get("EXTRA", ""))
print("served")
'

# enforced [FILTER...]: the function, learned and enforced
enforced() {
	ROOTFS=$(own_rootfs)
	BUNDLE=$(bundle routes "$ROOTFS" '.mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'",
		options: ["rbind"]}, {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH",
			"CAP_SYS_PTRACE", "CAP_MKNOD", "CAP_SYS_CHROOT", "CAP_CHOWN", "CAP_FOWNER", "CAP_KILL"])
		| .process.noNewPrivileges = false' "$@")
	printf '%s\n' "$FUNCTION" >"$ROOTFS/app/function.py"
	set_args "$BUNDLE" /usr/bin/python3 -B /app/function.py
	hook_bundle "$BUNDLE" routes
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	enforce_files routes
	run_bundle 0 "$BUNDLE"
	no_event '.event == "denied"'
}

# attempt CODE: runs the function with the code at its end. $output is what it printed.
attempt() {
	change_bundle "$BUNDLE" '.process.env |= map(select(startswith("EXTRA=") | not)) + ["EXTRA=" + $code]' \
		--arg code "$1"
	capture limited start_run "$BUNDLE"
	[[ $output != *"$SECRET"* ]] || fail "the key came out: $output"
}

# serves: nothing that was tried changed the function
serves() {
	change_bundle "$BUNDLE" '.process.env |= map(select(startswith("EXTRA=") | not))'
	run_bundle 0 "$BUNDLE"
	[ "$output" = served ] || fail "$output"
	[ "$(cat "$DATA/secrets/api.key")" = "$SECRET" ]
	nothing_left
}

@test "links, renames and descriptors give no other name to what may not be read" {
	enforced
	attempt '
key = "/data/secrets/api.key"
tell("plain", lambda: open(key).read())
tell("dots", lambda: open("/data/out/../secrets/./api.key").read())
tell("slashes", lambda: open("//data///secrets//api.key").read())
tell("root link", lambda: open("/proc/self/root" + key).read())
tell("root of 1", lambda: open("/proc/1/root" + key).read())
tell("cwd link", lambda: open("/proc/self/cwd" + key).read())
tell("symlink", lambda: (os.symlink(key, "/data/out/result.txt"), open("/data/out/result.txt").read()))
tell("hard link", lambda: (os.link(key, "/data/out/result.txt"), open("/data/out/result.txt").read()))
tell("rename", lambda: (os.rename(key, "/data/out/result.txt"), open("/data/out/result.txt").read()))
tell("rename directory", lambda: os.rename("/data/secrets", "/data/out/s"))
fd = os.open(key, os.O_PATH)
tell("reopen O_PATH", lambda: open(f"/proc/self/fd/{fd}").read())
tell("openat", lambda: os.read(os.open("api.key", os.O_RDONLY, dir_fd=os.open("/data/secrets", os.O_PATH)), 100))
tell("truncate", lambda: os.truncate(key, 0))
tell("chmod", lambda: os.chmod(key, 0o777))
tell("chown", lambda: os.chown(key, 1, 1))
tell("utime", lambda: os.utime(key))
tell("xattr", lambda: os.setxattr(key, "user.x", b"x"))
tell("unlink", lambda: os.unlink(key))
tell("O_TMPFILE", lambda: os.open("/data/secrets", os.O_TMPFILE | os.O_RDWR))
tell("mknod", lambda: os.mknod("/data/secrets/n"))
tell("fifo", lambda: os.mkfifo("/data/secrets/f"))
tell("mkdir", lambda: os.mkdir("/data/secrets/d"))
tell("rmdir", lambda: os.rmdir("/data/out"))
tell("socket", lambda: socket.socket(socket.AF_UNIX).bind("/data/secrets/s"))
'
	output_lacks WORKED
	output_has "plain EACCES"
	output_has "reopen O_PATH EACCES"
	output_has served
	[ "$(ls "$DATA/secrets")" = api.key ]
	# A link in the place of a file that the function may write is itself no way to what it points at.
	rm -f "$DATA/out/result.txt"
	serves
}

@test "handles and mounts give no other way to what may not be read" {
	enforced
	attempt '
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_char * 128)]
def by_handle():
    handle, mount = Handle(bytes=128), ctypes.c_int()
    syscall(303, -100, b"/data/secrets/api.key", ctypes.byref(handle), ctypes.byref(mount), 0)
    return os.read(syscall(304, os.open("/data", os.O_RDONLY), ctypes.byref(handle), 0), 100)
tell("handle", by_handle)
def bind():
    if libc.mount(b"/data/secrets", b"/mnt", None, 4096, None):
        raise OSError(ctypes.get_errno(), "")
    return open("/mnt/api.key").read()
tell("bind", bind)
def namespace():
    if libc.unshare(0x20000):
        raise OSError(ctypes.get_errno(), "")
    libc.umount2(b"/data", 2)
    return open("/data/secrets/api.key").read()
tell("namespace", namespace)
tell("after umount", lambda: open("/data/secrets/api.key").read())
'
	output_lacks "$SECRET"
	serves
}

@test "no route executes a program that was never learned" {
	enforced
	attempt '
tell("plain", lambda: run("/usr/bin/id"))
tell("shell", lambda: run("/bin/sh", "-c", "id"))
tell("loader", lambda: run("/lib64/ld-linux-x86-64.so.2", "/usr/bin/id"))
tell("loader by its other name", lambda: run(os.path.realpath("/lib64/ld-linux-x86-64.so.2"), "/usr/bin/id"))
def memory():
    fd = os.memfd_create("x")
    with open("/bin/busybox", "rb") as file:
        os.write(fd, file.read())
    return run(f"/proc/self/fd/{fd}", "id", pass_fds=[fd])
def copy(to):
    shutil.copyfile("/bin/busybox", to)
    os.chmod(to, 0o755)
    return run(to, "id")
tell("copy in tmp", lambda: copy("/tmp/busybox"))
tell("copy in shm", lambda: copy("/dev/shm/busybox"))
tell("copy as learned file", lambda: copy("/data/out/result.txt"))
tell("over the learned program", lambda: copy("/bin/true"))
tell("renamed", lambda: (os.rename("/usr/bin/id", "/usr/bin/true"), run("/bin/true")))
tell("linked", lambda: (os.unlink("/bin/true"), os.symlink("/usr/bin/id", "/bin/true"), run("/bin/true")))
def script():
    with open("/data/out/result.txt", "w") as file:
        file.write("#!/usr/bin/id\n")
    os.chmod("/data/out/result.txt", 0o755)
    return run("/data/out/result.txt")
tell("script", script)
tell("python again", lambda: run("/usr/bin/python3", "-c", "print(1)"))
'
	output_lacks uid=
	output_lacks "plain WORKED"
	output_lacks "shell WORKED"
	output_lacks "loader WORKED"
	output_lacks "renamed WORKED"
	output_lacks "linked WORKED"
	output_lacks "over the learned program WORKED"
	output_has "plain EACCES"
	has_event '.event == "denied" and .domain == "exec" and (.key | test("/usr/bin/id$"))'
	rm -f "$DATA/out/result.txt"
	serves
}


@test "a library that was written is not loaded" {
	enforced
	attempt '
def library():
    shutil.copyfile("/lib/x86_64-linux-gnu/libz.so.1" if os.path.exists("/lib/x86_64-linux-gnu/libz.so.1") else "/lib/x86_64-linux-gnu/libm.so.6", "/tmp/evil.so")
    return ctypes.CDLL("/tmp/evil.so")
tell("library", library)
tell("preload", lambda: open("/etc/ld.so.preload", "w").write("/tmp/evil.so"))
tell("module", lambda: open("/app/json.py", "w").write("print(1)"))
tell("site", lambda: open("/usr/lib/python3/dist-packages/sitecustomize.py", "w").write("print(1)"))
tell("own code", lambda: open("/app/function.py", "a").write("print(1)"))
tell("passwd", lambda: open("/etc/passwd", "a").write("x"))
'
	output_lacks "WORKED"
	serves
}

@test "the original root cannot be reached by any descriptor, link or mount" {
	enforced
	attempt '
host = set()
for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
    for link in ("root", "cwd", "exe"):
        try:
            target = f"/proc/{pid}/{link}"
            host.add((pid, link, os.stat(target).st_dev == os.stat("/").st_dev, os.readlink(target)))
        except OSError as problem:
            host.add((pid, link, errno.errorcode[problem.errno], ""))
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/app/", "/null")):
                print("descriptor", pid, fd, target)
    except OSError as problem:
        pass
for entry in sorted(host):
    print(*entry)
'
	output_lacks descriptor
	output_lacks " False "
	output_has "1 root True /"
	serves
}

@test "the mediator is not visible from inside, and cannot be killed or traced" {
	enforced
	attempt '
print("processes", [name for name in os.listdir("/proc") if name.isdigit()])
names = [open(f"/proc/{pid}/comm").read().strip() for pid in os.listdir("/proc") if pid.isdigit()]
print("names", names)
try:
    os.kill(-1, 9)
except OSError as problem:
    print("kill", errno.errorcode[problem.errno])
print("sockets", open("/proc/net/unix").read().count("husk"))
print("mounts", [line.split()[4] for line in open("/proc/self/mountinfo") if "husk" in line.split(" - ")[0].split()[3]])
'
	output_has "processes ['1']"
	output_has "sockets 0"
	output_lacks husk-
	serves
}

@test "changing the root or the namespace from inside does not lead past the view" {
	enforced
	attempt '
key = "data/secrets/api.key"
def chroot(path):
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(path)
            for _ in range(20):
                os.chdir("..")
            os.chroot(".")
            print("chroot", path, open("/" + key).read())
        except OSError as problem:
            print("chroot", path, errno.errorcode[problem.errno])
        sys.stdout.flush()
        os._exit(0)
    os.wait()
sys.stdout.flush()
chroot("/data/out")
chroot("/proc/1/root")
chroot("/proc/self/cwd")
def fsopen():
    fd = syscall(430, b"fuse", 0)
    return fd
tell("open_tree", lambda: open(f"/proc/self/fd/{syscall(428, -100, b"/data/secrets", 1)}/" + "api.key").read())
tell("umount root", lambda: None if libc.umount2(b"/", 2) == 0 else (_ for _ in ()).throw(OSError(ctypes.get_errno(), "")))
tell("after", lambda: open("/" + key).read())
'
	output_lacks "$SECRET"
	serves
}

@test "a denied behaviour is one event however often it is tried, and floods are counted" {
	write_conf 'events_per_run = 50'
	enforced
	attempt '
for n in range(2000):
    try:
        open("/data/secrets/api.key")
    except OSError:
        pass
'
	[ "$(event_count '.event == "denied" and .key == "/data/secrets/api.key"')" -eq 1 ]
	attempt '
for n in range(2000):
    try:
        open("/data/secrets/" + "".join(chr(97 + int(c)) for c in str(n)), "w")
    except OSError:
        pass
'
	[ "$(event_count 'true')" -lt 200 ]
	has_event '.event == "suppressed" and .count > 1000'
	serves
}

@test "a policy change reaches a container that is running" {
	enforced
	attempt_code='
open("/data/out/result.txt", "w").close()
tell("before", lambda: open("/data/secrets/api.key").read())
os.unlink("/data/out/result.txt")
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        print("after", len(open("/data/secrets/api.key").read()))
        break
    except OSError:
        time.sleep(0.02)
'
	change_bundle "$BUNDLE" '.process.env += ["EXTRA=" + $code]' --arg code "$attempt_code"
	(start_run "$BUNDLE" </dev/null >"$T/out" 2>&1) 3>&- 4>&- &
	pid=$!
	denied() {
		[ "$(event_count '.event == "denied" and .key == "/data/secrets/api.key"')" -ge 1 ]
	}
	wait_until 30 denied
	husk allow routes read /data/secrets/api.key
	wait "$pid"
	grep -q 'before EACCES' "$T/out" || fail "$(cat "$T/out")"
	grep -q "after $((${#SECRET} + 1))" "$T/out" || fail "$(cat "$T/out")"
	nothing_left
}
