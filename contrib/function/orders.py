#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An order-processing function with two ordinary mistakes in it, on purpose. Never use it for anything.

Reads one event from standard input, renders an invoice from a template into the invoices of the data
volume, and prints a receipt. The mistakes: a field of the event becomes part of a shell command, and
two others become parts of paths.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INVOICES = os.environ.get('INVOICES', '/data/invoices')


def label(customer):
    # Mistake: the shell reads what the customer wrote.
    done = subprocess.run(f'echo {customer} | tr a-z A-Z', shell=True, text=True,
                          capture_output=True, check=False)
    if done.stderr:
        print(done.stderr, file=sys.stderr, end='')
    return done.stdout.strip()


def handle(event):
    # Mistake: "template" and "file" may lead out of their directories.
    with open(os.path.join(HERE, 'templates', event['template']), encoding='utf-8') as file:
        template = file.read()
    total = sum(count * price for _, count, price in event['items'])
    lines = ''.join(f'{count:4} x {name:20} {price:10.2f}\n' for name, count, price in event['items'])
    text = template.replace('{customer}', label(event['customer'])) \
        .replace('{lines}', lines).replace('{total}', f'{total:.2f}')
    path = os.path.join(INVOICES, event['file'])
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return {'file': event['file'], 'total': round(total, 2), 'text': text}


if __name__ == '__main__':
    print(json.dumps(handle(json.load(sys.stdin))))
