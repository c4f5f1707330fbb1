# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases of memfs-trace: on traces made of a script, always the same, and on recorded ones.

A case is a function with the decorator @case; it passes when it returns. What a command prints is
compared with tests/tools/golden/NAME; with MEMFS_GOLDEN=update in the environment those files are
written instead, to be looked at and committed.
"""
import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, 'golden')
SECONDS = 120

_cases = []


class Skip(Exception):
    """Raised by a case that cannot be run here; says why."""


class Paths:
    """Where things are; work is a fresh directory for each case."""
    build = work = trace = memfs = make_trace = None


def case(function):
    _cases.append(function)
    return function


# --- traces ------------------------------------------------------------------

def scripted(text, name='scripted'):
    """The path of a trace made of a script, see make-trace.c. Lines may be indented."""
    script = os.path.join(Paths.work, name + '.script')
    path = os.path.join(Paths.work, name + '.trace')
    with open(script, 'w', encoding='ascii') as out:
        out.write(text)
    subprocess.run([Paths.make_trace, script, path], check=True, timeout=SECONDS)
    return path


def from_file(name):
    """The trace of tests/tools/scripts/NAME."""
    with open(os.path.join(HERE, 'scripts', name), encoding='ascii') as script:
        return scripted(script.read(), name)


class mounted:
    """with mounted('cache=never') as m: m.path is the mount, m.trace its trace, whole afterwards."""

    def __init__(self, options='cache=never', name='mnt'):
        self.path = os.path.join(Paths.work, name)
        self.trace = os.path.join(Paths.work, name + '.trace')
        self.options = f'trace={self.trace}' + (f',{options}' if options else '')
        self.daemon = None

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        self.daemon = subprocess.Popen([Paths.memfs, '-f', '-o', self.options, self.path],
                                       stdout=subprocess.PIPE)
        if b'mounted on' not in self.daemon.stdout.readline():
            raise AssertionError('no mount')
        return self

    def __exit__(self, *_):
        # A process that has ended may still be letting go of what it had open.
        for _ in range(50):
            if subprocess.run(['umount', self.path], check=False, timeout=20).returncode == 0:
                break
            time.sleep(0.1)
        equal(self.daemon.wait(60), 0, 'exit status of memfs')


def recorded(function, options='cache=never', name='mnt'):
    """Runs function(path) in a fresh mount; the path of its finished trace."""
    with mounted(options, name) as mount:
        function(mount.path)
    return mount.trace


# --- running and comparing ----------------------------------------------------

def tool(*arguments, status=0, stdin=None, env=None, text=True):
    """What memfs-trace prints; it must end with that status, and say nothing on stderr if that is 0."""
    done = subprocess.run([Paths.trace, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=text, timeout=SECONDS, input=stdin,
                          env={**os.environ, **(env or {})})
    equal(done.returncode, status, f'{arguments}: {done.stderr}')
    if status == 0:
        equal(done.stderr, '' if text else b'', arguments)
    return done.stdout


def tool_json(*arguments, status=0):
    return json.loads(tool(*arguments, '--json', status=status))


def misuse(*arguments, words=()):
    """It must end with status 2, and one line on stderr that has these words."""
    done = subprocess.run([Paths.trace, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    equal((done.returncode, done.stderr.count('\n')), (2, 1), f'{arguments}: {done.stderr}')
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def golden(name, text):
    """Is it what it was?"""
    path = os.path.join(GOLDEN, name)
    if os.environ.get('MEMFS_GOLDEN') == 'update':
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
        return
    with open(path, encoding='utf-8') as expected:
        equal(text, expected.read(), name)


def equal(got, wanted, what=''):
    if got != wanted:
        raise AssertionError(f'{what}:\n  got    {got!r}\n  wanted {wanted!r}')


# --- the run ------------------------------------------------------------------

def _unmount_below(directory):
    with open('/proc/self/mounts', encoding='utf-8', errors='surrogateescape') as mounts:
        points = [line.split()[1] for line in mounts]
    for point in reversed(points):
        if point.startswith(directory + '/'):
            subprocess.run(['umount', '-l', point], check=False, timeout=20)


def _name(function):
    return f'{function.__module__}: {function.__name__.replace("_", " ")}'


def _run(function):
    """What went wrong: its kind (a SKIP, or what else), and text; both empty if nothing did."""
    try:
        function()
    except Skip as why:
        return 'SKIP', str(why)
    except BaseException:
        return 'failure', traceback.format_exc()
    return '', ''


class _Child:
    """A process that runs one case, in a directory of its own."""

    def __init__(self, number, function, work):
        self.number, self.function = number, function
        self.start = time.monotonic()
        self.work = tempfile.mkdtemp(prefix='tool-', dir=work)
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            Paths.work = self.work
            with open(self.work + '.said', 'w', encoding='utf-8', errors='replace') as said:
                json.dump(_run(function), said)
            sys.stdout.flush()
            os._exit(0)

    def end(self):
        """Takes away what is left, and returns what went wrong."""
        _kill_group(self.pid)
        _unmount_below(self.work)
        try:
            with open(self.work + '.said', encoding='utf-8') as said:
                return json.load(said)
        except (OSError, ValueError):
            return 'failure', 'its process died'
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.work + '.said')


def _kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _run_each(chosen, work, at_a_time):
    """Runs the cases, several at a time. Yields the child of each, and what went wrong, in their order."""
    waiting = list(enumerate(chosen, 1))[::-1]
    running, done, told = {}, {}, 0
    try:
        while told < len(chosen):
            while waiting and len(running) < at_a_time:
                child = _Child(*waiting.pop(), work)
                running[child.pid] = child
            child = running.pop(os.wait()[0])
            child.seconds = time.monotonic() - child.start
            done[child.number] = child, child.end()
            while told + 1 in done:
                told += 1
                yield done.pop(told)
    finally:  # of a run that a signal ends
        for child in running.values():
            child.end()


def _tell(child, kind, text):
    reason = f' # SKIP {text}' if kind == 'SKIP' else ''
    print(f'{"not ok" if kind == "failure" else "ok"} {child.number} - {_name(child.function)}{reason}')
    if kind == 'failure':
        print(re.sub('^', '# ', text, flags=re.M))
    if 'MEMFS_TIMES' in os.environ:
        print(f'# {child.seconds:.2f} s')
    sys.stdout.flush()


def run_all(build, work, pattern='*'):
    build = os.path.abspath(build)
    Paths.build = build
    Paths.trace = os.path.join(build, 'tools/memfs-trace/memfs-trace')
    Paths.memfs = os.path.join(build, 'src/memfs')
    Paths.make_trace = os.path.join(build, 'tests/tools/make-trace')
    chosen = [f for f in _cases if fnmatch.fnmatch(_name(f), pattern)]
    if not chosen:
        print(f'Bail out! no case has a name like {pattern!r}')
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    failed = 0
    for child, (kind, text) in _run_each(chosen, os.path.abspath(work), os.cpu_count()):
        failed += kind == 'failure'
        _tell(child, kind, text)
    print(f'1..{len(chosen)}')
    return 1 if failed else 0
