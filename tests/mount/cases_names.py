# SPDX-License-Identifier: GPL-2.0-or-later
"""Names: making, linking, renaming, removing, listing."""
import errno
import os
import socket
import stat

from harness import EXCHANGE, NOREPLACE, case, equal, fails, read, renameat2, write


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
    import ctypes

    libc = ctypes.CDLL(None)
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
