# SPDX-License-Identifier: GPL-2.0-or-later
"""Little memory: what a control group limits, daemon and client in it. Bytes are held by the daemon and, in the page
cache, by the kernel: of these two only the first must stay."""
import os
import re

from harness import Paths, Skip, case_on, equal, is_sanitized, other_mount, pss, read, sh, wait_until

MIB = 1 << 20


def always(target):
    return target.is_memfs and 'cache=always' in target.options and 'passthrough' not in target.options


def text(path):
    return read(path).decode(errors='replace')


class Group:
    """A control group of either version with a limit of its memory; skips where none can be made."""

    def __init__(self, limit):
        mounts = text('/proc/self/mounts')
        old = re.search(r'^\S+ (\S+) cgroup \S*\bmemory\b', mounts, re.M)
        new = re.search(r'^\S+ (\S+) cgroup2 ', mounts, re.M)
        if not old and not (new and 'memory' in text(f'{new[1]}/cgroup.subtree_control')):
            raise Skip('no control group for memory')
        root = (old or new)[1]
        entry = re.search(r'^\d+:\S*\bmemory\b\S*?:(.*)$' if old else r'^0::(.*)$', text('/proc/self/cgroup'), re.M)
        self.home, self.path = root + entry[1], f'{root}/memfs-test-{Paths.tag()}'
        names = ('memory.limit_in_bytes', 'rss', 'cache') if old else ('memory.max', 'anon', 'file')
        self.limit_file, self.anonymous_name, self.cache_name = names
        self.events = 'memory.oom_control' if old else 'memory.events'
        try:
            os.mkdir(self.path)
            self._put(self.limit_file, limit)
        except OSError as error:
            self._remove()
            raise Skip(f'no control group: {error}') from None

    def _put(self, name, value):
        with open(f'{self.path}/{name}', 'w', encoding='ascii') as file:
            file.write(str(value))

    def _remove(self):
        if os.path.isdir(self.path):
            os.rmdir(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()
        wait_until(lambda: not text(f'{self.path}/cgroup.procs'))
        self._remove()

    def join(self):
        self._put('cgroup.procs', os.getpid())

    def leave(self):
        with open(f'{self.home}/cgroup.procs', 'w', encoding='ascii') as file:
            file.write(str(os.getpid()))

    def _stat(self, name):
        return int(re.search(rf'^{name} (\d+)$', text(f'{self.path}/memory.stat'), re.M)[1])

    def anonymous(self):
        return self._stat(self.anonymous_name)

    def cached(self):
        return self._stat(self.cache_name)

    def kills(self):
        return int(re.search(r'^oom_kill (\d+)$', text(f'{self.path}/{self.events}'), re.M)[1])


def has_memory(bytes_wanted):
    available = int(re.search(r'^MemAvailable: +(\d+) kB', text('/proc/meminfo'), re.M)[1]) * 1024
    if available < bytes_wanted:
        raise Skip(f'{available // MIB} MiB of memory are free, {bytes_wanted // MIB} are wanted')


def content(number):
    return bytes([number + 1]) * MIB


def fill(path, mebibytes):
    for number in range(0, mebibytes, 10):
        with open(f'{path}/{number}', 'wb') as file:
            for i in range(10):
                file.write(content((number + i) % 250))


def is_there(path, mebibytes):
    for number in range(0, mebibytes, 10):
        with open(f'{path}/{number}', 'rb') as file:
            for i in range(10):
                equal(file.read(MIB) == content((number + i) % 250), True, f'content of {number}, MiB {i}')


@case_on(always)
def what_the_kernel_holds_twice_goes_when_memory_is_short(target):
    """Daemon and client in 1 GiB, with 700 MiB in files: the page cache must do with the rest."""
    has_memory(1500 * MIB)
    with Group(1024 * MIB) as group:
        group.join()
        with other_mount(target, 'size=0') as path:
            if is_sanitized(target.daemons[path].pid):
                raise Skip('sanitizers take memory of their own')
            fill(path, 700)
            is_there(path, 700)
            is_there(path, 700)
            os.sync()
            held, cached = group.anonymous(), group.cached()
            print(f'{held // MIB} MiB of the daemon, {cached // MIB} MiB of page cache')
            equal(group.kills(), 0, 'processes killed')
            assert held >= 700 * MIB, held
            assert held + cached <= 1024 * MIB, (held, cached)
            equal(os.getxattr(path, 'memfs.check'), b'ok\n')
            # Asked for it, the kernel gives back all that it holds besides.
            sh('echo 1 >/proc/sys/vm/drop_caches')
            wait_until(lambda: group.cached() < 16 * MIB)
            assert group.anonymous() >= 700 * MIB, group.anonymous()
            is_there(path, 700)


@case_on(always)
def a_client_with_little_memory_writes_more_than_that(target):
    """The daemon outside of the group: what the client may hold of its files is little, and enough."""
    has_memory(1500 * MIB)
    with Group(64 * MIB) as group, other_mount(target, 'size=0') as path:
        group.join()
        fill(path, 160)
        is_there(path, 160)
        equal(group.kills(), 0, 'processes killed')
        assert group.cached() <= 64 * MIB, group.cached()
        group.leave()


@case_on(always)
def what_big_writes_come_in_is_given_back(target):
    """Each worker has a buffer with room for a write of 1 MiB. Of the bytes written nothing is left here."""
    if target.is_over_io_uring:
        raise Skip('the rings are of a fixed size')
    with other_mount(target, 'size=0') as path:
        pid = target.daemons[path].pid
        if is_sanitized(pid):
            raise Skip('sanitizers take memory of their own')
        if 'libfuse3' in text(f'/proc/{pid}/maps'):
            raise Skip("a distribution's libfuse, which lets nobody read the requests")

        def ask():  # each worker in its turn
            for _ in range(64):
                os.setxattr(path, 'user.x', b'')

        ask()
        before = pss(pid)
        for _ in range(16):
            with open(f'{path}/f', 'wb') as file:
                file.write(bytes(16 * MIB))
                os.fsync(file.fileno())
            os.unlink(f'{path}/f')
        wait_until(lambda: (ask(), pss(pid))[1] - before < 2048)
