# SPDX-License-Identifier: GPL-2.0-or-later
"""The option passthrough: the kernel reads and writes by itself, in files that nobody else sees."""
import errno
import json
import mmap
import os
import re
import resource
import signal
import subprocess
import time

from cases_memfs import refused
from cases_names import link_open_file
from harness import (NOBODY, Paths, Skip, case_on, equal, fails, in_child, other_mount, read, sh,
                     wait_until, write)

passthrough_case = case_on(lambda target: target.is_passthrough)
MIB = 1 << 20


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def resident_kib(pid):
    return int(re.search(r'VmRSS:\s*(\d+) kB', read(f'/proc/{pid}/status').decode()).group(1))


def stats(path):
    return dict(line.split() for line in os.getxattr(path, 'memfs.stats').decode().splitlines())


def operations(trace):
    """The calls of a trace: name and how many."""
    done = subprocess.run([Paths.trace, 'summary', '--json', trace], check=True,
                          stdout=subprocess.PIPE)
    return {row['op']: row['calls'] for row in json.loads(done.stdout)['rows']}


def mtime_alone(path):
    """stat(1) asks for no more than it prints; the time of access among it would be asked of memfs anyway."""
    return sh(f'stat -c %.9Y {path}').strip()


@passthrough_case
def files_take_no_descriptors(target):
    with other_mount(target, '') as path:
        daemon = target.daemons[path].pid
        write(f'{path}/f', b'x')
        before = descriptors(daemon)
        for number in range(5000):
            write(f'{path}/f{number}', b'x')
        for number in range(5000):
            equal(read(f'{path}/f{number}'), b'x')
        opened = [os.open(f'{path}/f{number}', os.O_RDWR) for number in range(800)]
        assert descriptors(daemon) <= before + 5, descriptors(daemon)  # of workers, while they open one
        for fd in opened:
            equal(os.pwrite(fd, b'y', 0), 1)
            os.close(fd)
        wait_until(lambda: descriptors(daemon) <= before + 5)
        equal(read(f'{path}/f799'), b'y')


@passthrough_case
def without_a_descriptor_no_file_is_opened(target):
    path = os.path.join(Paths.work, f'none{Paths.tag()}')
    os.makedirs(path)
    with subprocess.Popen([Paths.memfs, '-f', '-o', f'{target.options},notrace', path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        assert b'mounted on' in daemon.stdout.readline()
        write(f'{path}/f', b'x')
        held = os.open(f'{path}/f', os.O_RDWR)
        write(f'{path}/g', b'x')
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, 100))
        fails(errno.ENFILE, os.open, f'{path}/g', os.O_RDONLY)
        fails(errno.ENFILE, os.open, f'{path}/new', os.O_WRONLY | os.O_CREAT)
        fails(errno.ENFILE, os.open, path, os.O_WRONLY | os.O_TMPFILE)
        fails(errno.ENFILE, os.truncate, f'{path}/g', 0)
        equal(read(f'{path}/f'), b'x')  # is open: the kernel has its file
        equal(os.pwrite(held, b'yy', 0), 2)
        equal(sorted(os.listdir(path)), ['f', 'g'])
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (100, 100))
        equal((read(f'{path}/f'), read(f'{path}/g'), limits[0] > 3), (b'yy', b'x', True))
        write(f'{path}/new', b'x')
        os.close(held)
        equal(os.getxattr(path, 'memfs.check'), b'ok\n')
        sh(f'umount {path}')
        equal(daemon.wait(20), 0)


@passthrough_case
def bytes_are_there_once(target):
    with other_mount(target, 'size=400m') as path:
        daemon = target.daemons[path].pid
        before = resident_kib(daemon)
        with open(f'{path}/f', 'wb') as file:
            for _ in range(200):
                file.write(b'x' * MIB)
        equal(sum(len(part) for part in iter(open(f'{path}/f', 'rb').read1, b'')), 200 * MIB)
        equal(int(stats(path)['bytes']), 200 * MIB)
        used = os.statvfs(path)
        equal((used.f_blocks - used.f_bfree) * used.f_frsize, 200 * MIB)
        assert resident_kib(daemon) - before < 20 * 1024, (before, resident_kib(daemon))
        os.unlink(f'{path}/f')
        wait_until(lambda: stats(path)['bytes'] == '0')
    # Without these the pages of the mount's own file can hold nothing.
    calls = operations(path + '.trace')
    equal((calls.get('read'), calls.get('write')), (None, None), calls)


@passthrough_case
def the_trace_says_what_it_has_not(target):
    with other_mount(target, '') as path:
        write(f'{path}/f', b'hello')
        equal(read(f'{path}/f'), b'hello')
        for _ in range(300):  # each read makes the kernel ask again, which is nobody's fault
            os.stat(f'{path}/f')
            read(f'{path}/f')
    said = sh(f'{Paths.trace} info {path}.trace')
    assert 'sees                     what the kernel asks; not the reads and writes' in said, said
    for command in ('info', 'summary', 'files', 'procs', 'methods', 'findings', 'dist'):
        said = sh(f'{Paths.trace} {command} {path}.trace').splitlines()
        assert said[1].startswith('# passthrough: the kernel reads and writes'), (command, said)
        assert not any('getattr' in line for line in said if 'findings' in command), said
    equal(json.loads(sh(f'{Paths.trace} summary --json {path}.trace'))['passthrough'], True)


@passthrough_case
def opens_of_one_file_share_it(_):
    write('f', b'0' * 10)
    readers = [os.open('f', os.O_RDONLY) for _ in range(3)]
    writer = os.open('f', os.O_WRONLY)
    both = os.open('f', os.O_RDWR | os.O_APPEND)
    os.pwrite(writer, b'one', 0)
    os.write(both, b'two')
    for fd in readers:
        equal(os.pread(fd, 20, 0), b'one' + b'0' * 7 + b'two')
    os.close(writer)
    os.link('f', 'g')
    os.unlink('f')
    again = os.open('g', os.O_RDWR | os.O_TRUNC)
    os.write(again, b'three')
    equal({os.pread(fd, 20, 0) for fd in readers + [both]}, {b'three'})


@passthrough_case
def many_open_one_file_at_a_time(_):
    """All opens of a file must name the same backing file, or the kernel refuses them."""
    names = ('a', 'b')
    for name in names:
        write(name, b'x' * 100)

    def churn(seed):
        for turn in range(1500):
            flags = (os.O_RDONLY, os.O_RDWR, os.O_WRONLY)[(turn + seed) % 3]
            fd = os.open(names[turn % 2], flags)
            if flags != os.O_RDONLY:
                equal(os.pwrite(fd, b'y', seed), 1)
            if flags != os.O_WRONLY:
                equal(len(os.pread(fd, 100, 0)), 100)
            os.close(fd)

    children = []
    for seed in range(6):
        pid = os.fork()
        if pid == 0:
            try:
                churn(seed)
                os._exit(0)
            except BaseException as error:
                print(error, flush=True)
                os._exit(1)
        children.append(pid)
    equal([os.waitpid(pid, 0)[1] for pid in children], [0] * 6)


@passthrough_case
def what_is_mapped_is_what_is_written(_):
    size = 2 * mmap.PAGESIZE
    write('f', bytes(size))
    fd = os.open('f', os.O_RDWR)
    other = os.open('f', os.O_RDWR)
    pages = mmap.mmap(fd, size)
    os.pwrite(other, b'written', 5)
    equal(pages[5:12], b'written')
    pages[mmap.PAGESIZE:mmap.PAGESIZE + 6] = b'mapped'
    equal(os.pread(other, 6, mmap.PAGESIZE), b'mapped')
    os.close(fd)
    os.close(other)
    os.unlink('f')
    pages[0:5] = b'alone'
    equal(pages[0:12], b'alonewritten')


@passthrough_case
def a_store_into_a_map_moves_the_time(_):
    size = 4 * mmap.PAGESIZE
    write('f', bytes(size))
    os.utime('f', ns=(1, 1_500_000_000))
    equal(mtime_alone('f'), '1.500000000')  # the kernel knows it now, and could keep it
    fd = os.open('f', os.O_RDWR)
    pages = mmap.mmap(fd, size)
    equal(mtime_alone('f'), '1.500000000')
    seen = {'1.500000000'}
    for page in range(4):
        pages[page * mmap.PAGESIZE] = 1
        seen.add(mtime_alone('f'))
        time.sleep(0.02)
    equal(len(seen), 5, seen)
    os.close(fd)
    equal(mtime_alone('f') in seen, True)


@passthrough_case
def space_that_ends_and_comes_back(target):
    with other_mount(target, 'size=1m') as path:
        fd = os.open(f'{path}/f', os.O_WRONLY | os.O_CREAT)
        equal(os.write(fd, b'x' * 2 * MIB), MIB)
        fails(errno.ENOSPC, os.write, fd, b'x')
        fails(errno.ENOSPC, os.posix_fallocate, fd, 0, 2 * MIB)
        os.setxattr(path, 'memfs.size', b'3m')
        equal(os.write(fd, b'x' * MIB), MIB)
        equal(os.getxattr(path, 'memfs.size'), b'%d' % (3 * MIB))
        fails(errno.EINVAL, os.setxattr, path, 'memfs.size', b'1m')
        equal(os.write(fd, b'y' * MIB), MIB)  # what was refused has changed nothing
        os.truncate(f'{path}/f', 10)
        os.setxattr(path, 'memfs.size', b'1m')
        fails(errno.ENOSPC, os.posix_fallocate, fd, 0, 2 * MIB)
        os.setxattr(path, 'memfs.size', b'0')
        os.posix_fallocate(fd, 0, 20 * MIB)
        os.close(fd)
        equal(os.getxattr(path, 'memfs.check'), b'ok\n')


@passthrough_case
def a_mapping_without_space_ends_as_on_tmpfs(target):
    def fill(path):
        fd = os.open(f'{path}/f', os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 2 * MIB)
        with mmap.mmap(fd, 0) as mapped:
            mapped[:] = b'x' * (2 * MIB)

    with other_mount(target, 'size=1m') as path:
        pid = os.fork()
        if pid == 0:
            fill(path)
            os._exit(0)
        equal(os.WTERMSIG(os.waitpid(pid, 0)[1]), signal.SIGBUS)
        equal(os.getxattr(path, 'memfs.check'), b'ok\n')


@passthrough_case
def limits_of_file_sizes_are_those_of_the_program(target):
    path = os.path.join(Paths.work, f'limited{Paths.tag()}')
    os.makedirs(path)
    limit = (20_000, resource.RLIM_INFINITY)
    daemon = subprocess.Popen([Paths.memfs, '-f', '-o', f'{target.options},notrace', path],
                              stdout=subprocess.PIPE,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert b'mounted on' in daemon.stdout.readline()
    write(f'{path}/f', b'x' * 100_000)
    os.truncate(f'{path}/f', 50_000)  # this one is the daemon's to do
    equal(os.stat(f'{path}/f').st_size, 50_000)

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        fd = os.open(f'{path}/g', os.O_WRONLY | os.O_CREAT)
        equal(os.write(fd, b'x' * 30_000), 20_000)
        fails(errno.EFBIG, os.write, fd, b'x')
        fails(errno.EFBIG, os.ftruncate, fd, 30_000)
    in_child(limited)
    sh(f'umount {path}')
    equal(daemon.wait(20), 0)


@passthrough_case
def data_moves_without_copies_by_programs(_):
    data = os.urandom(300_000)
    write('a', data)
    source, target = os.open('a', os.O_RDONLY), os.open('b', os.O_RDWR | os.O_CREAT)
    equal(os.sendfile(target, source, 0, len(data)), len(data))
    equal(read('b') == data, True)
    reader, writer = os.pipe()
    equal(os.splice(source, writer, 5000, offset_src=100), 5000)
    equal(os.splice(reader, target, 5000, offset_dst=0), 5000)
    equal(read('b') == data[100:5100] + data[5000:], True)
    os.ftruncate(target, 0)
    equal(os.copy_file_range(source, target, 1000, 50, 10), 1000)
    equal(read('b') == bytes(10) + data[50:1050], True)


@passthrough_case
def a_file_without_a_name_gets_one(_):
    fd = os.open('.', os.O_RDWR | os.O_TMPFILE, 0o600)
    os.write(fd, b'hello')
    link_open_file(fd, 'f')
    equal(read('f'), b'hello')
    os.write(fd, b' world')
    write('g', b'old')
    old = os.open('g', os.O_RDWR)
    os.rename('f', 'g')
    os.write(old, b'!')
    equal((read('g'), os.pread(old, 10, 0)), (b'hello world', b'!ld'))


@passthrough_case
def overlayfs_lies_above(target):
    with other_mount(target, '') as path:
        for name in ('lower', 'upper', 'work', 'merged'):
            os.mkdir(f'{path}/{name}')
        write(f'{path}/lower/f', b'below')
        done = subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={path}/lower,'
                               f'upperdir={path}/upper,workdir={path}/work', f'{path}/merged'],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0 and 'unknown filesystem' in done.stderr:
            raise Skip('no overlayfs')
        equal(done.returncode, 0, done.stderr)
        try:
            equal(read(f'{path}/merged/f'), b'below')
            with open(f'{path}/merged/f', 'ab') as file:
                file.write(b' and above')
            equal(read(f'{path}/upper/f'), b'below and above')
        finally:
            sh(f'umount {path}/merged')


@passthrough_case
def only_root_has_it(target):
    os.mkdir('d')
    os.chmod('d', 0o777)
    refused(['passthrough', 'root'], '-o', f'{target.options},notrace', 'd', user=NOBODY,
            group=NOBODY, extra_groups=[])
    done = subprocess.run(['unshare', '-Urm', Paths.memfs, '-o', f'{target.options},notrace', 'd'],
                          stderr=subprocess.PIPE, text=True)
    equal((done.returncode, done.stderr.count('\n')), (1, 1), done.stderr)
    assert 'passthrough' in done.stderr or 'unshare' in done.stderr, done.stderr
    equal(os.path.ismount('d'), False)
