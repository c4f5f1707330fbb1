# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon keeps no privilege that it does not need, and unmounts all the same."""
import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import threading

from cases_memfs import dead, with_everybodys_device
from harness import (IO_URING_SWITCH, NOBODY, Paths, Skip, as_user, case_on, equal, fails, memfs_case, pages_in_memfs_case,
                     read, sh, wait_until, write)

SYS_ADMIN, DAC_READ_SEARCH, DAC_OVERRIDE = 1 << 21, 1 << 2, 1 << 1


def path_of_my_own():
    path = os.path.join(Paths.work, f'sandbox{Paths.tag()}')
    os.makedirs(path, exist_ok=True)
    return path


def start(options, path, memfs=None):
    """In the foreground; stderr is its own, for what it has to say."""
    daemon = subprocess.Popen([memfs or Paths.memfs, '-f', '-o', options, path],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = daemon.stdout.readline()
    if 'mounted on' not in line:
        raise AssertionError(f'no mount: {daemon.communicate(timeout=20)}')
    return daemon


def end(daemon, path, expected=0):
    """By a signal: the daemon must unmount."""
    daemon.send_signal(signal.SIGTERM)
    said = daemon.communicate(timeout=30)[1]
    equal((daemon.returncode, os.path.ismount(path)), (expected, False), said)
    return said


def status(pid, thread=None):
    """What the kernel says of a process or a thread: name and value."""
    path = f'/proc/{pid}/task/{thread}/status' if thread else f'/proc/{pid}/status'
    return dict(line.split(':\t', 1) for line in read(path).decode().splitlines() if ':\t' in line)


def rights(of):
    return (int(of['CapEff'], 16), int(of['CapPrm'], 16), of['NoNewPrivs'], of['Seccomp'])


def kept(target, *capabilities):
    """Effective and permitted; to hand files over to the kernel takes one."""
    bits = sum(capabilities) | (SYS_ADMIN if target.is_passthrough else 0)
    return bits, bits


def filters(pid):
    """Is the filter of system calls compiled in? Not with sanitizers that need calls of their own."""
    maps = read(f'/proc/{pid}/maps')
    return '0' if b'libasan' in maps or b'libtsan' in maps else '2'


def unmounter_of(pid):
    children = [int(child) for child in read(f'/proc/{pid}/task/{pid}/children').split()]
    names = {child: read(f'/proc/{child}/comm') for child in children}
    equal(list(names.values()), [b'memfs-unmount\n'])
    return children[0]


def is_gone(pid):
    return not os.path.exists(f'/proc/{pid}')


@memfs_case
def all_threads_have_given_up_all(target):
    path = path_of_my_own()
    daemon = start(f'{target.options},trace={path}.trace', path)
    for number in range(50):
        write(f'{path}/f{number}', b'x')
    names = set()
    for thread in os.listdir(f'/proc/{daemon.pid}/task'):
        of = status(daemon.pid, thread)
        names.add(of['Name'])
        equal(rights(of), (*kept(target), '1', filters(daemon.pid)), of['Name'])
    assert {'memfs', 'memfs-trim', 'memfs-trace', 'fuse_worker'} <= names, names
    equal(end(daemon, path), '')
    sh(f'{Paths.trace} info {path}.trace')


@memfs_case
def nothing_is_given_up_without_the_sandbox(target):
    path = path_of_my_own()
    daemon = start(f'{target.options},notrace,no_sandbox', path)
    effective, permitted, no_new_privs, seccomp = rights(status(daemon.pid))
    mine = rights(status(os.getpid()))
    equal((effective, permitted), mine[:2])
    equal((no_new_privs, seccomp), ('0', '0'))
    write(f'{path}/f', b'x')
    equal(end(daemon, path), '')


@memfs_case
def the_unmounter_can_do_no_more_than_that(target):
    path = path_of_my_own()
    daemon = start(f'{target.options},notrace', path)
    unmounter = unmounter_of(daemon.pid)
    equal(rights(status(unmounter))[0], SYS_ADMIN | DAC_READ_SEARCH)
    equal(os.readlink(f'/proc/{unmounter}/cwd'), '/')
    # Not the device above all: it would keep a mount alive whose daemon has died.
    for fd in os.listdir(f'/proc/{unmounter}/fd'):
        opened = os.readlink(f'/proc/{unmounter}/fd/{fd}')
        backing = target.is_passthrough and opened == '/' # of what is mounted nowhere
        assert opened == '/dev/null' or opened.startswith('socket:') or backing, opened
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(unmounter, number)
    write(f'{path}/f', b'x')
    equal(end(daemon, path), '')
    assert is_gone(unmounter)


@memfs_case
def the_unmounter_ends_with_the_daemon(_):
    path = path_of_my_own()
    daemon = start('notrace', path)
    unmounter = unmounter_of(daemon.pid)
    sh(f'umount {path}')
    equal(daemon.wait(20), 0)
    assert is_gone(unmounter)
    daemon = start('notrace', path)
    unmounter = unmounter_of(daemon.pid)
    daemon.kill()
    daemon.wait(20)
    wait_until(lambda: is_gone(unmounter) or status(unmounter)['State'].startswith('Z'))
    wait_until(lambda: dead(path))
    sh(f'umount {path}')


@memfs_case
def what_is_busy_is_unmounted_lazily(target):
    path = path_of_my_own()
    daemon = start(f'{target.options},notrace', path)
    with subprocess.Popen(['sleep', '60'], cwd=path) as sleeper:
        with open(f'{path}/f', 'wb', buffering=0) as file:
            file.write(bytes(1 << 20))
            equal(end(daemon, path), '')
            # EIO: the kernel was about to write back. Over io_uring it tells who comes first that the connection was aborted.
            gone = [errno.ENOTCONN, errno.EIO] + [errno.ECONNABORTED] * target.is_over_io_uring
            for use in (lambda: os.fstatvfs(file.fileno()), file.close):
                try:
                    use()
                    assert use == file.close, 'used without a daemon'
                except OSError as error:
                    assert error.errno in gone, error
        sleeper.kill()


@memfs_case
def only_its_own_mount_goes(_):
    path = path_of_my_own()
    below = start('notrace', path)
    write(f'{path}/below')
    above = start('notrace', path)
    equal(os.listdir(path), [])
    above.send_signal(signal.SIGTERM)
    equal(above.wait(20), 0)
    equal(os.listdir(path), ['below'])
    above = start('notrace', path)
    sh(f'umount {path}')
    equal(above.wait(20), 0)
    equal(os.listdir(path), ['below'])
    equal(end(below, path), '')


@memfs_case
def what_somebody_has_unmounted_is_left_alone(_):
    path = path_of_my_own()
    daemon = start('notrace', path)
    with subprocess.Popen(['sleep', '60'], cwd=path) as sleeper:
        sh(f'umount -l {path}')
        sh(f'mount -t tmpfs tmpfs {path}')
        daemon.send_signal(signal.SIGTERM)
        said = daemon.communicate(timeout=20)[1]
        equal((daemon.returncode, said, os.path.ismount(path)), (0, '', True))
        sleeper.kill()
    sh(f'umount {path}')


@memfs_case
def what_is_below_another_mount_is_told(_):
    path = path_of_my_own()
    daemon = start('notrace', path)
    sh(f'mount -t tmpfs tmpfs {path}')
    daemon.send_signal(signal.SIGTERM)
    said = daemon.communicate(timeout=20)[1]
    equal((daemon.returncode, said.count('\n')), (1, 1), said)
    assert 'cannot be unmounted' in said and 'busy' in said, said
    sh(f'umount {path} && umount {path}')


@memfs_case
def without_its_unmounter_it_says_so(_):
    path = path_of_my_own()
    daemon = start('notrace', path)
    os.kill(unmounter_of(daemon.pid), signal.SIGKILL)
    write(f'{path}/f', b'x')
    daemon.send_signal(signal.SIGTERM)
    said = daemon.communicate(timeout=20)[1]
    equal((daemon.returncode, said.count('\n')), (1, 1), said)
    assert path in said and 'cannot be unmounted' in said, said
    sh(f'umount {path}')


def rotate_twice(path, trace):
    for _ in range(2):
        write(f'{path}/f', b'x')
        os.setxattr(path, 'memfs.trace.rotate', b'1')
    for name in (trace, f'{trace}.1', f'{trace}.2'):
        equal((os.stat(name).st_mode & 0o777, os.stat(name).st_uid), (0o600, 0), name)


@memfs_case
def a_trace_is_for_its_owner_alone(target):
    path = path_of_my_own()
    trace = f'{path}.trace'
    write(trace, b'what was there')
    os.chmod(trace, 0o666)
    daemon = start(f'{target.options},trace={trace}', path)
    rotate_twice(path, trace)
    equal(end(daemon, path), '')


@memfs_case
def a_trace_goes_on_in_a_directory_of_somebody_else(target):
    path = path_of_my_own()
    home = f'{path}.home'
    os.mkdir(home, 0o700)
    os.chown(home, NOBODY, NOBODY)
    daemon = start(f'{target.options},trace={home}/t', path)
    equal(rights(status(daemon.pid))[:2], kept(target, DAC_OVERRIDE))
    rotate_twice(path, f'{home}/t')
    equal(end(daemon, path), '')


@memfs_case
def callers_of_other_users_have_their_names(target):
    path = path_of_my_own()
    os.chmod(Paths.work, 0o755)
    trace = f'{path}.trace'
    daemon = start(f'{target.options},allow_other,trace={trace}', path)
    as_user(NOBODY, NOBODY, sh, f'touch {path}/f')
    equal(end(daemon, path), '')
    shown = sh(f'{Paths.trace} show -e create {trace}')
    assert ' touch/' in shown, shown


@pages_in_memfs_case  # the other is for root alone
def ordinary_users_have_it_too(target):
    if not os.path.exists('/etc/mtab'):
        raise Skip('no /etc/mtab, without which fusermount3 unmounts for root alone')
    home = os.path.join(Paths.work, f'home{Paths.tag()}')
    os.makedirs(f'{home}/d')
    os.chown(home, NOBODY, NOBODY)
    os.chown(f'{home}/d', NOBODY, NOBODY)
    os.chmod(Paths.work, 0o755)
    memfs = shutil.copy(Paths.memfs, home)  # where it was built may not be for them

    def user():
        os.chdir('/')
        daemon = start(f'{target.options},trace={home}/t', f'{home}/d', memfs)
        sanitized = re.search('lib[at]san', sh(f'ldd {memfs}'))
        equal(rights(status(daemon.pid)), (0, 0, '1', '0' if sanitized else '2'))
        if not sanitized:  # no core file, no debugger: then all but root is kept off
            fails(errno.EACCES, os.listdir, f'/proc/{daemon.pid}/fd')
        write(f'{home}/d/f', b'x')
        os.setxattr(f'{home}/d', 'memfs.trace.rotate', b'1')
        equal(sorted(os.listdir(home)), ['d', 'memfs', 't', 't.1'])
        # fusermount3 is set-user-id, which has no effect on who has given up new privileges.
        equal(end(daemon, f'{home}/d'), '')

    with_everybodys_device(home, f'{home}/d', lambda: as_user(NOBODY, NOBODY, user))


def refuse_filters():
    """From here on, as in a container that has none: neither seccomp(2) nor prctl(PR_SET_SECCOMP)."""
    lib = ctypes.CDLL('libseccomp.so.2')
    allow, refuse = 0x7fff0000, 0x00050000 | errno.EINVAL
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(allow)))

    class Argument(ctypes.Structure):
        _fields_ = [('number', ctypes.c_uint), ('op', ctypes.c_int),
                    ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]

    first_is = Argument(0, 4, 22, 0)  # SCMP_CMP_EQ PR_SET_SECCOMP
    for name, count in ((b'seccomp', 0), (b'prctl', 1)):
        equal(lib.seccomp_rule_add_array(context, ctypes.c_uint32(refuse),
                                         lib.seccomp_syscall_resolve_name(name), count,
                                         ctypes.byref(first_is)), 0)
    equal(lib.seccomp_load(context), 0)


@memfs_case
def it_goes_on_where_calls_cannot_be_filtered(target):
    path = path_of_my_own()
    with open(f'{path}.said', 'wb') as said:
        daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'{target.options},notrace', path],
                                  stdout=subprocess.PIPE, stderr=said, preexec_fn=refuse_filters)
    assert b'mounted on' in daemon.stdout.readline()
    equal(rights(status(daemon.pid))[:3], (*kept(target), '1'))
    write(f'{path}/f', b'x')
    equal(read(f'{path}/f'), b'x')
    compiled = filters(daemon.pid) == '2'
    daemon.send_signal(signal.SIGTERM)
    equal((daemon.wait(20), os.path.ismount(path)), (0, False))
    lines = read(f'{path}.said').decode().splitlines()
    equal(lines, ['memfs: sandbox: the system calls cannot be filtered: Invalid argument; going on '
                  'without'] if compiled else [])


@case_on(lambda target: target.is_over_io_uring)
def io_uring_that_is_switched_off_meanwhile_is_told(_):
    """Between INIT and the rings: when that is, is luck, so a thread switches as fast as it can."""
    path = path_of_my_own()
    done = threading.Event()

    def switch():
        with open(IO_URING_SWITCH, 'w', encoding='ascii') as file:
            while not done.wait(0.004):
                for value in 'NY':
                    file.write(value)
                    file.flush()

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        for number in range(20):
            daemon = start('notrace', path)
            write(f'{path}/f', b'%d' % number)
            equal(read(f'{path}/f'), b'%d' % number)
            said = end(daemon, path)
            assert said in ('', 'memfs: io_uring was switched off while memfs began: calls came over /dev/fuse\n'), said
    finally:
        done.set()
        thread.join()
