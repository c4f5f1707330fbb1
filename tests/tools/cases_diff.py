# SPDX-License-Identifier: GPL-2.0-or-later
"""diff: of two traces that a script made, and of two runs that did nearly the same."""
import os
import re

from harness import case, equal, from_file, golden, misuse, recorded, tool, tool_json


def changed():
    return from_file('small'), from_file('small-changed')


def text_of(*arguments):
    """Without the line that names the files."""
    return re.sub('^# A = .*\n', '', tool('diff', *arguments), flags=re.M)


@case
def by_operation():
    golden('diff', text_of(*changed()))


@case
def by_path():
    golden('diff-path', text_of('--by', 'path', *changed()))


@case
def by_command_with_other_columns():
    golden('diff-command', text_of('--by=command', '-S', 'time_delta', '-U',
                                   'what,state,time_delta,errors_delta,bytes_delta', *changed()))


@case
def as_json():
    found = tool_json('diff', '--by', 'path', *changed())
    equal([found[key] for key in ('by', 'new', 'gone', 'changed', 'same')], ['path', 1, 3, 2, 2])
    equal((found['a']['events'], found['b']['events']), (22, 19))
    rows = {row['what']: row for row in found['rows']}
    equal(sorted(rows), ['/', '/src/a.c', '/src/a.c (deleted)', '/src/a.o.tmp', '/src/missing.h',
                         '/src/other.h'])
    equal((rows['/src/other.h']['state'], rows['/src/other.h']['ratio']), ('new', None))
    equal((rows['/']['state'], rows['/']['delta'], rows['/']['ratio']), ('gone', -2, 0))
    equal((rows['/src/a.c']['bytes_delta'], rows['/src/a.c']['state']), (-4000, 'changed'))
    everything = tool_json('diff', '--by', 'path', '--all', *changed())['rows']
    equal(sum(row['calls_a'] for row in everything), 22)
    equal(len(everything), 8)


@case
def a_trace_does_not_differ_from_itself():
    a, b = changed()
    for by in ('op', 'path', 'command'):
        equal(tool_json('diff', '--exit-code', '--by', by, a, a)['changed'], 0)
        tool('diff', '--exit-code', '--by', by, a, b, status=1)
    tool('diff', a, b)
    tool('diff', '--exit-code', '-e', 'mkdir,create', a, b)


@case
def only_times_differ_between_two_runs():
    def work(mount):
        os.makedirs(f'{mount}/a/b')
        for i in range(20):
            with open(f'{mount}/a/b/{i}', 'wb', buffering=0) as out:
                out.write(bytes(i))
        os.rename(f'{mount}/a/b', f'{mount}/c')

    def more(mount):
        work(mount)
        os.unlink(f'{mount}/c/7')

    # Which lookups and forgets there are is for the kernel to say.
    ours = ('-e', 'mkdir,create,write,rename,unlink')
    a, b, c = recorded(work, name='a'), recorded(work, name='b'), recorded(more, name='c')
    tool('diff', '--exit-code', '--by', 'path', *ours, a, b)
    rows = tool_json('diff', '--exit-code', '--by', 'path', *ours, a, c, status=1)['rows']
    equal([(row['what'], row['state']) for row in rows], [('/c/7', 'new')])
    equal(tool_json('diff', *ours, c, a)['rows'][0]['what'], 'unlink')


@case
def misuse_is_told():
    trace = from_file('small')
    misuse('diff', trace, words=['missing'])
    misuse('diff', '--by', 'size', trace, trace, words=['size', 'path'])
    misuse('diff', trace, '/nonsense', words=['/nonsense'])
    misuse('diff', trace, trace, trace, words=['too many'])
    misuse('diff', '-S', 'nonsense', trace, trace, words=['nonsense'])
