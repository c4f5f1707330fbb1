# SPDX-License-Identifier: GPL-2.0-or-later
"""The bytes of files."""
import errno
import mmap
import os
import random

from harness import (KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, case, case_on, equal, fails, fallocate,
                     in_child, read, sh, write)

PAGE = 4096


@case
def appends_add_up(_):
    sh('for i in $(seq 300); do echo "$i" >>f; done')
    equal(read('f').split(), [b'%d' % i for i in range(1, 301)])


@case
def appends_of_many_processes_stay_whole(_):
    def append(letter):
        fd = os.open('f', os.O_WRONLY | os.O_APPEND)
        for _ in range(200):
            os.write(fd, letter * 37 + b'\n')

    write('f')
    children = []
    for letter in (b'a', b'b', b'c', b'd'):
        pid = os.fork()
        if pid == 0:
            append(letter)
            os._exit(0)
        children.append(pid)
    for pid in children:
        equal(os.waitpid(pid, 0)[1], 0)
    lines = read('f').splitlines()
    equal(len(lines), 800)
    equal({line for line in lines}, {letter * 37 for letter in (b'a', b'b', b'c', b'd')})


@case
def holes_read_as_zeros_and_take_nothing(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b'x', 10_000_000)
    equal(os.pread(fd, 3, 9_999_998), b'\0\0x')
    equal(os.fstat(fd).st_size, 10_000_001)
    os.fsync(fd)
    assert os.fstat(fd).st_blocks <= 64 * 2, os.fstat(fd).st_blocks
    os.ftruncate(fd, 1 << 50)
    equal(os.pread(fd, 10, 1 << 49), bytes(10))
    assert os.fstat(fd).st_blocks <= 64 * 2, os.fstat(fd).st_blocks


@case
def a_large_read_of_a_file_with_holes_is_not_short(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    for chunk in range(20):
        os.pwrite(fd, b'x', chunk << 16)
    equal(len(os.pread(fd, 1 << 20, 1)), 1 << 20)
    equal(os.pread(fd, 1 << 20, 0).count(b'x'), 16)


@case
def what_a_truncate_cut_off_does_not_come_back(_):
    for cut in (1, 100, PAGE - 1, PAGE, PAGE + 1, 65536, 65537, 100_000):
        fd = os.open('f', os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.write(fd, b'x' * 200_000)
        os.ftruncate(fd, cut)
        os.ftruncate(fd, 200_000)
        equal(os.pread(fd, 200_000, 0), b'x' * cut + bytes(200_000 - cut), f'cut at {cut}')
        os.ftruncate(fd, cut)
        os.pwrite(fd, b'y', 199_999)
        equal(os.pread(fd, 200_000, 0), b'x' * cut + bytes(199_999 - cut) + b'y')
        os.close(fd)


@case
def random_writes_as_a_byte_array_has_them(_):
    seed = random.randrange(1 << 30)
    print('seed', seed)
    source = random.Random(seed)
    model = bytearray()
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    for _ in range(1500):
        offset = source.randrange(1 << source.randrange(1, 20))
        action = source.random()
        if action < 0.6:
            data = source.randbytes(source.randrange(1, 1 << source.randrange(1, 17)))
            equal(os.pwrite(fd, data, offset), len(data))
            model.extend(bytes(max(0, offset + len(data) - len(model))))
            model[offset:offset + len(data)] = data
        elif action < 0.7:
            os.ftruncate(fd, offset)
            model = model[:offset] + bytes(max(0, offset - len(model)))
        else:
            size = source.randrange(1, 1 << 17)
            equal(os.pread(fd, size, offset), bytes(model[offset:offset + size]))
    os.close(fd)
    equal(read('f') == bytes(model), True, 'the whole file')


@case
def big_offsets(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    last = (1 << 63) - 1 - PAGE
    os.pwrite(fd, b'x', last)
    equal(os.fstat(fd).st_size, last + 1)
    equal(os.pread(fd, 1, last), b'x')
    fails(errno.EINVAL, os.ftruncate, fd, -1)


@case
def reads_and_writes_that_are_not_allowed(_):
    write('f', b'x')
    reader, writer = os.open('f', os.O_RDONLY), os.open('f', os.O_WRONLY)
    fails(errno.EBADF, os.write, reader, b'x')
    fails(errno.EBADF, os.read, writer, 1)
    fails(errno.EINVAL, os.ftruncate, reader, 0)
    fails(errno.EINVAL, os.pread, reader, 1, -1)
    os.mkdir('d')
    fails(errno.EISDIR, os.open, 'd', os.O_WRONLY)
    fails(errno.EISDIR, os.truncate, 'd', 0)
    fails(errno.EISDIR, os.read, os.open('d', os.O_RDONLY), 1)


def gathers_writes(target):
    return 'cache=always' in target.options


@case_on(lambda target: not gathers_writes(target))
def data_and_holes_are_found(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b'x' * PAGE, 1 << 20)
    os.ftruncate(fd, 4 << 20)
    os.fsync(fd)
    equal(os.lseek(fd, 0, os.SEEK_DATA), 1 << 20)
    equal(os.lseek(fd, (1 << 20) + 5, os.SEEK_DATA), (1 << 20) + 5)
    equal(os.lseek(fd, 0, os.SEEK_HOLE), 0)
    equal(os.lseek(fd, 1 << 20, os.SEEK_HOLE), (1 << 20) + PAGE)
    fails(errno.ENXIO, os.lseek, fd, 2 << 20, os.SEEK_DATA)
    fails(errno.ENXIO, os.lseek, fd, 4 << 20, os.SEEK_HOLE)
    fails(errno.ENXIO, os.lseek, fd, 5 << 20, os.SEEK_DATA)


@case_on(gathers_writes)
def all_is_data_where_the_kernel_does_not_tell_what_is_dirty(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 1 << 20)
    equal(os.lseek(fd, 5, os.SEEK_DATA), 5)
    equal(os.lseek(fd, 5, os.SEEK_HOLE), 1 << 20)
    fails(errno.ENXIO, os.lseek, fd, 1 << 20, os.SEEK_DATA)


@case
def data_just_written_is_no_hole(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 1 << 20)
    os.pwrite(fd, b'x' * PAGE, 8 * PAGE)
    assert os.lseek(fd, 0, os.SEEK_DATA) <= 8 * PAGE
    os.pwrite(fd, b'y' * PAGE, 2 << 20)
    assert os.lseek(fd, 9 * PAGE, os.SEEK_DATA) <= 2 << 20
    assert os.lseek(fd, 8 * PAGE, os.SEEK_HOLE) >= 9 * PAGE
    assert os.lseek(fd, 2 << 20, os.SEEK_HOLE) == (2 << 20) + PAGE
    sh('cp f g; cmp f g')


@case
def preallocation(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 100_000)
    equal(os.fstat(fd).st_size, 100_000)
    assert os.fstat(fd).st_blocks * 512 >= 100_000
    equal(os.pread(fd, 100_000, 0), bytes(100_000))
    fallocate(fd, KEEP_SIZE, 100_000, 900_000)
    equal(os.fstat(fd).st_size, 100_000)
    assert os.fstat(fd).st_blocks * 512 >= 1_000_000, os.fstat(fd).st_blocks
    fails(errno.EINVAL, fallocate, fd, 0, 0, 0)
    fails(errno.EFBIG, fallocate, fd, 0, (1 << 63) - 1, 1)
    fails(errno.EBADF, fallocate, os.open('f', os.O_RDONLY), 0, 0, 1)


@case
def punched_holes_read_as_zeros(target):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.write(fd, b'x' * 50 * PAGE)
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, PAGE + 100, 40 * PAGE)
    equal(os.pread(fd, 50 * PAGE, 0),
          b'x' * (PAGE + 100) + bytes(40 * PAGE) + b'x' * (9 * PAGE - 100))
    os.fsync(fd)
    assert os.fstat(fd).st_blocks * 512 <= 12 * PAGE, os.fstat(fd).st_blocks
    fails(errno.EOPNOTSUPP, fallocate, fd, PUNCH_HOLE, 0, PAGE)
    if target.is_memfs:  # tmpfs does not have this one
        fallocate(fd, ZERO_RANGE, 0, 60 * PAGE)
        equal(os.fstat(fd).st_size, 60 * PAGE)
        equal(os.pread(fd, 60 * PAGE, 0), bytes(60 * PAGE))


@case
def copies_inside_the_filesystem(_):
    data = os.urandom(3_000_000)
    write('a', data)
    source, target = os.open('a', os.O_RDONLY), os.open('b', os.O_RDWR | os.O_CREAT)
    done = 0
    while done < len(data):
        step = os.copy_file_range(source, target, len(data) - done)
        assert step > 0
        done += step
    equal(os.copy_file_range(source, target, 1), 0)
    equal(read('b') == data, True)
    os.copy_file_range(source, target, 10, 5, 1)
    equal(os.pread(target, 12, 0), data[:1] + data[5:15] + data[11:12])
    fails(errno.EBADF, os.copy_file_range, target, source, 10, 0, 0)


@case
def mapped_files_and_written_ones_are_the_same(_):
    write('f', bytes(3 * PAGE))
    fd = os.open('f', os.O_RDWR)
    shared = mmap.mmap(fd, 3 * PAGE)
    private = mmap.mmap(fd, 3 * PAGE, flags=mmap.MAP_PRIVATE)
    shared[PAGE - 2:PAGE + 2] = b'mmap'
    equal(os.pread(fd, 4, PAGE - 2), b'mmap')
    os.pwrite(fd, b'write', 2 * PAGE)
    equal(shared[2 * PAGE:2 * PAGE + 5], b'write')
    private[0:1] = b'p'
    equal(os.pread(fd, 1, 0), b'\0')
    shared.flush()
    shared.close()
    os.close(fd)
    equal(read('f')[PAGE - 2:PAGE + 2], b'mmap')


@case
def a_map_made_before_the_file_grows_sees_the_growth(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 10)
    pages = mmap.mmap(fd, 10)
    os.ftruncate(fd, PAGE)
    os.pwrite(fd, b'z', 5)
    equal(pages[5:6], b'z')


@case
def unlinked_file_keeps_its_bytes_while_open(_):
    write('f', b'hello')
    fd = os.open('f', os.O_RDWR)
    os.unlink('f')
    equal(os.pread(fd, 9, 0), b'hello')
    os.pwrite(fd, b'J', 0)
    os.ftruncate(fd, 3)
    equal(os.pread(fd, 9, 0), b'Jel')
    equal(os.fstat(fd).st_nlink, 0)
    equal(os.listdir('.'), [])


@case
def direct_io(_):
    fd = os.open('f', os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    pages = mmap.mmap(-1, 4 * PAGE)
    pages[:] = b'd' * 4 * PAGE
    equal(os.pwritev(fd, [pages], 0), 4 * PAGE)
    fd2 = os.open('f', os.O_RDWR)
    equal(os.pread(fd2, 5 * PAGE, 0), b'd' * 4 * PAGE)
    os.pwrite(fd2, b'cached', PAGE)
    equal(os.preadv(fd, [pages], 0), 4 * PAGE)
    equal(pages[PAGE:PAGE + 7], b'cachedd')


@case
def synchronous_files(_):
    fd = os.open('f', os.O_WRONLY | os.O_CREAT | os.O_SYNC)
    os.write(fd, b'abc')
    os.fsync(fd)
    os.fdatasync(fd)
    os.fsync(os.open('.', os.O_RDONLY))
    os.sync()
    equal(read('f'), b'abc')


@case
def files_are_always_ready(_):
    import select

    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLOUT)
    equal(poll.poll(0), [(fd, select.POLLIN | select.POLLOUT)])


@case
def files_have_no_blocks_on_a_device(target):
    import fcntl
    import struct

    fibmap = 1
    write('f', b'x' * 10_000)
    fd = os.open('f', os.O_RDONLY)
    if target.is_memfs:
        equal(struct.unpack('i', fcntl.ioctl(fd, fibmap, struct.pack('i', 0))), (0,))
    else:
        fails(errno.EINVAL, fcntl.ioctl, fd, fibmap, struct.pack('i', 0))


@case
def locks_exclude_other_processes(_):
    import fcntl

    write('f', b'x')
    with open('f', 'r+b') as mine:
        fcntl.lockf(mine, fcntl.LOCK_EX)

        def other():
            with open('f', 'r+b') as file:
                fails(errno.EAGAIN, fcntl.lockf, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        in_child(other)
        fcntl.lockf(mine, fcntl.LOCK_UN)
        fcntl.flock(mine, fcntl.LOCK_EX)

        def another():
            with open('f', 'r+b') as file:
                fails(errno.EAGAIN, fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        in_child(another)
