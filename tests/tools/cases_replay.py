# SPDX-License-Identifier: GPL-2.0-or-later
"""replay: what a trace did, done again on a tmpfs, leaves the same tree."""
import ctypes
import os
import random
import shutil
import stat
import subprocess
import time

from harness import Paths, Skip, case, equal, from_file, golden, misuse, mounted, scripted, tool, tool_json

CONFIGURE = '''#!/bin/sh
# Tries things out as configure scripts do, and writes a Makefile.
set -e
for word in alpha beta gamma; do
    echo "int $word(int x) { return x; }" > conftest.c
    ${CC:-cc} -c conftest.c -o conftest.o 2>> config.log && echo "#define HAVE_$word 1" >> confdefs.h
    ${CC:-cc} -c nonesuch.c 2>> config.log || echo "no $word" >> config.log
    rm -f conftest.c conftest.o
done
mv confdefs.h config.h
sed 's/@OBJECTS@/main.o one.o two.o/' Makefile.in > Makefile.tmp
mv Makefile.tmp Makefile
chmod 644 Makefile
'''

MAKEFILE = '''OBJECTS = @OBJECTS@
all: program libone.a
program: $(OBJECTS)
\t$(CC) -o $@ $(OBJECTS)
libone.a: one.o two.o
\trm -f $@
\tar rc $@ one.o two.o
\tln -sf libone.a libcurrent.a
%.o: %.c config.h
\t$(CC) -O0 -c $< -o $@.tmp
\tmv $@.tmp $@
install: all
\tmkdir -p dest/bin dest/lib
\tcp -p program dest/bin/
\tln libone.a dest/lib/libone.a
\tchmod 755 dest/bin/program
'''


def build(mount):
    src = f'{mount}/src'
    os.mkdir(src)
    files = {'configure': CONFIGURE, 'Makefile.in': MAKEFILE, 'one.c': 'int one(void) { return 1; }\n',
             'two.c': 'int two(void) { return 2; }\n',
             'main.c': '#include "config.h"\nint one(void);\nint main(void) { return one() - 1; }\n'}
    for name, text in files.items():
        with open(f'{src}/{name}', 'w', encoding='ascii') as out:
            out.write(text)
    env = {**os.environ, 'TMPDIR': mount, 'CC': 'cc'}
    subprocess.run(['sh', './configure'], cwd=src, env=env, check=True, timeout=100)
    subprocess.run(['make', '-s', '-j2', 'install'], cwd=src, env=env, check=True, timeout=100,
                   stdout=subprocess.DEVNULL)


def listing(top):
    """What is below: name, type and mode, owner, size (not of directories, that is a filesystem's own), links, target."""
    found = []
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            found.append((os.path.relpath(path, top), oct(st.st_mode), st.st_uid, st.st_gid,
                          0 if stat.S_ISDIR(st.st_mode) else st.st_size,
                          1 if stat.S_ISDIR(st.st_mode) else st.st_nlink, st.st_rdev,
                          os.readlink(path) if os.path.islink(path) else ''))
    return sorted(found)


def contents(top):
    found = {}
    for directory, _, files in os.walk(top):
        for name in files:
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, 'rb') as content:
                    found[os.path.relpath(path, top)] = content.read()
    return found


def tmpfs(name='target'):
    """A fresh tmpfs; the harness unmounts it."""
    path = os.path.join(Paths.work, name)
    os.mkdir(path)
    subprocess.run(['mount', '-t', 'tmpfs', 'none', path], check=True, timeout=20)
    return path


def recorded_with_tree(function, options='cache=never'):
    """The trace of function(mount), and the listing of what it left."""
    with mounted(options) as mount:
        function(mount.path)
        tree = listing(mount.path)
    assert tree
    return mount.trace, tree


def replayed(trace, tree, *options):
    """Replays onto a tmpfs of its own, without any difference."""
    target = tmpfs('target' + ''.join(filter(str.isalnum, ''.join(options))))
    found = tool_json('replay', '--verify', *options, trace, target)
    equal(found['differences'], [])
    equal(listing(target), tree)
    count = {'directories': 0, 'files': 0, 'symlinks': 0, 'others': 0}
    for entry in tree:
        kind = {0o040000: 'directories', 0o100000: 'files', 0o120000: 'symlinks'}
        count[kind.get(int(entry[1], 8) & 0o170000, 'others')] += 1
    equal(found['tree'], count)
    return found


@case
def a_build_is_replayed_to_the_same_tree():
    trace, tree = recorded_with_tree(build)
    found = replayed(trace, tree)
    calls = {row['op']: row['calls'] - row['skipped'] for row in found['rows']}
    equal(sum(calls.values()), found['replayed'])
    summary = tool_json('summary', trace)
    for row in summary['rows']:
        if row['op'] not in ('forget', 'batch_forget') and 'xattr' not in row['op']:
            equal(calls[row['op']], row['calls'], row['op'])
    equal(found['skipped']['unknown'], 0)
    written = [row['bytes'] for row in summary['rows'] if row['op'] == 'write']
    equal(found['bytes_written'], sum(written))
    replayed(trace, tree, '--threads=recorded')
    replayed(trace, tree, '--threads=3', '--speed=100')


@case
def also_as_the_kernel_asks_with_its_caches():
    for mode in ('always', 'auto', 'auto,no_open'):
        trace, tree = recorded_with_tree(build, f'cache={mode}')
        target = tmpfs(mode.replace(',', '-'))
        found = tool_json('replay', '--verify', trace, target)
        equal((found['differences'], found['skipped']['unknown']), ([], 0), mode)
        equal(listing(target), tree, mode)
        subprocess.run(['rm', '-r', os.path.join(Paths.work, 'mnt'), trace], check=True, timeout=20)


@case
def more_directories_than_descriptors():
    def work(m):
        for i in range(100):
            os.makedirs(f'{m}/d{i % 10}/e{i}')
        for i in range(100):
            with open(f'{m}/d{i % 10}/e{i}/file', 'wb', buffering=0) as out:
                out.write(b'x' * i)
            os.rename(f'{m}/d{i % 10}/e{i}', f'{m}/f{i}')
        os.rename(f'{m}/d3', f'{m}/f3/d3')

    trace, tree = recorded_with_tree(work)
    for threads in ('1', '3'):
        target = tmpfs('t' + threads)
        command = ['prlimit', '--nofile=40:40', Paths.trace, 'replay', '--threads', threads, trace, target]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=100)
        equal(done.returncode, 0, done.stdout)
        equal(listing(target), tree)


def renameat2(old, new, flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) < 0:
        raise OSError(ctypes.get_errno(), 'renameat2')


def fallocate(fd, mode, offset, length):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) < 0:
        raise OSError(ctypes.get_errno(), 'fallocate')


def linkat(fd, new):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.linkat(-100, b'/proc/self/fd/%d' % fd, -100, os.fsencode(new), 0x400) < 0:
        raise OSError(ctypes.get_errno(), 'linkat')


def names_of_all_kinds(m):
    os.mkdir(f'{m}/d', 0o2750)
    os.mkdir(f'{m}/d/sticky')
    os.chmod(f'{m}/d/sticky', 0o1777)
    for name in (b'new\nline', b'\xff\xfe', b'sp ace', b'x' * 255):
        with open(os.path.join(os.fsencode(m), b'd', name), 'wb') as out:
            out.write(name)
    os.symlink('/etc/passwd', f'{m}/link')
    os.symlink('../..', f'{m}/d/up')
    os.lchown(f'{m}/link', 7, 8)
    os.mkfifo(f'{m}/fifo', 0o640)
    os.mknod(f'{m}/null', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.link(f'{m}/d/sp ace', f'{m}/hard')
    os.link(f'{m}/link', f'{m}/hardlink', follow_symlinks=False)
    os.chown(f'{m}/hard', 1000, 1001)
    os.chmod(f'{m}/hard', 0o4711)
    os.utime(f'{m}/hard', (1, 2))
    os.rename(f'{m}/d', f'{m}/e')
    os.mkdir(f'{m}/x')
    with open(f'{m}/y', 'wb') as out:
        out.write(b'1')
    renameat2(f'{m}/x', f'{m}/y', 2)
    renameat2(f'{m}/x', f'{m}/z', 4)
    for wrong in (lambda: os.mkdir(f'{m}/e'), lambda: os.rmdir(f'{m}/e'), lambda: os.unlink(f'{m}/q'),
                  lambda: os.rename(f'{m}/q', f'{m}/r'), lambda: os.rename(f'{m}/y', f'{m}/hard'),
                  lambda: open(f'{m}/{"n" * 256}', 'wb')):
        try:
            wrong()
            raise AssertionError('it should fail')
        except OSError:
            pass
    os.listdir(f'{m}/e')
    os.statvfs(m)


def data_of_all_kinds(m):
    with open(f'{m}/a', 'w+b', buffering=0) as f:
        for size in (1, 100, 4107, 65536, 1000003):
            f.write(bytes(size))
        f.seek(50000)
        f.read(70000)
        os.fsync(f)
        os.fdatasync(f)
        f.truncate(500000)
        os.pread(f.fileno(), 1000, 499900)
        f.truncate(600000)
        os.pread(f.fileno(), 200000, 450000)
        fallocate(f.fileno(), 3, 8192, 8192)  # a hole
        os.pread(f.fileno(), 20000, 5000)
        fallocate(f.fileno(), 0, 700000, 10000)
        os.lseek(f.fileno(), 0, os.SEEK_DATA)
    with open(f'{m}/a', 'r+b', buffering=0) as f, open(f'{m}/b', 'w+b', buffering=0) as g:
        os.copy_file_range(f.fileno(), g.fileno(), 100000, 1000, 500)
        os.pread(g.fileno(), 100600, 0)
    with open(f'{m}/a', 'ab', buffering=0) as f:
        f.write(b'more')
    with open(f'{m}/removed', 'w+b', buffering=0) as f:
        os.unlink(f'{m}/removed')
        f.write(b'still there')
        os.pread(f.fileno(), 100, 0)
        f.truncate(5)
        os.fchmod(f.fileno(), 0o600)
    with open(f'{m}/a', 'wb'):
        pass
    with open(os.open(m, os.O_TMPFILE | os.O_RDWR, 0o644), 'wb', buffering=0) as f:
        f.write(b'nameless')
        linkat(f.fileno(), f'{m}/named')
    os.setxattr(f'{m}/b', 'user.x', b'value')
    os.getxattr(f'{m}/b', 'user.x')
    os.listxattr(f'{m}/b')
    os.setxattr(f'{m}/b', 'user.y', b'')
    os.removexattr(f'{m}/b', 'user.x')
    os.truncate(f'{m}/b', 77)


def tmpfs_has_user_xattrs():
    path = tmpfs('probe')
    try:
        os.setxattr(path, 'user.x', b'')
        return True
    except OSError:
        return False


@case
def every_kind_of_name_comes_out_the_same():
    trace, tree = recorded_with_tree(names_of_all_kinds)
    for options in ((), ('--threads=4',)):
        found = replayed(trace, tree, *options)
        equal({why: n for why, n in found['skipped'].items() if n and why != 'kernel'}, {})


@case
def every_kind_of_data_comes_out_the_same():
    if not tmpfs_has_user_xattrs():
        raise Skip('this tmpfs has no attributes in user.')
    trace, tree = recorded_with_tree(data_of_all_kinds)
    for options in ((), ('--threads=recorded',)):
        found = replayed(trace, tree, *options)
        equal(found['skipped']['unknown'], 0)
        assert found['bytes_unchecked'] >= 500, found['bytes_unchecked']


@case
def a_seed_gives_the_same_bytes_each_time():
    trace, found = from_file('small'), {}
    for name, options in (('one', ('--seed=1',)), ('again', ('--seed=1', '--threads=2')),
                          ('two', ('--seed=2',)), ('none', ())):
        target = tmpfs(name)
        tool('replay', *options, trace, target)
        found[name] = contents(target)
        equal(list(found[name]), ['src/a.o'])
    equal(found['one'], found['again'])
    equal(len({content['src/a.o'] for content in found.values()}), 3)


@case
def the_report_of_a_small_trace():
    text = tool('replay', '-U', 'calls,skipped,differ,recorded,op', '-S', 'op', from_file('small'), tmpfs())
    lines = [line for line in text.splitlines() if not line.startswith('replayed ')]
    equal(len(lines), len(text.splitlines()) - 1)
    golden('replay', '\n'.join(lines) + '\n')


@case
def time_passes_as_it_did():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2 start=1000000\n'
                     'event mkdir node=1 name=b mode=040755 result=3 start=301000000\nend\n')
    for number, (options, least) in enumerate(((('--timing=original',), 300), (('--speed=2',), 150),
                                               (('--speed=2', '--threads=2'), 150))):
        assert tool_json('replay', *options, trace, tmpfs(f't{number}'))['wall_ns'] >= least * 1000000


# Says of each call something else than will happen, but for the first and the last.
DIFFERENT = '''
event create node=1 name=a result=2 fh=1 mode=0100644 flags=02
event mkdir node=1 name=d error=17 mode=040755
event lookup node=1 name=d error=2
event symlink node=1 name=s name2=a error=28
event read node=2 fh=1 size=100 done=100
event rename node=1 name=a node2=1 name2=b error=1
event unlink node=1 name=a result=2
event release node=2 fh=1
end
'''


@case
def what_comes_out_otherwise_is_told():
    target = tmpfs()
    found = tool_json('replay', scripted(DIFFERENT), target, status=1)
    equal([(d['kind'], d['op'], d['path'], d['recorded'], d['got']) for d in found['differences']], [
        ('errno', 'mkdir', '/d', 'EEXIST', 'ok'), ('errno', 'symlink', '/s', 'ENOSPC', 'ok'),
        ('size', 'read', '/a', '100', '0'), ('errno', 'rename', '/a', 'EPERM', 'ok'),
        ('errno', 'unlink', '/a', 'ok', 'ENOENT')])
    equal(found['differing'], {'errno': 4, 'size': 1, 'content': 0})
    # What should not have been made is taken back; so the lookup has found nothing.
    equal(os.listdir(target), ['b'])
    text = tool('replay', '--max-diffs=2', scripted(DIFFERENT), tmpfs('other'), status=1)
    assert 'differences: 5 (errno 4, size 1, content 0)\n' in text, text
    assert 'and 3 more' in text and 'EPERM' not in text, text


# The trace says that b is another file than a was; but a could be removed, against what it says.
MIXED = '''
event create node=1 name=a result=2 fh=1 mode=0100644 flags=02
event release node=2 fh=1
event unlink node=1 name=a error=1
event create node=1 name=a result=3 fh=2 mode=0100644 flags=02
event write node=3 fh=2 size=4096 done=4096
event open node=2 fh=3 flags=02
event write node=2 fh=3 size=100 done=100 offset=1000
event read node=3 fh=2 size=4096 done=4096
end
'''


@case
def bytes_of_another_file_are_found():
    found = tool_json('replay', '--verify', scripted(MIXED), tmpfs(), status=1)
    equal([(d['kind'], d['op']) for d in found['differences']], [('errno', 'unlink'), ('content', 'read')])
    tool_json('replay', scripted(MIXED), tmpfs('other'), status=1)


@case
def nothing_outside_is_touched():
    outside, target = os.path.join(Paths.work, 'outside'), tmpfs()
    os.mkdir(outside)
    with open(f'{outside}/kept', 'wb') as out:
        out.write(b'kept')
    before = listing(outside)
    os.symlink(outside, f'{target}/d')
    os.symlink(f'{outside}/kept', f'{target}/f')
    trace = scripted('''
event mkdir node=1 name=d mode=040755 result=2
event create node=2 name=new result=3 fh=1 mode=0100644 flags=02
event write node=3 fh=1 size=10 done=10
event unlink node=2 name=kept result=3
event create node=1 name=f result=4 fh=2 mode=0100644 flags=02
event write node=4 fh=2 size=10 done=10
event open node=4 fh=3 flags=01001
event setattr node=4 flags=9 mode=0777
event mkdir node=1 name=.. mode=040755 result=5
event create node=1 name=../up result=6 fh=4 mode=0100644 flags=02
event create node=1 name=/abs result=7 fh=5 mode=0100644 flags=02
event rename node=1 name=f node2=1 name2=../g result=4
event lookup node=1 name=..
end
''')
    misuse('replay', trace, target, words=['not empty'])
    found = tool_json('replay', '--force', trace, target, status=1)
    equal(found['skipped']['name'], 5)
    equal(listing(outside), before)
    with open(f'{outside}/kept', 'rb') as content:
        equal(content.read(), b'kept')
    equal(sorted(os.listdir(Paths.work)), ['outside', 'scripted.script', 'scripted.trace', 'target'])


@case
def what_is_there_already_stays():
    target = tmpfs()
    for name in ('f', 'g', 'h', 'i'):
        with open(f'{target}/{name}', 'wb') as out:
            out.write(name.encode())
    os.mkdir(f'{target}/d')
    with open(f'{target}/d/in', 'wb') as out:
        out.write(b'in')
    before, bytes_before = listing(target), contents(target)
    found = tool_json('replay', '--force', '--max-diffs=100', scripted('''
event create node=1 name=f result=2 fh=1 mode=0100600 flags=02
event write node=2 fh=1 size=10 done=10
event release node=2 fh=1
event open node=2 fh=2 flags=01002
event write node=2 fh=2 size=10 done=10
event setattr node=2 flags=9 mode=0777
event link node=2 node2=1 name=another result=2
event rename node=1 name=f node2=1 name2=moved result=2
event unlink node=1 name=moved result=2
event mkdir node=1 name=d mode=040700 result=3
event setattr node=3 flags=1 mode=0777
event create node=3 name=new result=4 fh=3 mode=0100600 flags=02
event opendir node=3 fh=4
event rmdir node=1 name=d result=3
event symlink node=1 name=g name2=d result=5
event unlink node=1 name=g result=5
event unlink node=1 name=h error=2
event rename node=1 name=h node2=1 name2=j error=2
event create node=1 name=own result=6 fh=5 mode=0100600 flags=02
event rename node=1 name=own node2=1 name2=i result=6
event unlink node=1 name=i result=6
event mkdir node=1 name=h error=17 mode=040700
end
'''), target, status=1)
    equal(found['skipped']['force'], 2)
    equal([entry for entry in listing(target) if entry[0] != 'own'], before)
    equal({name: content for name, content in contents(target).items() if name != 'own'}, bytes_before)


@case
def nonsense_in_a_trace_is_survived():
    trace = scripted('''
event create node=1 name=a result=2 fh=1 mode=0100644 flags=02
event create node=1 name=b result=2 fh=1 mode=0100644 flags=02
event mkdir node=1 name=d mode=040755 result=3
event rename node=1 name=d node2=3 name2=e result=3
event create node=3 name=c result=4 fh=2 mode=0100644 flags=02
event mkdir node=2 name=below mode=040755 result=5
event rmdir node=1 name=d result=3
event write node=2 fh=1 size=4294967296 done=4294967296
event write node=2 fh=1 offset=18446744073709551615 size=100 done=100
event read node=2 fh=77 size=100 done=100
event release node=2 fh=1
event release node=2 fh=1
event getattr node=99
event setxattr node=2 name=user.x size=1000000000
event link node=2 node2=2 name=z result=2
event symlink node=1 name=s result=9
event unlink node=1 name=a result=2
event unlink node=1 name=a result=2
event copy_file_range node=2 fh=1 node2=3 size=100 done=100
event fallocate node=2 fh=1 flags=8 offset=4096 size=4096
end
''')
    for threads in ('1', '2', 'recorded'):
        tool('replay', '--force', '--threads', threads, '--verify', trace, tmpfs('t' + threads), status=1)


def random_events(dice, count):
    """Lines of events that fit together now and then."""
    ops = ['create', 'mkdir', 'mknod', 'symlink', 'link', 'unlink', 'rmdir', 'rename', 'open', 'opendir',
           'read', 'write', 'release', 'releasedir', 'lookup', 'getattr', 'setattr', 'readdir', 'tmpfile',
           'copy_file_range', 'fallocate', 'forget', 'readlink', 'flush', 'setxattr', 'ioctl', 'statfs']
    names = ['a', 'b', 'c', 'd', 'e', 'out', '..', '.', 'x/y', '\\xff']
    for _ in range(count):
        fields = {'node': dice.randrange(1, 9), 'node2': dice.randrange(1, 9),
                  'result': dice.randrange(0, 9), 'replaced': dice.randrange(0, 9),
                  'fh': dice.randrange(0, 6), 'name': dice.choice(names), 'name2': dice.choice(names),
                  'offset': dice.choice((0, 1, 5000, 2 ** 63)), 'size': dice.choice((0, 10, 70000)),
                  'flags': dice.choice((0, 1, 2, 3, 4, 8, 0o1002)), 'done': dice.choice((0, 10)),
                  'mode': dice.choice((0o100644, 0o010600, 0o755)), 'error': dice.choice((0, 0, 0, 2, 17)),
                  'worker': dice.randrange(4)}
        kept = {key for key in fields if dice.random() < 0.9}
        yield f'event {dice.choice(ops)} ' + ' '.join(f'{k}={v}' for k, v in fields.items() if k in kept)


@case
def random_traces_are_survived():
    seed = int(os.environ.get('MEMFS_SEED', time.time_ns() % 1000000))
    print(f'# random traces: MEMFS_SEED={seed}')
    outside, target = os.path.join(Paths.work, 'outside'), tmpfs()
    os.mkdir(outside)
    with open(f'{outside}/kept', 'wb') as out:
        out.write(b'kept')
    before = listing(outside)
    for number in range(20):
        text = '\n'.join(random_events(random.Random(seed + number), 500))
        trace = scripted(text + '\nend\n', 'random')
        os.mkdir(f'{target}/in')
        os.symlink(outside, f'{target}/in/out')
        for option in ('--threads=1', '--threads=recorded'):
            done = subprocess.run([Paths.trace, 'replay', '--force', '--verify', option, trace, f'{target}/in'],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
            equal((done.returncode, done.stderr), (1, b''), f'seed {seed} + {number}')
        equal(os.listdir(target), ['in'])
        equal(os.readlink(f'{target}/in/out'), outside)
        shutil.rmtree(f'{target}/in')
    equal(listing(outside), before)


@case
def who_is_not_root_leaves_out_what_root_may():
    trace, _ = recorded_with_tree(names_of_all_kinds)
    target = tmpfs()
    os.chmod(target, 0o777)
    program = os.path.join(target, 'memfs-trace')
    shutil.copy(Paths.trace, program)
    os.mkdir(f'{target}/in')
    os.chown(f'{target}/in', 65534, 65534)
    os.chmod(Paths.work, 0o755)
    os.chmod(trace, 0o644)
    done = subprocess.run([program, 'replay', trace, f'{target}/in'], user=65534, group=65534,
                          extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=100)
    equal(done.stderr, '')
    assert ' only for root' in done.stdout and 'of a file' in done.stdout, done.stdout
    assert os.path.isdir(f'{target}/in/e/sticky') and not os.path.exists(f'{target}/in/null'), done.stdout


@case
def interrupted_it_says_so():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2 start=1000000\n'
                     'event mkdir node=1 name=b mode=040755 result=3 start=600000000000\nend\n')
    target = tmpfs()
    replay = subprocess.Popen([Paths.trace, 'replay', '--timing=original', trace, target],
                              stdout=subprocess.PIPE, text=True)
    try:
        while not os.path.isdir(f'{target}/a'):
            time.sleep(0.01)
        replay.terminate()
        text = replay.communicate(timeout=100)[0]
    finally:
        replay.kill()
    equal(replay.returncode, 1, text)
    assert 'INTERRUPTED' in text and '1 dirs' in text, text


@case
def a_trace_from_the_middle_is_refused():
    with mounted('cache=never,trace_rotate=1m') as mount:
        os.mkdir(f'{mount.path}/d')
        os.setxattr(mount.path, 'memfs.trace.rotate', b'now')
        os.mkdir(f'{mount.path}/d/e')
    misuse('replay', mount.trace, tmpfs(), words=['middle'])
    assert os.path.exists(mount.trace + '.1')


@case
def misuse_is_told():
    trace = from_file('small')
    target = tmpfs()
    misuse('replay', trace, words=['missing'])
    misuse('replay', trace, '/nonsense', words=['/nonsense'])
    misuse('replay', '/nonsense', target, words=['/nonsense'])
    misuse('replay', '--speed', '0', trace, target, words=['speed'])
    misuse('replay', '--timing', 'slow', trace, target, words=['slow'])
    misuse('replay', '--threads', '65', trace, target, words=['65'])
    misuse('replay', '--seed', 'x', trace, target, words=['x'])
    misuse('replay', '-S', 'nonsense', trace, target, words=['nonsense'])
    equal(os.listdir(target), [])
