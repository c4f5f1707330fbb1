#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""stress.py DIR --seed N [--operations N] [--processes N] [--log FILE]

Random operations on the empty directory DIR, by several processes, each in a directory of its own
there. The seed alone decides what is done; what every call answered and the tree that is left are
hashed, one line for each process. So two filesystems that print the same lines are alike.

With --log each process writes what it did and what was answered to FILE.PROCESS, to be compared
where the lines differ.
"""
import argparse
import errno
import hashlib
import mmap
import os
import random
import stat
import sys

sys.dont_write_bytecode = True
from harness import (EXCHANGE, KEEP_SIZE, NOREPLACE, PUNCH_HOLE, fallocate, renameat2)

NAMES = 'abcdef'
FILES_OPEN = 4
SIZE_MAX = 200_000


class Player:
    """One process: its random numbers, its open files, and the hash of all answers."""

    def __init__(self, seed, log):
        self.random = random.Random(seed)
        self.digest = hashlib.blake2b(digest_size=16)
        self.open = [None] * FILES_OPEN
        self.log = log
        self.actions = [(getattr(self, name[3:]), weight) for name, weight in WEIGHTS.items()]

    # --- choices ---

    def path(self):
        depth = self.random.choice((1, 1, 2, 2, 3))
        return '/'.join(self.random.choice(NAMES) for _ in range(depth))

    def number(self, limit):
        """Small ones more often."""
        return self.random.randrange(1 << self.random.randrange(limit.bit_length())) % limit

    def bytes(self):
        return self.random.randbytes(self.number(20_000))

    def descriptor(self):
        return self.open[self.random.randrange(FILES_OPEN)]

    # --- operations: each returns what it was answered, or raises OSError ---

    def make(self):
        os.close(os.open(self.path(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))

    def keep_open(self):
        slot = self.random.randrange(FILES_OPEN)
        flags = self.random.choice((os.O_RDWR, os.O_RDWR | os.O_APPEND, os.O_RDWR | os.O_TRUNC))
        path = self.path()
        fd = os.open(path, flags | os.O_CREAT | os.O_NONBLOCK, 0o644)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            return 'not a file'
        if self.open[slot] is not None:
            os.close(self.open[slot])
        self.open[slot] = fd

    def keep_nameless(self):
        slot = self.random.randrange(FILES_OPEN)
        fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
        if self.open[slot] is not None:
            os.close(self.open[slot])
        self.open[slot] = fd

    def drop(self):
        slot = self.random.randrange(FILES_OPEN)
        if self.open[slot] is not None:
            os.close(self.open[slot])
            self.open[slot] = None

    def write(self):
        fd, data, offset = self.descriptor(), self.bytes(), self.number(SIZE_MAX)
        return None if fd is None else os.pwrite(fd, data, offset)

    def write_on(self):
        fd, data = self.descriptor(), self.bytes()
        return None if fd is None else os.write(fd, data[:4107])

    def append(self):
        path, data = self.path(), self.bytes()
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        try:
            return os.write(fd, data)
        finally:
            os.close(fd)

    def read(self):
        fd, offset = self.descriptor(), self.number(SIZE_MAX)
        return None if fd is None else os.pread(fd, 50_000, offset)

    def map(self):
        fd, data, at = self.descriptor(), self.bytes()[:100], self.random.random()
        if fd is None or not data or os.fstat(fd).st_size < len(data):
            return None
        with mmap.mmap(fd, 0) as pages:
            offset = int(at * (len(pages) - len(data)))
            before = bytes(pages[offset:offset + len(data)])
            pages[offset:offset + len(data)] = data
            return before

    def copy(self):
        source, target = self.descriptor(), self.descriptor()
        offset, to, size = self.number(SIZE_MAX), self.number(SIZE_MAX), self.number(50_000) + 1
        if source is None or target is None:
            return None
        if os.path.sameopenfile(source, target) and abs(offset - to) < size:
            return None  # copy_file_range(2) refuses what overlaps
        return os.copy_file_range(source, target, size, offset, to)

    def truncate(self):
        os.truncate(self.path(), self.number(SIZE_MAX))

    def truncate_open(self):
        fd, size = self.descriptor(), self.number(SIZE_MAX)
        if fd is not None:
            os.ftruncate(fd, size)

    def punch(self):
        fd, offset, size = self.descriptor(), self.number(SIZE_MAX), self.number(SIZE_MAX) + 1
        if fd is not None:
            fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, size)

    def allocate(self):
        fd, offset, size = self.descriptor(), self.number(SIZE_MAX), self.number(50_000) + 1
        keep = self.random.choice((0, KEEP_SIZE))
        if fd is not None:
            fallocate(fd, keep, offset, size)

    def sync(self):
        fd = self.descriptor()
        if fd is not None:
            os.fsync(fd)

    def unlink(self):
        os.unlink(self.path())

    def make_directory(self):
        os.mkdir(self.path(), 0o755)

    def remove_directory(self):
        os.rmdir(self.path())

    def rename(self):
        old, new = self.path(), self.path()
        renameat2(old, new, self.random.choice((0, 0, 0, NOREPLACE, EXCHANGE)))

    def link(self):
        os.link(self.path(), self.path(), follow_symlinks=False)

    def make_symlink(self):
        os.symlink(self.path(), self.path())

    def read_symlink(self):
        return os.readlink(self.path())

    def make_fifo(self):
        os.mkfifo(self.path(), 0o600)

    def change_mode(self):
        os.chmod(self.path(), self.random.randrange(0o1000) | 0o700)

    def change_owner(self):
        os.chown(self.path(), self.random.randrange(3), self.random.randrange(3),
                 follow_symlinks=False)

    def change_times(self):
        path = self.path()
        ns = self.random.randrange(-10 ** 18, 4 * 10 ** 18), self.random.randrange(4 * 10 ** 18)
        os.utime(path, ns=ns, follow_symlinks=False)
        return os.lstat(path).st_mtime_ns == ns[1]

    def set_attribute(self):
        path, name, data = self.path(), 'user.' + self.random.choice(NAMES), self.bytes()[:3000]
        os.setxattr(path, name, data, self.random.choice((0, os.XATTR_CREATE, os.XATTR_REPLACE)))

    def get_attribute(self):
        return os.getxattr(self.path(), 'user.' + self.random.choice(NAMES))

    def remove_attribute(self):
        os.removexattr(self.path(), 'user.' + self.random.choice(NAMES))

    def look(self):
        return describe(os.lstat(self.path()))

    def look_open(self):
        fd = self.descriptor()
        return None if fd is None else describe(os.fstat(fd))

    def list(self):
        return sorted(os.listdir(self.path()))

    # --- playing ---

    def step(self, number):
        action = self.random.choices([a for a, _ in self.actions],
                                     [w for _, w in self.actions])[0]
        state = self.random.getstate() if self.log else None
        try:
            answer = repr(action())
        except OSError as error:
            answer = errno.errorcode[error.errno]
        self.digest.update(answer.encode())
        if self.log:
            self.log.write(f'{number} {action.__name__} {self.arguments(state)}: {answer[:200]}\n')

    def arguments(self, state):
        """Enough to tell what it was: the first path that the action would have drawn."""
        now = self.random.getstate()
        self.random.setstate(state)
        path = self.path()
        self.random.setstate(now)
        return path


WEIGHTS = {
    'do_make': 8, 'do_keep_open': 6, 'do_keep_nameless': 1, 'do_drop': 2, 'do_write': 10,
    'do_write_on': 6, 'do_append': 6, 'do_read': 8, 'do_map': 4, 'do_copy': 3, 'do_truncate': 4,
    'do_truncate_open': 3, 'do_punch': 2, 'do_allocate': 2, 'do_sync': 1, 'do_unlink': 7,
    'do_make_directory': 6, 'do_remove_directory': 3, 'do_rename': 10, 'do_link': 5,
    'do_make_symlink': 2, 'do_read_symlink': 1, 'do_make_fifo': 1, 'do_change_mode': 3,
    'do_change_owner': 2, 'do_change_times': 2, 'do_set_attribute': 4, 'do_get_attribute': 2,
    'do_remove_attribute': 1, 'do_look': 6, 'do_look_open': 3, 'do_list': 3,
}


def describe(st):
    """What two filesystems must agree about: not inodes, blocks and times."""
    size = st.st_size if not stat.S_ISDIR(st.st_mode) else 0
    return st.st_mode, st.st_nlink, st.st_uid, st.st_gid, size


def content(path, st):
    if stat.S_ISREG(st.st_mode):
        with open(path, 'rb') as file:
            return hashlib.blake2b(file.read()).hexdigest()
    return os.readlink(path) if stat.S_ISLNK(st.st_mode) else ''


def tree_hash(log):
    digest = hashlib.blake2b(digest_size=16)
    for directory, names, files in os.walk('.'):
        names.sort()
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            st = os.lstat(path)
            attributes = [(n, os.getxattr(path, n, follow_symlinks=False))
                          for n in sorted(os.listxattr(path, follow_symlinks=False))
                          if n.startswith('user.')]
            line = repr((path, describe(st), content(path, st), attributes))
            digest.update(line.encode())
            if log:
                log.write(f'left: {line[:300]}\n')
    return digest.hexdigest()


def play(seed, number, operations, log_path):
    os.mkdir(f'p{number}')
    os.chdir(f'p{number}')
    os.umask(0o022)
    log = open(log_path, 'w', encoding='utf-8') if log_path else None
    player = Player(f'{seed}/{number}', log)
    for step in range(operations):
        player.step(step)
    answers = player.digest.hexdigest()
    for _ in range(4 * FILES_OPEN):
        player.drop()
    return f'process {number}: answers {answers}, tree {tree_hash(log)}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('directory')
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--operations', type=int, default=100_000)
    parser.add_argument('--processes', type=int, default=4)
    parser.add_argument('--log')
    o = parser.parse_args()
    log = os.path.abspath(o.log) if o.log else None
    os.chdir(o.directory)
    children = []
    for number in range(o.processes):
        reader, writer = os.pipe()
        if os.fork() == 0:
            line = play(o.seed, number, o.operations // o.processes, log and f'{log}.{number}')
            os.write(writer, line.encode())
            os._exit(0)
        os.close(writer)
        children.append(reader)
    failed = False
    for reader in children:
        with os.fdopen(reader) as pipe:
            line = pipe.read()
        failed |= not line
        print(line or 'a process did not finish')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
