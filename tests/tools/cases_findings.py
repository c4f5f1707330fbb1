# SPDX-License-Identifier: GPL-2.0-or-later
"""findings: for each kind a trace that has it, and one that just has not."""
import os
import subprocess
import sys

from harness import Skip, case, equal, golden, recorded, scripted, tool, tool_json

HEAD = '''meta cache {cache}
process 1 pid=100 ppid=1 start=5000 comm=cc1
process 2 pid=101 ppid=1 start=5010 comm=vi
process 3 pid=102 ppid=1 start=5020 comm=cc1
event mkdir process=1 node=1 name=d mode=040755 result=90 start=1000000
event mkdir process=1 node=1 name=e mode=040755 result=91
'''


def trace_of(*lines, cache='never'):
    return scripted(HEAD.format(cache=cache) + '\n'.join(lines) + '\nend\n')


def findings(*lines, cache='never', options=()):
    """{kind: finding}; where there are several of a kind, the most costly."""
    found = {}
    for finding in tool_json('findings', *options, trace_of(*lines, cache=cache))['findings']:
        found.setdefault(finding['kind'], finding)
    return found


def create(name='f', node=2, fh=1, flags='0101', by=1):
    return (f'event create process={by} node=1 name={name} result={node} fh={fh} flags={flags} '
            'mode=0100644')


def write(offset=0, size=100, fh=1, node=2, by=1, more=''):
    return f'event write process={by} node={node} fh={fh} offset={offset} size={size} done={size} {more}'


def read(size=100, node=2, fh=2, by=1, more=''):
    return f'event read process={by} node={node} fh={fh} size={size} done={size} {more}'


def opens(fh=2, flags='0', node=2, by=1):
    return f'event open process={by} node={node} fh={fh} flags={flags}'


def release(fh=1, node=2):
    return f'event release node={node} fh={fh}'


def unlink(name='f', node=2, by=1):
    return f'event unlink process={by} node=1 name={name} result={node}'


def misses(name, dir_node=90, by=1, times=1):
    return [f'event lookup process={by} node={dir_node} name={name} error=2'] * times


def meets(times=1, name='f', node=2, by=2):
    return [f'event lookup process={by} node=1 name={name} result={node}'] * times


def places(finding):
    return {place['path']: place['count'] for place in finding['where']}


def commands(finding):
    return [command['command'] for command in finding['who']]


# --- absent names ----------------------------------------------------------------

@case
def names_looked_for_in_vain():
    found = findings(*misses('x', times=50))['absent-names']
    equal((found['count'], found['cost_ns'], places(found), commands(found)),
          (50, 50000, {'/d': 50}, ['cc1']))
    equal(findings(*misses('x', times=49)), {})
    # By command, not by process; and two commands are two.
    equal(findings(*misses('x', times=25), *misses('x', times=25, by=3))['absent-names']['count'], 50)
    equal(findings(*misses('x', times=25), *misses('x', times=25, by=2)), {})


@case
def names_looked_for_along_a_path():
    lines = [line for i in range(30) for line in misses(f'h{i}') + misses(f'h{i}', 91)]
    found = findings(*lines, cache='always')['absent-names']
    assert '60 lookups were for names that it looked for in several' in found['what'], found
    assert 'search path' in found['do'], found
    # Found in the second directory.
    lines = [line for i in range(50) for line in
             misses(f'h{i}') + [f'event lookup process=1 node=91 name=h{i} result={100 + i}']]
    assert '50 lookups were for names' in findings(*lines, cache='always')['absent-names']['what']
    # In one only, each time another.
    found = findings(*[line for i in range(50) for line in misses(f'h{i}')], cache='always')
    assert 'several' not in found['absent-names']['what'], found
    # Each process looks in one directory; and one found what another one had missed.
    lines = [line for i in range(30) for line in misses(f'h{i}') + misses(f'h{i}', 91, by=3)]
    assert 'several' not in findings(*lines, cache='always')['absent-names']['what']
    lines = [line for i in range(50) for line in
             misses(f'h{i}') + [f'event lookup process=3 node=91 name=h{i} result={100 + i}']]
    assert 'several' not in findings(*lines, cache='always')['absent-names']['what']
    # The same name again and again: a cache helps.
    assert 'cache=auto' in findings(*misses('x', times=50))['absent-names']['do']


@case
def who_makes_the_name_had_to_look():
    def makes(by=1, op='create', error=0):
        return [f'event {op} process={by} node=90 name=x result=7 mode=0100644 error={error}']
    equal(findings(*misses('x', times=60), *makes()), {})
    equal(findings(*misses('x', times=60), *makes(op='mkdir')), {})
    equal(findings(*misses('x', times=60), create('t', 7),
                   'event rename process=1 node=1 name=t node2=90 name2=x result=7'), {})
    equal(findings(*misses('x', times=60), create('t', 7),
                   'event link process=1 node=7 node2=90 name=x result=7'), {})
    # Somebody else did; or it failed; or another name was made.
    equal(list(findings(*misses('x', times=60), *makes(by=2))), ['absent-names'])
    equal(list(findings(*misses('x', times=60), *makes(error=28))), ['absent-names'])
    equal(list(findings(*misses('y', times=60), *makes())), ['absent-names'])
    # What was looked for after that, when it was gone again, counts.
    found = findings(*misses('x', times=60), *makes(),
                     'event unlink process=1 node=90 name=x result=7', *misses('x', times=51))
    equal(found['absent-names']['count'], 51)


# --- attributes ---------------------------------------------------------------------

def asks(times=1, node=2, by=1):
    return [f'event getattr process={by} node={node}'] * times


@case
def attributes_asked_for_again():
    file = create(), release()
    found = findings(*file, *asks(33))['redundant-getattr']
    equal((found['count'], found['cost_ns'], places(found)), (32, 32000, {'/f': 32}))
    equal(findings(*file, *asks(32)), {})
    # Each process asks for the first time once.
    equal(findings(*file, *asks(17), *asks(17, by=2))['redundant-getattr']['count'], 32)
    equal(findings(*file, *asks(16), *asks(17, by=2)), {})


@case
def attributes_that_changed_may_be_asked_for():
    file = create(), release()
    for change in (write(fh=9), 'event setattr process=2 node=2 flags=1 mode=0600', read(by=2),
                   'event setxattr process=2 node=2 name=user.a',
                   'event link process=2 node=2 node2=1 name=g result=2',
                   'event fallocate process=2 node=2 fh=9 size=10',
                   'event rename process=2 node=1 name=f node2=1 name2=g result=2',
                   opens(9, '01001', by=2)):
        lines = [line for _ in range(40) for line in (*asks(), change)]
        assert 'redundant-getattr' not in findings(*file, *lines), change
    # A call that failed, one on another file, and a look change nothing.
    for change in ('event write process=2 node=2 fh=9 size=10 error=28', write(node=3), *meets(),
                   'event flush process=2 node=2 fh=9'):
        lines = [line for _ in range(40) for line in (*asks(), change)]
        assert 'redundant-getattr' in findings(*file, create('o', 3, 3), *lines), change


@case
def attributes_of_what_is_open_for_writing_may_change_unseen():
    equal(findings(create(), *asks(99)), {})
    equal(list(findings(create(), release(), opens(), *asks(99))), ['redundant-getattr'])
    equal(list(findings(*asks(99, node=1))), ['redundant-getattr'])
    # An entry that is made changes the directory.
    lines = [line for i in range(40) for line in (*asks(node=1), create(f'f{i}', 100 + i, 100 + i))]
    equal(findings(*lines), {})


# --- data -----------------------------------------------------------------------------

@case
def tiny_writes():
    def tiny(count, size=10, more=''):
        return [create(), *(write(i * size, size, more=more) for i in range(count)), opens(), read(1)]
    found = findings(*tiny(64))['tiny-writes']
    # In one write of 4096 bytes they would have been one.
    equal((found['count'], found['cost_ns'], places(found), commands(found)),
          (64, 63000, {'/f': 64}, ['cc1']))
    equal(findings(*tiny(63)), {})
    # In pieces of 4096 bytes they would be 48, and no fewer than 49.
    equal(list(findings(*tiny(64, 3072))), ['tiny-writes'])
    equal(findings(*tiny(64, 3073)), {})
    # What the kernel puts off came from no such write.
    equal(findings(*tiny(64, more='flags=1'), cache='auto'), {})
    # In order, but for one of four; and not.
    for wrong, kinds in ((16, ['tiny-writes']), (17, [])):
        lines = [write(i * 10, 10) for i in range(64 - wrong)]
        lines += [write(5000 - 20 * i, 10) for i in range(wrong)]
        equal(list(findings(create(), *lines, opens(), read(1))), kinds, wrong)


def files(count, size=100, removed=True, flags='0101', between=()):
    lines = []
    for i in range(10, 10 + count):
        lines += [create(f'f{i}', i, i, flags), write(0, size, i, i), release(i, i)]
        lines += [line.format(i) for line in between]
        if removed:
            lines.append(unlink(f'f{i}', i))
    return lines


@case
def files_removed_unread():
    found = findings(*files(8))['removed-unread']
    equal((found['count'], found['cost_ns'], len(found['where']), found['where_more']), (8, 8000, 3, 5))
    equal(findings(*files(7)), {})
    equal(list(findings(*files(1, 1 << 20))), ['removed-unread'])
    equal(findings(*files(1, (1 << 20) - 1)), {})
    # Replaced is removed.
    lines = [*files(1, 1 << 20, removed=False), create('g', 99, 99), release(99, 99),
             'event rename process=1 node=1 name=g node2=1 name2=f10 result=99 replaced=10']
    equal(list(findings(*lines)), ['removed-unread'])


@case
def files_that_may_have_been_read():
    between = 'event open process=2 node={0} fh=1{0}', 'event read process=2 node={0} fh=1{0} done=9 size=9'
    for cache in 'never', 'auto', 'always':
        equal(findings(*files(9, between=between), cache=cache), {}, cache)
    # Without a cache each read is seen; with one, an open is enough to read.
    equal(list(findings(*files(9, between=between[:1]))), ['removed-unread'])
    for cache in 'auto', 'always':
        equal(findings(*files(9, between=between[:1]), cache=cache), {}, cache)
        equal(findings(*files(9, flags='0102'), cache=cache), {}, cache)
        equal(list(findings(*files(9), cache=cache)), ['removed-unread'], cache)
    copied = 'event copy_file_range process=2 node={0} fh=1{0} node2=90 size=9 done=9',
    equal(findings(*files(9, between=copied)), {})
    # A link keeps it.
    linked = 'event link process=1 node={0} node2=1 name=l{0} result={0}',
    equal(list(findings(*files(9, between=linked))), ['unread'])


@case
def files_that_are_still_there_cost_nothing_for_certain():
    found = findings(*files(8, removed=False))['unread']
    equal((found['count'], found['cost_ns'], found['percent']), (8, 0, 0.0))
    assert 'may be read later' in found['what'], found
    equal(findings(*files(7, removed=False)), {})


@case
def what_filters_leave_out_was_read_all_the_same():
    read_too = [*files(9, removed=False), *(read(9, i, 50 + i) for i in range(10, 19))]
    equal(findings(*read_too, options=['-e', 'write']), {})
    equal(list(findings(*files(9, removed=False), options=['-e', 'write'])), ['unread'])


@case
def what_happened_while_recording_was_off_is_not_known():
    off = 'event setxattr process=1 node=1 name=memfs.trace.enabled name2=0'
    equal(findings(*files(9, removed=False), off), {})
    equal(list(findings(off, *files(9, removed=False))), ['unread'])
    equal(findings(create(), release(), *asks(20), off, *asks(20)).get('redundant-getattr', {}).get('count'),
          38)
    equal(findings(create(), write(), release(), opens(), off, *[read()] * 20), {})


@case
def files_read_over_and_over():
    def reads(count, size=100):
        return [create(), write(), release(), opens(), *[read(size)] * count]
    found = findings(*reads(16))['reread']
    # All but what one pass takes.
    equal((found['count'], found['cost_ns'], places(found)), (16, 15000, {'/f': 16}))
    equal(findings(*reads(15)), {})
    equal(list(findings(*reads(16, 25))), ['reread'])
    equal(findings(*reads(16, 24)), {})
    # What was written over is worth reading again.
    lines = [line for _ in range(16) for line in (write(fh=9), read(100))]
    equal(findings(create(), opens(9, '1'), *lines), {})
    # Reads at the end of the file bring nothing; nor is it read by them.
    equal(list(findings(*files(9, between=['event read process=2 node={0} fh=1{0} size=9']))),
          ['removed-unread'])
    equal(findings(*reads(0), *[read(0)] * 99), {})


@case
def paths_replaced_again():
    def saves(count, name='f'):
        lines, before = [], 0
        for i in range(10, 11 + count):
            lines += [create('t', i, i), write(0, 100, i, i), release(i, i), opens(99, node=i),
                      read(1, i, 99), f'event rename process=1 node=1 name=t node2=1 name2={name} result={i} '
                      f'replaced={before}']
            before = i
        return lines
    found = findings(*saves(4))['replaced-again']
    # Four of the five versions were written for nothing, and renamed over.
    equal((found['count'], found['cost_ns'], places(found)), (4, 8000, {'/f': 4}))
    equal(findings(*saves(3)), {})
    exchanges = [create(), release(), create('g', 3, 3), release(3, 3)]
    for _ in range(3):
        exchanges += ['event rename process=1 node=1 name=f node2=1 name2=g result=2 replaced=3 flags=2',
                      'event rename process=1 node=1 name=f node2=1 name2=g result=3 replaced=2 flags=2']
    equal(findings(*exchanges), {})


# --- calls -------------------------------------------------------------------------------

@case
def fsyncs():
    def syncs(count, by=1):
        return [f'event fsync process={by} node=2 fh=1'] * count
    found = findings(create(), *syncs(15), 'event fsyncdir process=1 node=90 fh=5')['fsync']
    equal((found['count'], found['cost_ns'], places(found), commands(found)),
          (16, 16000, {'/f': 15, '/d': 1}, ['cc1']))
    equal(findings(create(), *syncs(15)), {})
    equal(findings(create(), *syncs(15), *syncs(15, by=2)), {})


@case
def names_polled():
    file = create(flags='0301'), release()
    found = findings(*file, *meets(10))['lock-polling']
    equal((found['count'], found['cost_ns'], places(found), commands(found)),
          (10, 10000, {'/f': 10}, ['vi']))
    equal(findings(*file, *meets(9)), {})
    # Until it is gone, and made by who waited for it.
    mine = create(node=3, fh=3, flags='0301', by=2)
    misses_it = 'event lookup process=2 node=1 name=f error=2'
    equal(findings(*file, *meets(10), unlink(), misses_it, mine)['lock-polling']['count'], 10)
    # The last one led to an open, and was needed.
    equal(findings(*file, *meets(11), opens(by=2))['lock-polling']['count'], 10)
    equal(findings(*file, *meets(10), opens(by=2)), {})


@case
def names_looked_up_for_some_use_are_not_polled():
    file = create(flags='0301'), release()
    for use in ('event getattr process=2 node=2', opens(by=2), 'event access process=2 node=2',
                'event readlink process=2 node=2', 'event setattr process=2 node=2 flags=1',
                'event unlink process=2 node=1 name=f result=2 error=13',
                'event rmdir process=2 node=1 name=f error=39',
                'event link process=2 node=2 node2=1 name=g result=2'):
        lines = [line for _ in range(40) for line in (*meets(), use)]
        assert 'lock-polling' not in findings(*file, *lines), use
    # Somebody else's use is none of who polls.
    lines = [line for _ in range(40) for line in (*meets(), opens(by=1), release(2))]
    equal(findings(*file, *lines)['lock-polling']['count'], 40)
    # Two names in turn.
    lines = [line for _ in range(40) for line in (*meets(), *meets(name='g', node=3))]
    equal(findings(*file, create('g', 3, 3), release(3, 3), *lines), {})
    # What is renamed over is looked up before.
    lines = [line for i in range(12) for line in
             (create('t', 10 + i, 10 + i, by=2), release(10 + i, 10 + i), *meets(),
              f'event rename process=2 node=1 name=t node2=1 name2=f result={10 + i} replaced=2')]
    assert 'lock-polling' not in findings(*file, *lines)


@case
def creates_that_fail_are_polls():
    fails = 'event create process=2 node=1 name=f flags=0301 mode=0100644 error=17'
    equal(findings(create(), *[fails] * 10)['lock-polling']['count'], 10)
    equal(findings(create(), *[fails] * 9), {})
    fails = 'event mkdir process=2 node=1 name=f mode=040755 error=17'
    equal(findings(create(), *[fails] * 5, *meets(5))['lock-polling']['count'], 10)
    fails = 'event link process=2 node=3 node2=1 name=f error=17'
    equal(findings(create(), *[fails] * 10)['lock-polling']['count'], 10)
    fails = 'event create process=2 node=1 name=f flags=0301 mode=0100644 error=13'
    equal(findings(create(), *[fails] * 99), {})


@case
def files_opened_again():
    def reopens(count, by=1):
        return [line for i in range(count) for line in
                (opens(100 + i, by=by), f'event flush process={by} node=2 fh={100 + i}', release(100 + i))]
    file = create(), release()
    found = findings(*file, *reopens(10))['reopened']
    # Of all its opens, flushes and releases nine in ten; that of the create is one.
    equal((found['count'], places(found), commands(found)), (10, {'/f': 10}, ['cc1']))
    equal(found['cost_ns'], 31000 * 9 // 10)
    equal(findings(*file, *reopens(9)), {})
    equal(findings(*file, *reopens(9), *[line.replace('fh=1', 'fh=5') for line in reopens(9, by=2)]), {})


@case
def directories_listed_again():
    def lists(count, by=1):
        return [f'event opendir process={by} node=90 fh=7',
                f'event readdirplus process={by} node=90 fh=7',
                f'event readdir process={by} node=90 fh=7 offset=3',
                'event releasedir node=90 fh=7'] * count
    found = findings(*lists(5))['listed-again']
    equal((found['count'], found['cost_ns'], places(found)), (4, 8000, {'/d': 4}))
    equal(findings(*lists(4)), {})
    equal(findings(*lists(4), *lists(4, by=2)), {})
    # Each time there is something new.
    lines = [line for i in range(9) for line in
             (*lists(1), f'event mkdir process=2 node=90 name=n{i} result={100 + i} mode=040755')]
    equal(findings(*lines), {})
    lines = [line for i in range(9) for line in (*lists(1), *misses('x'))]
    equal(list(findings(*lines)), ['listed-again'])


# --- the report ------------------------------------------------------------------------------

def a_bit_of_all():
    return [*[line for i in range(30) for line in misses(f'h{i}') + misses(f'h{i}', 91)],
            *[line for i in range(4) for line in misses(f'bin{i}', 1, 2, 13)],
            *files(8), *asks(40, node=90, by=2),
            create(), *(write(i * 10, 10, more='duration=3000') for i in range(100)), release(),
            *[f'event fsync process={by} node=2 fh=1' for by in (1, 2) for _ in range(20)]]


@case
def a_report_in_words():
    golden('findings', tool('findings', trace_of(*a_bit_of_all())))
    golden('findings.json', tool('findings', '--json', trace_of(*a_bit_of_all())))


@case
def the_most_costly_come_first():
    trace = trace_of(*a_bit_of_all())
    found = tool_json('findings', trace)['findings']
    costs = [finding['cost_ns'] for finding in found]
    equal(costs, sorted(costs, reverse=True))
    equal(tool_json('findings', '--top=2', trace)['findings'], found[:2])
    total = sum(row['time_ns'] for row in tool_json('summary', trace)['rows'])
    for finding in found:
        equal(round(finding['percent'], 6), round(100 * finding['cost_ns'] / total, 6), finding)


@case
def nothing_found_is_said():
    assert 'Nothing found' in tool('findings', trace_of())
    equal(tool_json('findings', trace_of())['findings'], [])


# --- recorded ---------------------------------------------------------------------------------

def python(program, path):
    subprocess.run([sys.executable, '-c', program, path], check=True, cwd='/')


def kinds(trace, command=None):
    found = tool_json('findings', trace)['findings']
    return {finding['kind'] for finding in found if not command or command in commands(finding)}


@case
def headers_along_a_search_path():
    def run(path):
        for i in range(4):
            os.mkdir(f'{path}/i{i}')
        includes = ''
        for i in range(20):
            with open(f'{path}/i3/h{i}.h', 'w', encoding='ascii') as out:
                out.write('int f(void);\n')
            includes += f'#include <h{i}.h>\n'
        with open(f'{path}/a.c', 'w', encoding='ascii') as out:
            out.write(includes)
        subprocess.run(['gcc', '-c', *(f'-I{path}/i{i}' for i in range(4)), '-o', f'{path}/a.o',
                        f'{path}/a.c'], check=True, cwd='/')
    try:
        subprocess.run(['gcc', '--version'], check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError as none:
        raise Skip('no gcc') from none
    for cache in 'never', 'always':
        trace = recorded(run, f'cache={cache}', cache)
        found, = [finding for finding in tool_json('findings', '-P', 'h[0-9]*.h', trace)['findings']
                  if finding['kind'] == 'absent-names']
        # 20 headers are in the last of four directories.
        equal((found['count'], places(found), commands(found)),
              (60, {'/i0': 20, '/i1': 20, '/i2': 20}, ['cc1']), cache)
        assert 'search path' in found['what'], found


@case
def small_writes_of_a_program():
    def run(path):
        python('import os, sys\nf = os.open(sys.argv[1] + "/f", os.O_WRONLY | os.O_CREAT)\n'
               'for i in range(100): os.write(f, b"x" * 10)', path)
    for cache in 'never', 'auto':
        assert 'tiny-writes' in kinds(recorded(run, f'cache={cache}', cache)), cache
    # There the kernel gathers them.
    assert 'tiny-writes' not in kinds(recorded(run, 'cache=always'))


@case
def polling_for_a_lock():
    program = '''
import os, sys
path = sys.argv[1] + '/lock'
for i in range(20):
    try:
        {}
    except FileExistsError:
        pass
'''

    def run(path):
        with open(f'{path}/lock', 'x', encoding='ascii'):
            pass
        python(program.format('os.open(path, os.O_CREAT | os.O_EXCL)'), path)

    def run_mkdir(path):
        os.mkdir(f'{path}/lock')
        python(program.format('os.mkdir(path)'), path)
    for cache in 'never', 'always':
        assert 'lock-polling' in kinds(recorded(run, f'cache={cache}', cache)), cache
        assert 'lock-polling' in kinds(recorded(run_mkdir, f'cache={cache}', cache)), cache


@case
def what_looks_like_polling_and_is_not():
    program = '''
import os, sys
path = sys.argv[1] + '/f'
open(path, 'w').close()
os.symlink('f', sys.argv[1] + '/l')
os.mkdir(sys.argv[1] + '/d')
for i in range(30):
    os.stat(path)
    os.access(path, os.R_OK)
    os.access(path, os.F_OK)
    os.path.exists(path)
    os.chmod(path, 0o600 + i % 8)
    os.listdir(sys.argv[1] + '/d')
    os.readlink(sys.argv[1] + '/l')
    open(sys.argv[1] + '/l').close()
    os.chdir(sys.argv[1] + '/d')
    os.chdir('/')
    open(sys.argv[1] + '/t', 'w').close()
    os.replace(sys.argv[1] + '/t', path)
    os.utime(path)
'''
    for cache in 'never', 'auto', 'always':
        trace = recorded(lambda path: python(program, path), f'cache={cache}', cache)
        assert 'lock-polling' not in kinds(trace), (cache, tool('findings', trace))


@case
def a_program_that_spares_what_it_can():
    program = '''
import os, sys
with open(sys.argv[1] + '/f', 'wb') as out:
    out.write(b'x' * 100000)
with open(sys.argv[1] + '/f', 'rb') as file:
    file.read()
'''
    for cache in 'auto', 'always':
        equal(kinds(recorded(lambda path: python(program, path), f'cache={cache}', cache)), set(), cache)


@case
def what_opens_that_are_not_seen_may_have_done():
    def run(path):
        subprocess.run(['sh', '-ec', 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i > f$i; done; cat f* > all; '
                        'rm f*'], check=True, cwd=path)
    equal(kinds(recorded(run, 'cache=always,no_open')) & {'unread', 'removed-unread'}, set())
    # Those there are the ones of the shell, which had them open for writing only, and of cat.
    equal(kinds(recorded(run, 'cache=always', 'seen')) & {'unread', 'removed-unread'}, set())


@case
def a_database_syncs():
    program = '''
import sqlite3, sys
c = sqlite3.connect(sys.argv[1] + '/db')
c.execute('create table t(a)')
for i in range(10):
    c.execute('insert into t values (?)', (i,))
    c.commit()
c.close()
'''
    for cache in 'never', 'always':
        trace = recorded(lambda path: python(program, path), f'cache={cache}', cache)
        assert 'fsync' in kinds(trace), cache
        # The journals were removed. Without a cache it is seen that nobody read them.
        equal('removed-unread' in kinds(trace), cache == 'never', cache)
