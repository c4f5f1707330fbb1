# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: the kernel decides, by the attributes that the filesystem gives."""
import errno
import mmap
import os

from harness import NET_RAW, as_user, case, equal, fails, read, write

ALICE, BOB = 2001, 2002


@case
def modes_keep_others_out(_):
    write('f', b'secret')
    os.chmod('f', 0o640)
    os.chown('f', ALICE, 77)
    os.mkdir('d', 0o700)
    write('d/g')

    def stranger():
        fails(errno.EACCES, os.open, 'f', os.O_RDONLY)
        fails(errno.EACCES, os.stat, 'd/g')
        fails(errno.EACCES, os.listdir, 'd')
        fails(errno.EPERM, os.chmod, 'f', 0o666)
        fails(errno.EPERM, os.chown, 'f', BOB, -1)
        fails(errno.EPERM, os.utime, 'f', (1, 1))
        fails(errno.EACCES, os.truncate, 'f', 0)
    as_user(BOB, BOB, stranger)

    def member():
        equal(read('f'), b'secret')
        fails(errno.EACCES, os.open, 'f', os.O_WRONLY)
    as_user(BOB, BOB, member, groups=(77,))

    def owner():
        write('f', b'mine')
        os.chmod('f', 0)
        fails(errno.EACCES, os.open, 'f', os.O_RDONLY)
        os.chmod('f', 0o600)
        fails(errno.EPERM, os.chown, 'f', BOB, -1)
        fails(errno.EPERM, os.chown, 'f', -1, 78)
    as_user(ALICE, ALICE, owner)


@case
def directories_that_are_not_writable(_):
    os.mkdir('d', 0o755)
    write('d/f')

    def stranger():
        fails(errno.EACCES, os.open, 'd/new', os.O_CREAT)
        fails(errno.EACCES, os.mkdir, 'd/new')
        fails(errno.EACCES, os.unlink, 'd/f')
        fails(errno.EACCES, os.rename, 'd/f', 'd/g')
        fails(errno.EACCES, os.symlink, 'x', 'd/new')
        fails(errno.EPERM, os.link, 'd/f', 'here')  # protected_hardlinks: it is not writable
    as_user(BOB, BOB, stranger)


@case
def sticky_directories(_):
    os.mkdir('d')
    os.chmod('d', 0o1777)
    as_user(ALICE, ALICE, write, 'd/f')

    def stranger():
        fails(errno.EPERM, os.unlink, 'd/f')
        fails(errno.EPERM, os.rename, 'd/f', 'd/g')
        write('d/mine')
        fails(errno.EPERM, os.rename, 'd/mine', 'd/f')
    as_user(BOB, BOB, stranger)
    as_user(ALICE, ALICE, os.unlink, 'd/f')


@case
def writing_takes_set_id_bits_away(_):
    def prepared(path):
        write(path, b'x' * 100)
        os.chown(path, ALICE, ALICE)
        os.chmod(path, 0o6777)

    def mode(path):
        return os.stat(path).st_mode & 0o7777

    for path in 'abc':
        prepared(path)

    def stranger():
        fd = os.open('a', os.O_WRONLY)
        os.write(fd, b'y')
        os.close(fd)
        os.truncate('b', 1)
        os.close(os.open('c', os.O_WRONLY | os.O_TRUNC))
    as_user(BOB, BOB, stranger)
    equal([oct(mode(p)) for p in 'abc'], [oct(0o777)] * 3)


@case
def writing_takes_capabilities_away(_):
    """Whoever writes: root, too, does not keep what a program was trusted with before."""
    def opened(flags, change):
        fd = os.open('f', flags)
        change(fd)
        os.close(fd)

    changes = {
        'write': lambda: opened(os.O_WRONLY, lambda fd: os.write(fd, b'y')),
        'append': lambda: opened(os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b'y')),
        'truncate': lambda: os.truncate('f', 1),
        'O_TRUNC': lambda: opened(os.O_WRONLY | os.O_TRUNC, lambda fd: None),
        'fallocate': lambda: opened(os.O_WRONLY, lambda fd: os.posix_fallocate(fd, 0, 100)),
        'copy': lambda: opened(os.O_WRONLY, lambda fd: os.copy_file_range(source, fd, 5)),
        'chown': lambda: os.chown('f', ALICE, ALICE),
    }
    write('source', b'hello')
    source = os.open('source', os.O_RDONLY)
    write('f', b'xyz')
    for name, change in changes.items():
        os.setxattr('f', 'security.capability', NET_RAW)
        os.lseek(source, 0, os.SEEK_SET)
        change()
        equal(os.listxattr('f'), [], f'after {name}')


@case
def what_does_not_write_leaves_capabilities(_):
    write('f', b'xyz')
    fd = os.open('f', os.O_RDWR)
    memory = mmap.mmap(fd, 3)
    memory[0] = 0x41
    os.setxattr('f', 'security.capability', NET_RAW)
    os.fsync(fd)
    memory.close()
    os.close(fd)
    os.chmod('f', 0o700)
    os.utime('f', (1, 1))
    os.rename('f', 'g')
    equal(read('g'), b'Ayz')
    equal(os.getxattr('g', 'security.capability'), NET_RAW)


@case
def chmod_by_a_stranger_to_the_group_drops_setgid(_):
    write('f')
    os.chown('f', ALICE, 77)
    as_user(ALICE, ALICE, os.chmod, 'f', 0o2755)
    equal(os.stat('f').st_mode & 0o7777, 0o755)
    as_user(ALICE, 77, os.chmod, 'f', 0o2755)
    equal(os.stat('f').st_mode & 0o7777, 0o2755)


@case
def access_is_what_the_modes_say(_):
    write('f')
    os.chmod('f', 0o504)
    os.chown('f', ALICE, 77)

    def allowed():
        return ''.join(l if os.access('f', m) else '-'
                       for l, m in (('r', os.R_OK), ('w', os.W_OK), ('x', os.X_OK)))
    as_user(ALICE, ALICE, lambda: equal(allowed(), 'r-x'))
    as_user(BOB, 77, lambda: equal(allowed(), '---'))
    as_user(BOB, BOB, lambda: equal(allowed(), 'r--'))
