#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the view costs: view.py BUILD_ROOT [--pairs N] [WORKLOAD...]

Runs each workload bare on crun, there with a filter of system calls that refuses one that nobody makes
(engines always have one, `crun spec` has none), with husk in learn and in enforce, and, where they start,
on runc, on a root by fuse-overlayfs, and on runsc, in turn on the same root file system with a warm cache.
Prints the median of bare, and for the others the median of the ratios of neighbours (times: less is better; fio and
http are rates: more is better), requests to the view, and last the memory of the mediators of MEMORY
containers at once. Machines are noisy, so only neighbours are compared; nothing is judged here.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MEMORY = 100

TREE = '''
import io, tarfile
with tarfile.open('/bench/tree.tar', 'w') as tar:
    for d in range(200):
        for f in range(100):
            info = tarfile.TarInfo(f'tree/{d}/{f}')
            info.size = 64
            tar.addfile(info, io.BytesIO(b'x' * 64))
'''

HTTP_PYTHON = '''
import http.client, http.server, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = 65536
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = http.client.HTTPConnection('127.0.0.1', server.server_port)
def ask(count):
    for _ in range(count):
        client.request('GET', '/')
        client.getresponse().read()
ask(100)
begin = time.perf_counter()
ask(1500)
print(1500 / (time.perf_counter() - begin))
'''

HTTP_NODE = '''
const http = require('http');
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const server = http.createServer((q, a) => a.end('ok')).listen(0, '127.0.0.1', () => {
  let left = 2200, begin;
  const ask = () => http.get({port: server.address().port, host: '127.0.0.1', agent}, (r) => {
    r.resume();
    r.on('end', () => {
      if (--left === 2000) begin = process.hrtime.bigint();
      if (left) return ask();
      console.log(2000 / (Number(process.hrtime.bigint() - begin) / 1e9));
      process.exit(0);
    });
  });
  ask();
});
'''

# Prints the seconds of the second of two passes, so that all is warm.
SECOND = '''
import subprocess, sys, time
for _ in range(2):
    begin = time.perf_counter()
    subprocess.run({words!r}, check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - begin)
'''


def fio(*options):
    return ['/usr/bin/fio', '--name=bench', '--filename=/tmp/fio', '--size=64m', '--bs=4k', '--time_based',
            '--runtime=1', '--output-format=terse', '--terse-version=3', '--fallocate=none', *options]


def second(*words):
    return ['/usr/bin/python3', '-B', '-c', SECOND.format(words=list(words))]


# name: (words, what is measured: 'wall' milliseconds, 'time' printed seconds, 'rate' printed, field of fio)
WORKLOADS = {
    'true': (['/bin/true'], 'wall'),
    'python': (['/usr/bin/python3', '-B', '-c', 'import json, http.server, asyncio'], 'wall'),
    'node': (['/usr/bin/node', '-e', 'require("http")'], 'wall'),
    'untar': (['/bin/tar', '--no-same-owner', '-xf', '/bench/tree.tar', '-C', '/tmp'], 'wall'),
    'find': (second('/usr/bin/find', '/usr', '-type', 'f', '-printf', '%s'), 'time'),
    'git': (second('/usr/bin/git', '-C', '/repository', 'status', '--short'), 'time'),
    'fio-seq-read': (fio('--rw=read'), 'rate:6'),
    'fio-seq-write': (fio('--rw=write'), 'rate:47'),
    'fio-rand-read': (fio('--rw=randread'), 'rate:6'),
    'fio-rand-write': (fio('--rw=randwrite'), 'rate:47'),
    'http-python': (['/usr/bin/python3', '-B', '-c', HTTP_PYTHON], 'rate'),
    'http-node': (['/usr/bin/node', '-e', HTTP_NODE], 'rate'),
}


class Bench:
    def __init__(self, build, scratch):
        self.build = build = pathlib.Path(subprocess.check_output(
            [SOURCE / 'tests/bench/programs', build, scratch], text=True).strip())
        self.scratch = scratch
        self.numbers = 0
        self.rootfs = pathlib.Path(subprocess.check_output(
            [SOURCE / 'contrib/rootfs', 'git', 'nodejs', 'fio'], text=True).strip())
        self.conf = scratch / 'husk.conf'
        self.conf.write_text(f'''state_directory = {scratch}/state
runtime_directory = {scratch}/runtime
launch_program = {build}/src/launch/husk-launch
observe_program = {build}/src/observe/bpf/husk-observe
merge_program = {build}/src/husk-merge
detector_file = {SOURCE}/config/detectors
shadow_after_runs = 512
mediate_one_in = 1000000
count_requests = yes
''')
        (scratch / 'bench').mkdir()
        exec(TREE.replace('/bench/', f'{scratch}/bench/'))
        self.make_root()
        self.hooks = json.loads(self.husk('hooks', 'print', '--hook-program', f'{build}/src/husk-hook'))

    def make_root(self):
        """A copy of the root file system, with a repository of 5,000 files."""
        root = self.scratch / 'root'
        subprocess.run(['cp', '-a', '--reflink=auto', self.rootfs, root], check=True)
        self.rootfs = root
        (root / 'bench').mkdir()
        repository = root / 'repository'
        for d in range(50):
            (repository / str(d)).mkdir(parents=True)
            for f in range(100):
                (repository / str(d) / f'{f}.txt').write_text(f'{d} {f}\n')
        git = ['git', '-C', repository, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost']
        for words in (['init', '-q'], ['add', '.'], ['commit', '-qm', 'bench']):
            subprocess.run([*git, *words], check=True)

    def husk(self, *words):
        return subprocess.check_output([self.build / 'src/cli/husk', '--config', self.conf, *words], text=True)

    def bundle(self, name, words, function=None, root=None, filtered=False):
        path = self.scratch / f'bundle-{name}'
        path.mkdir(exist_ok=True)
        (path / 'config.json').unlink(missing_ok=True)
        subprocess.run(['crun', 'spec'], cwd=path, check=True)
        spec = json.loads((path / 'config.json').read_text())
        spec['linux'].get('resources', {}).pop('devices', None)
        spec['process'].update(terminal=False, rlimits=[], args=words)
        spec['process']['env'] += ['HOME=/tmp', 'GIT_OPTIONAL_LOCKS=0', 'GIT_CONFIG_COUNT=1',
                                   'GIT_CONFIG_KEY_0=safe.directory', 'GIT_CONFIG_VALUE_0=*']
        spec['root'] = {'path': str(root or self.rootfs), 'readonly': True}
        spec['mounts'] += [
            {'destination': '/tmp', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['mode=1777']},
            {'destination': '/bench', 'type': 'bind', 'source': f'{self.scratch}/bench', 'options': ['bind', 'ro']},
        ]
        if filtered:
            spec['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
                {'names': ['reboot'], 'action': 'SCMP_ACT_ERRNO'}]}
        if function:
            spec['annotations'] = {**spec.get('annotations', {}), 'husk.function': function, 'husk.revision': '1'}
            spec['hooks'] = self.hooks.get('hooks', self.hooks)
        (path / 'config.json').write_text(json.dumps(spec))
        return path

    def run(self, bundle, measure, engine=('crun',)):
        self.numbers += 1
        begin = time.perf_counter()
        done = subprocess.run([*engine, 'run', '--bundle', bundle, f'husk-view-bench-{os.getpid()}-{self.numbers}'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=True)
        wall_ms = (time.perf_counter() - begin) * 1000
        if measure == 'wall':
            return wall_ms
        if measure == 'time':
            return float(done.stdout.split()[-1]) * 1000
        if ':' in measure:
            return float(done.stdout.strip().splitlines()[-1].split(';')[int(measure.split(':')[1])])
        return float(done.stdout.split()[-1])

    def requests(self):
        with open(self.scratch / 'state/events.jsonl', encoding='utf-8') as events:
            counts = [json.loads(line).get('count') for line in events if '"event":"requests"' in line]
        return counts[-1] if counts else None

    def kinds(self, name, words):
        """(kind, bundle, engine) of everything that starts here."""
        function = f'bench-{name}'
        yield 'bare', self.bundle(f'{name}-bare', words), ('crun',)
        yield 'filter', self.bundle(f'{name}-filter', words, filtered=True), ('crun',)
        yield 'learn', self.bundle(f'{name}-learn', words, f'{function}-learn'), ('crun',)
        yield 'enforce', self.bundle(f'{name}-enforce', words, f'{function}-enforce'), ('crun',)
        if shutil.which('runc'):
            yield 'runc', self.bundle(f'{name}-runc', words), ('runc',)
        merged = self.scratch / 'merged'
        if os.path.ismount(merged):
            yield 'fuse-overlayfs', self.bundle(f'{name}-fuse', words, root=merged), ('crun',)
        if shutil.which('runsc'):
            yield 'runsc', self.bundle(f'{name}-runsc', words), ('runsc', '--ignore-cgroups', '--network=none')

    def prepare(self, name, kind, bundle, measure, engine):
        """Warms up; what does not start here is left out."""
        try:
            for _ in range(3 if kind == 'enforce' else 2):
                self.run(bundle, measure, engine)
        except (subprocess.SubprocessError, OSError, IndexError, ValueError) as problem:
            print(f'# {kind} does not run {name}: {getattr(problem, "stderr", None) or problem}'.strip(), flush=True)
            return False
        if kind == 'enforce':
            self.husk('mode', f'bench-{name}-enforce', 'enforce')
            self.run(bundle, measure, engine)
        return True

    def compare(self, name, pairs):
        words, measure = WORKLOADS[name]
        kinds = [k for k in self.kinds(name, words) if self.prepare(name, k[0], k[1], measure, k[2])]
        values = {kind: [] for kind, _, _ in kinds}
        requests = {}
        if 'bare' not in values:
            return
        for number in range(pairs):
            for kind, bundle, engine in kinds if number % 2 else reversed(kinds):
                values[kind].append(self.run(bundle, measure, engine))
                if kind in ('learn', 'enforce'):
                    requests[kind] = self.requests()
        bare = statistics.median(values['bare'])
        unit = 'ms' if measure in ('wall', 'time') else '/s'
        line = f'{name:15} {bare:9.1f} {unit}'
        for kind in ('filter', 'learn', 'enforce', 'runc', 'fuse-overlayfs', 'runsc'):
            if kind not in values:
                line += f' {"-":>8}'
                continue
            line += f' {statistics.median(v / b for v, b in zip(values[kind], values["bare"])):8.2f}'
        print(f'{line} {requests.get("learn", 0):8} {requests.get("enforce", 0):8}', flush=True)

    def memory(self):
        """Proportional memory of the mediators of many containers at once, in KiB each."""
        words = ['/usr/bin/python3', '-B', '-c', 'import json, http.server, asyncio, sys\nsys.stdin.read()']
        for kind in ('learn', 'enforce'):
            function = f'bench-memory-{kind}'
            bundle = self.bundle(f'memory-{kind}', words, function)
            for _ in range(2):
                self.run(bundle, 'wall')
            if kind == 'enforce':
                self.husk('mode', function, 'enforce')
            children = [subprocess.Popen(['crun', 'run', '--bundle', bundle, f'husk-memory-{os.getpid()}-{n}'],
                                         stdin=subprocess.PIPE) for n in range(MEMORY)]
            time.sleep(20)
            sizes = []
            for process in pathlib.Path('/proc').glob('[0-9]*'):
                try:
                    if os.readlink(process / 'exe') != f'{self.build}/src/husk-hook' or \
                            os.readlink(process / 'ns/mnt') != os.readlink('/proc/self/ns/mnt'):
                        continue
                    rollup = (process / 'smaps_rollup').read_text()
                    sizes.append(int(rollup.split('\nPss:')[1].split()[0]))
                except OSError:
                    continue
            for child in children:
                child.stdin.close()
            for child in children:
                child.wait()
            if sizes:
                print(f'memory {kind}: {len(sizes)} mediators, {sum(sizes) / len(sizes):.0f} KiB each, '
                      f'at most {max(sizes)} KiB')


def mount_overlay(bench):
    if not shutil.which('fuse-overlayfs'):
        return
    for name in ('upper', 'work', 'merged'):
        (bench.scratch / name).mkdir()
    subprocess.run(['fuse-overlayfs', '-o', f'lowerdir={bench.rootfs},upperdir={bench.scratch}/upper,'
                    f'workdir={bench.scratch}/work', bench.scratch / 'merged'], check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument('--pairs', type=int, default=15)
    parser.add_argument('workloads', nargs='*', metavar='WORKLOAD', help=', '.join([*WORKLOADS, 'memory']))
    arguments = parser.parse_intermixed_args()
    if 'HUSK_BENCH_INSIDE' not in os.environ:
        os.environ['HUSK_BENCH_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', sys.executable, *sys.argv])
    subprocess.run('[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup',
                   shell=True, check=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix='husk-bench-', dir='/tmp'))
    try:
        bench = Bench(arguments.build, scratch)
        mount_overlay(bench)
        print(f'{"workload":15} {"bare":>9}    {"filter":>8} {"learn":>8} {"enforce":>8} {"runc":>8} {"fuse-ovl":>8} {"runsc":>8} '
              f'{"requests":>8} {"enforced":>8}')
        for name in arguments.workloads or [*WORKLOADS, 'memory']:
            if name == 'memory':
                bench.memory()
            else:
                bench.compare(name, arguments.pairs)
    finally:
        subprocess.run(['umount', '-l', scratch / 'merged'], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
