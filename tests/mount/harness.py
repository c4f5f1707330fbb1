# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases on real mounts: the same ones on tmpfs and on memfs in each cache mode.

A case is a function with the decorator @case. It runs in a process of its own, in a fresh
directory of the mount, once for each target; it passes when it returns. What it asserts holds on
tmpfs as well: that is what makes it a statement about filesystems, and not about memfs.
"""
import contextlib
import ctypes
import errno
import fnmatch
import os
import signal
import struct
import subprocess
import sys
import time
import traceback

CASE_SECONDS = 120
PASSED, FAILED = 0, 1
SKIPPED = 77  # exit status of a case that could not be run
NOBODY = 65534
NET_RAW = struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0)  # as setcap cap_net_raw=ep writes it: security.capability

_cases = []
_libc = ctypes.CDLL(None, use_errno=True)


class Paths:
    """Where things are; set once by main()."""
    memfs = trace = work = build = None
    seed = 0  # of random tests
    number = 0  # of the case that runs

    @classmethod
    def tag(cls):
        """For names of files in .work: no other case has it. (Process ids alone come again.)"""
        return f'{cls.number}-{os.getpid()}'

    @classmethod
    def complaints(cls):
        """What daemons have said on stderr: nothing, if all is well."""
        return os.path.join(cls.work, 'complaints')


def _umount(path):
    """Others of this machine look at mounts, too (df, sync): one that is busy for a moment is tried again."""
    command = ['umount', path]
    end = time.monotonic() + 10
    while subprocess.run(command, stderr=subprocess.DEVNULL, timeout=20).returncode != 0:
        if time.monotonic() > end:
            subprocess.run(command, check=True, timeout=20)
            return
        time.sleep(0.1)


class Target:
    """A filesystem under test, mounted at .path."""

    def __init__(self, kind, options='', name=''):
        self.kind = kind
        self.options = options
        self.name = f'{kind} {name or options}'.strip()
        self.path = os.path.join(Paths.work, 'mnt')
        self.trace = os.path.join(Paths.work, 'trace')
        self.daemons = {}

    @property
    def is_memfs(self):
        return self.kind == 'memfs'

    @property
    def is_passthrough(self):
        return 'passthrough' in self.options

    @property
    def is_over_io_uring(self):
        told = [word for word in self.options.split(',') if word in ('io_uring', 'no_io_uring')]
        return told[-1:] == ['io_uring']

    @contextlib.contextmanager
    def offered(self):
        """As long as it is under test, the kernel offers what it needs."""
        with io_uring_offered() if self.is_over_io_uring else contextlib.nullcontext():
            yield

    def lacks(self):
        """Why it cannot be mounted here at all: what memfs has to say of it; '' if it can."""
        if self.is_over_io_uring:
            try:
                with io_uring_offered():
                    pass
            except Skip as skip:
                return str(skip)
        if not self.is_passthrough:
            return ''
        path = os.path.join(Paths.work, 'offered')
        os.makedirs(path, exist_ok=True)
        done = subprocess.run([Paths.memfs, '-o', f'{self.options},notrace', path], text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20)
        if done.returncode == 0:
            _umount(path)
            return ''
        reasons = [line for line in done.stderr.splitlines() if "option 'passthrough'" in line]
        assert reasons, done.stderr
        return reasons[0]

    def mount(self, options='', path=None):
        """Mounts it here or at another path, with more options, named alike on both."""
        path = path or self.path
        os.makedirs(path, exist_ok=True)
        words = [o for o in (self.options, options) if o]
        if self.is_memfs:
            words += ['allow_other', f'trace={self._trace_of(path)}']
            self.daemons[path] = self._start([Paths.memfs, '-f', '-o', ','.join(words), path])
        else:
            command = ['mount', '-t', 'tmpfs']
            command += (['-o', ','.join(words)] if words else []) + ['tmpfs', path]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=20)
        return path

    def _start(self, command):
        """In the foreground, so that what it has to say is seen: sanitizers speak to stderr."""
        with open(Paths.complaints(), 'ab') as complaints:
            daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints)
        line = daemon.stdout.readline()
        if b'mounted on' not in line:
            raise AssertionError(f'{command}: no mount: {read(Paths.complaints())}')
        return daemon

    def umount(self, path=None, whole=True):
        """Also waits for the daemon, which must end well, its trace whole."""
        path = path or self.path
        _umount(path)
        if self.is_memfs:
            equal(self.daemons.pop(path).wait(60), 0, 'exit status of memfs')
        if self.is_memfs and whole:
            done = subprocess.run([Paths.trace, 'info', self._trace_of(path)], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            equal(done.returncode, 0, done.stdout)

    def _trace_of(self, path):
        return self.trace if path == self.path else path + '.trace'


class Skip(Exception):
    """Raised by a case that cannot be run here; says why."""


IO_URING_SWITCH = '/sys/module/fuse/parameters/enable_uring'


@contextlib.contextmanager
def io_uring_offered():
    """By the kernel, for the time being."""
    try:
        with open(IO_URING_SWITCH, 'r+', encoding='ascii') as file:
            before = file.read(1)
            file.seek(0)
            file.write('Y')
    except OSError as error:
        raise Skip(f'FUSE-over-io_uring cannot be switched on: {error}') from error
    try:
        yield
    finally:
        with open(IO_URING_SWITCH, 'w', encoding='ascii') as file:
            file.write(before)


class other_mount:
    """with other_mount(target, 'size=1m') as path: a second mount of the same kind."""

    def __init__(self, target, options, whole=True):
        self.target, self.options, self.whole = target, options, whole
        self.path = os.path.join(Paths.work, f'other{Paths.tag()}')

    def __enter__(self):
        return self.target.mount(self.options, self.path)

    def __exit__(self, *_):
        self.target.umount(self.path, self.whole)


# --- what cases use ---------------------------------------------------------

def case(function):
    """Marks a function as a case, for all targets."""
    _cases.append((function, lambda target: True))
    return function


def pages_in_memfs_case(function):
    """One for memfs alone, where the bytes of files are its own and not handed over (passthrough)."""
    _cases.append((function, lambda target: target.is_memfs and not target.is_passthrough))
    return function


def memfs_case(function):
    """One for memfs alone: what tmpfs does not have."""
    _cases.append((function, lambda target: target.is_memfs))
    return function


def case_on(wanted):
    """Decorator: a case for the targets of which wanted(target) holds."""
    def mark(function):
        _cases.append((function, wanted))
        return function
    return mark


def equal(got, expected, what=''):
    if got != expected:
        raise AssertionError(f'{what or "value"}: got {got!r}, expected {expected!r}')


def fails(expected, function, *arguments, **keywords):
    """The call must fail with just this errno."""
    try:
        result = function(*arguments, **keywords)
    except OSError as error:
        if error.errno == expected:
            return
        raise AssertionError(f'{function.__name__}{arguments}: {errno.errorcode[error.errno]}, '
                             f'expected {errno.errorcode[expected]}') from None
    raise AssertionError(f'{function.__name__}{arguments}: gave {result!r}, '
                         f'expected {errno.errorcode[expected]}')


def write(path, data=b''):
    with open(path, 'wb') as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def sh(script, **keywords):
    """Runs a shell script, which must succeed; returns what it printed."""
    done = subprocess.run(['bash', '-euc', script], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **keywords)
    if done.returncode != 0:
        raise AssertionError(f'status {done.returncode} of: {script}\n{done.stdout}')
    return done.stdout


def in_child(function, *arguments):
    """Calls it in a process of its own; what it raises there, is raised here."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 0
        try:
            function(*arguments)
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-60000:])
            status = 1
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, 'rb') as pipe:
        text = pipe.read().decode(errors='replace')
    if os.waitpid(pid, 0)[1] != 0:
        raise AssertionError('in a child process:\n' + text)


def is_sanitized(pid):
    """Is it instrumented? Then its memory is not what it would be."""
    maps = read(f'/proc/{pid}/maps')
    return b'libasan' in maps or b'libtsan' in maps


def pss(pid):
    """Its memory in KiB; of pages that others have as well, its share."""
    rollup = read(f'/proc/{pid}/smaps_rollup').decode()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith('Pss:'))


def in_background(function, *arguments):
    """Calls it in a process of its own; returns the process id. Status 1 if it raises, which is told."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function(*arguments)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def as_user(uid, gid, function, *arguments, groups=()):
    """Calls it with the rights of a user."""
    def become():
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        function(*arguments)
    in_child(become)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError('waited too long')
        time.sleep(0.02)


def new_mount_namespace():
    """What this process mounts from now on, only it and its children see (unshare(2))."""
    clone_newns = 0x20000
    if _libc.unshare(clone_newns) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')


NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4


def renameat2(old, new, flags):
    """renameat2(2), which Python does not have."""
    if _libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), 'renameat2')


PUNCH_HOLE, KEEP_SIZE, ZERO_RANGE = 2, 1, 16


def fallocate(fd, mode, offset, length):
    """fallocate(2): Python has only the plain form."""
    call = _libc.fallocate64
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong)
    if call(fd, mode, offset, length) != 0:
        raise OSError(ctypes.get_errno(), 'fallocate')


# --- running ------------------------------------------------------------------

def _name(function):
    return f'{function.__module__}: {function.__name__.replace("_", " ")}'


def _run_case(function, target, directory, log):
    """In the process of the case."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.umask(0o022)
    try:
        os.mkdir(directory)
        os.chmod(directory, 0o777)
        os.chdir(directory)
        function(target)
        return 0
    except Skip as skip:
        print(skip)
        return SKIPPED
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _run(function, target, number):
    """Runs one case; returns its verdict and what it printed."""
    Paths.number = number
    path = os.path.join(Paths.work, 'case.log')
    log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
    directory = os.path.join(target.path, f'case{number}')
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os._exit(_run_case(function, target, directory, log))
    end = time.monotonic() + CASE_SECONDS
    status = None
    try:
        while status is None and time.monotonic() < end:
            done, waited = os.waitpid(pid, os.WNOHANG)
            status = waited if done else time.sleep(0.002)
    finally:
        _kill_group(pid)  # also when a signal ends this process
    if status is None:
        os.waitpid(pid, 0)
    os.close(log)
    text = read(path).decode(errors='replace')
    if status is None:
        return FAILED, text + f'not done after {CASE_SECONDS} s\n'
    if status == 0:
        return PASSED, text
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == SKIPPED:
        return SKIPPED, text
    return FAILED, text


def _tap(verdict, number, name, text='', seconds=None):
    reason = f' # SKIP {text.strip()}' if verdict == SKIPPED else ''
    print(f'{"not ok" if verdict == FAILED else "ok"} {number} - {name}{reason}')
    if seconds is not None and 'MEMFS_TIMES' in os.environ:
        print(f'# {seconds:.2f} s')
    if verdict == FAILED:
        for line in text.splitlines():
            print(f'# {line}')
    sys.stdout.flush()


def _run_target(target, pattern, after, before):
    """Mounts it, runs its cases and then after(target); how many lines it printed, and how many of failure."""
    number, failed = before, 0
    target.mount()
    try:
        chosen = [f for f, wanted in _cases if wanted(target)]
        chosen = [f for f in chosen if fnmatch.fnmatch(_name(f), pattern)]
        for function in chosen:
            number += 1
            start = time.monotonic()
            verdict, text = _run(function, target, number)
            failed += verdict == FAILED
            _tap(verdict, number, f'{target.name}: {_name(function)}', text, time.monotonic() - start)
        if after and target.is_memfs:
            number += 1
            try:
                after(target)
                _tap(PASSED, number, f'{target.name}: the trace adds up')
            except Exception:
                failed += 1
                _tap(FAILED, number, f'{target.name}: the trace adds up', traceback.format_exc())
    finally:
        unmount_below(Paths.work)
    return number - before, failed


def run_all(targets, pattern='*', after=None):
    """Mounts each target, runs its cases and then after(target); prints TAP."""
    number = failed = 0
    if not any(fnmatch.fnmatch(_name(f), pattern) for f, _ in _cases):
        print(f'Bail out! no case has a name like {pattern!r}')
        return 1
    for target in targets:
        lacks = target.lacks()
        if lacks:
            number += 1
            _tap(SKIPPED, number, target.name, lacks)
            continue
        with target.offered():
            counted, bad = _run_target(target, pattern, after, number)
        number += counted
        failed += bad
    said = read(Paths.complaints()) if os.path.exists(Paths.complaints()) else b''
    number += 1
    failed += said != b''
    _tap(FAILED if said else PASSED, number, 'no daemon had anything to complain of',
         said.decode(errors='replace'))
    print(f'1..{number}')
    return failed


def unmount_below(directory):
    """Whatever happened, nothing stays mounted there."""
    with open('/proc/self/mounts', encoding='utf-8', errors='surrogateescape') as mounts:
        points = [line.split()[1] for line in mounts]
    for point in reversed(points):
        if point.startswith(directory + '/'):
            subprocess.run(['umount', '-l', point], check=False, timeout=20)
