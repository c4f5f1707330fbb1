# SPDX-License-Identifier: GPL-2.0-or-later
"""size= and nr_inodes=: what does not fit is refused, at once, and harms nothing."""
import errno
import os

from harness import case, equal, fails, fallocate, other_mount, read, wait_until, write


@case
def a_full_filesystem_says_so(target):
    with other_mount(target, 'size=1m') as path:
        fd = os.open(f'{path}/f', os.O_WRONLY | os.O_CREAT)

        def fill():
            for _ in range(40):
                os.write(fd, b'x' * 65536)
            os.fsync(fd)  # where writes are gathered, this one tells
        fails(errno.ENOSPC, fill)
        try:
            os.close(fd)
        except OSError as error:
            equal(error.errno, errno.ENOSPC)
        data = read(f'{path}/f')
        equal(data[:900_000].strip(b'x'), b'')
        os.unlink(f'{path}/f')
        write(f'{path}/g', b'y' * 900_000)
        equal(read(f'{path}/g') == b'y' * 900_000, True)


@case
def preallocation_that_does_not_fit(target):
    with other_mount(target, 'size=1m') as path:
        fd = os.open(f'{path}/f', os.O_WRONLY | os.O_CREAT)
        fails(errno.ENOSPC, fallocate, fd, 0, 0, 2 << 20)
        equal(os.fstat(fd).st_size, 0)
        fallocate(fd, 0, 0, 1 << 19)
        os.ftruncate(fd, 1 << 40)
        os.close(fd)
        os.unlink(f'{path}/f')
        # The kernel tells a FUSE filesystem afterwards that it has let a file go.
        wait_until(lambda: os.statvfs(path).f_bfree == os.statvfs(path).f_blocks)


@case
def no_more_files_than_inodes(target):
    with other_mount(target, 'nr_inodes=20') as path:
        made = 0

        def fill():
            nonlocal made
            for number in range(30):
                write(f'{path}/f{number}', b'x')
                made += 1
        fails(errno.ENOSPC, fill)
        equal(len(os.listdir(path)), made)
        fails(errno.ENOSPC, os.mkdir, f'{path}/d')
        fails(errno.ENOSPC, os.symlink, 'x', f'{path}/s')
        equal(os.statvfs(path).f_ffree, 0)
        equal(read(f'{path}/f0'), b'x')
        os.unlink(f'{path}/f0')
        wait_until(lambda: os.statvfs(path).f_ffree > 0)
        os.mkdir(f'{path}/d')


@case
def the_root_is_as_asked(target):
    with other_mount(target, 'mode=0750,uid=12,gid=34') as path:
        st = os.stat(path)
        equal((oct(st.st_mode), st.st_uid, st.st_gid), (oct(0o40750), 12, 34))


@case
def a_read_only_mount(target):
    with other_mount(target, 'ro') as path:
        fails(errno.EROFS, os.mkdir, f'{path}/d')
        fails(errno.EROFS, os.chmod, path, 0o700)
        equal(os.listdir(path), [])


@case
def size_in_units(target):
    for text, size in (('1m', 1 << 20), ('2097152', 2 << 20), ('512k', 1 << 19)):
        with other_mount(target, f'size={text}') as path:
            fs = os.statvfs(path)
            equal(fs.f_blocks * fs.f_frsize, size, text)
