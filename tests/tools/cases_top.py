# SPDX-License-Identifier: GPL-2.0-or-later
"""top: frames of a trace that is played back, of a mount in use, and on a terminal."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import SECONDS, Paths, case, equal, from_file, golden, misuse, mounted, scripted, tool

# Two calls in the first interval, none in the second, one in the third.
FRAMES = '''
process 1 pid=100 ppid=1 uid=0 gid=0 start=5000 comm=sh
process 2 pid=101 ppid=100 uid=1000 gid=1000 start=5010 comm=cc\\x0a1
event mkdir process=1 node=1 name=d mode=040755 result=2 start=1000000 duration=30000
event lookup process=2 node=2 name=x error=2 start=400000000 duration=10000
event create process=1 node=2 name=y result=3 fh=1 mode=0100644 start=2100000000 duration=1000
event write process=2 node=3 fh=1 size=4096 done=4096 start=2200000000 duration=5000
end
'''


@case
def a_finished_trace_is_played_back():
    golden('top', tool('top', '-b', scripted(FRAMES)))
    golden('top-file', tool('top', '-b', '--by', 'file', '-i', '500ms', '-n', '1', scripted(FRAMES)))
    golden('top-op', tool('top', '--batch', '--by=op', '-i', '1m', '-S', 'bytes', '--top=2', '--raw',
                          scripted(FRAMES)))


@case
def filters_hold():
    text = tool('top', '-b', '--by=op', '-i', '1m', '-e', 'write,lookup', scripted(FRAMES))
    equal([line.split()[-1] for line in text.splitlines()[4:]], ['lookup', 'write'])


@case
def what_is_not_complete_is_played_back_when_asked():
    trace = scripted(FRAMES.replace('end\n', ''))
    text = tool('top', '-b', '--play', '-i', '1m', trace)
    assert 'incomplete' in text and 'at the end, ' in text, text
    assert ' sh/100\n' in text, text


@case
def a_mount_in_use_is_shown_until_it_is_gone():
    with mounted() as mount:
        with open(f'{mount.path}/before', 'wb'):
            pass
        top = subprocess.Popen([Paths.trace, 'top', '-b', '-i', '100ms', '--by=file', '-U', 'what,calls',
                                '-e', 'create,write', mount.path], stdout=subprocess.PIPE, text=True)
        try:
            lines = []
            # The first frame: top is there.
            while not lines or not lines[-1].startswith('live'):
                lines.append(top.stdout.readline())
            for i in range(20):
                with open(f'{mount.path}/file{i}', 'wb', buffering=0) as out:
                    out.write(b'x')
                time.sleep(0.02)
            subprocess.run(['umount', mount.path], check=True, timeout=20)
            lines += top.communicate(timeout=SECONDS)[0].splitlines()
        finally:
            top.kill()
        equal(top.returncode, 0)
        # For the harness, which unmounts what is mounted.
        subprocess.run(['mount', '-t', 'tmpfs', 'none', mount.path], check=True, timeout=20)
    calls = {}
    for line in lines:
        found = re.fullmatch(r'(/\w+) +(\d+)', line.strip())
        if found:
            calls[found[1]] = calls.get(found[1], 0) + int(found[2])
    equal(calls, {f'/file{i}': 2 for i in range(20)})
    assert any(line.startswith('complete, ') for line in lines), lines[-10:]


class Terminal:
    """with Terminal('top', ...) as t: what it draws, and keys for it."""

    def __init__(self, *arguments, size=(24, 100)):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.screen = ''
        self.process = subprocess.Popen([Paths.trace, *map(str, arguments)], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, start_new_session=True,
                                        env={**os.environ, 'TERM': 'linux'})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def press(self, keys):
        """With ^L behind them: else only what differs from the screen before is drawn."""
        self.screen = ''
        os.write(self.master, keys.encode() + b'\f')

    def wait_for(self, pattern):
        """Reads until what was drawn since the last key has it."""
        until = time.monotonic() + SECONDS
        while not re.search(pattern, self.screen):
            left = until - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], \
                f'no {pattern!r} in {self.screen!r}'
            self.screen += os.read(self.master, 65536).decode('latin-1')

    def end(self):
        """What it drew last, once it has ended by itself."""
        equal(self.process.wait(SECONDS), 0)
        while select.select([self.master], [], [], 0.1)[0]:
            self.screen += os.read(self.master, 65536).decode('latin-1')
        equal(termios.tcgetattr(self.slave), self.before)
        return self.screen


@case
def on_a_terminal_it_takes_keys():
    with mounted() as mount, Terminal('top', '-i', '100ms', mount.path) as t:
        t.wait_for('process')
        os.mkdir(f'{mount.path}/directory')
        t.press('f')
        for i in range(1000):
            os.path.exists(f'{mount.path}/directory/absent')
            if '/directory/absent' in t.screen:
                break
            if i % 50 == 49:
                os.write(t.master, b'\f')
            time.sleep(0.005)
            if select.select([t.master], [], [], 0)[0]:
                t.screen += os.read(t.master, 65536).decode('latin-1')
        assert '/directory/absent' in t.screen, t.screen
        t.press('o')
        t.wait_for(r'\bop\b')
        t.press('h')
        t.wait_for('shorter intervals')
        t.press('h p')
        t.wait_for('HELD')
        t.resize(12, 60)
        os.kill(t.process.pid, signal.SIGWINCH)
        t.press(' -++cbet')
        t.wait_for('live, from')
        os.write(t.master, b'q')
        t.end()


@case
def it_plays_back_and_ends_when_interrupted():
    with Terminal('top', '-i', '100ms', from_file('small')) as t:
        t.wait_for('complete, from')
        t.process.send_signal(signal.SIGINT)
        t.end()


@case
def it_needs_a_terminal_that_is_known():
    misuse('top', from_file('small'), words=['terminal', '--batch'])
    with Terminal('top', '-i', '1', '-S', 'nonsense', from_file('small')) as t:
        equal(t.process.wait(SECONDS), 2)
        t.wait_for('no such column')


@case
def misuse_is_told():
    trace = from_file('small')
    misuse('top', '-b', '-i', '10ms', trace, words=['10ms', '100ms'])
    misuse('top', '-b', '-n', '0', trace, words=['0'])
    misuse('top', '-b', '--by', 'day', trace, words=['day'])
    misuse('top', '-b', '-S', 'nonsense', trace, words=['nonsense'])
    misuse('top', '-b', Paths.work, words=[Paths.work])
