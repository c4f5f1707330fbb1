# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs out, and what comes in between: few descriptors, a storm of signals, a stopped daemon; and mounts
that are unmounted while they are in use, or whose mount point goes."""
import ctypes
import errno
import json
import mmap
import os
import resource
import shutil
import signal
import subprocess
import time

from harness import (Paths, Skip, as_user, case, equal, fails, in_child, is_sanitized, memfs_case, new_mount_namespace,
                     other_mount, pages_in_memfs_case, read, sh, wait_until, write)

MNT_DETACH = 2


def own(name):
    return os.path.join(Paths.work, f'{name}{Paths.tag()}')


def umount2(path, flags=0):
    if ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(path), flags) != 0:
        raise OSError(ctypes.get_errno(), 'umount2')


def is_sound(path):
    equal(os.getxattr(path, 'memfs.check'), b'ok\n')


def is_whole(trace):
    """A trace with its end, from which nothing is missing."""
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE,
                          timeout=60)
    report = json.loads(done.stdout)
    equal((done.returncode, report['complete'], report['totals_agree'], report['gaps']),
          (0, True, True, 0), 'status, complete, totals agree, gaps')
    return report


def ended_well(target, path):
    """The mount is gone; the daemon ends in order."""
    if target.is_memfs:
        equal(target.daemons.pop(path).wait(30), 0, 'exit status of memfs')
        is_whole(path + '.trace')


class load:
    """with load('script', path): a shell script that runs in a directory until the end of the block."""

    def __init__(self, script, path):
        self.process = subprocess.Popen(['bash', '-c', script], cwd=path, start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(20)


# --- a look at the whole tree ---------------------------------------------------

@memfs_case
def the_tree_is_looked_at_while_it_changes(target):
    with other_mount(target, '') as path:
        script = '''while :; do
            mkdir -p a/b/c; echo $RANDOM >a/b/f; ln a/b/f a/g; mv a/b/f a/b/c; ln -s f a/b/s; rm -r a; done'''
        with load(script, path), load(script, path):
            for _ in range(30):
                is_sound(path)
        as_user(2001, 2001, fails, errno.EPERM, os.getxattr, path, 'memfs.check')
        fails(errno.EOPNOTSUPP, os.setxattr, path, 'memfs.check', b'1')


# --- few descriptors -----------------------------------------------------------

def start_with(target, descriptors, path):
    """A daemon that may have so many; what it says, and its process."""
    os.makedirs(path, exist_ok=True)

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    return subprocess.Popen([Paths.memfs, '-f', '-o', f'{target.options},trace={path}.trace', path],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=limit)


def use_in_parallel(path):
    sh(f'''cd {path}
    for i in 1 2 3 4 5 6 7 8; do
        (head -c 3000000 /dev/zero >f$i; cat f$i >/dev/null; mkdir d$i; mv f$i d$i; ls -l d$i >/dev/null) &
    done
    wait
    test $(cat d*/f* | wc -c) = 24000000''')


@memfs_case
def few_descriptors_are_enough(target):
    path = own('few')
    # To open a file, each worker needs one for a moment where the kernel is to read and write it; each CPU has a ring
    # with two of its own.
    enough = (2 * os.cpu_count() + 16,) if target.is_passthrough or target.is_over_io_uring else (16, 8, 6)
    for descriptors in enough:
        daemon = start_with(target, descriptors, path)
        assert daemon.stdout.readline().startswith('memfs: mounted on'), descriptors
        use_in_parallel(path)
        is_sound(path)
        sh(f'umount {path}')
        status, said = daemon.wait(30), daemon.stderr.read()
        equal(status, 0, f'{descriptors} descriptors: {said}')
        # It says so when workers have to share the device, or that there are no rings, and nothing else.
        told = ['Too many open files', 'without -o clone_fd']
        if target.is_over_io_uring:
            told += ['qid=', 'Wrote to eventfd=-1']
        for line in said.splitlines():
            assert any(text in line for text in told), said
        equal(is_whole(path + '.trace')['lost'], 0, 'lost')


@memfs_case
def too_few_descriptors_are_refused(target):
    path = own('toofew')
    daemon = start_with(target, 4, path)
    said = daemon.communicate(timeout=20)
    equal((daemon.returncode, said[0], said[1].count('\n')), (1, '', 1), said)
    assert 'Too many open files' in said[1], said
    equal(os.path.ismount(path), False)


# --- space ----------------------------------------------------------------------

@case
def what_finds_no_space_is_told(target):
    """The last call before the end fits in part: somebody must say so."""
    with other_mount(target, 'size=1m') as path:
        write(f'{path}/a', b'a' * 900_000)
        fd = os.open(f'{path}/b', os.O_WRONLY | os.O_CREAT)
        try:
            told = os.write(fd, b'b' * 200_000) < 200_000
            os.fsync(fd)
        except OSError as error:
            equal(error.errno, errno.ENOSPC)
            told = True
        try:
            os.close(fd)
        except OSError as error:
            equal(error.errno, errno.ENOSPC)
        assert told, 'nobody said that there was no space'
        equal(read(f'{path}/a') == b'a' * 900_000, True)
        os.unlink(f'{path}/a')


@pages_in_memfs_case
def what_a_mapping_finds_no_space_for_is_told(target):
    with other_mount(target, 'size=1m') as path:
        write(f'{path}/a', b'a' * 900_000)
        fd = os.open(f'{path}/b', os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 200_000)
        with mmap.mmap(fd, 0) as mapped:
            mapped[:] = b'b' * 200_000
            fails(errno.ENOSPC, mapped.flush)
        try:
            os.close(fd)
        except OSError as error:
            equal(error.errno, errno.ENOSPC)


# --- memory ---------------------------------------------------------------------

def address_space(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmSize')) << 10


def fill(path):
    """Files of 1 MiB until there is no more memory; how many are whole."""
    for number in range(1000):
        fd = os.open(f'{path}/f{number}', os.O_WRONLY | os.O_CREAT)
        try:
            for _ in range(16):
                equal(os.write(fd, bytes([number % 250 + 1]) * 65536), 65536, 'bytes written')
            os.fsync(fd)
        except OSError as error:
            equal(errno.errorcode[error.errno], 'ENOMEM')
            return number
        finally:
            try:
                os.close(fd)
            except OSError:
                pass  # what it has to say, was said by then
    raise AssertionError('more memory than there is')


@pages_in_memfs_case
def a_daemon_without_memory_goes_on(target):
    with other_mount(target, 'size=0,nr_inodes=0,trace_ring=64k') as path:
        daemon = target.daemons[path].pid
        if is_sanitized(daemon):
            raise Skip('sanitizers need address space without end')
        use_in_parallel(path)  # now all threads have what they need
        sh(f'rm -r {path}/*')
        limit = address_space(daemon) + (32 << 20)
        resource.prlimit(daemon, resource.RLIMIT_AS, (limit, -1))
        whole = fill(path)
        assert whole > 5, whole
        for number in range(whole):
            equal(read(f'{path}/f{number}') == bytes([number % 250 + 1]) * (1 << 20), True, number)
        # To look at all of the tree takes memory, too.
        resource.prlimit(daemon, resource.RLIMIT_AS, (limit + (64 << 20), -1))
        is_sound(path)
        resource.prlimit(daemon, resource.RLIMIT_AS, (limit, -1))
        for number in range(whole + 1):  # not what is listed, which may take memory that there is not
            os.unlink(f'{path}/f{number}')
        wait_until(lambda: os.getxattr(path, 'memfs.stats').startswith(b'bytes 0\n'))
        # Not all: the C library gives heaps of whole threads back, and may not reserve the space of new ones.
        again = fill(path)
        assert again > whole / 4, f'memory did not come back: {again} MiB after {whole}'


# --- signals ------------------------------------------------------------------

@case
def a_storm_of_signals(target):
    with other_mount(target, '') as path:
        os.chdir(path)
        calls, interrupted, signals = map(int, sh(f'{Paths.build}/tests/mount/interrupted 3').split())
        print(f'{calls} calls, {interrupted} interrupted, {signals} signals')
        assert signals > 100, 'no storm'
        equal(sorted(os.listdir('.')), [f'keep-{n}' for n in range(8)])
        for n in range(8):
            data = read(f'keep-{n}')
            equal((len(data), data == bytes((i * 7 + data[0]) & 255 for i in range(256)) * (len(data) // 256)
                   + bytes((i * 7 + data[0]) & 255 for i in range(len(data) % 256))), (300_000, True))
        os.chdir('/')
        if target.is_memfs:
            is_sound(path)
    if target.is_memfs:
        report = is_whole(path + '.trace')
        equal((report['lost'], report['names']['files']['left']), (0, 8), 'lost, files left')


@memfs_case
def a_daemon_stopped_and_continued_under_load(target):
    with other_mount(target, '') as path:
        daemon = target.daemons[path]
        script = '''for i in {1..60}; do
            echo $i >f$i; cp f$i g$i; mv g$i h$i; ln h$i l$i; rm h$i; done'''
        with load(script, path) as process:
            stops = 0
            while process.poll() is None or stops < 3:
                daemon.send_signal(signal.SIGSTOP)
                time.sleep(0.05)
                daemon.send_signal(signal.SIGCONT)
                time.sleep(0.05)
                stops += 1
            equal(process.wait(60), 0, 'status of the load')
        equal(sorted(os.listdir(path)), sorted(f'{kind}{n}' for n in range(1, 61) for kind in 'fl'))
        equal({n: int(read(f'{path}/l{n}')) for n in range(1, 61)}, {n: n for n in range(1, 61)})
        is_sound(path)
    equal(is_whole(path + '.trace')['lost'], 0)


@memfs_case
def sigterm_while_many_processes_are_made(target):
    path = own('term')
    for _ in range(3):
        target.mount('', path)
        script = '''while :; do
            for i in 1 2 3 4; do (cp /bin/true x$i; ./x$i; cat x$i | wc -c; rm x$i) & done; wait; done'''
        with load(script, path):
            wait_until(lambda: os.listdir(path))
            time.sleep(0.3)
            target.daemons[path].terminate()
            # Nobody hangs: neither the daemon, nor who is at work there, nor the mount.
            ended_well(target, path)
            wait_until(lambda: not os.path.ismount(path))
        equal(os.listdir(path), [])


# --- mounts in use ---------------------------------------------------------------

@case
def what_is_in_use_is_not_unmounted(target):
    with other_mount(target, '') as path:
        write(f'{path}/f', b'x')
        for flags, name in ((os.O_RDONLY, 'f'), (os.O_DIRECTORY, '.')):
            fd = os.open(f'{path}/{name}', flags)
            fails(errno.EBUSY, umount2, path)
            os.close(fd)
        os.chdir(path)
        fails(errno.EBUSY, umount2, path)
        write('g', b'still there')
        os.chdir('/')
        equal(read(f'{path}/g'), b'still there')


@case
def open_files_outlive_a_lazy_unmount(target):
    path = target.mount('', own('lazy'))
    os.mkdir(f'{path}/d')
    fd = os.open(f'{path}/d/f', os.O_RDWR | os.O_CREAT)
    os.write(fd, b'before ')
    directory = os.open(path, os.O_DIRECTORY)
    umount2(path, MNT_DETACH)
    equal((os.path.ismount(path), os.listdir(path)), (False, []))
    os.write(fd, b'after')
    equal((os.pread(fd, 100, 0), os.fstat(fd).st_size), (b'before after', 12))
    with mmap.mmap(fd, 0) as mapped:
        mapped[0:6] = b'BEFORE'
    equal(os.pread(fd, 100, 0), b'BEFORE after')
    # Names are reached from a directory that is open, too.
    os.rename('d/f', 'g', src_dir_fd=directory, dst_dir_fd=directory)
    other = os.open('g', os.O_RDONLY, dir_fd=directory)
    equal(os.read(other, 100), b'BEFORE after')
    os.unlink('g', dir_fd=directory)
    equal(os.fstat(fd).st_nlink, 0)
    for descriptor in (fd, other):
        os.close(descriptor)
    equal(os.listdir(directory), ['d'])
    os.close(directory)
    ended_well(target, path)


@case
def one_mount_upon_another(target):
    def mount():
        if target.is_memfs:
            trace = f'{own("upper")}.trace'
            sh(f'{Paths.memfs} -o {target.options},trace={trace} {path}')
        else:
            sh(f'mount -t tmpfs tmpfs {path}')

    with other_mount(target, '') as path:
        write(f'{path}/lower', b'1')
        fd = os.open(f'{path}/lower', os.O_RDWR)
        mount()
        equal(os.listdir(path), [])
        write(f'{path}/upper', b'2')
        os.pwrite(fd, b'3', 0)
        sh(f'umount {path}')
        equal((os.listdir(path), read(f'{path}/lower')), (['lower'], b'3'))
        os.close(fd)


@case
def a_mount_point_neither_goes_nor_moves(target):
    with other_mount(target, '') as path:
        write(f'{path}/f', b'x')
        fails(errno.EBUSY, os.rmdir, path)
        fails(errno.EBUSY, os.rename, path, path + '.new')
        equal(read(f'{path}/f'), b'x')


@case
def a_mount_moves_with_the_directory_above(target):
    above, moved = own('above'), own('moved')
    os.makedirs(above)
    path = target.mount('', f'{above}/mnt')
    write(f'{path}/f', b'x')
    # Its trace stays where it is: it is open.
    os.rename(above, moved)
    equal(read(f'{moved}/mnt/f'), b'x')
    write(f'{moved}/mnt/g', b'y')
    sh(f'umount {moved}/mnt')
    os.rename(moved, above)
    ended_well(target, path)
    shutil.rmtree(above)


@case
def a_mount_point_that_is_removed_elsewhere(target):
    """Where a directory is no mount point, in another mount namespace, it may be removed: the mount goes."""
    path = target.mount('', own('gone'))
    write(f'{path}/f', b'x')

    def remove():
        new_mount_namespace()
        sh(f'mount --make-rprivate /; umount {path}')
        os.rmdir(path)
    in_child(remove)
    fails(errno.ENOENT, os.stat, path)
    ended_well(target, path)


# --- a build that finds no space ---------------------------------------------------

def make_small_project(path):
    for name, text in (('main.c', 'int part(int x);\nint main(void) { return part(0); }\n'),
                       ('part.c', 'int part(int x) { return x; }\n'),
                       ('Makefile', 'prog: main.o libpart.a\n\tcc -o $@ $^\nlibpart.a: part.o\n\tar rc $@ $^\n')):
        write(f'{path}/{name}', text)


@memfs_case
def a_build_that_finds_no_space_fails_and_says_so(target):
    """The size grows step by step: the space ends at another write of compiler, assembler, archiver and linker."""
    unit = 4096 if target.is_passthrough else 256  # whose files take whole pages, as in tmpfs
    with other_mount(target, f'size={4 * unit}') as path:
        make_small_project(path)
        os.mkdir(f'{path}/tmp')
        sources = os.getxattr(path, 'memfs.stats').split(b'\n')[0]
        failures = 0
        for size in range(4 * unit, 1024 * unit, 4096 if target.is_passthrough else 768):
            os.setxattr(path, 'memfs.size', b'%d' % size)
            done = subprocess.run(['make', '-C', path], env=os.environ | {'TMPDIR': f'{path}/tmp', 'LC_ALL': 'C'},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=60)
            is_sound(path)
            if done.returncode == 0:
                break
            # What ar says when a write took a part only.
            assert ('No space left on device' in done.stdout or
                    "unable to copy file 'libpart.a'; reason: Success" in done.stdout), f'size={size}: {done.stdout}'
            failures += 1
            sh(f'cd {path}; rm -rf tmp/* *.o *.a prog')
            wait_until(lambda: os.getxattr(path, 'memfs.stats').split(b'\n')[0] == sources)
        print(f'{failures} failures, then one that went well with size={size}')
        assert failures > (4 if target.is_passthrough else 10), failures
        sh(f'{path}/prog')


# --- a limit that is the kernel's ---------------------------------------------------

class cgroup:
    """with cgroup(bytes) as group: a control group, of version 2 or 1, that gets no more memory."""

    def __init__(self, limit):
        self.limit = limit
        if os.path.exists('/sys/fs/cgroup/cgroup.subtree_control'):
            root, self.names = '/sys/fs/cgroup', ('memory.max', 'memory.events')
        else:
            root, self.names = '/sys/fs/cgroup/memory', ('memory.limit_in_bytes', 'memory.oom_control')
        self.path = f'{root}/memfs-test-{Paths.tag()}'

    def __enter__(self):
        try:
            os.mkdir(self.path)
            write(f'{self.path}/{self.names[0]}', str(self.limit))
        except OSError as error:
            self.__exit__()
            raise Skip(f'no control group with a limit of memory: {error}') from None
        return self

    def __exit__(self, *_):
        if os.path.isdir(self.path):
            wait_until(lambda: not read(f'{self.path}/cgroup.procs'))
            os.rmdir(self.path)

    def enter(self):
        """Of the process that calls it."""
        write(f'{self.path}/cgroup.procs', str(os.getpid()))

    def kills(self):
        """How many of its processes the kernel has killed."""
        lines = read(f'{self.path}/{self.names[1]}').decode().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith('oom_kill '))


def start_in(group, target, options, path):
    os.makedirs(path, exist_ok=True)
    daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'{target.options},{options}', path],
                              stdout=subprocess.PIPE, preexec_fn=group.enter)
    assert daemon.stdout.readline().startswith(b'memfs: mounted on')
    if is_sanitized(daemon.pid):
        sh(f'umount {path}')
        daemon.wait(20)
        raise Skip('sanitizers need memory of their own')
    return daemon


@memfs_case
def what_size_allows_fits_into_a_control_group(target):
    path = own('cgroup')
    with cgroup(96 << 20) as group:
        daemon = start_in(group, target, f'size=64m,trace_ring=64k,trace={path}.trace', path)
        full = 0
        try:
            for number in range(100):
                fd = os.open(f'{path}/f{number}', os.O_WRONLY | os.O_CREAT)
                try:
                    for _ in range(16):
                        os.write(fd, bytes([number + 1]) * 65536)
                    os.fsync(fd)
                finally:
                    os.close(fd)
                full += 1
        except OSError as error:
            equal(errno.errorcode[error.errno], 'ENOSPC')
        equal((full, daemon.poll(), group.kills()), (64, None, 0))
        for number in range(full):
            equal(read(f'{path}/f{number}') == bytes([number + 1]) * (1 << 20), True, number)
        is_sound(path)
        sh(f'umount {path}')
        equal(daemon.wait(30), 0)
        is_whole(path + '.trace')


@pages_in_memfs_case
def a_daemon_that_the_kernel_kills_for_memory_leaves_no_hang(target):
    path = own('killed')
    with cgroup(32 << 20) as group:
        daemon = start_in(group, target, 'size=1g,notrace', path)

        def fill_until_it_dies():
            for number in range(200):
                write(f'{path}/f{number}', bytes([number + 1]) * (1 << 20))
                os.sync()
        try:
            fill_until_it_dies()
            raise AssertionError('200 MiB fit into 32')
        except OSError as error:
            assert error.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.ECANCELED, errno.EIO), error
        equal(daemon.wait(30), -signal.SIGKILL)
        assert group.kills() > 0
    # Another one takes its place.
    done = subprocess.run([Paths.memfs, '-o', 'notrace', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30)
    equal(done.returncode, 0, done.stderr)
    write(f'{path}/f', b'alive')
    sh(f'umount {path}')
