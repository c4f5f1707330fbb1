# SPDX-License-Identifier: GPL-2.0-or-later
"""assert: rules that hold, rules that do not, and rules that are none."""
import os

from harness import Paths, case, equal, from_file, golden, misuse, recorded, scripted, tool, tool_json

RULES = '''# what the small trace does
count(create) == 2
count(create|mkdir) == 4   # false
count(fsync, path="**/*.o") == 0; errors(rename) == 0
count(fsync, path="a.o.tmp") == 1
count(lookup, errno=ENOENT, command!="sh") == 1
count(write, command="sh", command="as", pid!=102) == 2
errors(*, uid=1000) == 1
p99(write) < 1ms
bytes(write) <= 10K
bytes(write, command="as") == 2K
files(write) == 2
files(lookup) == 1
max(read) < 7us
mean(read|write) > 100us
total(*) < 1.5s
complete == true
lost == 0
'''


def rule(text, status=0, trace=None):
    return tool('assert', '-q', '-r', text, trace or from_file('small'), status=status)


@case
def rules_are_read_from_a_file():
    path = os.path.join(Paths.work, 'rules')
    with open(path, 'w', encoding='ascii') as out:
        out.write(RULES)
    trace = from_file('small')
    text = tool('assert', trace, path, status=1)
    golden('assert', text)
    equal(tool('assert', trace, '-', stdin=RULES, status=1), text)
    quiet = tool('assert', '-q', trace, path, status=1)
    equal(quiet.splitlines(), [line for line in text.splitlines() if line.startswith('FAILED')])


@case
def rules_as_json():
    found = tool_json('assert', '-r', 'count(create) == 3\nlost == 0', '-r', 'complete == true',
                      from_file('small'), status=1)
    equal((found['ok'], found['reliable']), (False, True))
    equal([(r['rule'], r['line'], r['ok'], r['was']) for r in found['rules']],
          [('count(create) == 3', 1, False, 2), ('lost == 0', 2, True, 0),
           ('complete == true', 1, True, True)])


@case
def every_operator_at_its_edge():
    for operator, holds in (('==', (0, 1, 0)), ('!=', (1, 0, 1)), ('<', (0, 0, 1)), ('<=', (0, 1, 1)),
                            ('>', (1, 0, 0)), ('>=', (1, 1, 0))):
        for number, wanted in zip((1, 2, 3), holds):
            equal(rule(f'count(create) {operator} {number}', status=0 if wanted else 1),
                  '' if wanted else f'FAILED  count(create) {operator} {number}  (was 2)\n')


@case
def filters_of_all_commands_hold_for_rules_too():
    trace = from_file('small')
    tool('assert', '-r', 'count(create) == 1', '--between', 'build', 'build end', trace)
    tool('assert', '-r', 'count(*) == 3', '-e', 'write', trace)


@case
def a_trace_with_losses_is_not_believed():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2\nlost 7\nend\n')
    text = tool('assert', '-r', 'count(mkdir) == 1', trace, status=1)
    equal(text.splitlines()[0], '# 1 events, 7 lost, CLOCK_MONOTONIC, complete, checksums ok')
    assert 'not whole' in text.splitlines()[1], text
    assert 'not whole' in rule('count(mkdir) == 1', status=1, trace=trace)
    equal(tool_json('assert', '-r', 'count(mkdir) == 1', trace, status=1)['reliable'], False)
    tool('assert', '--allow-loss', '-r', 'count(mkdir) == 1', trace)
    tool('assert', '--allow-loss', '-r', 'lost == 0', trace, status=1)


@case
def what_is_no_rule_is_told_with_its_place():
    trace = from_file('small')
    for text, place, word in (
            ('count(creat) == 1', '1:7', 'creat'), ('count create', '1:7', "'('"),
            ('lost == 0\n lost = 0', '2:7', '=='), ('p99(read) < 3', '1:14', 'time'),
            ('count(read) < 1.5', '1:16', 'whole'), ('count(read, pid=me) < 3', '1:17', 'number'),
            ('count(read, path="x) < 3', '1:18', 'does not end'), ('nonsense == 1', '1:1', 'nonsense'),
            ('count(read) < 3 4', '1:17', 'end here'), ('count(read, errno=ENO) < 3', '1:19', 'errno')):
        misuse('assert', '-r', text, trace, words=[f'-r:{place}: ', word])
    path = os.path.join(Paths.work, 'rules')
    with open(path, 'wb') as out:
        out.write(b'lost == 0\ncount(\xff) == 1\n')
    misuse('assert', trace, path, words=[f'{path}:2:7: '])
    misuse('assert', trace, words=['no rules'])
    misuse('assert', trace, '/nonsense', words=['/nonsense'])
    misuse('assert', trace, path, path, words=['too many'])


@case
def a_recorded_trace_is_as_it_was_made():
    def work(mount):
        for i in range(10):
            with open(f'{mount}/f{i}.db', 'wb', buffering=0) as out:
                out.write(bytes(1000))
                os.fsync(out)
        os.rename(f'{mount}/f0.db', f'{mount}/g')

    trace = recorded(work)
    tool('assert', '-r', 'count(create) == 10; count(fsync, path="**/*.db") == 10', '-r',
         'bytes(write) == 10000; files(write) == 10; count(rename) == 1; errors(rename) == 0',
         '-r', 'count(write, path="f0.db") == 1; complete == true; lost == 0', trace)
