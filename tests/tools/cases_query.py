# SPDX-License-Identifier: GPL-2.0-or-later
"""What all commands share: filters, tables, JSON, and words for misuse."""
from harness import case, equal, from_file, golden, misuse, scripted, tool, tool_json


def ops(*options, trace=None):
    """The operations that pass, in order."""
    text = tool('show', *options, trace or from_file('small'))
    return [line.split('(')[0].split()[-1] for line in text.splitlines()]


@case
def a_small_trace_is_shown():
    golden('show', tool('show', from_file('small')))


@case
def and_in_nanoseconds():
    golden('show-raw', tool('show', '--raw', '-e', 'write', from_file('small')))


@case
def its_summary():
    golden('summary', tool('summary', from_file('small')))


@case
def its_summary_as_json():
    golden('summary.json', tool('summary', '--json', from_file('small')))


@case
def only_some_operations():
    equal(ops('-e', 'open,read'), ['open', 'read'])
    equal(set(ops('-e', '!lookup,write,release')) & {'lookup', 'write', 'release'}, set())
    equal(ops('--ops=mkdir'), ['mkdir'])


@case
def only_some_paths():
    equal(ops('-P', 'a.o'), ['rename', 'getattr'])
    equal(ops('-P', '/src/a.*', '-e', 'create'), ['create', 'create'])
    equal(ops('-P', '/a.*'), [])
    equal(ops('-P', '**/a.c', '-e', 'create'), ['create'])
    equal(ops('-P', '/**/*.h'), ['lookup'])
    equal(len(ops('-P', '/src', '-e', 'lookup')), 3)
    equal(ops('-P', 'missing.h', '-P', 'a.c', '-e', 'lookup'), ['lookup', 'lookup'])


@case
def only_some_processes():
    equal(ops('-p', '102', '-e', '!release'), ['create', 'write', 'fsync', 'rename'])
    equal(ops('-c', 'cc*', '-e', 'lookup,open,read'), ['lookup', 'lookup', 'open', 'read'])
    equal(ops('-p', '101', '-p', '102', '-e', 'read,fsync'), ['read', 'fsync'])
    # What the kernel does by itself counts for whom it was opened by.
    equal(ops('-p', '101', '-e', 'release'), ['release'])


@case
def only_some_results():
    equal(ops('--failed'), ['lookup', 'lookup'])
    equal(ops('--errno', 'ENOENT,EIO'), ['lookup', 'lookup'])
    equal(ops('--errno=17'), [])
    equal(ops('--min-lat', '5us'), ['create', 'write', 'read', 'write'])
    equal(ops('--min-lat=2ms'), ['write'])


@case
def only_some_time():
    equal(ops('--until', '2.5ms'), ['lookup', 'mkdir'])
    equal(ops('--since', '21ms'), ['unlink', 'forget'])
    equal(ops('--since=3ms', '--until=5ms'), ['create', 'write'])
    equal(ops('--between', 'build', 'build end', '-e', 'create'), ['create'])
    equal(ops('--max-events=2'), ['lookup', 'mkdir'])
    equal(ops('--max-events=2', '-e', 'write'), ['write', 'write'])


@case
def a_table_sorted_and_cut():
    trace = from_file('small')
    rows = tool_json('summary', '-S', 'calls', '--top', '2', trace)['rows']
    equal([(row['op'], row['calls']) for row in rows], [('lookup', 3), ('write', 3)])
    text = tool('summary', '-U', 'op,bytes', '-S', 'op', '--raw', trace)
    lines = [line.split() for line in text.splitlines() if not line.startswith('#')]
    equal(lines[0], ['op', 'bytes'])
    equal([line[0] for line in lines[2:5]], ['create', 'flush', 'forget'])
    assert ['write', '6148'] in lines, lines


@case
def filters_are_said_in_the_head():
    text = tool('summary', '-e', 'write', from_file('small'))
    equal(text.splitlines()[1], '# 3 events pass the filters')
    equal(tool_json('summary', '-e', 'write', from_file('small'))['passed'], 3)


@case
def loss_and_a_missing_end_stand_in_the_first_line():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2\nlost 7\n')
    equal(tool('summary', trace).splitlines()[0],
          '# 1 events, 7 lost, CLOCK_MONOTONIC, incomplete, checksums ok')


@case
def names_that_are_no_text():
    trace = scripted('event create node=1 name=\\xff\\x1b[31m\\x0a result=2 mode=0100644\nend\n')
    text = tool('show', trace)
    equal(text.count('\n'), 1)
    assert '"/\\xff\\x1b[31m\\n"' in text, text


@case
def facts_are_shown_on_one_line_each():
    trace = scripted('meta mountpoint /mnt/\\x0aevil\\x1b[31m\nmeta op.35 crea\\x1bte\n'
                     'event create node=1 name=a result=2\nend\n')
    text = tool('info', trace)
    assert 'mountpoint               /mnt/\\nevil\\x1b[31m\n' in text, text
    for command in 'show', 'summary':
        assert '\x1b' not in tool(command, trace), command


@case
def misuse_is_one_line():
    trace = from_file('small')
    for arguments, words in (
            (['summary', '-e', 'nonsense', trace], ['nonsense', 'no such operation']),
            (['summary', '-S', 'nonsense', trace], ['nonsense', 'time_ns']),
            (['summary', '-U', 'op,nonsense', trace], ['nonsense']),
            (['summary', '--top=0', trace], ['0']),
            (['show', '--errno', 'ENONSENSE', trace], ['ENONSENSE']),
            (['show', '--min-lat', 'fast', trace], ['fast']),
            (['show', '-p', 'me', trace], ['me']),
            (['show', '--since=-1', trace], ['-1']),
            (['show', '--max-events=0', trace], ['0']),
            (['show', '--between', 'build', trace], ['no trace']),
            (['show', trace, '--between', 'build'], ['--between', 'two marks']),
            (['show', '--between', 'build', 'nonsense', trace], ['nonsense', 'no such mark']),
            (['show', '--nonsense', trace], ['nonsense']),
            (['show', trace, trace], ['more than one']),
            (['show'], ['no trace']),
            (['show', '/nonsense'], ['/nonsense'])):
        misuse(*arguments, words=words)
