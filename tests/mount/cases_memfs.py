# SPDX-License-Identifier: GPL-2.0-or-later
"""memfs as a command: starting, refusing, ending."""
import errno
import os
import re
import shutil
import signal
import subprocess
import time

from harness import (NOBODY, Paths, Skip, as_user, case_on, equal, fails, in_child, is_sanitized, memfs_case,
                     new_mount_namespace, other_mount, pages_in_memfs_case, pss, read, sh, wait_until, write)


def run(*arguments, **keywords):
    return subprocess.run([Paths.memfs, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30, **keywords)


def refused(expected, *arguments, status=1, **keywords):
    """It must end with this status and one line on stderr that has these words."""
    done = run(*arguments, **keywords)
    equal((done.returncode, done.stdout), (status, ''), done.stderr)
    equal(done.stderr.count('\n'), 1, done.stderr)
    for word in expected:
        assert word in done.stderr, (word, done.stderr)


class mounted:
    """with mounted('-o', 'notrace') as (path, line): a mount of its own, and what it said."""

    def __init__(self, *arguments, name='own'):
        self.arguments = arguments
        self.path = os.path.join(Paths.work, f'{name}{Paths.tag()}')

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        done = run(*self.arguments, self.path)
        equal((done.returncode, done.stderr), (0, ''))
        return self.path, done.stdout

    def __exit__(self, *_):
        if os.path.ismount(self.path):
            subprocess.run(['umount', self.path], check=True, timeout=20)


def daemon_of(path):
    """The process that serves a mount: its command line has the mount point. So has that of the one which unmounts."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            words = read(f'/proc/{pid}/cmdline').split(b'\0')
            name = read(f'/proc/{pid}/comm')
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[0].endswith(b'/memfs') and os.fsencode(path) in words and name == b'memfs\n':
            return int(pid)
    raise AssertionError(f'no daemon of {path}')


@memfs_case
def says_in_one_line_what_it_has_mounted(_):
    trace = os.path.join(Paths.work, 'own.trace')
    with mounted('-o', f'size=64m,trace={trace}') as (path, line):
        equal(line.count('\n'), 1)
        for word in (path, '64M', 'cache=always', '/dev/fuse', trace):
            assert word in line or word == '/dev/fuse' and 'io_uring' in line, (word, line)
        equal(os.stat(trace).st_mode & 0o777, 0o600)
        fields = sh(f'findmnt -n -o FSTYPE,SOURCE {path}').split()
        equal(fields, ['fuse.memfs', 'memfs'])


@memfs_case
def wrong_command_lines_are_refused(_):
    os.mkdir('d')
    refused(['no mount point'], status=2)
    refused(['more than', 'f'], 'd', 'e', 'f', status=2)
    refused(['nonsense'], '-o', 'nonsense', 'd', status=2)
    refused(['nonsense=1'], '-o', 'nonsense=1', 'd', status=2)
    refused(['size=lots', 'such as'], '-o', 'size=lots', 'd', status=2)
    refused(['size=5q', 'unit'], '-o', 'size=5q', 'd', status=2)
    refused(['size=101%'], '-o', 'size=101%', 'd', status=2)
    refused(['size=99999999999g', 'too large'], '-o', 'size=99999999999g', 'd', status=2)
    refused(['nr_inodes=-1'], '-o', 'nr_inodes=-1', 'd', status=2)
    refused(['mode=999', 'octal'], '-o', 'mode=999', 'd', status=2)
    refused(['uid=root', 'number'], '-o', 'uid=root', 'd', status=2)
    refused(['cache=maybe', 'always, auto, never'], '-o', 'cache=maybe', 'd', status=2)
    refused(['trace', 'needs a value'], '-o', 'trace', 'd', status=2)
    refused(['notrace=1'], '-o', 'notrace=1', 'd', status=2)
    refused(['trace_policy=maybe', 'block, discard'], '-o', 'trace_policy=maybe', 'd', status=2)
    refused(['trace_ring=1k', '64k'], '-o', 'trace_ring=1k', 'd', status=2)
    refused(['no_open', 'cache=never'], '-o', 'no_open,cache=never', 'd', status=2)
    refused(['passthrough', 'cache=never'], '-o', 'passthrough,cache=never', 'd', status=2)
    refused(['passthrough', 'no_open'], '-o', 'no_open,passthrough', 'd', status=2)
    refused(['passthrough=1'], '-o', 'passthrough=1', 'd', status=2)
    refused(['trace_rotate=1k', '64k'], '-o', 'trace_rotate=1k', 'd', status=2)
    refused(['trace_files=0'], '-o', 'trace_files=0', 'd', status=2)
    refused(['trace_max', 'trace_rotate'], '-o', 'trace_max=1m,trace_rotate=1m', 'd', status=2)
    refused(['trace_max=x'], '-o', 'trace_max=x', 'd', status=2)
    refused(['trace_nonsense'], '-o', 'trace_nonsense=1', 'd', status=2)
    refused(['unknown option: --nonsense'], '--nonsense', status=2)
    refused(['unknown option: -x'], '-fx', 'd', status=2)
    refused(['--help=x', 'no value'], '--help=x', status=2)
    refused(['needs a value: -o'], '-o', status=2)
    refused([r'size=1\012\033[31m'], '-o', 'size=1\n\033[31m', 'd', status=2)
    refused([r'--a\012b'], '--a\nb', status=2)
    refused([r'd\012e'], 'd\ne')


@memfs_case
def mount_points_that_do_not_work(_):
    write('f')
    os.mkdir('d')
    refused(['absent', 'No such file'], 'absent')
    refused(['f', 'Not a directory'], 'f')
    refused(['trace', 'inside the mount point'], '-o', f'trace={os.getcwd()}/d/t', 'd')
    refused(['/nonexistent/t', 'No such file'], '-o', 'trace=/nonexistent/t', 'd')
    equal(os.path.ismount('d'), False)


def with_everybodys_device(home, mountpoint, function):
    """Calls it where /dev/fuse is as udev sets it up; on some machines it is root's alone."""
    def call():
        new_mount_namespace()
        # /dev is a mount of its own, but perhaps not where this is all one directory; / is one,
        # but not in a chroot.
        sh(f'''mount --make-private /dev 2>/dev/null || mount --make-rprivate /
        mknod {home}/fuse c 10 229
        chmod 666 {home}/fuse
        mount --bind {home}/fuse /dev/fuse
        rm {home}/fuse''')
        try:
            function()
        finally:
            # What is left would keep this namespace, and with it the mount under test.
            sh(f'umount -l {mountpoint} 2>/dev/null || true')
    in_child(call)


@pages_in_memfs_case  # the other is for root alone
def ordinary_users_mount_what_is_theirs(target):
    if not os.path.exists('/etc/mtab'):
        raise Skip('no /etc/mtab, without which fusermount3 unmounts for root alone')
    # fusermount3 wants a user who has a name.
    home = os.path.join(Paths.work, f'home{Paths.tag()}')
    os.makedirs(f'{home}/d')
    os.chown(f'{home}/d', NOBODY, NOBODY)
    os.chmod(Paths.work, 0o755)
    memfs = shutil.copy(Paths.memfs, home)  # where it was built may not be for them

    def start(*arguments):
        return subprocess.run([memfs, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=30)

    def user():
        os.chdir('/')
        done = start('-o', f'{target.options},trace={home}/d/t', home)
        equal(done.returncode, 1, 'over a directory of root')
        assert done.stderr, 'no reason given'
        done = start('-o', f'{target.options},notrace', f'{home}/d')
        equal((done.returncode, done.stderr), (0, ''))
        write(f'{home}/d/f', b'x')
        equal(os.stat(f'{home}/d').st_uid, NOBODY)
        equal(os.stat(f'{home}/d/f').st_uid, NOBODY)
        os.setxattr(f'{home}/d', 'memfs.size', b'4m')
        sh(f'fusermount3 -u {home}/d')
        equal(os.listdir(f'{home}/d'), [])

    with_everybodys_device(home, f'{home}/d', lambda: as_user(NOBODY, NOBODY, user))


@memfs_case
def mounts_over_a_directory_that_is_not_empty(_):
    path = os.path.join(Paths.work, f'full{Paths.tag()}')
    os.makedirs(path)
    write(f'{path}/below')
    equal(run('-o', 'notrace', path).returncode, 0)
    equal(os.listdir(path), [])
    sh(f'umount {path}')
    equal(os.listdir(path), ['below'])


@memfs_case
def umount_ends_the_daemon_with_status_0(_):
    path = os.path.join(Paths.work, f'fg{Paths.tag()}')
    trace = f'{path}.trace'
    for command in ('umount', 'fusermount3 -u'):
        os.makedirs(path, exist_ok=True)
        daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'trace={trace}', path],
                                  stdout=subprocess.PIPE)
        assert daemon.stdout.readline().startswith(b'memfs: mounted on'), command
        write(f'{path}/f', b'x')
        sh(f'{command} {path}')
        equal(daemon.wait(20), 0, command)
        sh(f'{Paths.trace} info {trace}')


@memfs_case
def signals_unmount(_):
    path = os.path.join(Paths.work, f'sig{Paths.tag()}')
    trace = f'{path}.trace'
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.makedirs(path, exist_ok=True)
        daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'trace={trace}', path],
                                  stdout=subprocess.PIPE)
        daemon.stdout.readline()
        write(f'{path}/f', b'x')
        daemon.send_signal(number)
        equal(daemon.wait(20), 0, number)
        equal(os.path.ismount(path), False)
        sh(f'{Paths.trace} info {trace}')


@memfs_case
def signals_while_it_ends_cost_nothing(_):
    """As of a service manager, which unmounts and then ends what is still there."""
    path = os.path.join(Paths.work, f'sig{Paths.tag()}')
    trace = f'{path}.trace'
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.makedirs(path, exist_ok=True)
        daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'trace={trace}', path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        daemon.stdout.readline()
        for i in range(200):
            write(f'{path}/{i}', b'x' * 70000)
        subprocess.run(['umount', path], check=True, timeout=20)
        while daemon.poll() is None:
            daemon.send_signal(number)
            time.sleep(0.0005)
        equal((daemon.returncode, daemon.stderr.read()), (0, b''), number)
        sh(f'{Paths.trace} info {trace}')


def dead(path):
    """For a moment the kernel says ECONNABORTED, then ENOTCONN."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


@memfs_case
def a_killed_daemon_leaves_errors_and_no_hang(_):
    with mounted('-o', 'notrace') as (path, _):
        fd = os.open(f'{path}/f', os.O_WRONLY | os.O_CREAT)
        os.kill(daemon_of(path), signal.SIGKILL)
        wait_until(lambda: dead(path))
        fails(errno.ENOTCONN, os.open, f'{path}/new', os.O_CREAT)
        fails(errno.ENOTCONN, os.listdir, path)
        try:
            os.close(fd)
        except OSError as error:
            equal(error.errno, errno.ENOTCONN)
        sh(f'umount {path}')


@pages_in_memfs_case
def files_are_opened_without_a_call(target):
    if 'never' in target.options:
        raise Skip('the kernel must ask where it may keep nothing')
    trace = os.path.join(Paths.work, f'no_open{Paths.tag()}.trace')
    with mounted('-o', f'{target.options},no_open,trace={trace}') as (path, _):
        write(f'{path}/f', b'hello')
        os.mkdir(f'{path}/d')

        def look():
            fd = os.open(f'{path}/f', os.O_RDONLY)
            equal((os.read(fd, 100), os.listdir(f'{path}/d')), (b'hello', []))
            os.close(fd)

        for _ in range(3):
            look()
        os.setxattr(path, 'memfs.trace.mark', b'known')
        for _ in range(100):
            look()
        os.setxattr(path, 'memfs.trace.mark', b'end')
        with open(f'{path}/f', 'ab') as file:
            file.write(b' world')
        equal(read(f'{path}/f'), b'hello world')
        with open(f'{path}/f', 'wb'):
            pass
        equal(os.stat(f'{path}/f').st_size, 0)
        fails(errno.ENOENT, os.open, f'{path}/absent', os.O_RDONLY)
        done = subprocess.run(['chattr', '+i', f'{path}/f'], stderr=subprocess.PIPE, text=True)
        assert done.returncode and 'not supported' in done.stderr, done
    wait_until(lambda: subprocess.run([Paths.trace, 'info', trace],
                                      stdout=subprocess.DEVNULL).returncode == 0)
    calls = sh(f'{Paths.trace} show --between known end {trace}').splitlines()
    # With cache=auto each close(2) still asks for a FLUSH.
    equal({call.split('(')[0].split()[-1] for call in calls} - {'forget', 'flush'}, set())


@case_on(lambda target: 'cache=always' in target.options)
def two_do_not_write_one_trace(target):
    with other_mount(target, '') as path:
        write(f'{path}/f', b'x')
        other = os.path.join(Paths.work, f'second{Paths.tag()}')
        os.makedirs(other)
        refused(['another memfs', path + '.trace'], '-o', f'trace={path}.trace', other)
        equal(os.path.ismount(other), False)


@memfs_case
def a_dead_mount_makes_way_for_a_new_one(_):
    with mounted('-o', 'notrace') as (path, _):
        os.kill(daemon_of(path), signal.SIGKILL)
        wait_until(lambda: dead(path))
        done = run('-o', 'notrace', path)
        equal(done.returncode, 0, done.stderr)
        equal(done.stderr, f'memfs: {path}: removed the mount of a memfs that had died\n')
        write(f'{path}/f', b'alive')
        equal(sh(f'findmnt -n -o TARGET {path}').split(), [path])
        sh(f'umount {path}')
        equal(os.path.ismount(path), False)


@memfs_case
def one_that_has_only_just_died_makes_way_too(target):
    """The kernel takes its time to end what is under way, and says something else meanwhile. It may still tell
    what it has cached: then the new mount comes above the one that is about to die."""
    path = os.path.join(Paths.work, f'own{Paths.tag()}')
    os.makedirs(path)
    daemon = None
    try:
        for _ in range(40):
            command = [Paths.memfs, '-f', '-o', f'{target.options},notrace', path]
            daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            line = daemon.stdout.readline()
            assert b'mounted on' in line, daemon.stderr.read()
            write(f'{path}/f', b'x')
            os.listdir(path)
            daemon.kill()
            daemon.communicate(timeout=20)
    finally:
        daemon.kill()
        while os.path.ismount(path) or dead(path):
            subprocess.run(['umount', '-l', path], check=True, timeout=20)


@memfs_case
def what_is_said_of_a_dead_mount_stays_on_one_line(_):
    with mounted('-o', 'notrace', name='de\nad') as (path, _):
        os.kill(daemon_of(path), signal.SIGKILL)
        wait_until(lambda: dead(path))
        done = run('-o', 'notrace', path)
        equal((done.returncode, done.stderr.count('\n')), (0, 1), done.stderr)
        assert r'de\012ad' in done.stderr, done.stderr


@pages_in_memfs_case
def memory_is_given_back_after_much_was_removed(target):
    with other_mount(target, 'trace_ring=64k', whole=False) as path:
        daemon = target.daemons[path].pid
        if is_sanitized(daemon):
            raise Skip('the allocators of sanitizers keep what is freed')
        before = pss(daemon)
        os.mkdir(f'{path}/d')
        for number in range(20_000):
            os.mknod(f'{path}/d/f{number}')
        for number in range(500):
            write(f'{path}/d/f{number}', bytes(100_000))
        full = pss(daemon)
        assert full - before > 50_000, (before, full)
        shutil.rmtree(f'{path}/d')
        wait_until(lambda: pss(daemon) - before < (full - before) / 10, 30)


@memfs_case
def the_root_tells_of_the_mount(target):
    version = run('--version').stdout.split()[1]
    with other_mount(target, 'size=1m') as path:
        equal(os.getxattr(path, 'memfs.version').decode(), version)
        equal(os.getxattr(path, 'memfs.trace').decode(), path + '.trace')
        stats = os.getxattr(path, 'memfs.stats').decode()
        assert re.search(r'\d', stats), stats
        equal([n for n in os.listxattr(path) if n.startswith('memfs.')], [])
        fails(errno.EOPNOTSUPP, os.setxattr, path, 'memfs.version', b'1')
        fails(errno.EOPNOTSUPP, os.setxattr, path, 'memfs.nonsense', b'1')
    with mounted('-o', 'notrace') as (path, _):
        fails(errno.ENODATA, os.getxattr, path, 'memfs.trace')


@memfs_case
def limits_change_while_mounted(target):
    with other_mount(target, 'size=1m') as path:
        def size():
            fs = os.statvfs(path)
            return fs.f_blocks * fs.f_frsize

        write(f'{path}/f', bytes(900_000))
        os.setxattr(path, 'memfs.size', b'4m')
        equal((size(), os.getxattr(path, 'memfs.size')), (4 << 20, b'4194304'))
        write(f'{path}/g', bytes(2_000_000))
        fails(errno.EINVAL, os.setxattr, path, 'memfs.size', b'2m')
        fails(errno.EINVAL, os.setxattr, path, 'memfs.size', b'nonsense')
        equal(size(), 4 << 20)
        os.unlink(f'{path}/g')
        wait_until(lambda: os.statvfs(path).f_bfree * 4096 > 3_000_000)
        os.setxattr(path, 'memfs.size', b'1m')
        equal(size(), 1 << 20)
        os.setxattr(path, 'memfs.nr_inodes', b'10')
        equal(os.statvfs(path).f_files, 10)
        fails(errno.EINVAL, os.setxattr, path, 'memfs.nr_inodes', b'1')
        as_user(2001, 2001, fails, errno.EPERM, os.setxattr, path, 'memfs.size', b'2m')


@memfs_case
def mount_8_calls_it_with_a_source(_):
    path = os.path.join(Paths.work, f'own{Paths.tag()}')
    os.makedirs(path)
    sh(f'mount -t fuse -o size=8m,notrace,noatime "{Paths.memfs}#scratch" {path}')
    equal(sh(f'findmnt -n -o SOURCE {path}').split(), ['scratch'])
    equal(os.statvfs(path).f_blocks * os.statvfs(path).f_frsize, 8 << 20)
    sh(f'umount {path}')


@memfs_case
def a_time_of_birth(_):
    import time

    # Not before this, but by the kernel's coarse clock, which may be a tick behind time().
    before = time.clock_gettime(time.CLOCK_REALTIME) - 0.1
    write('f')
    born = int(sh('stat -c %W f'))
    assert int(before) <= born <= before + 10, (before, born)
    os.utime('f', (1, 1))
    equal(int(sh('stat -c %W f')), born)


@memfs_case
def help_and_version_go_to_stdout(_):
    for option in ('--help', '-h', '--version', '-V'):
        done = run(option)
        equal((done.returncode, done.stderr), (0, ''), option)
        assert done.stdout, option


@memfs_case
def other_users_see_it_only_when_allowed(_):
    os.chmod(Paths.work, 0o755)
    with mounted('-o', 'notrace') as (path, _):
        as_user(2001, 2001, fails, errno.EACCES, os.stat, f'{path}/.')
    with mounted('-o', 'notrace,allow_other') as (path, _):
        as_user(2001, 2001, write, f'{path}/f', b'x')


@memfs_case
def a_full_trace_disk_harms_nothing(_):
    small = os.path.join(Paths.work, f'small{Paths.tag()}')
    os.makedirs(small)
    sh(f'mount -t tmpfs -o size=64k tmpfs {small}')
    with mounted('-o', f'cache=never,trace={small}/t') as (path, _):
        for number in range(2000):
            write(f'{path}/f{number}', b'x')
        equal(len(os.listdir(path)), 2000)
        wait_until(lambda: f'trace_error {errno.ENOSPC}\n' in os.getxattr(path, 'memfs.stats').decode())
    # The daemon closes its trace after umount(8) has returned.
    wait_until(lambda: subprocess.run(['umount', small], stderr=subprocess.DEVNULL).returncode == 0)


@memfs_case
def the_service_manager_is_told_when_the_mount_works(_):
    import socket

    path = os.path.join(Paths.work, f'own{Paths.tag()}')
    os.makedirs(path)
    for name in (f'{path}.socket', f'@memfs-test-{Paths.tag()}'):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(20)
            manager.bind(name.replace('@', '\0'))
            daemon = subprocess.Popen([Paths.memfs, '-f', '-o', 'notrace', path],
                                      stdout=subprocess.PIPE, env=os.environ | {'NOTIFY_SOCKET': name})
            equal(manager.recv(100), b'READY=1')
            equal(os.path.ismount(path), True)
            sh(f'umount {path}')
            equal(daemon.wait(20), 0)
    done = subprocess.Popen([Paths.memfs, '-f', '-o', 'notrace', path], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=os.environ | {'NOTIFY_SOCKET': '/nonexistent'})
    assert b'mounted on' in done.stdout.readline()
    assert b'service manager cannot be told: No such file' in done.stderr.readline()
    sh(f'umount {path}')
    equal(done.wait(20), 0)
