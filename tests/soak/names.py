#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""names.py DIR PROCESSES COUNT - each process makes so many names in DIR/a, moves them to DIR/b, links some back, and
removes all, beside the others. Each of its names must be where it put it, once."""
import os
import sys


def own(directory, mark):
    return sorted(name for name in os.listdir(directory) if name.startswith(mark))


def work(directory, mark, count):
    """What is wrong, or None."""
    a, b = os.path.join(directory, 'a'), os.path.join(directory, 'b')
    made = [f'{mark}{number}' for number in range(count)]
    for name in made:
        os.mknod(f'{a}/{name}')
    if own(a, mark) != sorted(made):
        return f'{a}: {len(own(a, mark))} names of {mark}, {count} were made'
    for number, name in enumerate(made):
        os.rename(f'{a}/{name}', f'{b}/{name}')
        if number % 3 == 0:
            os.link(f'{b}/{name}', f'{a}/{name}')
    if own(b, mark) != sorted(made) or own(a, mark) != sorted(made[::3]):
        return f'{directory}: names of {mark} are missing, or too many'
    for path in [f'{b}/{name}' for name in made] + [f'{a}/{name}' for name in made[::3]]:
        os.unlink(path)
    return None


def main():
    directory, processes, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for name in 'ab':
        os.mkdir(os.path.join(directory, name))
    children = []
    for number in range(processes):
        children.append(os.fork())
        if children[-1] == 0:
            wrong = work(directory, f'w{number}-', count)
            print(wrong or '', end='', flush=True)
            os._exit(1 if wrong else 0)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    left = [name for d in 'ab' for name in os.listdir(os.path.join(directory, d))]
    if left and not any(statuses):
        sys.exit(f'names are left: {left[:10]}')
    return 1 if any(statuses) else 0


sys.exit(main())
