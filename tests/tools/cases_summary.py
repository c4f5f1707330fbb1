# SPDX-License-Identifier: GPL-2.0-or-later
"""summary --by: what is counted for whom."""
import collections
import json
import os
import posixpath
import random
import re
import subprocess

from harness import case, equal, from_file, golden, misuse, recorded, scripted, tool, tool_json

KEYS = ['path', 'dir', 'process', 'command', 'errno', 'worker']


@case
def of_a_small_trace():
    text = ''.join(tool('summary', '--by', key, from_file('small')) for key in KEYS)
    golden('summary-by', text)


@case
def processes_as_json():
    golden('summary-by-process.json',
           json.dumps(tool_json('summary', '--by=process', from_file('small'))['rows'], indent=2) + '\n')


@case
def columns_that_have_no_sum():
    golden('summary-columns', tool('summary', '--by=process', '-U', 'ppid,uid,calls,process,mean', '-S', 'pid', from_file('small')))


@case
def a_renamed_directory_takes_along_what_is_in_it():
    trace = scripted('''
        event mkdir node=1 name=a mode=040755 result=2
        event mkdir node=2 name=b mode=040755 result=3
        event create node=3 name=f mode=0100644 result=4 fh=1
        event write node=4 fh=1 size=10 done=10
        event rename node=1 name=a node2=1 name2=z result=2
        event write node=4 fh=1 size=20 done=20
        event lookup node=3 name=f result=4
        event unlink node=3 name=f result=4
        event write node=4 fh=1 size=30 done=30
        event lookup node=3 name=f error=2
        event batch_forget size=3
        event write node=99 size=40 done=40
        end
    ''')
    rows = tool_json('summary', '--by=path', trace)['rows']
    equal({row['path']: (row['calls'], row['errors'], row['written_bytes']) for row in rows},
          {'/a': (2, 0, 0), '/a/b': (1, 0, 0), '/a/b/f': (2, 0, 10), '/z/b/f': (4, 1, 20),
           '/z/b/f (deleted)': (1, 0, 30), None: (1, 0, 0), '#99': (1, 0, 40)})
    rows = tool_json('summary', '--by=dir', '-e', 'write', trace)['rows']
    equal({row['dir']: row['written_bytes'] for row in rows},
          {'/a/b': 10, '/z/b': 50, None: 40})


@case
def a_process_is_known_by_several_records():
    # Each worker has records of its own; the start is 0 where the process was gone too soon.
    trace = scripted('''
        process 1 pid=10 start=500 comm=sh
        process 2 pid=10 comm=sh
        process 3 pid=10 start=500 comm=cc
        process 4 pid=10 start=900 comm=sh
        process 5 pid=11 comm=sh
        process 6 pid=10 start=500 comm=sh
        event getattr process=1 node=1
        event getattr process=2 node=1 worker=1
        event getattr process=3 node=1
        event getattr process=4 node=1
        event getattr process=5 node=1
        event getattr process=6 node=1
        event getattr node=1
        end
    ''')
    rows = tool_json('summary', '--by=process', '-S', 'calls', trace)['rows']
    equal(sorted((row['process'], row['calls']) for row in rows),
          [('cc/10', 1), ('kernel/0', 1), ('sh/10', 1), ('sh/10', 3), ('sh/11', 1)])
    rows = tool_json('summary', '--by=command', trace)['rows']
    equal(sorted((row['command'], row['calls']) for row in rows), [('cc', 1), ('kernel', 1), ('sh', 5)])


def disturb(root):
    """All kinds of changes of names, also of directories, below open files."""
    seed = int.from_bytes(os.urandom(4), 'big')
    print(f'# seed {seed}')
    rand = random.Random(seed)
    dirs, files, number = [root], [], 0

    def fresh(parent):
        nonlocal number
        number += 1
        return os.path.join(parent, f'n{number}')

    def moved(paths, old, new):
        return [new + p[len(old):] if p == old or p.startswith(old + '/') else p for p in paths]

    opened = open(fresh(root), 'wb', buffering=0)
    for step in range(1500):
        opened.write(b'x' * (step % 7 + 1))
        if step % 100 == 0:
            opened.close()
            files.append(fresh(rand.choice(dirs)))
            opened = open(files[-1], 'wb', buffering=0)
        act = rand.random()
        if act < 0.1 and len(dirs) < 30:
            dirs.append(fresh(rand.choice(dirs)))
            os.mkdir(dirs[-1])
        elif act < 0.3:
            files.append(fresh(rand.choice(dirs)))
            with open(files[-1], 'wb') as out:
                out.write(b'abc')
        elif act < 0.4 and len(dirs) > 1:
            old, parent = rand.choice(dirs[1:]), rand.choice(dirs)
            if parent != old and not parent.startswith(old + '/'):
                new = fresh(parent)
                os.rename(old, new)
                dirs, files = moved(dirs, old, new), moved(files, old, new)
        elif act < 0.5 and files:
            old, new = rand.choice(files), fresh(rand.choice(dirs))
            os.rename(old, new)
            files[files.index(old)] = new
        elif act < 0.55 and files:
            files.append(fresh(rand.choice(dirs)))
            os.link(rand.choice(files[:-1]), files[-1])
        elif act < 0.7 and files:
            os.unlink(files.pop(rand.randrange(len(files))))
        elif files:
            os.stat(rand.choice(files))
            try:
                os.stat(fresh(rand.choice(dirs)))
            except FileNotFoundError:
                pass
    opened.close()


def shown_paths(*options):
    """The first path of each call that passes, as show has it."""
    for line in tool('show', *options).splitlines():
        path = re.search(r'\("([^"]*)"', line)
        yield path.group(1) if path else None


def directory_of(path):
    if path is None or not path.startswith('/'):
        return path.rpartition('/')[0] or None if path else None
    return posixpath.dirname(path)


@case
def paths_are_those_that_show_has():
    trace = recorded(disturb)
    for options in ([], ['-e', 'write'], ['-e', 'lookup,getattr'], ['--failed']):
        shown = list(shown_paths(*options, trace))
        assert len(shown) > 100, len(shown)
        rows = tool_json('summary', '--by', 'path', *options, trace)['rows']
        equal({row['path']: row['calls'] for row in rows}, dict(collections.Counter(shown)), options)
        rows = tool_json('summary', '--by', 'dir', *options, trace)['rows']
        equal({row['dir']: row['calls'] for row in rows},
              dict(collections.Counter(map(directory_of, shown))), options)


def switch(path, on):
    os.setxattr(path, 'memfs.trace.enabled', b'1' if on else b'0')


def rename_unseen(path):
    for name in 'a', 'b':
        os.mkdir(os.path.join(path, name))
        with open(os.path.join(path, name, 'f'), 'wb') as out:
            out.write(b'abc')
    kept = os.open(os.path.join(path, 'a/f'), os.O_RDONLY)
    os.pread(kept, 3, 0)
    switch(path, False)
    os.rename(os.path.join(path, 'a'), os.path.join(path, 'b/c'))
    switch(path, True)
    for name in 'b/c/f', 'b/f':
        os.stat(os.path.join(path, name))
    os.pread(kept, 2, 0)
    os.close(kept)


@case
def paths_that_changed_while_nothing_was_recorded():
    trace = recorded(rename_unseen)
    shown = list(shown_paths(trace))
    assert '/a/f' in shown and '/b/c/f' in shown, shown
    rows = tool_json('summary', '--by', 'path', trace)['rows']
    equal({row['path']: row['calls'] for row in rows}, dict(collections.Counter(shown)))


def work(path):
    subprocess.run(['sh', '-c', 'mkdir d; seq 5000 > d/n; cat d/n d/none > d/m; sort d/m | tail -n 1; rm -r d'],
                   cwd=path, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@case
def each_table_adds_up():
    trace = recorded(work)
    ops = tool_json('summary', trace)['rows']
    columns = ['time_ns', 'calls', 'errors', 'bytes', 'read_bytes', 'written_bytes']
    sums = {column: sum(row[column] for row in ops) for column in columns}
    assert sums['read_bytes'] and sums['errors'] and sums['time_ns'], sums
    for key in KEYS:
        rows = tool_json('summary', '--by', key, trace)['rows']
        equal({column: sum(row[column] for row in rows) for column in columns}, sums, key)
        equal(max(row['max_ns'] for row in rows), max(row['max_ns'] for row in ops))
        for row in rows:
            assert row['p50_ns'] <= row['p95_ns'] <= row['p99_ns'] <= row['max_ns'], row
    errors = {row['errno']: row['calls'] for row in tool_json('summary', '--by=errno', trace)['rows']}
    equal(sum(errors.values()) - errors['ok'], sums['errors'])
    commands = {row['command'] for row in tool_json('summary', '--by=command', trace)['rows']}
    assert {'sh', 'seq', 'cat'} <= commands, commands


@case
def percentiles_of_many_calls():
    # 70,000 calls: from 65,536 on the histogram is another one. 1 to 70,000 ns, in no order.
    lines = [f'event getattr node=1 start={i + 1} duration={i * 30011 % 70001}' for i in range(1, 70001)]
    row, = tool_json('summary', '--by', 'path', scripted('\n'.join(lines + ['end'])))['rows']
    equal((row['calls'], row['max_ns'], row['time_ns']), (70000, 70000, 70000 * 70001 // 2))
    for part in 50, 95, 99:
        got, wanted = row[f'p{part}_ns'], 700 * part
        assert abs(got - wanted) <= wanted * 0.016, (part, got)


@case
def misuse_of_by():
    misuse('summary', '--by', 'colour', from_file('small'), words=['colour', 'path', 'command'])
    misuse('summary', '--by=path', '-S', 'op', from_file('small'), words=['op', 'path'])
