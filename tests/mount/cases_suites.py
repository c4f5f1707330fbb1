# SPDX-License-Identifier: GPL-2.0-or-later
"""Test programs that other people wrote: stress-ng, fio, dbench."""
import os
import shutil
import subprocess

from harness import Skip, case, equal, other_mount, sh

# All that have to do with files, and that tmpfs passes. But for "io": it opens all mounts of the machine, and keeps
# those of others busy while it syncs.
STRESSORS = '''access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify fallocate fcntl
fiemap file-ioctl filename flock fpunch fstat getdent handle hdd inode-flags inotify iomix lease link locka
lockf lockofd mknod mmap msync open rename seek sendfile splice symlink sync-file touch utime xattr'''.split()
# Of those that would write more, up to 1 GiB: not to its end in time, where each call takes long.
STRESS_SIZES = '--copy-file-bytes 128m --fallocate-bytes 16m --hdd-bytes 32m --iomix-bytes 32m --sync-file-bytes 16m'.split()


def need(program):
    if not shutil.which(program):
        raise Skip(f'{program} is not installed; tools/setup installs it')


@case
def stress_ng_verifies(target):
    """All at once, on a mount of its own: what they leave behind is their business."""
    need('stress-ng')
    with other_mount(target, '') as path:
        command = ['stress-ng', '--verify', '--quiet', '--timeout', '5', '--temp-path', path, *STRESS_SIZES]
        for name in STRESSORS:
            command += [f'--{name}', '1']
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        equal(done.returncode, 0, done.stdout)


@case
def fio_finds_what_it_wrote(_):
    need('fio')
    for engine in ('sync', 'pvsync2', 'mmap', 'libaio', 'io_uring'):
        for direct in (0, 1):
            if engine == 'mmap' and direct:
                continue  # a map is of the page cache
            sh(f'''fio --name=f --size=8m --ioengine={engine} --direct={direct} --rw=randrw \
                --bsrange=4k-128k --iodepth=4 --verify=crc32c --verify_fatal=1 --numjobs=2 \
                --group_reporting --randseed=42''')
            sh('rm f.*')


@case
def dbench_runs_clean(_):
    need('dbench')
    text = sh(f'dbench --timelimit=3 --directory={os.getcwd()} 4')
    assert 'Throughput' in text, text
    assert 'ERROR' not in text, text


@case
def a_repository_lives_on(_):
    """git: many commits, branches, packing, checking out back and forth."""
    sh('''
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    export GIT_AUTHOR_DATE='2001-01-01 00:00 +0000' GIT_COMMITTER_DATE='2001-01-01 00:00 +0000'
    git init -q -b main r
    cd r
    for commit in $(seq 30); do
        mkdir -p d$((commit % 5))
        seq $commit $((commit * 50)) >d$((commit % 5))/f$commit
        seq $commit >common
        git add -A
        git commit -qm "commit $commit"
    done
    git checkout -q -b side HEAD~10
    for commit in $(seq 10); do
        echo side $commit >s$commit
        git add -A
        git commit -qm "side $commit"
    done
    git merge -q -m merge main
    git gc -q --aggressive --prune=now
    git fsck --strict
    tree=$(git rev-parse 'HEAD^{tree}')
    for round in 1 2 3; do
        git checkout -q main~20
        git checkout -q main
        git checkout -q side
    done
    git stash list
    [ -z "$(git status --porcelain)" ]
    git clone -q --no-local . ../c
    [ "$(git -C ../c rev-parse 'HEAD^{tree}')" = "$tree" ]
    git -C ../c fsck --strict
    diff -r --exclude=.git . ../c
    # The same commits on every filesystem: nothing but contents goes into a hash.
    git rev-parse main | cut -c1-40
    ''')
