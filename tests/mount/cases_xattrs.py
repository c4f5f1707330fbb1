# SPDX-License-Identifier: GPL-2.0-or-later
"""Extended attributes, and access control lists among them."""
import errno
import os
import struct

from harness import as_user, case, equal, fails, in_child, other_mount, read, write

ALICE, BOB = 2001, 2002
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = 'system.posix_acl_access', 'system.posix_acl_default'
CREATE, REPLACE = os.XATTR_CREATE, os.XATTR_REPLACE


def acl(*entries):
    """(tag, permissions) or (tag, permissions, id) as linux/posix_acl_xattr.h has them."""
    packed = [struct.pack('<HHI', e[0], e[1], e[2] if len(e) > 2 else 0xffffffff) for e in entries]
    return struct.pack('<I', 2) + b''.join(packed)


def entries(path, name=ACCESS):
    value = os.getxattr(path, name)
    found = [struct.unpack_from('<HHI', value, at) for at in range(4, len(value), 8)]
    return [(tag, bits) if who == 0xffffffff else (tag, bits, who) for tag, bits, who in found]


def mode(path):
    return os.stat(path).st_mode & 0o7777


@case
def values_come_back(_):
    write('f')
    os.mkdir('d')
    for path in 'fd':
        for name in ('user.a', 'user.' + 'n' * 250, 'trusted.b', 'security.c'):
            for value in (b'', b'x', bytes(range(256)), os.urandom(60000)):
                os.setxattr(path, name, value)
                equal(os.getxattr(path, name), value, name)
        equal(set(os.listxattr(path)) >= {'user.a', 'user.' + 'n' * 250, 'trusted.b', 'security.c'},
              True)
        for name in os.listxattr(path):
            os.removexattr(path, name)
        equal(os.listxattr(path), [])


@case
def flags_and_errors(_):
    write('f')
    fails(errno.ENODATA, os.getxattr, 'f', 'user.a')
    fails(errno.ENODATA, os.removexattr, 'f', 'user.a')
    fails(errno.ENODATA, os.setxattr, 'f', 'user.a', b'x', REPLACE)
    os.setxattr('f', 'user.a', b'x', CREATE)
    fails(errno.EEXIST, os.setxattr, 'f', 'user.a', b'y', CREATE)
    os.setxattr('f', 'user.a', b'y', REPLACE)
    equal(os.getxattr('f', 'user.a'), b'y')
    fails(errno.EOPNOTSUPP, os.setxattr, 'f', 'nonsense', b'x')
    fails(errno.EOPNOTSUPP, os.getxattr, 'f', 'nonsense.a')
    fails(errno.EOPNOTSUPP, os.setxattr, 'f', 'system.a', b'x')
    fails(errno.ERANGE, os.setxattr, 'f', 'user.' + 'n' * 251, b'x')
    fails(errno.E2BIG, os.setxattr, 'f', 'user.a', bytes(65537))
    fails(errno.ENOENT, os.getxattr, 'absent', 'user.a')


@case
def sizes_are_asked_first(_):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    write('f')
    os.setxattr('f', 'user.a', b'12345')
    equal(libc.getxattr(b'f', b'user.a', None, 0), 5)
    buffer = ctypes.create_string_buffer(5)
    equal(libc.getxattr(b'f', b'user.a', buffer, 4), -1)
    equal(ctypes.get_errno(), errno.ERANGE)
    equal(libc.listxattr(b'f', None, 0) >= 7, True)
    equal(libc.listxattr(b'f', buffer, 5), -1)
    equal(ctypes.get_errno(), errno.ERANGE)


@case
def only_files_and_directories_have_users_attributes(_):
    os.symlink('x', 'l')
    os.mkfifo('p')
    fails(errno.EPERM, os.setxattr, 'l', 'user.a', b'x', follow_symlinks=False)
    fails(errno.EPERM, os.setxattr, 'p', 'user.a', b'x')
    os.setxattr('l', 'trusted.a', b'x', follow_symlinks=False)
    equal(os.getxattr('l', 'trusted.a', follow_symlinks=False), b'x')


@case
def who_may_see_and_set(_):
    write('f')
    os.chmod('f', 0o644)
    os.setxattr('f', 'user.a', b'x')
    os.setxattr('f', 'trusted.a', b'x')

    def stranger():
        equal([n for n in os.listxattr('f') if n != 'security.selinux'], ['user.a'])
        equal(os.getxattr('f', 'user.a'), b'x')
        fails(errno.EACCES, os.setxattr, 'f', 'user.a', b'y')
        fails(errno.ENODATA, os.getxattr, 'f', 'trusted.a')
        fails(errno.EPERM, os.setxattr, 'f', 'trusted.a', b'y')
    as_user(BOB, BOB, stranger)


@case
def they_stay_with_the_file_and_move_its_ctime(_):
    write('f')
    os.setxattr('f', 'user.a', b'x')
    os.rename('f', 'g')
    os.link('g', 'h')
    equal(os.getxattr('h', 'user.a'), b'x')
    os.utime('g', ns=(1, 2))
    import time
    before = os.stat('g')
    time.sleep(0.02)
    os.setxattr('g', 'user.b', b'y')
    after = os.stat('g')
    equal((after.st_mtime_ns, after.st_ctime_ns > before.st_ctime_ns), (2, True))


@case
def a_budget_bounds_them(target):
    with other_mount(target, 'nr_inodes=100') as path:
        write(f'{path}/f', b'x')

        def fill():
            for number in range(100):
                os.setxattr(f'{path}/f', f'user.a{number}', bytes(30000))
        fails(errno.ENOSPC, fill)
        number = len(os.listxattr(f'{path}/f'))
        assert 1 <= number <= 4, number
        os.removexattr(f'{path}/f', 'user.a0')
        os.setxattr(f'{path}/f', 'user.again', bytes(30000))
        os.unlink(f'{path}/f')


# --- access control lists -------------------------------------------------------

FULL = ((USER_OBJ, 6), (USER, 6, BOB), (GROUP_OBJ, 4), (MASK, 6), (OTHER, 0))


@case
def a_list_grants_what_the_mode_does_not(_):
    write('f', b'secret')
    os.chmod('f', 0o640)
    as_user(BOB, BOB, fails, errno.EACCES, read, 'f')
    os.setxattr('f', ACCESS, acl(*FULL))
    equal(entries('f'), list(FULL))
    equal(mode('f'), 0o660)  # the group bits show the mask
    as_user(BOB, BOB, lambda: (equal(read('f'), b'secret'), write('f', b'changed')))
    as_user(ALICE, ALICE, fails, errno.EACCES, read, 'f')
    os.removexattr('f', ACCESS)
    as_user(BOB, BOB, fails, errno.EACCES, read, 'f')


@case
def chmod_and_a_list_keep_in_step(_):
    write('f')
    os.setxattr('f', ACCESS, acl(*FULL))
    os.chmod('f', 0o600)
    equal(entries('f'), [(USER_OBJ, 6), (USER, 6, BOB), (GROUP_OBJ, 4), (MASK, 0), (OTHER, 0)])
    as_user(BOB, BOB, fails, errno.EACCES, read, 'f')
    os.chmod('f', 0o677)
    equal(entries('f'), [(USER_OBJ, 6), (USER, 6, BOB), (GROUP_OBJ, 4), (MASK, 7), (OTHER, 7)])
    equal(mode('f'), 0o677)


@case
def a_list_that_says_no_more_than_a_mode_is_one(_):
    write('f')
    os.setxattr('f', ACCESS, acl((USER_OBJ, 7), (GROUP_OBJ, 5), (OTHER, 1)))
    equal(mode('f'), 0o751)
    fails(errno.ENODATA, os.getxattr, 'f', ACCESS)


@case
def a_default_list_is_inherited(_):
    os.mkdir('d', 0o755)
    default = ((USER_OBJ, 7), (USER, 7, BOB), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 0))
    os.setxattr('d', DEFAULT, acl(*default))
    equal(mode('d'), 0o755)

    def make():
        os.umask(0o077)  # a default list is there: the umask has no say
        os.close(os.open('d/f', os.O_CREAT, 0o666))
        os.mkdir('d/e', 0o777)
        os.mkfifo('d/p', 0o640)
        os.symlink('x', 'd/l')
    in_child(make)
    equal(mode('d/f'), 0o660)
    equal(entries('d/f'), [(USER_OBJ, 6), (USER, 7, BOB), (GROUP_OBJ, 5), (MASK, 6), (OTHER, 0)])
    equal(entries('d/e', DEFAULT), list(default))
    equal(entries('d/e'), list(default))
    equal(entries('d/p'), [(USER_OBJ, 6), (USER, 7, BOB), (GROUP_OBJ, 5), (MASK, 4), (OTHER, 0)])
    fails(errno.ENODATA, os.getxattr, 'd/f', DEFAULT)
    os.mkdir('d/e/deeper')
    equal(entries('d/e/deeper', DEFAULT), list(default))
    os.removexattr('d', DEFAULT)
    os.close(os.open('d/g', os.O_CREAT, 0o666))
    equal(mode('d/g'), 0o644)


@case
def wrong_lists_are_refused(_):
    write('f')
    os.mkdir('d')
    fails(errno.EOPNOTSUPP, os.setxattr, 'f', ACCESS, b'nonsense')  # of another version
    fails(errno.EINVAL, os.setxattr, 'f', ACCESS, acl(*FULL)[:-1])
    fails(errno.EINVAL, os.setxattr, 'f', ACCESS, acl((USER_OBJ, 7)))
    fails(errno.EINVAL, os.setxattr, 'f', ACCESS,
          acl((USER_OBJ, 7), (USER, 7, BOB), (GROUP_OBJ, 5), (OTHER, 1)))  # no mask
    fails(errno.EACCES, os.setxattr, 'f', DEFAULT, acl(*FULL))
    as_user(BOB, BOB, fails, errno.EPERM, os.setxattr, 'f', ACCESS, acl(*FULL))


@case
def a_list_set_by_a_stranger_to_the_group_drops_setgid(_):
    write('f')
    os.chown('f', ALICE, 77)
    os.chmod('f', 0o2755)
    as_user(ALICE, ALICE, os.setxattr, 'f', ACCESS, acl(*FULL))
    equal(mode('f'), 0o660)
