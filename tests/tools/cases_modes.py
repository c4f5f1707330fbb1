# SPDX-License-Identifier: GPL-2.0-or-later
"""The modes in a trace are those that nodes have got."""
import os
import re
import stat
import subprocess

from harness import case, equal, recorded, tool


@case
def a_mode_is_what_the_umask_has_left():
    found = {}

    def work(mount):
        old = os.umask(0o027)
        try:
            os.mkdir(f'{mount}/dir')
            os.close(os.open(f'{mount}/file', os.O_CREAT | os.O_WRONLY, 0o666))
            os.mkfifo(f'{mount}/fifo', 0o666)
            os.close(os.open(mount, os.O_TMPFILE | os.O_WRONLY, 0o666))
        finally:
            os.umask(old)
        for name in ('dir', 'file', 'fifo'):
            found[name] = stat.S_IMODE(os.lstat(f'{mount}/{name}').st_mode)

    trace = recorded(work)
    equal(found, {'dir': 0o750, 'file': 0o640, 'fifo': 0o640})
    lines = tool('show', '-e', 'create,mkdir,mknod,tmpfile', trace)
    modes = {name: int(mode, 8) & 0o7777 for name, mode in re.findall(r'"/(\w*)".*, (0\d+)\) = 0', lines)}
    equal(modes, {**found, '': 0o640})


@case
def and_what_a_default_access_list_says():
    def work(mount):
        os.mkdir(f'{mount}/dir')
        # user::rwx group::r-x other::---
        os.setxattr(f'{mount}/dir', 'system.posix_acl_default',
                    bytes.fromhex('02000000' '01000700ffffffff' '04000500ffffffff' '20000000ffffffff'))
        subprocess.run(['mkdir', f'{mount}/dir/sub'], check=True, timeout=20)

    lines = tool('show', '-e', 'mkdir', '-P', 'sub', recorded(work))
    equal(re.findall(r'"/dir/sub", (0\d+)\) = 0', lines), ['040750'])
