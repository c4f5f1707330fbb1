# SPDX-License-Identifier: GPL-2.0-or-later
"""Attributes: modes, owners, times, sizes, and what statfs(2) says."""
import errno
import os
import time

from harness import case, equal, fails, in_child, other_mount, sh, wait_until, write

SECOND = 1_000_000_000


def times(path='f'):
    st = os.lstat(path)
    return st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns


def set_old(*paths):
    for path in paths:
        os.utime(path, ns=(SECOND, 2 * SECOND))
    time.sleep(0.02)


@case
def modes_and_owners_come_back(_):
    write('f')
    for mode in (0, 0o644, 0o4711, 0o2755, 0o1777, 0o7777):
        os.chmod('f', mode)
        equal(os.stat('f').st_mode & 0o7777, mode)
    os.chmod('f', 0o6711)
    os.chown('f', 12, 34)
    st = os.stat('f')
    equal((st.st_uid, st.st_gid, st.st_mode & 0o7777), (12, 34, 0o711))
    os.chown('f', -1, 56)
    equal((os.stat('f').st_uid, os.stat('f').st_gid), (12, 56))
    os.symlink('f', 'l')
    os.chown('l', 7, 8, follow_symlinks=False)
    equal((os.lstat('l').st_uid, os.stat('f').st_uid), (7, 12))
    equal(os.lstat('l').st_mode & 0o777, 0o777)


@case
def the_umask_holds(_):
    def make():
        os.umask(0o027)
        os.close(os.open('f', os.O_CREAT, 0o666))
        os.mkdir('d', 0o777)
        os.mkfifo('p', 0o666)
    in_child(make)
    equal([os.stat(p).st_mode & 0o777 for p in 'fdp'], [0o640, 0o750, 0o640])


@case
def new_files_belong_to_who_made_them(_):
    def make():
        os.setresgid(56, 56, 56)
        os.setresuid(1234, 1234, 1234)
        write('f')
        os.mkdir('d')
        os.symlink('x', 'l')
    in_child(make)
    for path in 'fdl':
        st = os.lstat(path)
        equal((st.st_uid, st.st_gid), (1234, 56), path)


@case
def setgid_directories_hand_on_their_group(_):
    os.mkdir('d')
    os.chown('d', 0, 77)
    os.chmod('d', 0o2775)
    write('d/f')
    os.mkdir('d/e')
    equal((os.stat('d/f').st_gid, os.stat('d/e').st_gid), (77, 77))
    equal(os.stat('d/e').st_mode & 0o7000, 0o2000)
    equal(os.stat('d/f').st_mode & 0o7000, 0)


@case
def times_come_back_to_the_nanosecond(_):
    write('f')
    for seconds in (-157766400, -1, 0, 1, 1 << 31, 4070908800, (1 << 34) + 5):
        ns = seconds * SECOND + 123456789
        os.utime('f', ns=(ns, ns + 1))
        equal(times()[:2], (ns, ns + 1))
    os.symlink('f', 'l')
    os.utime('l', ns=(5, 6), follow_symlinks=False)
    equal(times('l')[:2], (5, 6))
    os.utime('f')
    assert abs(times()[1] - time.time_ns()) < 5 * SECOND


@case
def what_moves_which_time(target):
    write('f', b'x' * 100)

    def moved(action):
        before = times()
        time.sleep(0.02)
        action()
        return tuple(b != a for a, b in zip(before, times()))

    equal(moved(lambda: os.chmod('f', 0o600)), (False, False, True), 'chmod')
    equal(moved(lambda: os.chown('f', 1, 1)), (False, False, True), 'chown')
    equal(moved(lambda: os.link('f', 'g')), (False, False, True), 'link')
    equal(moved(lambda: os.unlink('g')), (False, False, True), 'unlink')
    equal(moved(lambda: os.rename('f', 'h') or os.rename('h', 'f')), (False, False, True), 'rename')
    equal(moved(lambda: os.truncate('f', 50)), (False, True, True), 'truncate')
    if 'cache=always' not in target.options:  # there times are the kernel's, and it forgets this one
        equal(moved(lambda: os.truncate('f', 50)), (False, True, True), 'truncate, same size')
    equal(moved(lambda: write('f', b'y')), (False, True, True), 'write')
    equal(moved(lambda: os.utime('f', ns=(1, 2))), (True, True, True), 'utime')

    def write_nothing():
        fd = os.open('f', os.O_WRONLY)
        os.write(fd, b'')
        os.close(fd)
    equal(moved(write_nothing), (False, False, False), 'write of nothing')


@case
def what_moves_the_times_of_a_directory(_):
    os.mkdir('d')
    write('g')

    def moved(action):
        set_old('d')
        before = times('d')
        action()
        return tuple(b != a for a, b in zip(before, times('d')))[1:]

    equal(moved(lambda: write('d/f')), (True, True), 'create')
    equal(moved(lambda: write('d/f', b'x')), (False, False), 'write to a file in it')
    equal(moved(lambda: os.chmod('d/f', 0o600)), (False, False), 'chmod of a file in it')
    equal(moved(lambda: os.link('d/f', 'd/l')), (True, True), 'link')
    equal(moved(lambda: os.unlink('d/l')), (True, True), 'unlink')
    equal(moved(lambda: os.mkdir('d/e')), (True, True), 'mkdir')
    equal(moved(lambda: os.rmdir('d/e')), (True, True), 'rmdir')
    equal(moved(lambda: os.symlink('x', 'd/s')), (True, True), 'symlink')
    equal(moved(lambda: os.rename('d/s', 'd/t')), (True, True), 'rename')
    equal(moved(lambda: os.rename('g', 'd/g')), (True, True), 'rename into it')
    equal(moved(lambda: os.rename('d/g', 'g')), (True, True), 'rename out of it')


@case
def a_failed_call_moves_nothing(_):
    os.mkdir('d')
    write('d/f')
    set_old('d', 'd/f')
    before = times('d'), times('d/f')
    fails(errno.EEXIST, os.mkdir, 'd/f')
    fails(errno.ENOENT, os.unlink, 'd/absent')
    fails(errno.ENOTDIR, os.rmdir, 'd/f')
    equal((times('d'), times('d/f')), before)


@case
def sizes_and_blocks(_):
    write('f', b'x' * 10_000)
    st = os.stat('f')
    equal(st.st_size, 10_000)
    assert 10_000 <= st.st_blocks * 512 <= 65536, st.st_blocks
    assert st.st_blksize in (4096, 65536, 131072, 1 << 20), st.st_blksize
    os.truncate('f', 0)
    equal((os.stat('f').st_size, os.stat('f').st_blocks), (0, 0))


@case
def statfs_counts(target):
    with other_mount(target, '') as path:  # where nothing is still to be given back of before
        before = os.statvfs(path)
        equal(before.f_namemax, 255)
        assert before.f_bavail <= before.f_bfree <= before.f_blocks
        write(f'{path}/f', b'x' * 1_000_000)
        sh(f'sync -f {path}')
        after = os.statvfs(path)
        used = (before.f_bfree - after.f_bfree) * before.f_frsize
        assert 1_000_000 - before.f_frsize <= used <= 1_200_000, used
        equal(before.f_ffree - after.f_ffree, 1)
        os.unlink(f'{path}/f')
        wait_until(lambda: os.statvfs(path).f_ffree == before.f_ffree)


@case
def device_and_inode_tell_files_apart(_):
    write('a')
    write('b')
    os.mkdir('d')
    seen = {(os.stat(p).st_dev, os.stat(p).st_ino) for p in ('a', 'b', 'd', '.')}
    equal(len(seen), 4)
    equal(os.stat('.').st_ino, os.stat('d/..').st_ino)
