# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations, many processes, dropped caches: what tmpfs answers is what memfs answers."""
import os
import subprocess
import sys
import time

from harness import Paths, case, equal, sh, wait_until, write

STRESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'stress.py')
OPERATIONS = int(os.environ.get('MEMFS_OPERATIONS', 100_000))
PYTHON = [sys.executable, '-B']


class dropping_caches:
    """with dropping_caches(): another process makes the kernel drop what it has cached, 8 times a
    second: names and attributes, and pages as well."""

    def __enter__(self):
        script = 'while :; do for n in 2 3; do echo $n >/proc/sys/vm/drop_caches; sleep 0.12; done; done'
        self.process = subprocess.Popen(['bash', '-c', script], start_new_session=True)

    def __exit__(self, *_):
        os.killpg(self.process.pid, 9)
        self.process.wait()


def play(target, seed):
    """The same seed on tmpfs, which comes first, and on memfs."""
    os.mkdir('tree')
    command = PYTHON + [STRESS, 'tree', '--operations', str(OPERATIONS), '--seed', str(seed)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    reference = os.path.join(Paths.work, f'stress.{seed}')
    if not target.is_memfs:
        write(reference, lines)
    with open(reference, encoding='ascii') as file:
        equal(lines.splitlines(), file.read().splitlines(), f'MEMFS_SEED={seed}')
    sh('rm -r tree')


@case
def random_operations(target):
    play(target, Paths.seed)


@case
def random_operations_while_caches_are_dropped(target):
    with dropping_caches():
        play(target, Paths.seed + 1)


@case
def a_build_while_caches_are_dropped(_):
    sh(f'cp -r {Paths.build}/../src .')
    with dropping_caches():
        sh('''
        for i in 1 2 3; do
            for f in src/store/*.c; do
                gcc -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -c $f -o $(basename $f .c).o
            done
            ar rcs libstore.a *.o
            ranlib libstore.a
            nm libstore.a >/dev/null
        done
        for i in $(seq 300); do echo $i >>q; done
        seq 300 | cmp - q
        ''')


@case
def what_is_removed_is_given_back(_):
    before = os.statvfs('.')
    for number in range(2000):
        write(f'f{number}', b'x' * number)
    sh('rm -f f*')
    wait_until(lambda: (os.statvfs('.').f_ffree, os.statvfs('.').f_bfree) ==
               (before.f_ffree, before.f_bfree))


@case
def many_names_in_one_directory(_):
    """Each is found, and listed once, while others are removed; and none takes long to make."""
    count = 100_000
    os.mkdir('d')
    os.chdir('d')
    start = time.monotonic()
    for number in range(count):
        os.mknod(str(number))
    print(f'{count} names made in {time.monotonic() - start:.1f} s')
    equal(len(set(os.listdir('.'))), count)
    for number in range(0, count, 2):
        os.unlink(str(number))
    left = os.listdir('.')
    equal((len(left), len(set(left))), (count // 2, count // 2))
    equal(os.path.exists('77777'), True)
    equal(os.path.exists('77778'), False)
    os.chdir('..')
    sh('rm -r d')
