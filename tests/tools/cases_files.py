# SPDX-License-Identifier: GPL-2.0-or-later
"""files, procs and life: what was done to files, by whom, and in which order."""
import os
import subprocess
import sys
import time

from harness import case, equal, from_file, golden, misuse, mounted, recorded, scripted, tool, tool_json


def rows(*arguments):
    return tool_json(*arguments)['rows']


def by_path(*arguments):
    return {row['path']: row for row in rows('files', *arguments)}


# --- files ---------------------------------------------------------------------

@case
def files_of_a_story():
    golden('files', tool('files', from_file('story')))


@case
def files_of_a_story_as_json():
    golden('files.json', tool('files', '--json', from_file('story')))


@case
def files_and_directories_in_nanoseconds():
    golden('files-all-raw', tool('files', '-a', '--raw', from_file('story')))


@case
def files_by_path_directory_and_extension():
    trace = from_file('story')
    # Both had /new/a.o as their last path, or /hard.
    equal({row['path']: row['files'] for row in rows('files', '--by=path', trace)},
          {'/hard': 1, '/new/a.o': 1, '/new/s': 1})
    equal({row['path']: (row['files'], row['opens']) for row in rows('files', '--by=dir', trace)},
          {'/': (1, 2), '/new': (2, 0)})
    equal({row['path']: row['files'] for row in rows('files', '--by=ext', trace)},
          {'.o': 1, '(none)': 2})


@case
def paths_that_several_files_had_are_one_row():
    lines = []
    for node in (2, 3, 4):
        lines += [f'event create node=1 name=a.c result={node} fh={node} mode=0100644',
                  f'event write node={node} fh={node} size={node} done={node}',
                  f'event release node={node} fh={node}']
        if node < 4:
            lines.append(f'event unlink node=1 name=a.c result={node}')
    trace = scripted('\n'.join(lines) + '\nend\n')
    equal(len(rows('files', trace)), 3)
    row, = rows('files', '--by=path', trace)
    equal([row[key] for key in ('path', 'files', 'creates', 'removed', 'writes', 'written_bytes',
                                'write_min_bytes', 'write_mean_bytes', 'write_max_bytes')],
          ['/a.c', 3, 3, 2, 3, 9, 2, 3, 4])


@case
def extensions_of_odd_names():
    for name, extension in (('a.tar.gz', '.gz'), ('.hidden', '(none)'), ('a.', '(none)'), ('..x', '.x'),
                            ('plain', '(none)')):
        trace = scripted(f'event create node=1 name={name} result=2 mode=0100644\nend\n')
        equal(rows('files', '--by=ext', trace)[0]['path'], extension, name)


@case
def reread_is_bytes_read_for_each_byte_that_there_was():
    files = by_path(from_file('story'))
    # 9216 and 4096 and 1024 by read(2), and 9216 by the copy, of 9216.
    equal(round(files['/hard']['reread'], 6), round((2 * 9216 + 5120) / 9216, 6))
    # Cut to a byte at the end: it counts what was there.
    trace = scripted('''
        event create node=1 name=a result=2 fh=1 mode=0100644
        event write node=2 fh=1 size=100 done=100
        event read node=2 fh=1 size=50 done=50
        event setattr node=2 flags=8 size=1
        end
        ''')
    equal([by_path(trace)['/a'][key] for key in ('reread', 'size_bytes')], [0.5, 1])


@case
def a_node_number_used_again_is_another_file():
    again = 2 + (1 << 32)
    trace = scripted(f'''
        event create node=1 name=a result=2 mode=0100644
        event unlink node=1 name=a result=2
        event create node=1 name=b result={again} mode=0100644
        end
        ''')
    equal(sorted(by_path(trace)), ['/a', '/b'])


@case
def many_writers_are_counted():
    for count, writers in ((3, 'c0, c1, c2'), (4, 'c0, c1, c2, +1'), (9, 'c0, c1, c2, +6'),
                           (40, 'c0, c1, c2, +37')):
        lines = [f'process {i + 1} pid={i + 1} comm=c{i}' for i in range(count)]
        lines += ['event create node=1 name=a result=2 fh=1 mode=0100644']
        lines += [f'event write process={i % count + 1} node=2 fh=1 size=1 done=1' for i in range(2 * count)]
        trace = scripted('\n'.join(lines) + '\nend\n')
        equal([row['writers'] for row in rows('files', trace) + rows('files', '--by=dir', trace)], 2 * [writers])


@case
def files_that_filters_leave():
    trace = from_file('story')
    equal(sorted(by_path('-p', '101', trace)), ['/hard', '/new/a.o'])
    # Names and sizes come from all events.
    row = by_path('-e', 'read', trace)['/hard']
    equal((row['calls'], row['written_bytes'], row['size_bytes'], row['removed']), (4, 0, 9216, 1))
    equal(sum(row['percent'] for row in rows('files', '-e', 'read', trace)), 100.0)


@case
def absent_names_are_no_files():
    trace = scripted('event lookup node=1 name=x error=2\nend\n')
    equal(rows('files', trace), [])
    equal([(row['path'], row['lookups'], row['errors']) for row in rows('files', '-a', trace)],
          [('/', 1, 1)])


# --- procs ---------------------------------------------------------------------

@case
def processes_of_a_story():
    golden('procs', tool('procs', from_file('story')))
    golden('procs.json', tool('procs', '--json', from_file('story')))


@case
def processes_by_command():
    golden('procs-command', tool('procs', '--by=command', from_file('story')))


@case
def processes_as_a_tree():
    golden('procs-tree', tool('procs', '--tree', from_file('story')))


@case
def one_process_defined_by_several_threads_is_one_row():
    trace = scripted('''
        process 1 pid=10 ppid=0 start=0 comm=gcc
        process 2 pid=10 ppid=1 start=77 comm=gcc
        process 3 pid=10 ppid=1 start=77 comm=cc1
        process 4 pid=10 ppid=1 start=99 comm=later
        event getattr process=1 node=1
        event getattr process=2 node=1
        event getattr process=3 node=1
        event getattr process=1 node=1
        event getattr process=4 node=1
        event getattr process=3 node=1
        end
        ''')
    equal(sorted((row['command'], row['pid'], row['calls']) for row in rows('procs', trace)),
          [('cc1', 10, 5), ('later', 10, 1)])
    equal(sorted((row['command'], row['processes'], row['calls'])
                 for row in rows('procs', '--by=command', trace)),
          [('cc1', 1, 2), ('gcc', 1, 3), ('later', 1, 1)])


@case
def a_parent_that_used_the_pid_before_is_none():
    trace = scripted('''
        process 1 pid=10 ppid=1 start=50 comm=first
        process 2 pid=11 ppid=10 start=60 comm=child
        process 3 pid=10 ppid=1 start=70 comm=second
        event getattr process=1 node=1
        event getattr process=3 node=1
        event getattr process=2 node=1
        end
        ''')
    equal([(row['depth'], row['command'].strip()) for row in rows('procs', '--tree', trace)],
          [(0, '?'), (1, 'first'), (2, 'child'), (1, 'second')])


@case
def a_loop_of_parents_ends():
    trace = scripted('''
        process 1 pid=10 ppid=11 comm=a
        process 2 pid=11 ppid=10 comm=b
        process 3 pid=12 ppid=12 comm=self
        event getattr process=1 node=1
        event getattr process=2 node=1
        event getattr process=3 node=1
        end
        ''')
    table = rows('procs', '--tree', trace)
    equal(sorted(row['command'].strip() for row in table if row['own_ns']), ['a', 'b', 'self'])
    equal(sum(row['own_ns'] for row in table), 3000)


@case
def a_long_chain_of_parents_is_cut():
    lines = [f'process {i} pid={1000 + i} ppid={999 + i} start={i} comm=p{i}' for i in range(1, 301)]
    lines += [f'event getattr process={i} node=1' for i in range(1, 301)]
    table = rows('procs', '--tree', scripted('\n'.join(lines) + '\nend\n'))
    equal(sum(row['own_ns'] for row in table), 300000)
    equal(sum(row['calls'] for row in table if not row['depth']), 300)


# --- life ----------------------------------------------------------------------

@case
def life_through_renames_of_file_and_directory():
    golden('life', tool('life', '/old/a.o', from_file('story')))
    golden('life.json', tool('life', '--json', '/old/a.o', from_file('story')))


@case
def life_by_any_of_its_paths():
    trace = from_file('story')
    for path in '/old/a.tmp', 'old/a.o', '/hard', '/mnt/story/hard', '/hard/':
        equal([story['node'] for story in tool_json('life', path, trace)['stories']], [3], path)
    equal([story['node'] for story in tool_json('life', '/new/a.o', trace)['stories']], [3, 4])
    for path in '/new/a.tmp', '/a.o', '/old/hard', '/nonsense':
        misuse('life', path, trace, words=[path, 'ever'])


@case
def life_of_a_directory():
    golden('life-directory', tool('life', '/new', from_file('story')))


@case
def life_of_an_exchange_and_a_whiteout():
    trace = scripted('''
        event create node=1 name=a result=2 mode=0100644
        event create node=1 name=b result=3 mode=0100644
        event rename node=1 name=a node2=1 name2=b result=2 replaced=3 flags=2
        event rename node=1 name=b node2=1 name2=c result=2 whiteout=4 flags=4
        event mkdir node=1 name=d mode=040755 result=5
        event mkdir node=1 name=e mode=040755 result=6
        event create node=5 name=x result=7 mode=0100644
        event create node=6 name=x result=8 mode=0100644
        event rename node=1 name=d node2=1 name2=e result=5 replaced=6 flags=2
        end
        ''')

    def nodes(path):
        return [story['node'] for story in tool_json('life', path, trace)['stories']]
    equal(nodes('/a'), [2, 3])
    equal(nodes('/b'), [3, 2, 4])
    equal(nodes('/c'), [2])
    equal(sorted(nodes('/d/x')), [7, 8])
    equal(sorted(nodes('/e/x')), [7, 8])


@case
def reads_and_writes_in_a_row_are_one_line():
    def steps(*lines):
        text = 'event create node=1 name=a result=2 fh=1 mode=0100644\n' + '\n'.join(lines) + '\nend\n'
        return [row['what'] for row in tool_json('life', '/a', scripted(text))['stories'][0]['rows'][1:]]

    def write(offset, size=10, fh=1):
        return f'event write node=2 fh={fh} offset={offset} size={size} done={size}'

    equal(steps(write(0), write(10), write(20)), ['3 writes, 30 bytes, 10 bytes each, 0..30'])
    equal(steps(write(0), write(20)), ['2 writes, 20 bytes, 10 bytes each, 0..30, not in order'])
    equal(steps(write(0), 'event getattr node=2', write(10)),
          ['2 writes, 20 bytes, 10 bytes each, 0..20', 'looked at: 1 getattr'])
    equal(steps(write(0), 'event fsync node=2 fh=1', write(10)),
          ['1 write, 10 bytes, 0..10', 'fsync("/a")', '1 write, 10 bytes, 10..20'])
    # Another open does not part them; a cut of the file does.
    equal(steps('event open node=2 fh=2', write(0), 'event read node=2 fh=2 size=9 done=9', write(10)),
          ['open("/a", O_RDONLY)', '2 writes, 20 bytes, 10 bytes each, 0..20', '1 read, 9 bytes, 0..9'])
    equal(len(steps(write(0), 'event setattr node=2 flags=8', write(0))), 3)
    equal(steps(write(0, 1), 'event write node=2 fh=1 offset=1 size=5 error=28'),
          ['1 write, 1 byte, 0..1', 'write("/a", 5 @ 1) = -1 ENOSPC (No space left on device)'])


@case
def names_that_are_no_text_harm_nobody():
    trace = scripted('''
        process 1 pid=7 comm=\\x1b[2J\\xff
        event create process=1 node=1 name=\\xff\\x1b[31m\\x0a"x result=2 fh=1 mode=0100644
        event write process=1 node=2 fh=1 size=1 done=1
        end
        ''')
    for command in (['files'], ['procs'], ['procs', '--tree'], ['methods'], ['methods', '--files'],
                    ['findings'], ['files', '--by=dir'], ['life', b'/\xff\x1b[31m\n"x']):
        text = tool(*[os.fsdecode(word) for word in command], trace)
        assert '\x1b' not in text and '\xff' not in text, (command, text)
        tool_json(*[os.fsdecode(word) for word in command], trace)
    equal(rows('files', trace)[0]['path_hex'], b'/\xff\x1b[31m\n"x'.hex())


@case
def misuse_of_these_is_one_line():
    trace = from_file('story')
    for arguments, words in (
            (['files', '--by=nonsense', trace], ['nonsense', 'ext']),
            (['files', '-S', 'nonsense', trace], ['nonsense']),
            (['procs', '--by=nonsense', trace], ['nonsense', 'command']),
            (['procs', '--tree', '--by=command', trace], ['--tree']),
            (['life', trace], ['missing']),
            (['life', '/a', '/nonsense'], ['/nonsense']),
            (['life', '-U', 'nonsense', '/hard', trace], ['nonsense']),
            (['methods', '-S', 'nonsense', trace], ['nonsense']),
            (['findings', '--top=0', trace], ['0']),
            (['findings', '--top=x', trace], ['x'])):
        misuse(*arguments, words=words)


@case
def an_empty_trace_has_nothing():
    trace = scripted('end\n')
    for command in ('files', 'procs', 'methods'):
        equal(rows(command, trace), [], command)
    equal(tool_json('findings', trace)['findings'], [])
    misuse('life', '/a', trace, words=['/a'])


# --- recorded ------------------------------------------------------------------

def work(path):
    """Something of all kinds, by several processes."""
    os.mkdir(f'{path}/d')
    for i in range(20):
        with open(f'{path}/d/f{i}', 'w', encoding='ascii') as out:
            out.write('x' * i * 700)
    subprocess.run(['cp', '-r', f'{path}/d', f'{path}/e'], check=True)
    subprocess.run(['mv', f'{path}/e', f'{path}/g'], check=True)
    os.symlink('d/f1', f'{path}/s')
    os.link(f'{path}/d/f2', f'{path}/h')
    for i in range(10):
        os.rename(f'{path}/d/f{i}', f'{path}/d/f{i + 10}')
    os.system(f'cat {path}/d/* > {path}/all; rm {path}/d/f1[0-4]; ls {path}/nonsense 2> /dev/null')


def sums_agree(options):
    trace = recorded(work, options)
    summary = {row['op']: row for row in rows('summary', trace)}
    all_files, processes = rows('files', '-a', trace), rows('procs', trace)
    calls = sum(row['calls'] for row in summary.values())
    nodeless = sum(summary[op]['calls'] for op in ('init', 'destroy', 'batch_forget') if op in summary)
    equal(sum(row['calls'] for row in all_files), calls - nodeless)
    equal(sum(row['calls'] for row in processes), calls)
    for key in 'errors', 'time_ns':
        equal(sum(row[key] for row in processes), sum(row[key] for row in summary.values()), key)
    copied = summary.get('copy_file_range', {'bytes': 0})['bytes']
    for table in all_files, processes:
        equal(sum(row['written_bytes'] for row in table), summary['write']['bytes'] + copied)
        if 'read' in summary:
            equal(sum(row['read_bytes'] for row in table), summary['read']['bytes'] + copied)
    for by in 'path', 'dir', 'ext':
        groups = rows('files', '-a', f'--by={by}', trace)
        for key in 'files', 'calls', 'time_ns', 'written_bytes', 'opens':
            equal(sum(row[key] for row in groups), sum(row[key] for row in all_files), (by, key))
    tree = rows('procs', '--tree', trace)
    equal(sum(row['own_ns'] for row in tree), sum(row['time_ns'] for row in processes))
    equal(sum(row['calls'] for row in tree if not row['depth']), calls)
    # Of the file with two names one is left: so each name is one file.
    names = tool_json('check', trace)['names']
    equal(sum(row['creates'] and not row['removed'] for row in all_files),
          sum(kind['left'] for kind in names.values()))


@case
def sums_agree_without_a_cache():
    sums_agree('cache=never')


@case
def sums_agree_with_write_through():
    sums_agree('cache=auto')


@case
def sums_agree_with_writeback():
    sums_agree('cache=always')


def sizes(path):
    return {'/' + os.path.relpath(os.path.join(directory, name), path):
            os.lstat(os.path.join(directory, name)).st_size
            for directory, _, names in os.walk(path) for name in names}


@case
def paths_and_sizes_are_those_of_the_mount():
    for options in 'cache=never', 'cache=always':
        with mounted(options, options) as mount:
            work(mount.path)
            there = sizes(mount.path)
        got = {row['path']: row['size_bytes'] for row in rows('files', mount.trace) if not row['removed']}
        # That of a symlink is the length of its target.
        equal((there.pop('/s'), got.pop('/s')), (4, 0))
        equal(got, there, options)


@case
def a_file_removed_while_open_has_its_end_told():
    def run(path):
        with open(f'{path}/t', 'w+b') as file:
            os.unlink(f'{path}/t')
            file.write(b'x' * 5000)
    trace = recorded(run)
    story, = tool_json('life', '/t', trace)['stories']
    equal([row['op'] for row in story['rows'] if row['op'] not in ('look', 'flush', 'ioctl')],
          ['create', 'unlink', 'write', 'release'])
    assert story['removed_ns'] > story['made_ns'] > 0, story


@case
def what_was_there_before_the_trace_is_known_by_its_name():
    def run(path):
        for name in 'ab':
            os.mkdir(f'{path}/{name}')
            with open(f'{path}/{name}/f', 'wb') as out:
                out.write(b'x' * 20000)
        os.link(f'{path}/b/f', f'{path}/l')
        while tool('show', '-e', 'release', path).count('release(') < 2:
            time.sleep(0.01)  # nobody waits for that of what was written
        os.setxattr(path, 'memfs.trace.rotate', b'now')
        for name in 'ab':
            with open(f'{path}/{name}/f', 'rb') as file:
                file.read()
        os.rename(f'{path}/a', f'{path}/c')
        with open(f'{path}/c/f', 'r+b') as out:
            out.write(b'y')
        os.unlink(f'{path}/l')
        os.listdir(f'{path}/c')
    for options in 'cache=never', 'cache=always':
        trace = recorded(run, options, options)
        assert os.path.exists(trace + '.1'), os.listdir(os.path.dirname(trace))
        info = tool_json('summary', trace)
        assert info['segment'] and info['snapshot'], info
        equal({path: row['removed'] for path, row in by_path(trace).items()}, {'/c/f': 0, '/b/f': 0}, options)
        for path in '/a/f', '/c/f':
            story, = tool_json('life', path, trace)['stories']
            equal((story['last_path'], story['made_ns']), ('/c/f', None), options)
        equal({row['path']: row['methods'] for row in rows('methods', '--files', trace)},
              {'/c/f': 'unknown'} if options == 'cache=always' else {'/c/f': 'in-place'}, options)
        equal(set(kind['kind'] for kind in tool_json('findings', trace)['findings']) &
              {'unread', 'removed-unread', 'reread'}, set(), options)


@case
def what_an_unnamed_file_is_closed_by_is_told():
    def run(path):
        fd = os.open(path, os.O_TMPFILE | os.O_RDWR)
        os.write(fd, b'x')
        root = os.open('/', os.O_RDONLY)
        os.link(f'/proc/self/fd/{fd}', f'{path}/named', src_dir_fd=root, follow_symlinks=True)
        os.close(root)
        os.close(fd)
    story, = tool_json('life', '/named', recorded(run))['stories']
    equal(story['rows'][0]['op'], 'tmpfile')
    last = [row for row in story['rows'] if row['op'] == 'release'][0]
    assert last['who'].startswith('~') and 'open for' in last['what'], last


@case
def these_work_on_a_mount_in_use():
    with mounted() as mount:
        subprocess.run([sys.executable, '-c', f'open({mount.path + "/a"!r}, "w").write("x")'], check=True)
        # The recorder's thread comes by 20 times a second.
        for _ in range(100):
            if '/a' in by_path(mount.path):
                break
        equal(by_path(mount.path)['/a']['written_bytes'], 1)
        equal(len(tool_json('life', f'{mount.path}/a', mount.path)['stories']), 1)
        for command in 'procs', 'methods', 'findings':
            assert 'incomplete' in tool(command, mount.path), command
