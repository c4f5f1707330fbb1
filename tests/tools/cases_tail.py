# SPDX-License-Identifier: GPL-2.0-or-later
"""tail: the last calls of a trace, and those that come."""
import os
import select
import signal
import subprocess
import time

from harness import SECONDS, Paths, case, equal, from_file, misuse, mounted, tool


class Tail:
    """with Tail('-n', '2', trace) as t: t.line() is the next line that it prints."""

    def __init__(self, *arguments):
        self.arguments = [Paths.trace, 'tail', *map(str, arguments)]

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.buffer = b''
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self):
        until = time.monotonic() + SECONDS
        while b'\n' not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], until - time.monotonic())
            assert ready, f'nothing came after {self.buffer!r}'
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, f'it ended after {self.buffer!r}: {self.process.stderr.read()!r}'
            self.buffer += more
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.decode()

    def until(self, words):
        """Reads up to the line that has all these words."""
        while True:
            line = self.line()
            if all(word in line for word in words):
                return line


def shown(*arguments):
    return tool('tail', *arguments, from_file('small')).splitlines()


@case
def the_last_ones_of_a_finished_trace():
    everything = tool('show', from_file('small')).splitlines()
    equal(shown(), everything[-10:])
    equal(shown('-n', '3'), everything[-3:])
    equal(shown('--lines=0'), [])
    equal(shown('-n', '+1'), everything)
    equal(shown('-n', '+20'), everything[19:])
    equal(shown('-n', '1000'), everything)


@case
def filters_hold():
    writes = tool('show', '-e', 'write', from_file('small')).splitlines()
    equal(shown('-e', 'write', '-n', '2'), writes[-2:])
    equal(shown('-e', 'write', '-n', '+2'), writes[1:])
    equal(shown('-e', 'write', '-n', '2', '--max-events', '1'), writes[1:2])
    equal(len(shown('-n', '+1', '--between', 'build', 'build end')), 10)


@case
def a_mount_is_followed_until_it_is_gone():
    with mounted() as mount:
        open(f'{mount.path}/before', 'wb').close()
        with Tail('-n', '+1', '-e', 'create,rename', mount.path) as tail:
            tail.until(['create("/before"'])
            os.mkdir(f'{mount.path}/d')
            open(f'{mount.path}/d/file', 'wb').close()
            tail.until(['create("/d/file"'])
            os.rename(f'{mount.path}/d', f'{mount.path}/e')
            tail.until(['rename("/d", "/e")'])
            open(f'{mount.path}/e/other', 'wb').close()
            tail.until(['create("/e/other"'])
            subprocess.run(['umount', mount.path], check=True, timeout=20)
            equal(tail.process.wait(SECONDS), 0)
            equal(tail.process.stderr.read(), b'')
        # For the harness, which unmounts what is mounted.
        subprocess.run(['mount', '-t', 'tmpfs', 'none', mount.path], check=True, timeout=20)


@case
def it_goes_on_in_the_next_file_of_a_series():
    with mounted('cache=never,trace_rotate=1m') as mount:
        with Tail('-n', '+1', '-e', 'mkdir', mount.path) as tail:
            for i in range(3):
                os.mkdir(f'{mount.path}/d{i}')
                tail.until([f'mkdir("/d{i}"'])
                os.setxattr(mount.path, 'memfs.trace.rotate', b'now')
            os.mkdir(f'{mount.path}/d2/e')
            tail.until(['mkdir("/d2/e"'])


@case
def it_ends_quietly_when_interrupted():
    with mounted() as mount:
        with Tail('-e', 'mkdir', mount.path) as tail:
            os.mkdir(f'{mount.path}/d')
            tail.until(['mkdir("/d"'])
            tail.process.send_signal(signal.SIGINT)
            equal(tail.process.wait(SECONDS), 0)
            equal(tail.process.stderr.read(), b'')


@case
def a_killed_daemon_leaves_its_last_calls():
    with mounted() as mount:
        os.mkdir(f'{mount.path}/d')
        with Tail('-n', '+1', '-e', 'mkdir', mount.path) as tail:
            tail.until(['mkdir("/d"'])
            os.mkdir(f'{mount.path}/e')
            tail.until(['mkdir("/e"'])
    # What an incomplete file holds comes at once, or after a while of quiet.
    with open(mount.trace, 'rb') as whole, open(mount.trace + '.cut', 'wb') as cut:
        content = whole.read()
        cut.write(content[:content.rindex(b'TBLK')])
    with Tail('-n', '+1', '-e', 'mkdir', mount.trace + '.cut') as tail:
        tail.until(['mkdir("/d"'])
        tail.until(['mkdir("/e"'])


@case
def misuse_is_told():
    misuse('tail', '-n', 'ten', from_file('small'), words=['ten'])
    misuse('tail', '-n', '-5', from_file('small'), words=['-5'])
    misuse('tail', words=['no trace'])
    misuse('tail', Paths.work, words=[Paths.work])
