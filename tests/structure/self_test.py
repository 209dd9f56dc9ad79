#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that structure.py fails on trees that are wrong, each in one way, and passes a right one."""
import os
import subprocess
import sys
import tempfile

SPDX = '/* SPDX-License-Identifier: GPL-2.0-or-later */\n'
TABLE = '| part | may include | what |\n|---|---|---|\n| base | - | x |\n| policy | base | y |\n'
GOOD = {
    'README.md': TABLE,
    'base/text.h': SPDX + '#ifndef T\n#define T\nint text(void);\n#endif\n',
    'base/text.c': SPDX + '#include "base/text.h"\nint text(void) { return 0; }\n',
    'policy/image.h': SPDX + '#ifndef I\n#define I\n#include "base/text.h"\n#endif\n',
    'policy/image.c': SPDX + '#include <stdio.h>\n#include "policy/image.h"\n',
}
# (what is wrong, files that differ from the good tree, what the report must say)
BAD = [
    ('an include that the table does not allow',
     {'base/text.c': SPDX + '#include "policy/image.h"\n'}, 'base may not include policy'),
    ('a part without a row', {'net/x.c': SPDX}, "'net/x.c' lies in no part"),
    ('a file outside of the parts', {'x.c': SPDX}, "'x.c' lies in no part"),
    ('an include without its part', {'base/text.c': SPDX + '#include "text.h"\n'}, 'write it as'),
    ('an include of what is not there', {'base/text.c': SPDX + '#include "base/none.h"\n'},
     'does not exist'),
    ('an internal header used elsewhere',
     {'base/text-internal.h': SPDX, 'policy/image.c': SPDX + '#include "base/text-internal.h"\n'},
     'internal to base'),
    ('a cycle in the table',
     {'README.md': TABLE.replace('| base | - |', '| base | policy |')}, 'the table has a cycle'),
    ('a cycle of parts that the table allows',
     {'README.md': TABLE.replace('| base | - |', '| base | policy |'),
      'base/text.c': SPDX + '#include "policy/image.h"\n'}, 'parts include each other'),
    ('headers that include each other',
     {'base/text.h': SPDX + '#ifndef T\n#define T\n#include "base/other.h"\n#endif\n',
      'base/other.h': SPDX + '#ifndef O\n#define O\n#include "base/text.h"\n#endif\n'},
     'files include each other'),
    ('a header that needs another before it',
     {'base/text.h': SPDX + '#ifndef T\n#define T\nsize_t text(void);\n#endif\n'},
     'does not compile alone'),
    ('a header without a guard', {'base/text.h': SPDX + 'struct text { int x; };\n'},
     'does not compile alone'),
    ('a file without a licence', {'base/text.c': 'int x;\n'}, 'does not begin with an SPDX line'),
    ('a table that names what has no row',
     {'README.md': TABLE.replace('| policy | base |', '| policy | base gone |')},
     "'gone', which has no row"),
    ('no table', {'README.md': 'nothing\n'}, 'no table'),
]


def run(program, compiler, files):
    with tempfile.TemporaryDirectory(prefix='husk-structure-') as tree:
        for path, text in files.items():
            full = os.path.join(tree, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'w', encoding='utf-8') as out:
                out.write(text)
        done = subprocess.run([sys.executable, program, tree, *compiler], text=True,
                              capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'structure.py')
    compiler = sys.argv[1:]
    failed = 0
    print(f'1..{len(BAD) + 1}')
    status, output = run(program, compiler, GOOD)
    cases = [('a right tree passes', status == 0, output)]
    for title, difference, expected in BAD:
        status, output = run(program, compiler, GOOD | difference)
        cases.append((f'{title} is refused', status == 1 and expected in output, output))
    for number, (title, good, output) in enumerate(cases, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {title}")
        if not good:
            failed += 1
            print(''.join(f'# {line}\n' for line in output.splitlines()), end='')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
