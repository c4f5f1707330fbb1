# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks from outside: a killed daemon, a trace that is damaged, a writer that gets no time; and
sums of the trace against another witness, strace."""
import collections
import ctypes
import errno
import itertools
import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys

from cases_trace import events, sums
from harness import (Paths, case_on, equal, fails, in_background, memfs_case, other_mount, sh, wait_until, write)

SOURCES = 60


def report_of(trace):
    """What check says, also of a trace that is not whole: its status and its JSON."""
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE,
                          timeout=60)
    return done.returncode, json.loads(done.stdout)


def totals_of(trace):
    """What the recorder itself counted: {operation: {calls, errors, bytes}}."""
    script = os.path.join(Paths.build, '../tools/trace-totals.py')
    done = subprocess.run([sys.executable, '-B', script, trace], stdout=subprocess.PIPE)
    return json.loads(done.stdout)['said']


def stats_of(path):
    text = os.getxattr(path, 'memfs.stats').decode()
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())
            if value.isdigit()}


# --- a killed daemon ---------------------------------------------------------

def make_project(path):
    """Sources and a Makefile, of a program that says what its parts add up to."""
    parts = range(SOURCES)
    write(f'{path}/parts.h', ''.join(f'int part{n}(int x);\n' for n in parts))
    for n in parts:
        write(f'{path}/part{n}.c', f'#include <stdio.h>\n#include "parts.h"\n'
              f'int part{n}(int x) {{ return x > {n} ? x - {n} : printf("%d", x); }}\n')
    write(f'{path}/main.c', '#include "parts.h"\nint main(void) { return 0'
          + ''.join(f' + part{n}(1)' for n in parts) + '; }\n')
    objects = ' '.join(f'part{n}.o' for n in parts) + ' main.o'
    write(f'{path}/Makefile', f'prog: {objects}\n\tcc -o $@ $^\n%.o: %.c parts.h\n\tcc -c -o $@ $<\n')
    return {f'part{n}.{kind}' for n in parts for kind in 'co'} | {
        'parts.h', 'main.c', 'main.o', 'Makefile', 'prog'}


def names_in(trace):
    """The names of the root that are there at the end of the trace, as its events tell."""
    names = set()
    for e in events(trace, '-e', 'create,mknod,unlink,rename'):
        if int(e['result']) < 0:
            continue
        paths = [p[1:] for p in re.findall(r'"((?:[^"\\]|\\.)*)"', e['arguments'])]
        if e['op'] in ('unlink', 'rename'):
            names.discard(paths[0])
        if e['op'] != 'unlink':
            names.add(paths[-1])
    return names


def torn_at_end(trace):
    """Walks the blocks: 1 if the last one is not whole, 0 if it is. All before must be there."""
    with open(trace, 'rb') as file:
        data = file.read()
    at = struct.unpack_from('<I', data, 12)[0]
    for expected in itertools.count():
        if at == len(data):
            return 0
        if at + 56 > len(data):
            return 1
        magic, size, sequence = struct.unpack_from('<4sIQ', data, at)
        equal((magic, sequence), (b'TBLK', expected), f'block at {at}')
        at += 56 + size
        if at > len(data):
            return 1


def killed_in_build(target, path):
    """Kills the daemon in the middle of a parallel build; returns what was surely recorded."""
    make = subprocess.Popen(['make', '-C', path, '-j2', 'prog'], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: sum(n.endswith('.o') for n in os.listdir(path)) >= 12, 60)
        surely = set(os.listdir(path))
        os.getxattr(path, 'memfs.trace')  # what was up to here is in the file
        equal(make.poll(), None, 'the build still runs')
        target.daemons[path].kill()
        assert make.wait(60) != 0, 'a build without its files succeeded'
    finally:
        make.kill()
        make.wait()
    target.daemons.pop(path).wait(20)
    return surely


@memfs_case
def a_daemon_killed_during_a_parallel_build(target):
    path = os.path.join(Paths.work, f'killed{Paths.tag()}')
    target.mount('', path)
    all_names = make_project(path)
    sources = {n for n in all_names if not n.endswith('.o') and n != 'prog'}
    surely = killed_in_build(target, path)
    # What the kernel keeps it still tells; whatever asks the daemon fails at once.
    fails(errno.ENOTCONN, os.open, f'{path}/new', os.O_CREAT | os.O_WRONLY)
    fails(errno.ENOTCONN, os.statvfs, path)
    fails(errno.ENOTCONN, os.unlink, f'{path}/Makefile')
    sh(f'umount {path}')
    status, report = report_of(path + '.trace')
    equal((status, report['complete'], report['lost'], report['skipped']), (1, False, 0, 0))
    # No gap but what was being written when it died, and that is at the end.
    equal(torn_at_end(path + '.trace'), report['gaps'], 'gaps')
    told = names_in(path + '.trace')
    # Nothing that never was; all that was there before the last word of the recorder.
    equal(told - all_names, set())
    # A compiler removes what it leaves unfinished; the sources stay.
    equal((sources - told, {n for n in surely - told if not n.endswith('.o')}), (set(), set()))
    made = {e['arguments'].split('"')[1][1:] for e in events(path + '.trace', '-e', 'create')
            if e['result'] == '0'}
    equal(surely - made, set())
    left = report['names']['files']
    equal(left['left'], len(told), 'names left, by sums and by names')


# --- damage ------------------------------------------------------------------

@case_on(lambda target: 'cache=auto' in target.options)
def a_real_trace_cut_and_changed_at_2000_places(target):
    mount = other_mount(target, '')
    with mount as path:
        sh(f'''cp {Paths.build}/../src/store/*.[ch] {path}; cd {path}; mkdir d; mv a*.c d; rm -r d
        for f in n*.c; do cp $f new; mv new $f; done; grep -r lock . >/dev/null; rm b*; ls -l >l''')
    print(f'MEMFS_SEED={Paths.seed}')
    print(sh(f'{Paths.build}/tests/mount/damage-trace {mount.path}.trace {Paths.seed} 1000'))


# --- a writer that gets no time ----------------------------------------------

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000


def ptrace(request, tid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, tid, None, None) < 0:
        raise OSError(ctypes.get_errno(), 'ptrace')


class stopped_writer:
    """with stopped_writer(pid): the daemon's thread that writes the trace does not run. This is
    what a disk that takes seconds for a write looks like. When this process ends, it goes on."""

    def __init__(self, pid):
        tasks = f'/proc/{pid}/task'
        self.tid = next(int(tid) for tid in os.listdir(tasks)
                        if open(f'{tasks}/{tid}/comm', encoding='ascii').read() == 'memfs-trace\n')

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self.tid)
        ptrace(PTRACE_INTERRUPT, self.tid)
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        ptrace(PTRACE_DETACH, self.tid)


def hammer(path, count, progress):
    """Makes so many nodes, and says how far it is."""
    for number in range(count):
        os.mknod(f'{path}/{number}' + 'x' * 200)
        progress[0:8] = (number + 1).to_bytes(8, 'little')


@case_on(lambda target: 'cache=never' in target.options)
def a_slow_disk_costs_events_that_are_counted(target):
    count = 4000
    mount = other_mount(target, 'trace_ring=64k,trace_policy=discard', whole=False)
    with mount as path:
        os.mkdir(f'{path}/before')
        with stopped_writer(target.daemons[path].pid):
            hammer(path, count, bytearray(8))  # to its end: nothing waits for the writer
            stats = stats_of(path)
        os.getxattr(path, 'memfs.trace')  # returns when the writer has caught up
        os.mkdir(f'{path}/after')
        lost = stats_of(path)['trace_lost']
    assert 1000 < stats['trace_lost'] <= lost, (stats, lost)
    trace = mount.path + '.trace'
    status, report = report_of(trace)
    equal((status, report['complete'], report['gaps'], report['lost']), (1, True, 0, lost))
    totals = totals_of(trace)
    equal(report['events'] + report['lost'], sum(t['calls'] for t in totals.values()),
          'events read and lost, calls counted')
    equal((totals['mknod']['calls'], totals['mknod']['errors']), (count, 0))
    equal([e['arguments'].split(',')[0] for e in events(trace, '-e', 'mkdir')],
          ['"/before"', '"/after"'])


@case_on(lambda target: 'cache=never' in target.options)
def with_trace_policy_block_calls_wait_for_a_slow_disk(target):
    count = 4000
    mount = other_mount(target, 'trace_ring=64k,trace_policy=block')
    progress = mmap.mmap(-1, 8)  # shared with the child

    def so_far():
        return int.from_bytes(progress[0:8], 'little')

    with mount as path:
        seen = [-1]

        def at_rest():
            """Has nothing moved for the time between two looks?"""
            before, seen[0] = seen[0], so_far()
            return before == seen[0] > 0

        with stopped_writer(target.daemons[path].pid):
            child = in_background(hammer, path, count, progress)
            # All rings have 256 KiB, and this would be 1.6 MB: it must come to a stop.
            while not at_rest():
                signal.sigtimedwait([], 0.5)
            assert 0 < so_far() < count, so_far()
            equal(os.waitpid(child, os.WNOHANG), (0, 0), 'the child waits')
        equal(os.waitpid(child, 0)[1], 0)
        equal(so_far(), count)
    trace = mount.path + '.trace'
    status, report = report_of(trace)
    equal((status, report['lost'], report['totals_agree'], report['names']['files']['made']),
          (0, 0, True, count))


# --- another witness ---------------------------------------------------------

# What tests/mount/calls.c does.
CALLS = {'create': 404, 'close': 808, 'write': 806, 'rename': 100, 'mkdir': 13, 'unlink': 57}
STRACE = re.compile(r'^\d+ +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)')


def by_strace(log, path):
    """What strace saw of calls on what is below a path: {call: number}, and bytes written."""
    counts, written = collections.Counter(), 0
    with open(log, encoding='utf-8') as lines:
        for line in lines:
            match = STRACE.match(line)
            # A path as an argument, or, with strace -y, behind a descriptor.
            if not match or not any(f'{mark}{path}/' in line for mark in '"<'):
                continue
            call = match['call']
            if call == 'openat':
                call = 'create' if 'O_CREAT' in line else 'open'
            counts[call] += 1
            if call == 'write':
                written += int(match['result'])
    return counts, written


def by_summary(trace):
    """{operation: calls}, as memfs-trace summary counts them."""
    rows = json.loads(sh(f'{Paths.trace} summary --json {trace}'))['rows']
    return {row['op']: row['calls'] for row in rows}


@case_on(lambda target: 'cache=never' in target.options)
def strace_counts_the_same(target):
    mount = other_mount(target, '')
    log = os.path.join(Paths.work, f'strace{Paths.tag()}')
    with mount as path:
        sh(f'strace -f -y -s 0 -o {log} -e trace=openat,close,write,rename,mkdir,unlink '
           f'{Paths.build}/tests/mount/make-calls {path}')
        files = int(sh(f'find {path} -type f | wc -l'))
    seen, written = by_strace(log, path)
    equal({call: seen[call] for call in CALLS}, CALLS, 'calls by strace')
    counts = by_summary(mount.path + '.trace')
    counts['close'] = counts['flush']  # which is what close(2) asks for
    equal({call: counts[call] for call in CALLS}, CALLS, 'calls by the trace')
    equal((counts['open'], counts['release']), (seen['open'], CALLS['close']))
    report = sums(mount.path + '.trace')
    equal(report['bytes_written'], written, 'bytes written')
    names = report['names']
    equal((names['files']['made'], names['files']['removed'], names['files']['left'],
           names['directories']['made']), (404, 57, files, 13))
    equal((report['lost'], report['gaps'], report['totals_agree']), (0, 0, True))
