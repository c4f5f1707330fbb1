# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace against what was done: the same counts, bytes, names, processes and errors."""
import collections
import errno
import json
import os
import re
import subprocess
import sys

from harness import (Paths, Skip, case_on, equal, fails, io_uring_offered, memfs_case, other_mount, sh, write)

# 12.345678 python3/1234 create("/f", O_WRONLY|O_CREAT, 0644) = 0 <12us>
LINE = re.compile(r'^(?P<time>[0-9.]+) (?P<process>\S.*?)(?:/(?P<pid>\d+))? '
                  r'(?P<op>[a-z_]+)\((?P<arguments>.*)\) = (?P<result>-?\d+)(?: (?P<errno>E\w+))?')


def events(path, *options):
    """What memfs-trace show says, a dictionary for each line."""
    text = subprocess.run([Paths.trace, 'show', *options, path], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    found = []
    for line in text.splitlines():
        if line.startswith('#'):
            continue
        match = LINE.match(line)
        assert match, f'not understood: {line}'
        found.append(match.groupdict())
    return found


def counts(path):
    return collections.Counter(event['op'] for event in events(path))


def sums(path):
    done = subprocess.run([Paths.trace, 'check', '--json', path], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def in_own_mount(target, function):
    """Runs it in a new mount; returns the path of the finished trace."""
    mount = other_mount(target, '')
    with mount as path:
        function(path)
    return mount.path + '.trace'


@case_on(lambda target: 'cache=never' in target.options)
def known_calls_give_known_counts(target):
    sizes = [1, 100, 4096, 4107, 65536, 1_000_000]

    def work(path):
        os.mkdir(f'{path}/d')
        for number in range(404):
            fd = os.open(f'{path}/d/f{number}', os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(fd, b'x' * sizes[number % len(sizes)])
            os.close(fd)
        for number in range(100):
            os.rename(f'{path}/d/f{number}', f'{path}/d/f{number + 100}')
        for number in range(200, 250):
            os.unlink(f'{path}/d/f{number}')
        for number in range(300, 310):
            os.link(f'{path}/d/f{number}', f'{path}/l{number}')
        os.symlink('d', f'{path}/s')
        for number in range(300, 303):
            fd = os.open(f'{path}/d/f{number}', os.O_RDONLY)
            os.fsync(fd)
            while os.read(fd, 65536):
                pass
            os.close(fd)

    trace = in_own_mount(target, work)
    got = counts(trace)
    expected = {'create': 404, 'mkdir': 1, 'rename': 100, 'unlink': 50, 'link': 10, 'symlink': 1,
                'open': 3, 'fsync': 3, 'flush': 407, 'release': 407}
    equal({op: got[op] for op in expected}, expected)
    written = sum(sizes[number % len(sizes)] for number in range(404))
    total = sums(trace)
    equal(total['bytes_written'], written)
    equal(total['bytes_read'], sum(sizes[number % len(sizes)] for number in range(300, 303)))
    names = total['names']
    equal(names['files'], {'made': 404, 'linked': 10, 'removed': 50, 'replaced': 100, 'left': 264})
    equal(names['directories']['left'], 1)
    equal(names['symlinks']['left'], 1)
    equal((total['lost'], total['gaps'], total['complete']), (0, 0, True))


@memfs_case
def made_less_removed_is_what_is_there(target):
    left = {}

    def work(path):
        sh(f'''
        cp -r {Paths.build}/../src {path}/a
        mv {path}/a/memfs.c {path}/a/options.c
        rm -r {path}/a/trace
        for i in 1 2 3; do echo $i > {path}/new; mv {path}/new {path}/old; done
        ''')
        left['files'] = int(sh(f'find {path} -type f | wc -l'))
        left['directories'] = int(sh(f'find {path} -mindepth 1 -type d | wc -l'))

    total = sums(in_own_mount(target, work))
    equal({kind: total['names'][kind]['left'] for kind in left}, left)
    equal((total['lost'], total['totals_agree']), (0, True))


@memfs_case
def names_are_whole_over_io_uring(target):
    """A reply is put where the request was: names must have been taken out of there before."""
    mount = other_mount(target, 'io_uring')
    with io_uring_offered(), mount as path:
        os.mkdir(f'{path}/directory')
        write(f'{path}/directory/file', b'x')
        fails(errno.ENOENT, os.stat, f'{path}/directory/absent')
        os.link(f'{path}/directory/file', f'{path}/link')
        os.rename(f'{path}/link', f'{path}/renamed')
        os.symlink('t' * 4095, f'{path}/symlink')
        os.setxattr(path, 'memfs.trace.mark', b'a mark')
        os.setxattr(f'{path}/renamed', 'user.attribute', b'value')
        fails(errno.ENODATA, os.getxattr, f'{path}/renamed', 'user.absent')
        os.unlink(f'{path}/symlink')
        os.unlink(f'{path}/renamed')
    trace = mount.path + '.trace'
    info = subprocess.run([Paths.trace, 'info', trace], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert re.search(r'^transport +io_uring$', info, re.M), info
    arguments = {op: [event['arguments'] for event in events(trace, '-e', op)]
                 for op in ('mkdir', 'create', 'link', 'rename', 'symlink', 'unlink')}
    equal(arguments['mkdir'], ['"/directory", 040755'])
    assert arguments['create'][0].startswith('"/directory/file", '), arguments
    equal(arguments['link'], ['"/directory/file", "/link"'])
    equal(arguments['rename'], ['"/link", "/renamed"'])
    equal(arguments['symlink'], [f'"/symlink", "{"t" * 4095}"'])
    equal(arguments['unlink'], ['"/symlink"', '"/renamed"'])
    looked_up = {event['arguments'] for event in events(trace, '-e', 'lookup')}
    assert '"/directory/absent"' in looked_up, looked_up
    attributes = [event['arguments'] for event in events(trace, '-e', 'setxattr,getxattr')]
    for wanted in ('"/", "memfs.trace.mark", "a mark"', '"/renamed", "user.attribute"', '"/renamed", "user.absent"'):
        assert wanted in attributes, (wanted, attributes)


@case_on(lambda target: 'cache=a' in target.options)
def what_is_read_ahead_comes_in_requests_of_a_mebibyte(target):
    size = 16 << 20

    def work(path):
        write(f'{path}/f', bytes(size))
        with open(f'{path}/f', 'rb', buffering=0) as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while file.read(65536):
                pass

    trace = in_own_mount(target, work)
    equal(sums(trace)['bytes_read'], size)
    # The kernel begins with less.
    assert counts(trace)['read'] <= 16 + 8, counts(trace)


@case_on(lambda target: target.is_memfs and 'no_open' not in target.options)
def a_child_is_named_after_what_it_executes(target):
    """Though it was seen a moment before, as a child of this one."""
    def work(path):
        sh(f'(cd {path}/; echo a >before; exec cat before)')

    # Who is in time to be seen with both names, depends on what else runs: one of many must be.
    for _ in range(20):
        processes = {event['op']: event['process'] for event in events(in_own_mount(target, work), '-e', 'create,open')}
        equal(processes['create'], 'bash')
        if processes['open'] == 'cat':
            return
    raise AssertionError(processes)


@memfs_case
def paths_are_those_of_the_moment(target):
    def work(path):
        os.mkdir(f'{path}/a')
        write(f'{path}/a/f', b'x')
        os.rename(f'{path}/a', f'{path}/b')
        os.chmod(f'{path}/b/f', 0o600)
        os.rename(f'{path}/b/f', f'{path}/g')
        os.unlink(f'{path}/g')

    seen = {(e['op'], e['arguments'].split(',')[0]) for e in events(in_own_mount(target, work))}
    for wanted in (('create', '"/a/f"'), ('setattr', '"/b/f"'), ('rename', '"/b/f"'),
                   ('unlink', '"/g"')):
        assert wanted in seen, (wanted, sorted(seen))


@memfs_case
def errors_and_processes_are_told(target):
    pids = {}

    def work(path):
        pids['mine'] = os.getpid()
        os.mkdir(f'{path}/d')
        write(f'{path}/d/f')
        for call in (lambda: os.rmdir(f'{path}/d'), lambda: os.stat(f'{path}/absent')):
            try:
                call()
            except OSError:
                pass
        done = subprocess.Popen(['/bin/mkdir', f'{path}/e'])
        pids['mkdir'] = done.pid
        done.wait()

    trace = in_own_mount(target, work)
    failed = {(e['op'], e['errno']) for e in events(trace, '--failed')}
    assert ('rmdir', 'ENOTEMPTY') in failed and ('lookup', 'ENOENT') in failed, failed
    made = {(int(e['pid']), e['process']) for e in events(trace, '-e', 'mkdir')}
    equal({pid for pid, _ in made}, {pids['mine'], pids['mkdir']})
    assert (pids['mkdir'], 'mkdir') in made, made
    equal({e['op'] for e in events(trace, '-e', 'mkdir', '-p', str(pids['mkdir']))}, {'mkdir'})


@memfs_case
def a_trace_is_readable_while_it_grows(target):
    with other_mount(target, '') as path:
        for number in range(50):
            write(f'{path}/f{number}', b'x')
        equal(sum(e['op'] == 'create' for e in events(path)), 50)
        write(f'{path}/more', b'x')
        equal(sum(e['op'] == 'create' for e in events(path)), 51)


@memfs_case
def hostile_names_stay_on_one_line(target):
    names = [b'new\nline', b'\xff\xfe', b'quo"te\\', b'\x1b[31mred', b'tab\t', b') = -1 EIO']

    def work(path):
        for name in names:
            write(os.fsencode(path) + b'/' + name)

    trace = in_own_mount(target, work)
    lines = sh(f'{Paths.trace} show -e create {trace}').splitlines()
    equal(sum('create(' in line for line in lines), len(names))
    text = '\n'.join(lines)
    assert '\x1b' not in text and '"/new\\nline"' in text and '\\xff\\xfe' in text, text


@memfs_case
def wrong_arguments_of_memfs_trace(target):
    write('empty')
    write('noise', os.urandom(100_000))
    for arguments, words in ((['nonsense'], ['no such command']), (['summary'], ['no trace given']),
                             (['summary', 'absent'], ['absent', 'No such file']),
                             (['summary', 'empty'], ['empty']), (['show', 'noise'], ['noise']),
                             (['show', '.'], ['not the root of a memfs']),
                             (['show', '-e', 'nonsense', 'x'], []),
                             (['summary', '-S', 'nonsense', 'x'], [])):
        done = subprocess.run([Paths.trace, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        equal((done.returncode, done.stdout), (2, ''), arguments)
        for word in words:
            assert word in done.stderr, (word, done.stderr)
        equal(done.stderr.count('\n'), 1, done.stderr)


@memfs_case
def marks_part_a_trace(target):
    def work(path):
        os.mkdir(f'{path}/before')
        os.setxattr(path, 'memfs.trace.mark', b'build starts')
        os.mkdir(f'{path}/inside')
        os.setxattr(path, 'memfs.trace.mark', 'vorbei: \u00e4'.encode())
        os.mkdir(f'{path}/after')
        for value in (b'', b'x' * 1025, b'a\0b'):
            fails(errno.EINVAL, os.setxattr, path, 'memfs.trace.mark', value)
        fails(errno.ENODATA, os.getxattr, path, 'memfs.trace.mark')

    trace = in_own_mount(target, work)
    marks = ['--between', 'build starts', 'vorbei: \u00e4']
    inside = events(trace, '-e', 'mkdir', *marks)
    equal([e['arguments'].split(',')[0] for e in inside], ['"/inside"'])
    text = subprocess.run([Paths.trace, 'summary', *marks, trace], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    equal([line.split()[2] for line in text.splitlines() if line.endswith(' mkdir')], ['1'])
    shown = [e for e in events(trace, '-e', 'setxattr') if 'build starts' in e['arguments']]
    equal(len(shown), 1)
    for wrong in (['--between', 'build starts', 'nonsense'], ['--between', 'build starts']):
        done = subprocess.run([Paths.trace, 'show', *wrong, trace], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        equal((done.returncode, done.stderr.count('\n')), (2, 1), done.stderr)


@memfs_case
def a_trace_is_switched_off_and_on(target):
    mount = other_mount(target, '')
    with mount as path:
        os.mkdir(f'{path}/a')
        equal(os.getxattr(path, 'memfs.trace.enabled'), b'1')
        os.setxattr(path, 'memfs.trace.enabled', b'0')
        equal(os.getxattr(path, 'memfs.trace.enabled'), b'0')
        for number in range(50):
            os.mkdir(f'{path}/b{number}')
        os.setxattr(path, 'memfs.trace.enabled', b'1')
        os.mkdir(f'{path}/c')
        fails(errno.EINVAL, os.setxattr, path, 'memfs.trace.enabled', b'maybe')
    trace = mount.path + '.trace'
    names = [e['arguments'].split(',')[0] for e in events(trace, '-e', 'mkdir')]
    equal(names, ['"/a"', '"/c"'])
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE)
    equal((done.returncode, json.loads(done.stdout)['switched_off']), (1, True))


@memfs_case
def a_series_of_files(target):
    mount = other_mount(target, 'trace_rotate=64k,trace_files=3', whole=False)
    with mount as path:
        os.makedirs(f'{path}/a/b')
        write(f'{path}/a/b/old', b'x')
        for number in range(8000):
            os.mknod(f'{path}/a/f{number}')
            if number % 2000 == 1999:
                os.getxattr(path, 'memfs.trace')  # waits for the writer, which may have no time: each part fills a file
        os.setxattr(path, 'memfs.trace.rotate', b'')
        os.stat(f'{path}/a/b/old')
        os.rename(f'{path}/a/b/old', f'{path}/a/b/new')
        os.rename(f'{path}/a/b', f'{path}/c')
        os.setxattr(path, 'memfs.trace.rotate', b'now')
        os.unlink(f'{path}/c/new')
        equal(os.getxattr(path, 'memfs.trace').decode(), path + '.trace')
    trace = path + '.trace'
    series = [trace, trace + '.1', trace + '.2']
    equal(sorted(name for name in os.listdir(Paths.work) if name.startswith(os.path.basename(trace))),
          sorted(os.path.basename(name) for name in series))
    for name in series:
        done = subprocess.run([Paths.trace, 'info', '--json', name], stdout=subprocess.PIPE)
        report = json.loads(done.stdout)
        equal((done.returncode, report['complete'], report['lost']), (0, True, 0), name)
        equal(report['continued'], name != trace)
        equal(report['meta']['mountpoint'], path)
        assert report['segment'] >= 2, report
        # That many names were there when it began, whatever was made before.
        assert report['snapshot'] > 1000, report
    equal([e['arguments'] for e in events(trace, '-e', 'unlink')], ['"/c/new"'])
    equal([e['arguments'] for e in events(trace + '.1', '-e', 'rename')],
          ['"/a/b/old", "/a/b/new"', '"/a/b", "/c"'])
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE)
    equal((done.returncode, json.loads(done.stdout)['in_the_middle']), (1, True))


@memfs_case
def what_was_made_while_it_was_off_has_a_name(target):
    with other_mount(target, '') as path:
        os.setxattr(path, 'memfs.trace.enabled', b'0')
        os.makedirs(f'{path}/unseen/d')
        os.setxattr(path, 'memfs.trace.enabled', b'1')
        os.mkdir(f'{path}/unseen/d/e')
        os.stat(f'{path}/unseen/d')
    equal([e['arguments'].split(',')[0] for e in events(path + '.trace', '-e', 'mkdir')],
          ['"/unseen/d/e"'])


@memfs_case
def detail_stops_at_trace_max_and_totals_go_on(target):
    mount = other_mount(target, 'trace_max=100k', whole=False)
    with mount as path:
        for number in range(6000):
            os.mknod(f'{path}/f{number}')
        stats = dict(line.split() for line in
                     os.getxattr(path, 'memfs.stats').decode().splitlines())
    trace = mount.path + '.trace'
    assert os.stat(trace).st_size < 200_000, os.stat(trace).st_size
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    equal((done.returncode, report['lost'], report['complete']), (1, 0, True))
    assert report['skipped'] > 3000 and int(stats['trace_skipped']) > 0, (report, stats)
    totals = json.loads(subprocess.run(
        [sys.executable, '-B', os.path.join(Paths.build, '../tools/trace-totals.py'), trace],
        stdout=subprocess.PIPE).stdout)
    equal(totals['said']['mknod']['calls'], 6000)


@memfs_case
def with_a_small_ring_calls_wait_or_are_counted(target):
    def hammer(path):
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                for number in range(3000):
                    os.mknod(f'{path}/{child}.{number}' + 'x' * 200)
                os._exit(0)
            children.append(pid)
        for pid in children:
            equal(os.waitpid(pid, 0)[1], 0)

    for policy in ('block', 'discard'):
        mount = other_mount(target, f'trace_ring=64k,trace_policy={policy}', whole=False)
        with mount as path:
            hammer(path)
        done = subprocess.run([Paths.trace, 'check', '--json', mount.path + '.trace'],
                              stdout=subprocess.PIPE)
        report = json.loads(done.stdout)
        equal(report['complete'], True)
        if policy == 'block':
            equal((report['lost'], report['totals_agree']), (0, True))
            equal(report['names']['files']['made'], 12000)
        else:
            assert report['names']['files']['made'] + report['lost'] >= 12000, report


@memfs_case
def a_reader_in_another_language_counts_the_same(target):
    def work(path):
        sh(f'cp -r {Paths.build}/../src {path}/a; cat {path}/a/*/*.c >/dev/null; rm -r {path}/a/store')
        for name in ('x', 'y', 'x'):
            try:
                os.mkdir(f'{path}/{name}')
            except FileExistsError:
                pass

    trace = in_own_mount(target, work)
    script = os.path.join(Paths.build, '../tools/trace-totals.py')
    done = subprocess.run([sys.executable, '-B', script, trace], check=True,
                          stdout=subprocess.PIPE)
    other = json.loads(done.stdout)
    equal((other['complete'], other['totals_agree'], other['lost'], other['gaps']),
          (True, True, 0, 0))
    ours = {}
    for line in sh(f'{Paths.trace} summary {trace}').splitlines():
        words = line.split()
        if len(words) in (8, 9) and words[0][0].isdigit() and words[-1] != 'total':
            ours[words[-1]] = (int(words[2]), int(words[3]) if len(words) == 9 else 0)
    equal({op: (o['calls'], o['errors']) for op, o in other['operations'].items()}, ours)
    equal(other['operations'].get('write', {}).get('bytes', 0), sums(trace)['bytes_written'])


@memfs_case
def a_killed_daemon_leaves_what_it_had_recorded(target):
    path = os.path.join(Paths.work, f'killed{Paths.tag()}')
    target.mount('', path)
    for number in range(2000):
        os.mknod(f'{path}/f{number}')
    os.getxattr(path, 'memfs.trace')  # all that was before is now in the file
    target.daemons[path].kill()
    target.daemons.pop(path).wait()
    sh(f'umount {path}')
    trace = path + '.trace'
    equal(counts(trace)['mknod'], 2000)
    done = subprocess.run([Paths.trace, 'check', '--json', trace], stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    equal((done.returncode, report['complete'], report['gaps'], report['names']['files']['left']),
          (1, False, 0, 2000))


@memfs_case
def a_cut_trace_is_read_to_the_cut_and_said_to_be_incomplete(target):
    def work(path):
        for number in range(3000):
            write(f'{path}/f{number}', b'x')

    trace = in_own_mount(target, work)
    size = os.stat(trace).st_size
    whole = counts(trace)['create']
    os.truncate(trace, size // 2)
    done = subprocess.run([Paths.trace, 'info', trace], stdout=subprocess.PIPE, text=True)
    equal(done.returncode, 1)
    assert 0 < counts(trace)['create'] < whole
