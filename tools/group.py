# SPDX-License-Identifier: GPL-2.0-or-later
"""A control group for memory, of either version, for a script that counts what processes are charged for."""
import contextlib
import os
import re
import sys


def contents(path):
    with open(path, encoding='ascii', errors='replace') as file:
        return file.read()


class Group:
    """with Group() as group: a group of its own until the end, which children may join. limit: bytes for all in it."""

    def __init__(self, limit=None):
        program = os.path.basename(sys.argv[0])
        mounts = contents('/proc/self/mounts')
        self.is_first = re.search(r'^\S+ (\S+) cgroup \S*\bmemory\b', mounts, re.M)
        mount = self.is_first or re.search(r'^\S+ (\S+) cgroup2 ', mounts, re.M)
        if not mount:
            sys.exit(f'{program}: no control group for memory is mounted')
        self.path = os.path.join(mount[1], f'{program}-{os.getpid()}')
        self.limit = limit

    def __enter__(self):
        os.mkdir(self.path)
        if self.limit:
            self._write('memory.limit_in_bytes' if self.is_first else 'memory.max', self.limit)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def join(self):
        self._write('cgroup.procs', os.getpid())

    def kernel(self):
        """Bytes of the kernel's own memory."""
        if self.is_first:
            return int(contents(os.path.join(self.path, 'memory.kmem.usage_in_bytes')))
        return int(re.search(r'^slab (\d+)', contents(os.path.join(self.path, 'memory.stat')), re.M)[1])

    def _write(self, name, value):
        with open(os.path.join(self.path, name), 'w', encoding='ascii') as file:
            file.write(str(value))
