# SPDX-License-Identifier: GPL-2.0-or-later
"""A memfs that lives as long as the soak test, and what there is to measure of it."""
import os
import signal
import subprocess
import time

MODES = ('always', 'auto', 'never')
FIELDS = ('pss_kib', 'rss_kib', 'fds', 'threads', 'bytes', 'nodes', 'trace_recorded', 'trace_lost',
          'trace_written', 'trace_error')


class SoakError(Exception):
    """Something is not as it must be; says what."""


def field_of(path, name):
    """The number behind "name:" in a file of /proc."""
    with open(path, encoding='ascii', errors='replace') as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ':'))


def stats_of(path):
    text = os.getxattr(path, 'memfs.stats').decode()
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


def is_empty(path, fresh):
    """Has the kernel let go of all that was removed?"""
    stats = stats_of(path)
    return all(stats[key] == fresh[key] for key in ('bytes', 'nodes'))


class Mount:
    """One daemon with its mount point, DIRECTORY/NAME, and its trace beside it."""

    def __init__(self, memfs, directory, name, options):
        self.name = name
        self.path = os.path.join(directory, name)
        self.trace = self.path + '.trace'
        self.complaints = self.path + '.stderr'
        self.command = [memfs, '-f', '-o', f'cache={name},trace={self.trace},{options}', self.path]
        self.daemon = None
        self.fresh = None

    def start(self):
        os.makedirs(self.path)
        with open(self.complaints, 'wb') as complaints:
            self.daemon = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=complaints,
                                           stdin=subprocess.DEVNULL, start_new_session=True)
        if b'mounted on' not in self.daemon.stdout.readline():
            raise SoakError(f'{" ".join(self.command)}: no mount: {self.said()}')
        self.fresh = stats_of(self.path)

    def said(self):
        with open(self.complaints, encoding='utf-8', errors='replace') as file:
            return file.read().strip()

    def sample(self):
        """{field: number}, of FIELDS."""
        if self.daemon.poll() is not None:
            raise SoakError(f'{self.name}: the daemon has ended: {self.said()}')
        proc = f'/proc/{self.daemon.pid}'
        stats = stats_of(self.path)
        found = {'pss_kib': field_of(f'{proc}/smaps_rollup', 'Pss'),
                 'rss_kib': field_of(f'{proc}/status', 'VmRSS'),
                 'threads': field_of(f'{proc}/status', 'Threads'),
                 'fds': len(os.listdir(f'{proc}/fd'))}
        return {field: found[field] if field in found else stats[field] for field in FIELDS}

    def sample_empty(self, seconds=60):
        """When all is removed and memory has been given back: waits for both, and says what does not come."""
        end = time.monotonic() + seconds
        left = os.listdir(self.path)
        if left:
            raise SoakError(f'{self.name}: not empty: {left}')
        while not is_empty(self.path, self.fresh):
            if time.monotonic() > end:
                raise SoakError(f'{self.name}: removed, but not given back: {stats_of(self.path)}, '
                                f'at first {self.fresh}')
            time.sleep(0.2)
        best, since = self.sample(), time.monotonic()
        while time.monotonic() < min(since + 5, end):
            time.sleep(0.5)
            now = self.sample()
            if now['pss_kib'] < best['pss_kib']:
                best, since = now, time.monotonic()
        return best | {'fds': now['fds'], 'threads': now['threads']}

    def check(self):
        """memfs.check, when nothing else goes on there."""
        said = os.getxattr(self.path, 'memfs.check').decode(errors='replace')
        if said != 'ok\n':
            raise SoakError(f'{self.name}: memfs.check: {said}')

    def unmount(self):
        """In order: the daemon must end well and have had nothing to complain of."""
        subprocess.run(['umount', self.path], check=True, timeout=60)
        status = self.daemon.wait(120)
        if status != 0 or self.said():
            raise SoakError(f'{self.name}: the daemon ended with status {status}: {self.said()}')

    def kill(self):
        """Whatever state it is in."""
        if self.daemon and self.daemon.poll() is None:
            os.killpg(self.daemon.pid, signal.SIGKILL)
            self.daemon.wait(20)
        if self.daemon:
            subprocess.run(['umount', '-l', self.path], stderr=subprocess.DEVNULL, timeout=20)
