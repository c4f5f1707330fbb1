# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations, many processes, dropped caches: what tmpfs answers is what memfs answers."""
import collections
import errno
import json
import os
import random
import subprocess
import sys
import time

from harness import (EXCHANGE, NOREPLACE, Paths, case, equal, in_background, in_child, other_mount, read,
                     renameat2, sh, wait_until, write)

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
        for i in 1 2; do
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


# --- many in the same place -----------------------------------------------------

RACES = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR, errno.EINVAL, errno.ESTALE)
LETTERS = b'abcdefgh'


class Neighbour:
    """One of several processes that use the same few names; what another one has just done may come in between."""

    def __init__(self, seed, number):
        self.random = random.Random(f'{seed}/{number}')
        self.letter = LETTERS[number:number + 1]
        self.done = 0

    def path(self):
        return f'd{self.random.randrange(3)}/' + self.random.choice('uvwxyz')

    def write(self):
        with open(self.path(), self.random.choice(('wb', 'ab', 'r+b'))) as file:
            file.write(self.letter * self.random.randrange(9000))

    def read(self):
        data = set(read(self.path()))
        assert data <= set(LETTERS + b'\0'), data

    def make(self):
        os.close(os.open(self.path(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))

    def rename(self):
        renameat2(self.path(), self.path(), self.random.choice((0, 0, NOREPLACE, EXCHANGE)))

    def link(self):
        os.link(self.path(), self.path())

    def unlink(self):
        os.unlink(self.path())

    def truncate(self):
        os.truncate(self.path(), self.random.randrange(20000))

    def list(self):
        # What is renamed meanwhile may be listed twice, or not at all.
        names = set(os.listdir(f'd{self.random.randrange(3)}'))
        assert names <= {n + s for n in 'uvwxyz' for s in ('', '.d')}, names

    def attribute(self):
        os.setxattr(self.path(), 'user.a', self.letter * 100)

    def directory(self):
        path = self.path() + '.d'
        os.mkdir(path)
        os.rename(path, self.path() + '.d')

    def remove_directory(self):
        os.rmdir(self.path() + '.d')

    def look(self):
        os.stat(self.path())

    def play(self, count):
        actions = [self.write, self.read, self.make, self.rename, self.link, self.unlink, self.truncate,
                   self.list, self.attribute, self.directory, self.remove_directory, self.look]
        for _ in range(count):
            try:
                self.random.choice(actions)()
                self.done += 1
            except OSError as error:
                assert error.errno in RACES, error
        assert self.done > count / 20, self.done


@case
def many_processes_in_the_same_directories(target):
    with other_mount(target, '') as path:
        in_child(play_together, path)
        if target.is_memfs:
            equal(os.getxattr(path, 'memfs.check'), b'ok\n')
        sh(f'rm -r {path}/d*')
    if target.is_memfs:
        report = json.loads(sh(f'{Paths.trace} check --json {path}.trace'))
        equal((report['lost'], report['gaps'], report['names']['files']['left'],
               report['names']['directories']['left']), (0, 0, 0, 0), 'lost, gaps, files, directories')


def play_together(path):
    """All neighbours; then each file must have as many links as names."""
    os.chdir(path)
    for number in range(3):
        os.mkdir(f'd{number}')
    children = [in_background(Neighbour(Paths.seed, number).play, OPERATIONS // 20)
                for number in range(len(LETTERS))]
    equal([os.waitpid(child, 0)[1] for child in children], [0] * len(children), f'MEMFS_SEED={Paths.seed}')
    files = [os.path.join(directory, name) for directory, _, names in os.walk('.') for name in names]
    links = collections.Counter(os.stat(file).st_ino for file in files)
    for file in files:
        st = os.stat(file)
        equal(st.st_nlink, links[st.st_ino], f'links of {file}')


@case
def what_is_removed_is_given_back(target):
    with other_mount(target, '') as path:  # where nothing is still to be given back of before
        before = os.statvfs(path)
        for number in range(2000):
            write(f'{path}/f{number}', b'x' * number)
        sh(f'rm -f {path}/f*')
        wait_until(lambda: (os.statvfs(path).f_ffree, os.statvfs(path).f_bfree) ==
                   (before.f_ffree, before.f_bfree))


@case
def many_names_in_one_directory(_):
    """Each is found, and listed once, while others are removed; and none takes long to make."""
    count = max(OPERATIONS, 10_000)
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
    equal(os.path.exists('7777'), True)
    equal(os.path.exists('7778'), False)
    os.chdir('..')
    sh('rm -r d')
