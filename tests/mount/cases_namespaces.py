# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounting without root, in namespaces, and what is said where that cannot work."""
import ctypes
import errno
import os
import re
import shutil
import struct
import subprocess

from harness import (IO_URING_SWITCH, NOBODY, Paths, Skip, as_user, case_on, equal, in_child, new_mount_namespace,
                     pages_in_memfs_case, read, sh, wait_until)

# What does not differ between cache modes.
once = case_on(lambda target: target.is_memfs and 'cache=always' in target.options)


class Place:
    """A directory of an ordinary user with a memfs that they may run, in a mount namespace of its
    own where /dev/fuse has mode 666, as udev sets it up (on some machines it is root's alone)."""

    def __init__(self, device='c 10 229'):
        self.home = os.path.join(Paths.work, f'home{Paths.tag()}')
        self.mountpoint = f'{self.home}/mnt'
        os.makedirs(self.mountpoint)
        os.chown(self.home, NOBODY, NOBODY)
        os.chown(self.mountpoint, NOBODY, NOBODY)
        os.chmod(Paths.work, 0o755)
        self.memfs = shutil.copy(Paths.memfs, self.home)  # where it was built may not be for them
        self.trace = shutil.copy(Paths.trace, self.home)
        new_mount_namespace()
        # /dev is a mount of its own, but perhaps not where this is all one directory; / is one,
        # but not in a chroot.
        sh(f'''mount --make-private /dev 2>/dev/null || mount --make-rprivate /
        mknod {self.home}/fuse {device}
        chmod 666 {self.home}/fuse
        mount --bind {self.home}/fuse /dev/fuse''')

    def run(self, *command, namespaces='', **keywords):
        """As the user, perhaps in new namespaces (flags of unshare(1)): what it said, and its status."""
        command = (['unshare', *namespaces.split()] if namespaces else []) + list(command)
        return subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], cwd='/', text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, **keywords)

    def script(self, text, namespaces):
        """A shell script that must succeed; $memfs, $trace and $mnt are what they say."""
        done = self.run('sh', '-euc', text, namespaces=namespaces,
                        env=os.environ | {'memfs': self.memfs, 'trace': self.trace,
                                          'mnt': self.mountpoint, 'home': self.home})
        equal(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, *arguments, words, namespaces='', **keywords):
        """It must fail with one line that has these words."""
        done = self.run(*(arguments or (self.memfs, '-o', 'notrace', self.mountpoint)),
                        namespaces=namespaces, **keywords)
        try:
            equal((done.returncode, done.stdout), (1, ''), done.stderr)
            equal(done.stderr.count('\n'), 1, done.stderr)
            for word in words:
                assert word in done.stderr, (word, done.stderr)
        finally:
            subprocess.run(['umount', '-l', self.mountpoint], stderr=subprocess.DEVNULL, check=False)


def needs_user_namespaces(place):
    done = place.run('mount', '-t', 'tmpfs', 'tmpfs', place.mountpoint, namespaces='-Urm')
    if done.returncode != 0:
        raise Skip(f'no user namespaces for ordinary users: {done.stderr.strip()}')


def needs_fuse_conf():
    if not os.path.exists('/etc/fuse.conf'):
        raise Skip('no /etc/fuse.conf that could be another one here')


def command_line(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as file:
            return file.read().split(b'\0')
    except (FileNotFoundError, ProcessLookupError):
        return []


def in_place(function, **keywords):
    """Calls it with a Place, in a process of its own. A case that is skipped says so here."""
    reasons, told = os.pipe()

    def inside():
        place = Place(**keywords)
        try:
            function(place)
        except Skip as skip:
            os.write(told, str(skip).encode())

    in_child(inside)
    os.close(told)
    with os.fdopen(reasons, 'rb') as pipe:
        reason = pipe.read().decode()
    if reason:
        raise Skip(reason)


@pages_in_memfs_case
def a_user_namespace_mounts_without_root(target):
    def mounts(place):
        needs_user_namespaces(place)
        said = place.script(f'''
            "$memfs" -f -o "{target.options},trace=$home/t" "$mnt" &
            until mountpoint -q "$mnt"; do kill -0 $!; sleep 0.02; done
            [ "$(stat -c %u:%g "$mnt")" = 0:0 ]
            echo hello >"$mnt/f"
            mkdir "$mnt/d"
            mv "$mnt/f" "$mnt/d/g"
            chmod 600 "$mnt/d/g"
            [ "$(cat "$mnt/d/g")" = hello ]
            [ "$(stat -c %u:%g:%a "$mnt/d/g")" = 0:0:600 ]
            findmnt -n -o FSTYPE "$mnt"
            umount "$mnt"
            wait $!
            "$trace" check "$home/t" >/dev/null
            "$trace" show -e rename "$home/t"''', '-Urm')
        assert 'fuse.memfs' in said and '"/d/g"' in said and ' mv/' in said, said
        equal(os.listdir(place.mountpoint), [], 'nothing of it outside')
    in_place(mounts)


@once
def in_ones_own_namespace_allow_other_needs_no_leave(target):
    """/etc/fuse.conf is for fusermount3, which has no part in it."""
    def mounts(place):
        needs_user_namespaces(place)
        sh('mount --bind /dev/null /etc/fuse.conf')
        place.script('''
            "$memfs" -o notrace,allow_other "$mnt"
            findmnt -n -o OPTIONS "$mnt" | grep allow_other
            umount "$mnt"''', '-Urm')

    needs_fuse_conf()
    in_place(mounts)


@pages_in_memfs_case
def the_mount_ends_with_its_namespace(target):
    """Where processes have a namespace, too, as in a container: its end is that of the daemon."""
    def daemons(place):
        return [pid for pid in filter(str.isdigit, os.listdir('/proc'))
                if os.fsencode(place.mountpoint) in command_line(pid)]

    def mounts(place):
        needs_user_namespaces(place)
        said = place.script(f'''
            "$memfs" -o "{target.options},trace=$home/t" "$mnt"
            echo hello >"$mnt/f"
            "$trace" show -e create "$mnt"''', '-Urmpf --mount-proc')
        assert 'create("/f"' in said, said
        wait_until(lambda: not daemons(place))
        equal(os.listdir(place.mountpoint), [])
        # It was killed. What it had been asked to bring into the file is there.
        assert 'create("/f"' in sh(f'{place.trace} show {place.home}/t')
    in_place(mounts)


@once
def a_new_user_namespace_alone_does_not_mount(_):
    """The mount namespace belongs to the old one."""
    def mounts(place):
        needs_user_namespaces(place)
        place.refused(words=['ermitted'], namespaces='-Ur')
    in_place(mounts)


@once
def no_device_is_told_with_what_to_do(_):
    def mounts(place):
        sh('mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3')
        place.refused(words=['/dev/fuse: No such file', 'modprobe fuse', '--device /dev/fuse'])
    in_place(mounts)
    in_place(lambda place: place.refused(words=['/dev/fuse: No such device', 'modprobe fuse']),
             device='c 10 254')


@once
def a_device_of_root_alone_is_told_with_what_to_do(_):
    def mounts(place):
        os.chmod('/dev/fuse', 0o600)
        place.refused(words=['/dev/fuse: Permission denied', 'chmod 666 /dev/fuse'])
    in_place(mounts)


@once
def allow_other_must_be_allowed(_):
    def mounts(place):
        shutil.copy('/etc/fuse.conf', f'{place.home}/fuse.conf')
        command = (place.memfs, '-o', 'notrace,allow_other', place.mountpoint)
        sh(f'''sed -i '/^user_allow_other/d' {place.home}/fuse.conf
        mount --bind {place.home}/fuse.conf /etc/fuse.conf''')
        place.refused(*command, words=['allow_other', 'user_allow_other', '/etc/fuse.conf'])
        with open('/etc/fuse.conf', 'a', encoding='ascii') as conf:
            conf.write('\nuser_allow_other\n')
        done = place.run(*command)
        try:
            equal((done.returncode, done.stderr), (0, ''))
            as_user(2001, 2001, os.listdir, place.mountpoint)
        finally:
            sh(f'umount -l {place.mountpoint}')

    needs_fuse_conf()
    in_place(mounts)


@once
def no_fusermount3_is_told_with_what_to_do(_):
    def mounts(place):
        helper = shutil.which('fusermount3')
        if not helper:
            raise Skip('no fusermount3 that could be hidden')
        # One that cannot be executed: like none, without a change to the directory that it is in.
        sh(f'mount --bind /dev/null {helper}')
        place.refused(words=['fusermount3', 'install fuse3', 'unshare -Urm'])
        needs_user_namespaces(place)
        place.script('"$memfs" -o notrace "$mnt" && umount "$mnt"', '-Urm')
    in_place(mounts)


@once
def a_container_without_the_right_to_mount_is_told_so(_):
    def mounts(place):
        drop, sys_admin = 24, 21  # prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)
        equal(ctypes.CDLL(None).prctl(drop, sys_admin, 0, 0, 0), 0, 'prctl')
        place.refused(words=['CAP_SYS_ADMIN', '--cap-add SYS_ADMIN'])
    in_place(mounts)


@once
def io_uring_that_the_kernel_does_not_offer_is_told_with_what_to_do(_):
    def mounts(place):
        if os.path.exists(IO_URING_SWITCH):
            # Off, for all that run here.
            sh(f'echo N >{place.home}/off; mount --bind {place.home}/off {IO_URING_SWITCH}')
        place.refused(place.memfs, '-o', 'notrace,io_uring', place.mountpoint,
                      words=['io_uring', 'enable_uring', 'echo 1'])
    in_place(mounts)


def no_rings():
    """From now on io_uring_setup(2) fails with EPERM, as in many a container."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = b''.join(struct.pack('HBBI', *instruction) for instruction in (
        (0x20, 0, 0, 0),          # the number of the call
        (0x15, 0, 1, 425),        # io_uring_setup, on all machines
        (0x06, 0, 0, 0x50000 | errno.EPERM),
        (0x06, 0, 0, 0x7fff0000)))
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(buffer))
    set_seccomp, mode_filter = 22, 2
    if libc.prctl(set_seccomp, mode_filter, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def as_if_offered(function):
    """Calls it with a mount point, where the kernel seems to offer FUSE-over-io_uring; but only INIT tells the truth."""
    def mounts():
        new_mount_namespace()
        path = os.path.join(Paths.work, f'uring{Paths.tag()}')
        os.mkdir(path)
        with open(f'{path}.switch', 'w', encoding='ascii') as file:
            file.write('Y\n')
        sh(f'mount --make-rprivate /; mount --bind {path}.switch {IO_URING_SWITCH}')
        try:
            function(path)
        finally:
            sh(f'! mountpoint -q {path} || umount -l {path}')

    if not os.path.exists(IO_URING_SWITCH):
        raise Skip('a kernel without FUSE-over-io_uring')
    in_child(mounts)


def one_line_and_no_mount(path, *words, **keywords):
    done = subprocess.run([Paths.memfs, '-o', 'notrace,io_uring', path], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=30, **keywords)
    equal((done.returncode, done.stdout, done.stderr.count('\n')), (1, '', 1), done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    equal(os.path.ismount(path), False)


@once
def io_uring_that_is_insisted_on_is_not_left_for_the_device(_):
    """Switched off between the look at the switch and INIT."""
    if os.path.exists(IO_URING_SWITCH) and read(IO_URING_SWITCH).strip() in (b'Y', b'1'):
        raise Skip('the kernel offers it')
    as_if_offered(lambda path: one_line_and_no_mount(path, "option 'io_uring'", 'does not offer'))


@once
def a_ring_that_cannot_be_made_is_told_of_whom_insists(_):
    as_if_offered(lambda path: one_line_and_no_mount(
        path, "option 'io_uring'", 'ring', 'Operation not permitted', preexec_fn=no_rings))


@once
def without_a_ring_calls_come_over_the_device(_):
    """And the trace says so, even where the kernel offers the other way."""
    def mounts(path):
        done = subprocess.run([Paths.memfs, '-o', f'trace={path}.trace', path], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30, preexec_fn=no_rings)
        equal((done.returncode, done.stderr), (0, ''))
        assert ', /dev/fuse)' in done.stdout, done.stdout
        os.mkdir(f'{path}/directory')
        sh(f'umount {path}')
        wait_until(lambda: subprocess.run([Paths.trace, 'info', f'{path}.trace'], stdout=subprocess.DEVNULL,
                                          check=False).returncode == 0)
        assert re.search(r'^transport +/dev/fuse$', sh(f'{Paths.trace} info {path}.trace'), re.M)

    as_if_offered(mounts)


@once
def mount_finds_it_in_fstab(_):
    """mount(8) calls mount.fuse, which calls memfs, all by the names in /etc/fstab."""
    def mounts(place):
        if not any(os.path.exists(f'{directory}/mount.fuse') for directory in ('/sbin', '/usr/sbin')):
            raise Skip('no mount.fuse')
        mountpoint = f'{place.home}/scratch space'
        os.mkdir(mountpoint)
        with open(f'{place.home}/fstab', 'w', encoding='ascii') as fstab:
            fstab.write(f'memfs {mountpoint} fuse.memfs size=1g,nr_inodes=1k,notrace,allow_other,'
                        'noatime,nofail 0 0\n'.replace('scratch space', r'scratch\040space'))
        if not os.path.exists('/etc/fstab'):
            raise Skip('no /etc/fstab that could be another one here')
        # /usr/local/sbin comes first in the path of mount.fuse3.
        sh(f'''mount --bind {place.home}/fstab /etc/fstab
        mount -t tmpfs tmpfs /usr/local/sbin
        cp {Paths.memfs} /usr/local/sbin/memfs
        PATH=/usr/local/sbin:$PATH mount "{mountpoint}"''')
        try:
            fields = sh(f'findmnt -n -o FSTYPE,SOURCE,OPTIONS "{mountpoint}"').split()
            equal(fields[:2], ['fuse.memfs', 'memfs'])
            assert {'noatime', 'allow_other'} <= set(fields[2].split(',')), fields
            fs = os.statvfs(mountpoint)
            equal((fs.f_blocks * fs.f_frsize, fs.f_files), (1 << 30, 1024))
            as_user(2001, 2001, lambda: os.mkdir(f'{mountpoint}/d'))
        finally:
            sh(f'umount "{mountpoint}"')
        equal(os.listdir(mountpoint), [])
    in_place(mounts)
