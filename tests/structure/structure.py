#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the code below a source directory against the table in its README.md.

usage: structure.py SOURCE_DIRECTORY [COMPILER ARGUMENT...]

Fails on an include that the table does not allow, on a part that is not in the table, on a cycle between
parts or files, on an internal header that is included from elsewhere, on a file without an SPDX line, and, where a
compiler is given, on a header that does not compile alone. Output is TAP, one test a rule.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ROW = re.compile(r'^\|\s*([a-z][a-z0-9-]*)\s*\|\s*([a-z0-9 -]+?)\s*\|')
GENERATED = {'husk-paths.h', 'launch-image.h', 'capabilities-skeleton.h', 'public-suffixes.h'}


def read_table(path):
    """Returns {part: set of parts that it may include} and what is wrong with the table."""
    table, problems = {}, []
    with open(path, encoding='utf-8') as readme:
        for line in readme:
            row = ROW.match(line)
            if not row or row.group(1) == 'part':
                continue
            part, others = row.group(1), row.group(2)
            if part in table:
                problems.append(f"'{part}' has two rows")
            table[part] = set() if others == '-' else set(others.split())
    if not table:
        problems.append(f"no table in '{path}'")
    for part, others in table.items():
        problems += [f"'{part}' may include '{other}', which has no row"
                     for other in sorted(others - table.keys())]
    return table, problems


def find_files(source):
    """Paths of all C files below the source directory, relative to it."""
    found = []
    for directory, names, files in os.walk(source):
        names.sort()
        found += [os.path.relpath(os.path.join(directory, name), source)
                  for name in sorted(files) if name.endswith(('.c', '.h'))]
    return found


def read_includes(source, path):
    with open(os.path.join(source, path), encoding='utf-8') as text:
        return INCLUDE.findall(text.read())


def find_cycle(edges):
    """A cycle of the graph {node: nodes} as a list, or None."""
    state, stack = {}, []

    def visit(node):
        state[node] = 'open'
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if state.get(other) == 'open':
                return stack[stack.index(other):] + [other]
            if other not in state:
                cycle = visit(other)
                if cycle:
                    return cycle
        stack.pop()
        state[node] = 'done'
        return None

    for node in sorted(edges):
        if node not in state:
            cycle = visit(node)
            if cycle:
                return cycle
    return None


def part_of(path):
    return path.split('/', 1)[0] if '/' in path else None


def check_includes(source, files, table):
    problems = []
    for path in files:
        part = part_of(path)
        if part not in table:
            problems.append(f"'{path}' lies in no part of the table")
            continue
        for name in read_includes(source, path):
            if name in GENERATED:
                continue
            other = part_of(name)
            if other is None:
                problems.append(f"'{path}' includes '{name}': write it as \"part/file.h\"")
            elif not os.path.exists(os.path.join(source, name)):
                problems.append(f"'{path}' includes '{name}', which does not exist")
            elif other != part and other not in table[part]:
                problems.append(f"'{path}' includes '{name}', but {part} may not include {other}")
            elif other != part and name.endswith('-internal.h'):
                problems.append(f"'{path}' includes '{name}', which is internal to {other}")
    return problems


def check_cycles(source, files, table):
    problems = []
    cycle = find_cycle(table)
    if cycle:
        problems.append('the table has a cycle: ' + ' -> '.join(cycle))
    cycle = find_cycle({path: set(read_includes(source, path)) for path in files})
    if cycle:
        problems.append('files include each other: ' + ' -> '.join(cycle))
    edges = {}
    for path in files:
        others = {part_of(name) for name in read_includes(source, path)} - {None, part_of(path)}
        edges.setdefault(part_of(path) or path, set()).update(others)
    cycle = find_cycle(edges)
    if cycle:
        problems.append('parts include each other: ' + ' -> '.join(cycle))
    return problems


def check_licences(source, files):
    problems = []
    for path in files:
        with open(os.path.join(source, path), encoding='utf-8') as text:
            if 'SPDX-License-Identifier: GPL-2.0-or-later' not in text.readline():
                problems.append(f"'{path}' does not begin with an SPDX line")
    return problems


def check_headers(source, files, compiler):
    def compile_alone(path):
        done = subprocess.run([*compiler, '-fsyntax-only', '-I', source, '-x', 'c', '-'],
                              input=f'#include "{path}"\n#include "{path}"\n', text=True,
                              capture_output=True, check=False)
        if done.returncode == 0:
            return []
        return [f"'{path}' does not compile alone:", *done.stderr.splitlines()]

    headers = [path for path in files if path.endswith('.h')]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for found in pool.map(compile_alone, headers) for problem in found]


def main():
    if len(sys.argv) < 2:
        print('usage: structure.py SOURCE_DIRECTORY [COMPILER ARGUMENT...]', file=sys.stderr)
        return 64
    source, compiler = sys.argv[1], sys.argv[2:]
    table, problems = read_table(os.path.join(source, 'README.md'))
    files = find_files(source)
    results = [
        ('the table of parts is whole', problems),
        ('every include is one that the table allows', check_includes(source, files, table)),
        ('nothing includes itself by a detour', check_cycles(source, files, table)),
        ('every file names its licence', check_licences(source, files)),
    ]
    if compiler:
        results.append(('every header compiles alone', check_headers(source, files, compiler)))
    print(f'1..{len(results)}')
    for number, (title, found) in enumerate(results, 1):
        print(f"{'not ok' if found else 'ok'} {number} - {title}")
        for problem in found:
            print(f'# {problem}')
    return 1 if any(found for _, found in results) else 0


if __name__ == '__main__':
    sys.exit(main())
