# SPDX-License-Identifier: GPL-2.0-or-later
"""methods: how files were written; for each way a trace that has it, and one that just has not."""
import os
import shutil
import subprocess
import sys

from harness import Skip, case, equal, from_file, golden, recorded, scripted, tool, tool_json

MAKER = 'process 1 pid=1 comm=maker\nprocess 2 pid=2 comm=other\n'


def methods(trace, *options):
    """{path: {method, ...}}; where files had the same path, of the last."""
    return {row['path']: set(row['methods'].split(', '))
            for row in tool_json('methods', '--files', '-S', 'path', *options, trace)['rows']}


def of(*lines, cache='never', path='/f'):
    trace = scripted(f'meta cache {cache}\n{MAKER}' + '\n'.join(lines) + '\nend\n')
    return methods(trace).get(path, set())


def create(name='f', node=2, fh=1, flags='0101', by=1):
    return (f'event create process={by} node=1 name={name} result={node} fh={fh} flags={flags} '
            'mode=0100644')


def opens(fh, flags='1', node=2, by=1):
    return f'event open process={by} node={node} fh={fh} flags={flags}'


def write(offset, size=100, fh=1, node=2, put_off=False, by=1):
    who = '' if put_off else f'process={by} '
    return (f'event write {who}node={node} fh={fh} offset={offset} size={size} done={size} '
            f'flags={int(put_off)}')


def release(fh=1, node=2):
    return f'event release node={node} fh={fh}'


def rename(old='f', new='g', node=2, replaced=0, by=1):
    return (f'event rename process={by} node=1 name={old} node2=1 name2={new} result={node} '
            f'replaced={replaced}')


def unlink(name='f', node=2, by=1):
    return f'event unlink process={by} node=1 name={name} result={node}'


def truncate(size, node=2):
    return f'event setattr process=1 node={node} flags=8 size={size}'


@case
def each_method_has_a_row():
    golden('methods', tool('methods', from_file('methods')))
    golden('methods.json', tool('methods', '--json', from_file('methods')))


@case
def each_file_has_its_methods():
    golden('methods-files', tool('methods', '--files', from_file('methods')))


@case
def filters_choose_files():
    trace = from_file('methods')
    equal(sorted(methods(trace, '-c', 'ld', '-e', 'write')), ['/created', '/holes', '/mapped', '/new', '/random'])
    # What was done to them is told whole: the append is the shell's.
    assert 'append' in methods(trace, '-c', 'ld', '-e', 'write')['/new']


@case
def made_and_written_by_one_open():
    equal(of(create(), write(0), write(100), release()), {'create'})
    equal(of(create(), release(), opens(2), write(0, fh=2), release(2)), {'create'})
    equal(of(create(), write(0), release(), opens(2), write(100, fh=2)), {'create', 'append'})


@case
def emptied_and_written():
    first = create(), write(0), release()
    equal(of(*first, opens(2, '01001'), write(0, fh=2)), {'create', 'truncate-rewrite'})
    equal(of(*first, truncate(0), opens(2), write(0, fh=2)), {'create', 'truncate-rewrite'})
    equal(of(*first, opens(2, '2'), truncate(0), write(0, fh=2)), {'create', 'truncate-rewrite'})
    # There was nothing in it; or something is left.
    equal(of(create(), release(), opens(2, '01001'), write(0, fh=2)), {'create'})
    equal(of(*first, truncate(1), opens(2), write(1, fh=2)), {'create', 'append'})
    # Nothing was written after.
    equal(of(*first, truncate(0)), {'create'})


@case
def renamed_over_another():
    old = create('g', 9, 9), write(0, fh=9, node=9), release(9, 9)
    new = create(), write(0), release()
    equal(of(*old, *new, rename(replaced=9), path='/g'), {'temp-replace'})
    equal(of(*old, *new, rename(replaced=9, by=2), path='/g'), {'temp-replace'})
    # It had a name that it was renamed to before, and was not written since.
    equal(of(*old, *new, rename(new='h', by=2), rename('h', replaced=9), path='/g'), {'create'})
    equal(of(*old, *new, rename(new='h', by=2), opens(3), write(100, fh=3), rename('h', replaced=9),
             path='/g'), {'temp-replace', 'append'})


@case
def renamed_into_place():
    new = create(), write(0), release()
    equal(of(*new, rename(), path='/g'), {'temp-rename'})
    equal(of(*new, rename(by=2), path='/g'), {'create'})
    linked = *new, 'event link process=1 node=2 node2=1 name=g result=2'
    equal(of(*linked, unlink(), path='/g'), {'temp-rename'})
    equal(of(*linked, path='/g'), {'create'})
    equal(of(*linked, unlink(by=2), path='/g'), {'create'})
    unnamed = 'event tmpfile process=1 node=1 result=2 fh=1 mode=0100644', write(0)
    equal(of(*unnamed, 'event link process=1 node=2 node2=1 name=g result=2', path='/g'),
          {'temp-rename'})
    equal(of(*unnamed, path='#2'), {'create'})


@case
def written_at_the_end():
    first = create(), write(0), release()
    equal(of(*first, opens(2), write(100, fh=2), write(200, fh=2)), {'create', 'append'})
    equal(of(*first, opens(2), write(99, fh=2)), {'create', 'in-place'})


@case
def written_at_the_end_as_the_kernel_puts_it_off():
    def put(*writes):
        return of(create(), write(0, 5000, put_off=True), release(), opens(2, '02001'),
                  *(write(offset, size, 2, put_off=True) for offset, size in writes), cache='always')
    equal(put((4096, 1000)), {'create', 'append'})
    # Pieces that several threads take may come in another order.
    equal(put((8192, 4096), (4096, 4096)), {'create', 'append'})
    equal(put((4096, 904)), {'create', 'in-place'})
    equal(put((0, 6000)), {'create', 'in-place'})


@case
def written_over():
    first = create(), write(0), release()
    equal(of(*first, opens(2), write(0, 10, fh=2)), {'create', 'in-place'})
    # In the same open: when more was written than the file can hold.
    equal(of(create(), write(0), write(0, 1)), {'create', 'in-place'})
    equal(of(create(), write(50, 50), write(0, 50)), {'create'})
    # Of what the kernel puts off, when it comes to twice as much.
    twice = [write(0, 4096, put_off=True) for _ in range(3)]
    equal(of(create(), *twice, cache='always'), {'create', 'in-place'})
    equal(of(create(), *twice[1:], cache='always'), {'create'})


@case
def written_out_of_order():
    def jumps(out_of_order, in_order):
        backward = [write(100 * i) for i in range(out_of_order, 0, -1)]
        return of(create(), write(0, 0), *backward, *(write(100 * (out_of_order + 1) + 100 * i)
                                                      for i in range(in_order)))
    # The first of them ends where the rest begins.
    equal(jumps(4, 0), {'create', 'random'})
    equal(jumps(3, 0), {'create'})
    equal(jumps(4, 11), {'create', 'random'})
    equal(jumps(4, 12), {'create'})


@case
def with_holes_left():
    equal(of(create(), write(4096), release()), {'create', 'sparse'})
    equal(of(create(), write(4095), release()), {'create'})
    equal(of(create(), write(4096)), {'create'})  # it is open still
    equal(of(create(), write(4096), write(0, 4096), release()), {'create'})
    equal(of(create(), truncate(8192), release()), {'sparse'})
    equal(of(create(), write(0), truncate(8192), truncate(100), release()), {'create'})
    allocated = create(), 'event fallocate process=1 node=2 fh=1 size=8192', write(8000), release()
    equal(of(*allocated), {'create', 'preallocate'})


@case
def through_a_mapping():
    mapped = create(flags='0102'), truncate(4096), write(0, 4096, put_off=True), release()
    for cache in 'never', 'auto':
        equal(of(*mapped, cache=cache), {'mmap'}, cache)
        equal(of(create(), write(0, 4096), release(), cache=cache), {'create'}, cache)
    # There all writes come so.
    equal(of(*mapped, cache='always'), {'create'})


@case
def past_the_page_cache():
    for cache in 'never', 'auto', 'always':
        equal(of(create(flags='040101'), write(0, 4096), cache=cache), {'create', 'direct'}, cache)
        equal(of(create(flags='0101'), write(0, 4096), cache=cache), {'create'}, cache)
    equal(of(create(flags='040101'), release()), {'empty'})


@case
def allocated_before():
    def allocate(offset, size, mode=0):
        return f'event fallocate process=1 node=2 fh=1 offset={offset} size={size} flags={mode}'
    equal(of(create(), allocate(0, 5000), write(0), release()), {'create', 'preallocate'})
    equal(of(create(), allocate(0, 5000, 1), release()), {'preallocate'})
    equal(of(create(), write(0), allocate(0, 100), release()), {'create'})
    equal(of(create(), write(0), allocate(0, 5000, 3), release()), {'create'})  # a hole


@case
def by_copy_file_range():
    source = create('s', 9, 9), write(0, fh=9, node=9), release(9, 9)
    copy = 'event copy_file_range process=1 node=9 fh=9 node2=2 size=100 done=100'
    equal(of(*source, create(), copy), {'create', 'copy-range'})
    equal(of(*source, create(), copy + ' offset2=100', path='/s'), {'create'})
    equal(of(*source, create(), write(0), release(), opens(2), copy + ' offset2=100'),
          {'create', 'append', 'copy-range'})
    equal(of(*source, create(), copy.replace('done=100', 'error=28')), {'empty'})


@case
def lock_files():
    def lock(name='f.lock', flags='0301', size=0, by=1, *more):
        return of(create(name, flags=flags), write(0, size) if size else '', release(), *more,
                  unlink(name, by=by), path='/' + name)
    equal(lock(), {'lock'})
    equal(lock('LCK..x', size=128), {'lock'})
    equal(lock(size=129), {'create'})
    equal(lock(flags='0101'), {'empty'})
    equal(lock(by=2), {'empty'})
    equal(lock('f'), {'empty'})
    equal(of(create('f.lock', flags='0301'), release(), path='/f.lock'), {'empty'})
    # By any name, if somebody met it and did nothing with it.
    meets = 'event lookup process=2 node=1 name=f result=2'
    equal(lock('f', '0301', 0, 1, meets), {'lock'})
    equal(lock('f', '0301', 0, 1, meets, opens(5, '0', by=2)), {'empty'})
    # What is looked up in order to remove it, is not met.
    equal(lock('f', '0301', 0, 1, meets.replace('process=2', 'process=1')), {'empty'})


@case
def files_never_written():
    equal(of(create(), release()), {'empty'})
    equal(of('event mknod process=1 node=1 name=f mode=0100644 result=2'), {'empty'})
    equal(of(create(), write(0, 1)), {'create'})
    equal(of('event mknod process=1 node=1 name=f mode=010644 result=2'), set())
    equal(of('event mkdir process=1 node=1 name=f mode=040755 result=2'), set())


@case
def a_write_of_which_the_open_was_lost():
    equal(of('event lookup process=1 node=1 name=f result=2', write(0)), {'unknown'})
    equal(of('event lookup process=1 node=1 name=f result=2', opens(1, '01001'), write(0)), {'unknown'})


# --- recorded ------------------------------------------------------------------

def in_all_modes(function, wanted, *also):
    """wanted: {path: {method}} that must be said of the files; also: {mode: {path: {method}}}."""
    for number, mode in enumerate(('never', 'auto', 'always')):
        got = methods(recorded(function, f'cache={mode}', mode))
        more = also[number] if number < len(also) else {}
        for path, what in {**wanted, **more}.items():
            equal(got.get(path), what, f'{mode}: {path} of {got}')


def need(program):
    if not shutil.which(program):
        raise Skip(f'no {program}')


@case
def cp_and_shell():
    def run(path):
        subprocess.run(['sh', '-ec', '''
            head -c 20000 /dev/zero > a
            cp a b
            dd if=a of=c bs=64K 2> /dev/null; dd if=a of=c bs=64K 2> /dev/null
            echo x >> a
            : > e
            echo x > t; mv t u
            dd if=/dev/zero of=d bs=4096 count=4 oflag=direct 2> /dev/null
            dd if=/dev/zero of=c bs=100 seek=1 count=1 conv=notrunc 2> /dev/null
            truncate -s 1M s; truncate -s 100K h; echo x >> h
            echo x > old; echo y > old.new; mv old.new old
            '''], check=True, cwd=path)
    in_all_modes(run, {
        '/a': {'create', 'append'}, '/c': {'create', 'truncate-rewrite', 'in-place'}, '/e': {'empty'},
        '/u': {'create'}, '/d': {'create', 'direct'}, '/s': {'sparse'}, '/h': {'append', 'sparse'},
        '/old': {'temp-replace'}})
    got = methods(recorded(run))['/b']
    assert got in ({'create'}, {'create', 'copy-range'}), got


@case
def opens_that_are_not_seen():
    def run(path):
        subprocess.run(['sh', '-ec', 'echo a > f; cat f > g; echo b >> f; cat f > g; echo x > h; echo y > h; '
                        'dd if=/dev/zero of=h bs=100K count=30 2> /dev/null'], check=True, cwd=path)
    # All later opens are one; that it is an append cannot be told from a write in place.
    got = methods(recorded(run, 'cache=always,no_open'))
    equal(got['/g'] - {'copy-range'}, {'create', 'truncate-rewrite'})
    equal(got['/h'], {'create', 'truncate-rewrite'})
    assert got['/f'] in ({'create', 'append'}, {'create'}), got


@case
def sed_in_place():
    def run(path):
        subprocess.run(['sh', '-ec', 'echo a > f; sed -i s/a/b/ f'], check=True, cwd=path)
    in_all_modes(run, {'/f': {'temp-replace'}})


@case
def mappings_and_allocations():
    program = '''
import mmap, os
f = os.open('m', os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 8192)
m = mmap.mmap(f, 8192)
m[0:8192] = bytes(range(256)) * 32
m.close()
os.close(f)
f = os.open('p', os.O_RDWR | os.O_CREAT)
os.posix_fallocate(f, 0, 100000)
os.close(f)
f = os.open('r', os.O_RDWR | os.O_CREAT)
for i in 9, 3, 7, 1, 5, 0, 8, 2, 6, 4:
    os.pwrite(f, b'x' * 1000, 1000 * i)
os.close(f)
'''

    def run(path):
        subprocess.run([sys.executable, '-c', program], check=True, cwd=path)
    in_all_modes(run, {'/p': {'preallocate'}},
                 {'/m': {'mmap'}, '/r': {'create', 'random'}},
                 {'/m': {'mmap'}, '/r': {'create', 'random'}},
                 {'/m': {'create'}, '/r': {'create'}})


@case
def a_lock_that_others_meet():
    program = '''
import os
os.close(os.open('l', os.O_CREAT | os.O_EXCL))
for i in range(3):
    try:
        os.open('l', os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        pass
os.unlink('l')
'''

    def run(path):
        subprocess.run([sys.executable, '-c', program], check=True, cwd=path)
    in_all_modes(run, {'/l': {'lock'}})


@case
def sqlite():
    program = '''
import sqlite3
c = sqlite3.connect('db')
c.execute('create table t(a)')
c.commit()
for i in range(5):
    c.execute('insert into t values (?)', (i,))
    c.commit()
c.close()
'''

    def run(path):
        subprocess.run([sys.executable, '-c', program], check=True, cwd=path)
    # It goes back to the first page each time, which without a cache is seen.
    in_all_modes(run, {'/db': {'create', 'in-place'}}, *2 * [{'/db': {'create', 'in-place', 'random'}}])


@case
def git_commit():
    need('git')

    def run(path):
        environment = {**os.environ, 'HOME': path, 'GIT_CONFIG_NOSYSTEM': '1', 'GIT_AUTHOR_NAME': 'a',
                       'GIT_AUTHOR_EMAIL': 'a@b', 'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@b'}
        for command in (['init', '-q'], ['add', '.'], ['commit', '-qm', 'x'], ['add', 'f'],
                        ['commit', '-qm', 'y']):
            with open(f'{path}/f', 'a', encoding='ascii') as out:
                out.write('x')
            subprocess.run(['git', '-c', 'gc.auto=0', '-c', 'maintenance.auto=false', *command], check=True,
                           cwd=path, env=environment)
    for mode in 'never', 'always':
        trace = recorded(run, f'cache={mode}', mode)
        got = methods(trace)
        equal(got['/.git/index'], {'temp-replace'}, mode)
        equal(got['/.git/logs/HEAD'], {'create', 'append'}, mode)
        equal(got['/.git/COMMIT_EDITMSG'], {'create', 'truncate-rewrite'}, mode)
        equal(got['/f'], {'create', 'append'}, mode)
        objects = [path for path in got if '/objects/' in path and len(path) > 50]
        assert len(objects) >= 6, got
        for path in objects:
            equal(got[path], {'temp-rename'}, path)
        equal({what for path in got if path.endswith('/HEAD.lock') for what in got[path]}, {'lock'}, mode)


@case
def vim():
    need('vim')

    def run(path):
        with open(f'{path}/f', 'w', encoding='ascii') as out:
            out.write('a\n')
        subprocess.run(['vim', '-Nes', '-u', 'NONE', '-c', 'set nobackup writebackup backupcopy=no',
                        '-c', 's/a/b/', '-c', 'wq', 'f'], check=True, cwd=path,
                       stdin=subprocess.DEVNULL)
    for mode in 'never', 'always':
        trace = recorded(run, f'cache={mode}', mode)
        rows = tool_json('methods', '--files', trace)['rows']
        # The old one was renamed away, the new one made in its place.
        equal([row['methods'] for row in rows if row['path'] in ('/f', '/f~')], ['create', 'create'], mode)


@case
def gcc():
    need('gcc')

    def run(path):
        for i in range(3):
            os.mkdir(f'{path}/i{i}')
        with open(f'{path}/i2/h.h', 'w', encoding='ascii') as out:
            out.write('int f(void);\n')
        with open(f'{path}/a.c', 'w', encoding='ascii') as out:
            out.write('#include <h.h>\nint f(void) { return 1; }\n')
        subprocess.run(['gcc', '-pipe', '-c', '-Ii0', '-Ii1', '-Ii2', 'a.c'], check=True, cwd=path)
    for mode in 'never', 'always':
        got = methods(recorded(run, f'cache={mode}', mode))
        equal(got['/i2/h.h'], {'create'}, mode)
        assert 'create' in got['/a.o'] and 'temp-replace' not in got['/a.o'], got
