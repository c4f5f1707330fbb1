# SPDX-License-Identifier: GPL-2.0-or-later
"""What chattr(1) sets: immutable, append-only and others."""
import errno
import fcntl
import os
import struct

from harness import NET_RAW, NOBODY, as_user, case, case_on, equal, fails, read, renameat2, write

GETFLAGS, SETFLAGS, FSGETXATTR = 0x80086601, 0x40086602, 0x801c581f
IMMUTABLE, APPEND, NODUMP, NOATIME = 0x10, 0x20, 0x40, 0x80


def get_flags(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return struct.unpack('i', fcntl.ioctl(fd, GETFLAGS, bytes(4)))[0]
    finally:
        os.close(fd)


def set_flags(path, flags):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SETFLAGS, struct.pack('i', flags))
    finally:
        os.close(fd)


class flagged:
    """with flagged('f', IMMUTABLE): and free of it after."""

    def __init__(self, path, flags):
        self.path, self.flags = path, flags

    def __enter__(self):
        set_flags(self.path, self.flags)
        equal(get_flags(self.path) & (IMMUTABLE | APPEND), self.flags)

    def __exit__(self, *_):
        set_flags(self.path, 0)


@case
def flags_come_back(_):
    write('f')
    os.mkdir('d')
    for path in 'fd':
        equal(get_flags(path), 0)
        for flags in (NODUMP, NOATIME, NODUMP | NOATIME, 0):
            set_flags(path, flags)
            equal(get_flags(path), flags)
    fd = os.open('f', os.O_RDONLY)
    set_flags('f', NODUMP)
    equal(struct.unpack_from('I', fcntl.ioctl(fd, FSGETXATTR, bytes(28)))[0], 0x80)
    fails(errno.EOPNOTSUPP, set_flags, 'f', 0x40000000)
    fails(errno.ENOTTY, fcntl.ioctl, fd, 0x5401, bytes(60))
    os.chmod('f', 0o666)
    as_user(2001, 2001, fails, errno.EPERM, set_flags, 'f', IMMUTABLE)


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def an_immutable_file_cannot_be_changed(_):
    write('f', b'x')
    with flagged('f', IMMUTABLE):
        fails(errno.EPERM, os.open, 'f', os.O_WRONLY)
        fails(errno.EPERM, os.open, 'f', os.O_RDWR | os.O_APPEND)
        fails(errno.EPERM, os.truncate, 'f', 0)
        fails(errno.EPERM, os.chmod, 'f', 0o600)
        fails(errno.EPERM, os.chown, 'f', 1, 1)
        fails(errno.EPERM, os.utime, 'f', (1, 1))
        fails(errno.EPERM, os.unlink, 'f')
        fails(errno.EPERM, os.rename, 'f', 'g')
        fails(errno.EPERM, os.link, 'f', 'g')
        fails(errno.EPERM, os.setxattr, 'f', 'user.a', b'x')
        write('other')
        fails(errno.EPERM, os.rename, 'other', 'f')
        fails(errno.EPERM, renameat2, 'other', 'f', 2)
        equal(open('f', 'rb').read(), b'x')
    os.unlink('f')


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def an_append_only_file_only_grows(_):
    write('f', b'x')
    with flagged('f', APPEND):
        fails(errno.EPERM, os.open, 'f', os.O_WRONLY)
        fails(errno.EPERM, os.open, 'f', os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
        fails(errno.EPERM, os.truncate, 'f', 0)
        fails(errno.EPERM, os.unlink, 'f')
        fails(errno.EPERM, os.chmod, 'f', 0o600)
        fd = os.open('f', os.O_WRONLY | os.O_APPEND)
        os.write(fd, b'y')
        os.fsync(fd)
        os.close(fd)
        equal(open('f', 'rb').read(), b'xy')


def append(path):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b'y')
    os.fsync(fd)
    os.close(fd)


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def appending_takes_set_id_bits_away(_):
    """Though chmod(2) could not: they go with a write, which was allowed."""
    write('f', b'x')
    os.chmod('f', 0o6777)
    with flagged('f', APPEND):
        as_user(NOBODY, NOBODY, append, 'f')
        equal(read('f'), b'xy')
        equal(os.stat('f').st_mode & 0o7777, 0o777)
        fails(errno.EPERM, os.chmod, 'f', 0o700)


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def appending_takes_capabilities_away(_):
    write('f', b'x')
    os.chmod('f', 0o777)
    os.setxattr('f', 'security.capability', NET_RAW)
    with flagged('f', APPEND):
        equal(os.getxattr('f', 'security.capability'), NET_RAW)
        append('f')
        equal(read('f'), b'xy')
        equal(os.listxattr('f'), [])
        fails(errno.EPERM, os.setxattr, 'f', 'user.a', b'x')
        fails(errno.EPERM, os.setxattr, 'f', 'security.capability', NET_RAW)


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def an_open_file_made_immutable_is_written_as_any_other(_):
    write('f', b'x')
    os.chmod('f', 0o6777)
    fd = os.open('f', os.O_WRONLY)

    def rewrite():
        os.write(fd, b'y')
        os.fsync(fd)

    with flagged('f', IMMUTABLE):
        as_user(NOBODY, NOBODY, rewrite)
        equal(read('f'), b'y')
        equal(os.stat('f').st_mode & 0o7777, 0o777)


@case_on(lambda target: 'no_open' not in target.options)  # which refuses these two
def directories_that_are_immutable_or_append_only(_):
    os.mkdir('d')
    write('d/f')
    with flagged('d', IMMUTABLE):
        fails(errno.EPERM, os.open, 'd/g', os.O_CREAT)
        fails(errno.EPERM, os.mkdir, 'd/e')
        fails(errno.EPERM, os.unlink, 'd/f')
        fails(errno.EPERM, os.rename, 'd/f', 'f')
        fails(errno.EPERM, os.rmdir, 'd')
        write('d/f', b'its files may change')
    with flagged('d', APPEND):
        write('d/g')
        os.mkdir('d/e')
        fails(errno.EPERM, os.unlink, 'd/g')
        fails(errno.EPERM, os.rmdir, 'd/e')
        fails(errno.EPERM, os.rename, 'd/g', 'd/h')
