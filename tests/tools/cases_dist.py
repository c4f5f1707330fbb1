# SPDX-License-Identifier: GPL-2.0-or-later
"""dist: histograms in powers of two."""
import json
import os

from harness import case, equal, from_file, golden, misuse, recorded, scripted, tool, tool_json

SPREAD = '''
    process 1 pid=10 start=1 comm=a
    process 2 pid=11 start=1 comm=b\\x0a
    event getattr process=1 node=1 duration=0
    event getattr process=1 node=1 duration=1
    event getattr process=1 node=1 duration=2
    event getattr process=2 node=1 duration=1023
    event getattr process=2 node=1 duration=1024
    event read process=2 node=1 duration=999 size=4096 done=0
    event read process=2 node=1 duration=5000 size=4096 done=4096
    event read process=2 node=1 duration=4000000 size=4096 done=4095
    event write process=2 node=1 duration=4000 size=9 error=28
    event write node=1 duration=2000 size=9 done=1
    end
'''


@case
def of_latencies():
    golden('dist', tool('dist', scripted(SPREAD)))
    golden('dist.json', json.dumps(tool_json('dist', scripted(SPREAD))['rows'], indent=2) + '\n')


@case
def of_sizes():
    # A call that failed has moved nothing; one at the end of a file has moved 0 bytes.
    golden('dist-size', tool('dist', '--of', 'size', scripted(SPREAD)))


@case
def of_each_process_and_of_all():
    text = tool('dist', '--by=command', scripted(SPREAD))
    assert '\nb\\n: 6 calls' in text, text
    equal([row['process'] for row in tool_json('dist', '--by=process', scripted(SPREAD))['rows']],
          ['b\n/11', 'kernel/0', 'a/10'])
    equal(len(tool_json('dist', '--by=process', '--top=2', scripted(SPREAD))['rows']), 2)
    row, = tool_json('dist', '--by', 'none', scripted(SPREAD))['rows']
    equal((row['calls'], row['max_ns']), (10, 4000000))


@case
def the_unit_fits():
    for ns, unit, first in (1000, 'nsecs', 512), (5000, 'usecs', 4), (5000000, 'msecs', 4):
        text = tool('dist', scripted(f'event getattr node=1 duration={ns}\nend\n'))
        assert f'\n     {unit} ' in text and f'\n{first:10} -> ' in text, text
    assert 'nsecs' in tool('dist', '--raw', scripted('event getattr node=1 duration=5000000\nend\n'))
    assert '8,191 in all, mean 2,730,' in tool('dist', '--raw', '--of=size', scripted(SPREAD))


@case
def of_nothing():
    equal(tool('dist', '-e', 'link', from_file('small')).count('\n'), 2)
    equal(tool_json('dist', '-e', 'link', from_file('small'))['rows'], [])


def work(path):
    for number in range(100):
        with open(os.path.join(path, f'f{number}'), 'wb', buffering=0) as out:
            out.write(bytes(number * number))
        with open(os.path.join(path, f'f{number}'), 'rb') as file:
            file.read()


@case
def histograms_add_up():
    trace = recorded(work)
    summary = {row['op']: row for row in tool_json('summary', trace)['rows']}
    rows = tool_json('dist', trace)['rows']
    equal({row['op'] for row in rows}, set(summary))
    for row in rows:
        equal((row['calls'], row['sum_ns'], row['max_ns']),
              tuple(summary[row['op']][key] for key in ('calls', 'time_ns', 'max_ns')))
        equal(sum(bucket['calls'] for bucket in row['buckets']), row['calls'])
    write, = tool_json('dist', '--of=size', '-e', 'write', trace)['rows']
    equal({bucket['from_bytes']: bucket['calls'] for bucket in write['buckets']},
          {2 ** bits if bits else 0: sum(max(n * n, 1).bit_length() - 1 == bits for n in range(1, 100))
           for bits in range(14)
           if any(max(n * n, 1).bit_length() - 1 == bits for n in range(1, 100))})


@case
def misuse_of_dist():
    for arguments, words in (
            (['--of', 'colour'], ['colour', 'latency size']),
            (['--by', 'path'], ['path', 'process']),
            (['--top=0'], ['0', 'histograms']),
            (['-S', 'op'], ['S'])):
        misuse('dist', *arguments, from_file('small'), words=words)
