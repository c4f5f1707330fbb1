#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An hour of mixed load on memfs in all cache modes at once, in six parts. What an empty mount takes in the
end, it must have taken before: memory, descriptors, threads."""
import argparse
import csv
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import loads
import verdict
from commands import Commands
from mounts import FIELDS, MODES, Mount, SoakError

PARTS = 6  # of the load, each followed by a look at the empty mounts
# Small rings: they are full of pages soon, so that nothing but what leaks grows later.
TRACE_OPTIONS = 'allow_other,trace_ring=1m,trace_rotate=64m,trace_files=4'


def say(text):
    print(f'soak: {text}', file=sys.stderr, flush=True)


class Soak:
    """The whole test. Loads use: mounts, commands, work, logs, tmpfs, memfs, tool(), options, seed, others, wait()."""

    def __init__(self, options):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.randrange(1 << 20)
        self.memfs = self.tool('src/memfs')
        self.work = tempfile.mkdtemp(prefix='memfs-soak.', dir=options.work)
        self.logs = os.path.join(options.output, 'logs')
        self.tmpfs = os.path.join(self.work, 'tmpfs')
        more = f'{TRACE_OPTIONS},{options.memfs_options}' if options.memfs_options else TRACE_OPTIONS
        self.mounts = [Mount(self.memfs, self.work, mode, more) for mode in MODES]
        self.commands = Commands()
        self.others = {}
        self.samples = []
        self.failures = []
        self.rounds = dict.fromkeys(options.loads, 0)
        self.lock = threading.Lock()
        self.threads = {}
        self.ending = threading.Event()
        self.start = time.monotonic()

    def tool(self, path):
        return os.path.join(self.options.build, path)

    def wait(self, seconds):
        """Between rounds of a load that would be too fast."""
        self.ending.wait(seconds)

    # --- samples ---

    def take(self, state):
        with ThreadPoolExecutor() as pool:
            method = Mount.sample if state == 'load' else Mount.sample_empty
            all_found = list(pool.map(method, self.mounts))
        for mount, found in zip(self.mounts, all_found):
            sample = {'seconds': round(time.monotonic() - self.start), 'mount': mount.name, 'state': state}
            self.samples.append(sample | found)
            self.csv.writerow(self.samples[-1])
        self.csv_file.flush()

    def look_at_empty(self):
        for mount in self.mounts:
            mount.check()
        self.take('empty')
        states = [verdict.empties(self.samples, m.name)[-1] for m in self.mounts]
        say(f'{verdict.clock(states[0]["seconds"])} empty: ' + '; '.join(
            f'{s["mount"]} PSS {s["pss_kib"]:,} KiB, {s["fds"]} fds, {s["threads"]} threads, '
            f'{s["trace_recorded"]:,} calls, {s["trace_lost"]} lost' for s in states))

    def look_at_load(self):
        try:
            self.take('load')
        except (SoakError, OSError) as error:
            self.fail(str(error))

    # --- load ---

    def fail(self, text):
        """The first failure is the one that counts: all else is ended for it."""
        with self.lock:
            if not self.failures:
                self.failures.append(text)
                say(text)
        self.ending.set()

    def repeat(self, name, last):
        """The thread of a load: a round on one mount after the other until last(rounds in this part)."""
        done = 0
        while not last(done) and not self.failures:
            number = self.rounds[name]
            mount = self.mounts[number % len(self.mounts)]
            try:
                loads.LOADS[name](self, mount, number)
            except (SoakError, OSError, subprocess.SubprocessError) as error:
                return self.fail(f'{name}, round {number}, {mount.name}: {error}')
            self.rounds[name] += 1
            done += 1

    def together(self, last, seconds):
        """One thread a load. After so many seconds no round begins; those that have begun go on to their end."""
        self.ending.clear()
        self.threads = {name: threading.Thread(target=self.repeat, args=(name, last), daemon=True)
                        for name in self.rounds}
        for thread in self.threads.values():
            thread.start()
        end = time.monotonic() + seconds
        look = time.monotonic() + self.options.interval
        while any(thread.is_alive() for thread in self.threads.values()):
            time.sleep(0.1)
            if time.monotonic() > end:
                self.ending.set()
            if time.monotonic() > look and not self.failures:
                self.look_at_load()
                look += self.options.interval
            if self.failures:
                self.commands.stop()

    def part(self, seconds, least):
        """Load for so long, and until each load has made so many rounds."""
        self.together(lambda done: done >= least and self.ending.is_set(), seconds)

    # --- all of it ---

    def mount_all(self):
        for mount in self.mounts:
            mount.start()
        os.mkdir(self.tmpfs)
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', self.tmpfs], check=True)

    def unmount_all(self):
        tool = self.tool('tools/memfs-trace/memfs-trace')
        for mount in self.mounts:
            mount.unmount()
            self.commands.run([tool, 'verify', mount.trace])

    def run(self):
        self.mount_all()
        parts = PARTS if self.options.minutes >= PARTS else 2
        for number in range(parts):
            say(f'{verdict.clock(time.monotonic() - self.start)} load, part {number + 1} of {parts}')
            self.part(self.options.minutes * 60 / parts, 0 if number else len(self.mounts))
            if self.failures:
                return
            self.look_at_empty()
        self.unmount_all()

    def clean(self):
        """Whatever has happened: no process and no mount of ours stays."""
        self.ending.set()
        self.commands.stop()
        for thread in self.threads.values():
            thread.join(20)
        for mount in self.mounts:
            mount.kill()
        for daemon in list(self.others.values()):
            daemon.kill()
        with open('/proc/self/mounts', encoding='utf-8') as lines:
            points = [line.split()[1] for line in lines]
        for point in reversed(points):
            if point.startswith(self.work + '/'):
                subprocess.run(['umount', '-l', point], timeout=20)
        if self.failures:
            for mount in self.mounts:
                for name in (mount.trace, mount.complaints):
                    if os.path.exists(name):
                        shutil.copy(name, self.logs)
        shutil.rmtree(self.work, ignore_errors=True)

    def facts(self):
        version = subprocess.run([self.memfs, '--version'], stdout=subprocess.PIPE, text=True)
        return {'memfs': version.stdout.splitlines()[0], 'kernel': platform.release(), 'CPUs': os.cpu_count(),
                'seed': self.seed, 'minutes of load': f'{self.options.minutes:g}',
                'minutes in all': f'{(time.monotonic() - self.start) / 60:.1f}',
                'mount options': ' '.join(self.mounts[0].command[3].split(',', 2)[2:])}

    def main(self):
        """Runs it, reports, and returns the status to exit with."""
        os.makedirs(self.logs, exist_ok=True)
        with open(os.path.join(self.options.output, 'samples.csv'), 'w', encoding='ascii', newline='') as file:
            self.csv_file = file
            self.csv = csv.DictWriter(file, ('seconds', 'mount', 'state') + FIELDS)
            self.csv.writeheader()
            try:
                self.run()
            except (SoakError, OSError, subprocess.SubprocessError) as error:
                self.fail(str(error))
            finally:
                self.clean()
        wrong = self.failures or verdict.judge(self.samples)
        report = verdict.markdown(self.facts(), self.samples, self.rounds, wrong)
        with open(os.path.join(self.options.output, 'soak.md'), 'w', encoding='utf-8') as file:
            file.write(report)
        print(report, end='')
        return 1 if wrong else 0


def arguments():
    parser = argparse.ArgumentParser(prog='soak', description=' '.join(__doc__.split()))
    parser.add_argument('--minutes', type=float, default=60, metavar='N',
                        help='of load (default 60); it takes some more to end what has begun')
    parser.add_argument('--interval', type=float, default=60, metavar='SECONDS',
                        help='between two samples (default 60)')
    parser.add_argument('--loads', default=','.join(loads.LOADS), metavar='LIST',
                        help='which (default: %(default)s)')
    parser.add_argument('--memfs-options', default='', metavar='OPTS', help='more mount options')
    parser.add_argument('--seed', type=int, metavar='N', help='of what is random (default: a new one)')
    parser.add_argument('--source', metavar='DIR', help='bare git repositories for compile-workload --source')
    parser.add_argument('--output', metavar='DIR', help='samples.csv, soak.md and logs (default: '
                        'results/soak-DATE)')
    parser.add_argument('--work', default='/var/tmp', metavar='DIR', help='to mount below (default %(default)s)')
    parser.add_argument('--build', metavar='DIR', help="meson's directory, which is taken as it is (default: "
                        'build, and what is missing is installed and built first)')
    options = parser.parse_args()
    options.loads = options.loads.split(',')
    unknown = [name for name in options.loads if name not in loads.LOADS]
    if unknown:
        parser.error(f'no such load: {", ".join(unknown)}')
    if not 0 < options.minutes <= 60 * 24 * 30 or not 0 < options.interval:
        parser.error('--minutes and --interval: a number above 0')
    if not options.build:
        parser.error('--build: which directory?')
    options.build = os.path.realpath(options.build)
    options.output = os.path.realpath(options.output or
                                      time.strftime('results/soak-%Y%m%d-%H%M%S'))
    return options


def main():
    options = arguments()
    if os.geteuid() != 0 or not os.path.exists('/dev/fuse'):
        sys.exit('soak: needs root and /dev/fuse')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    return Soak(options).main()


if __name__ == '__main__':
    sys.exit(main())
