# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces that tell of what cannot be: commands may say nonsense, but say it well."""
import os
import random

from harness import case, scripted, tool, tool_json

COMMANDS = [['summary', '--by', key] for key in ('op', 'path', 'dir', 'process', 'command', 'errno', 'worker')] + \
           [['dist'], ['dist', '--of=size', '--by=process'], ['slow'], ['slow', '--min-lat=0', '--beside=5'],
            ['timeline'], ['timeline', '--table']]
OPS = ['lookup', 'getattr', 'setattr', 'mkdir', 'create', 'unlink', 'rmdir', 'rename', 'link', 'open', 'read', 'write',
       'release', 'forget', 'batch_forget', 'setxattr', 'copy_file_range']
NAMES = ['a', 'b', '..', '\\x2f', '\\x0a', '\\xff\\xfe', '\\x1b[2J', 'a\\x20(deleted)', 'memfs.trace.mark', 'x' * 255]


def nonsense(rand):
    def number(most=64):
        return rand.choice([0, 1, 2, 3, rand.getrandbits(rand.randint(1, most)), (1 << most) - 1])

    lines = ['meta clock.monotonic ' + str(number()), 'meta cache \\xff\\x0a']
    for process in range(1, 6):
        lines.append(f'process {process} pid={number(32)} start={number()} comm={rand.choice(NAMES)}')
    for _ in range(300):
        fields = [f'{key}={number()}' for key in ('node', 'node2', 'result', 'replaced', 'fh', 'offset', 'size', 'done', 'duration')
                  if rand.random() < 0.5]
        fields += [f'{key}={rand.choice(NAMES)}' for key in ('name', 'name2') if rand.random() < 0.7]
        fields += [f'error={rand.choice([0, 2, 28, 4000, 65535])}', f'worker={number(32)}', f'process={rand.randrange(7)}']
        if rand.random() < 0.3:
            fields.append(f'start={number()}')
        lines.append(f'event {rand.choice(OPS)} {" ".join(fields)}')
    return lines


@case
def numbers_and_names_that_cannot_be():
    seed = int.from_bytes(os.urandom(4), 'big')
    print(f'# seed {seed}')
    rand = random.Random(seed)
    for _ in range(6):
        trace = scripted('\n'.join(nonsense(rand)))
        for command in COMMANDS:
            text = tool(*command, trace, env={'LC_ALL': 'C'})
            assert all(32 <= ord(char) < 127 or char == '\n' for char in text), (command, text)
            assert tool_json(*command, trace)['events'] == 300, command
