# SPDX-License-Identifier: GPL-2.0-or-later
"""A memfs of its own for a script that counts what the daemon does."""
import os
import re
import subprocess
import sys
import time

from group import contents

DEADLINE = 60


def program():
    return os.path.basename(sys.argv[0])


def need_build(parser, build):
    if not os.access(os.path.join(build, 'src/memfs'), os.X_OK):
        parser.error(f'{build}/src/memfs: not there; build first')


class Daemon:
    """with Daemon(build, work, options) as daemon: mounted at daemon.mount, below work, until the end.

    The trace, unless options say notrace, is daemon.trace. tool is what the daemon runs under.
    """

    def __init__(self, build, work, options, tool=()):
        self.mount, self.trace = os.path.join(work, 'mnt'), os.path.join(work, 'trace')
        os.mkdir(self.mount)
        options = ','.join(options if 'notrace' in options else [*options, f'trace={self.trace}'])
        self.command = [*tool, os.path.join(build, 'src/memfs'), '-f', '-o', options, self.mount]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        if 'mounted on' not in self.process.stdout.readline():
            self.process.kill()
            self.process.wait()
            sys.exit(f'{program()}: memfs did not start')
        return self

    def pss(self):
        """Its memory, what it shares divided among those who do, in bytes."""
        return int(re.search(r'^Pss: +(\d+) kB', contents(f'/proc/{self.process.pid}/smaps_rollup'), re.M)[1]) * 1024

    def __exit__(self, *_):
        end = time.monotonic() + DEADLINE  # others look at mounts, too (df, sync): one may be busy for a moment
        while subprocess.run(['umount', self.mount], check=False, stderr=subprocess.DEVNULL).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                subprocess.run(['umount', '-l', self.mount], check=False)
                self.process.kill()
                break
            time.sleep(0.1)
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
