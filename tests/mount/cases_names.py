# SPDX-License-Identifier: GPL-2.0-or-later
"""Names: making, linking, renaming, removing, listing."""
import ctypes
import errno
import os
import socket
import stat
import struct
import subprocess

from harness import (EXCHANGE, NOREPLACE, WHITEOUT, Skip, case, equal, fails, read, renameat2,
                     sh, wait_until, write)


libc = ctypes.CDLL(None, use_errno=True)


def name_to_handle(path):
    """name_to_handle_at(2): struct file_handle as bytes."""
    handle = ctypes.create_string_buffer(8 + 128)
    struct.pack_into('I', handle, 0, 128)
    mount = ctypes.c_int()
    if libc.name_to_handle_at(-100, os.fsencode(path), handle, ctypes.byref(mount), 0) != 0:
        raise OSError(ctypes.get_errno(), 'name_to_handle_at')
    return handle


def open_by_handle(root, handle):
    fd = libc.open_by_handle_at(root, handle, os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), 'open_by_handle_at')
    return fd


def link_open_file(fd, path):
    """A name for what is open, as open(2) tells of O_TMPFILE."""
    at_fdcwd, follow = -100, 0x400
    if libc.linkat(at_fdcwd, f'/proc/self/fd/{fd}'.encode(), at_fdcwd, path.encode(), follow) != 0:
        raise OSError(ctypes.get_errno(), 'linkat')


def is_stale(root, handle):
    try:
        os.close(open_by_handle(root, handle))
    except OSError as error:
        equal(error.errno, errno.ESTALE)
        return True
    return False


def inode(path):
    return os.lstat(path).st_ino


def links(path):
    return os.lstat(path).st_nlink


@case
def making_what_is_there_is_refused(_):
    write('f')
    for make in (lambda p: os.open(p, os.O_CREAT | os.O_EXCL), os.mkdir, os.mkfifo,
                 lambda p: os.symlink('x', p), lambda p: os.link('f', p)):
        fails(errno.EEXIST, make, 'f')


@case
def wrong_kinds_are_told_apart(_):
    write('f')
    os.mkdir('d')
    fails(errno.EISDIR, os.unlink, 'd')
    fails(errno.ENOTDIR, os.rmdir, 'f')
    fails(errno.ENOTDIR, os.stat, 'f/x')
    fails(errno.ENOENT, os.unlink, 'absent')
    fails(errno.ENOENT, os.rmdir, 'absent')
    fails(errno.ENOENT, os.rename, 'absent', 'x')
    fails(errno.EPERM, os.link, 'd', 'e')
    fails(errno.EISDIR, os.rename, 'f', 'd')
    fails(errno.ENOTDIR, os.rename, 'd', 'f')
    fails(errno.EINVAL, os.rmdir, 'd/.')
    fails(errno.ENOTEMPTY, os.rmdir, 'd/..')
    fails(errno.EINVAL, os.readlink, 'f')


@case
def directories_that_hold_something_stay(_):
    os.makedirs('a/b')
    fails(errno.ENOTEMPTY, os.rmdir, 'a')
    os.mkdir('c')
    fails(errno.ENOTEMPTY, os.rename, 'c', 'a')
    os.rename('a', 'c')
    equal(os.listdir('c'), ['b'])


@case
def a_directory_cannot_go_below_itself(_):
    os.makedirs('a/b/c')
    fails(errno.EINVAL, os.rename, 'a', 'a/b/c/d')
    fails(errno.EINVAL, os.rename, 'a', 'a/b')
    fails(errno.ENOTEMPTY, os.rename, 'a/b/c', 'a')


@case
def long_names(_):
    os.mkdir('x' * 255)
    fails(errno.ENAMETOOLONG, os.mkdir, 'x' * 256)
    fails(errno.ENAMETOOLONG, os.stat, 'y' * 256)
    fails(errno.ENAMETOOLONG, os.rename, 'x' * 255, 'z' * 256)
    fails(errno.ENAMETOOLONG, os.symlink, 't' * 4096, 'l')
    os.symlink('t' * 4095, 'l')
    equal(os.readlink('l'), 't' * 4095)
    equal(os.lstat('l').st_size, 4095)


@case
def hostile_names(_):
    names = [b'new\nline', b'\xff\xfe', b' ', b'-rf', b'a"b\\c', b'\x1b[31m', '名前'.encode()]
    for name in names:
        write(name, name)
    equal(sorted(os.listdir(b'.')), sorted(names))
    for name in names:
        equal(read(name), name)
        os.unlink(name)


@case
def links_count(_):
    write('a', b'x')
    os.link('a', 'b')
    equal((links('a'), links('b'), inode('a') == inode('b')), (2, 2, True))
    write('b', b'changed')
    equal(read('a'), b'changed')
    os.unlink('a')
    equal(links('b'), 1)
    os.mkdir('d')
    equal(links('d'), 2)
    os.mkdir('d/e')
    equal(links('d'), 3)
    os.mkdir('o')
    os.rename('d/e', 'o/e')
    equal((links('d'), links('o')), (2, 3))
    os.rmdir('o/e')
    equal(links('o'), 2)
    os.symlink('nowhere', 's')
    os.link('s', 't', follow_symlinks=False)
    equal((links('s'), os.readlink('t')), (2, 'nowhere'))


@case
def rename_replaces_and_keeps_the_open_file(_):
    write('a', b'old')
    write('b', b'new')
    fd = os.open('a', os.O_RDONLY)
    os.rename('b', 'a')
    equal((os.read(fd, 9), read('a'), os.listdir('.')), (b'old', b'new', ['a']))
    equal(os.fstat(fd).st_nlink, 0)


@case
def rename_of_two_links_to_one_file_does_nothing(_):
    write('a', b'x')
    os.link('a', 'b')
    os.rename('a', 'b')
    equal(sorted(os.listdir('.')), ['a', 'b'])
    os.rename('a', 'a')
    equal(links('a'), 2)


@case
def rename_without_replacing(_):
    write('a', b'a')
    write('b', b'b')
    fails(errno.EEXIST, renameat2, 'a', 'b', NOREPLACE)
    renameat2('a', 'c', NOREPLACE)
    equal((read('c'), sorted(os.listdir('.'))), (b'a', ['b', 'c']))


@case
def rename_that_exchanges(_):
    write('f', b'file')
    os.makedirs('d/e')
    renameat2('f', 'd', EXCHANGE)
    equal((read('d'), os.listdir('f')), (b'file', ['e']))
    write('f/e/g', b'inner')
    renameat2('d', 'f/e/g', EXCHANGE)
    equal((read('d'), read('f/e/g')), (b'inner', b'file'))
    fails(errno.ENOENT, renameat2, 'd', 'absent', EXCHANGE)
    fails(errno.EINVAL, renameat2, 'f', 'f/e', EXCHANGE)
    fails(errno.EINVAL, renameat2, 'd', 'f', EXCHANGE | NOREPLACE)
    os.mkdir('h')
    write('h/file')
    renameat2('h/file', 'f/e', EXCHANGE)
    equal((links('h'), links('f')), (3, 2))


@case
def rename_that_leaves_a_whiteout(_):
    write('f', b'x')
    write('g', b'y')
    os.makedirs('d/e')
    renameat2('f', 'g', WHITEOUT)
    equal(read('g'), b'x')
    for old, new in (('d/e', 'h'), ('g', 'd/i')):
        renameat2(old, new, WHITEOUT)
        st = os.lstat(old)
        equal((stat.S_ISCHR(st.st_mode), st.st_rdev), (True, 0), old)
    equal(sorted(os.listdir('d')), ['e', 'i'])
    equal((links('d'), links('.')), (2, 4))
    fails(errno.EINVAL, renameat2, 'd/i', 'h', WHITEOUT | EXCHANGE)


@case
def overlays_can_have_it_as_upper_layer(_):
    if subprocess.run('modprobe overlay || grep -w overlay /proc/filesystems', shell=True,
                      capture_output=True).returncode != 0:
        raise Skip('this kernel has no overlayfs')
    for name in ('lower/d', 'upper', 'work', 'merged'):
        os.makedirs(name)
    write('lower/f', b'below')
    write('lower/d/g', b'below too')
    sh('mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged')
    try:
        equal(read('merged/f'), b'below')
        write('merged/f', b'above')
        os.unlink('merged/d/g')
        os.rename('merged/f', 'merged/h')
        os.mkdir('merged/e')
        equal(sorted(os.listdir('merged')), ['d', 'e', 'h'])
        equal(os.listdir('merged/d'), [])
    finally:
        sh('umount merged')
    equal(read('upper/h'), b'above')
    equal(stat.S_ISCHR(os.lstat('upper/f').st_mode), True)
    equal(read('lower/f'), b'below')


@case
def files_without_a_name(_):
    os.mkdir('d')
    fd = os.open('d', os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b'hidden')
    equal((os.fstat(fd).st_nlink, os.fstat(fd).st_mode & 0o777, os.listdir('d')), (0, 0o640, []))
    link_open_file(fd, 'd/shown')
    equal((os.fstat(fd).st_nlink, read('d/shown')), (1, b'hidden'))
    os.close(fd)
    equal(read('d/shown'), b'hidden')
    fd = os.open('.', os.O_TMPFILE | os.O_RDWR | os.O_EXCL)
    fails(errno.ENOENT, link_open_file, fd, 'never')


@case
def handles_find_files_again(_):
    write('f', b'x')
    os.makedirs('d/e')
    handles = {path: name_to_handle(path) for path in ('f', 'd', 'd/e')}
    root = os.open('.', os.O_RDONLY)
    sh('sync -f .; echo 2 >/proc/sys/vm/drop_caches')
    fd = open_by_handle(root, handles['f'])
    equal(os.read(fd, 9), b'x')
    fd = open_by_handle(root, handles['d/e'])
    equal(os.stat('..', dir_fd=fd).st_ino, inode('d'))
    os.unlink('f')
    os.close(open_by_handle(root, handles['d']))
    os.close(fd)
    sh('sync -f .; echo 2 >/proc/sys/vm/drop_caches')
    for _ in range(20):
        write('g')  # may use again what f was kept in
        os.unlink('g')


@case
def handles_of_what_is_gone_are_stale(_):
    write('f', b'x')
    handle = name_to_handle('f')
    root = os.open('.', os.O_RDONLY)
    os.unlink('f')
    wait_until(lambda: is_stale(root, handle))
    write('g')
    equal(is_stale(root, handle), True)


@case
def open_directories_that_were_removed(_):
    os.mkdir('d')
    fd = os.open('d', os.O_RDONLY)
    os.rmdir('d')
    equal(os.listdir(fd), [])
    fails(errno.ENOENT, os.open, 'x', os.O_CREAT, dir_fd=fd)
    fails(errno.ENOENT, os.mkdir, 'x', dir_fd=fd)
    equal(os.fstat(fd).st_nlink, 0)


@case
def dot_dot_after_a_move(_):
    os.makedirs('a/b')
    os.mkdir('c')
    fd = os.open('a/b', os.O_RDONLY)
    os.rename('a/b', 'c/b')
    equal(os.stat('..', dir_fd=fd).st_ino, inode('c'))


@case
def special_files(_):
    os.mkfifo('p')
    os.mknod('c', stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod('b', stat.S_IFBLK | 0o600, os.makedev(7, 0))
    os.mknod('r', stat.S_IFREG | 0o644)
    os.symlink('nowhere', 'l')
    server = socket.socket(socket.AF_UNIX)
    server.bind('s')
    server.listen(1)
    client = socket.socket(socket.AF_UNIX)
    client.connect('s')
    kinds = [stat.S_IFMT(os.lstat(p).st_mode) for p in 'pcbrls']
    equal(kinds, [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFREG, stat.S_IFLNK,
                  stat.S_IFSOCK])
    equal(os.lstat('c').st_rdev, os.makedev(1, 3))
    fd = os.open('p', os.O_RDWR)
    os.write(fd, b'through')
    equal(os.read(fd, 9), b'through')


@case
def symlinks(_):
    os.symlink('loop', 'loop')
    fails(errno.ELOOP, os.stat, 'loop')
    fails(errno.ELOOP, os.open, 'loop', os.O_RDONLY)
    os.symlink('f', 'l')
    fails(errno.ENOENT, os.stat, 'l')
    fails(errno.EEXIST, os.open, 'l', os.O_CREAT | os.O_EXCL)
    write('l', b'made through the link')
    equal(read('f'), b'made through the link')
    fails(errno.ELOOP, os.open, 'l', os.O_RDONLY | os.O_NOFOLLOW)
    fails(errno.ENOENT, os.symlink, '', 'empty')
    equal(os.lstat('l').st_size, 1)


@case
def absent_names_appear_when_made(_):
    for make in (write, os.mkdir, os.mkfifo, lambda p: os.symlink('x', p)):
        equal(os.path.lexists('n'), False)
        make('n')
        equal(os.path.lexists('n'), True)
        os.rmdir('n') if os.path.isdir('n') and not os.path.islink('n') else os.unlink('n')
        equal(os.path.lexists('n'), False)


@case
def big_directory_lists_each_once(_):
    names = {f'name{i}' for i in range(5000)}
    for name in names:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    listed = os.listdir('.')
    equal((len(listed), set(listed)), (5000, names))
    for name in names:
        os.unlink(name)
    equal(os.listdir('.'), [])


@case
def listing_while_names_come_and_go(_):
    kept = {f'kept{i}' for i in range(1000)}
    for name in kept:
        write(name)
        write(name + '.gone')
    seen = []
    with os.scandir('.') as entries:
        for number, entry in enumerate(entries):
            seen.append(entry.name)
            if number % 10 == 0:
                write(f'new{number}')
            if os.path.exists(f'kept{number}.gone'):
                os.unlink(f'kept{number}.gone')
    equal(len(seen), len(set(seen)), 'names listed twice')
    equal(kept - set(seen), set(), 'names not listed')


@case
def removing_while_listing(_):
    for i in range(3000):
        write(f'f{i}')
    with os.scandir('.') as entries:
        for entry in entries:
            os.unlink(entry.name)
    equal(os.listdir('.'), [])


@case
def types_and_inodes_in_listings(_):
    os.mkdir('d')
    write('f')
    os.symlink('f', 'l')
    os.mkfifo('p')
    with os.scandir('.') as entries:
        for entry in entries:
            equal(entry.inode(), inode(entry.name), entry.name)
            equal(entry.is_dir(follow_symlinks=False), entry.name == 'd')
            equal(entry.is_symlink(), entry.name == 'l')


@case
def a_rewound_directory_shows_what_is_new(_):
    libc.opendir.restype = libc.readdir64.restype = ctypes.c_void_p
    libc.readdir64.argtypes = libc.rewinddir.argtypes = (ctypes.c_void_p,)
    libc.telldir.argtypes = (ctypes.c_void_p,)
    libc.telldir.restype = ctypes.c_long
    libc.seekdir.argtypes = (ctypes.c_void_p, ctypes.c_long)

    def names():
        found = []
        while entry := libc.readdir64(stream):
            found.append(ctypes.string_at(entry + 19))
        return found

    for i in range(100):
        write(f'f{i}')
    stream = libc.opendir(b'.')
    first = names()
    equal(len(first), 102)
    write('more')
    libc.rewinddir(stream)
    equal(sorted(names()), sorted(first + [b'more']))
    libc.rewinddir(stream)
    for _ in range(50):
        libc.readdir64(stream)
    place = libc.telldir(stream)
    rest = names()
    libc.seekdir(stream, place)
    equal(names(), rest)
