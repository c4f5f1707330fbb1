# SPDX-License-Identifier: GPL-2.0-or-later
"""slow: calls over a threshold, and what ran beside them."""
import json
import subprocess

from harness import case, equal, from_file, golden, misuse, recorded, scripted, tool, tool_json

# A write of 10 ms from 5 ms on. Beside it: one that began before, two in it, one that ends after it; not
# those that end or begin at its ends, nor what its own worker does before and after.
BESIDE = '''
    process 1 pid=10 start=1 comm=slow
    process 2 pid=11 start=1 comm=a\\x1bb
    event create process=1 node=1 name=f result=2 mode=0100644 fh=7 start=1000000
    event mkdir process=1 node=1 name=d result=3 mode=040755 start=1100000
    event getattr process=2 worker=3 node=2 start=4000000 duration=1000000
    event rename process=2 worker=2 node=1 name=d node2=1 name2=e result=3 start=4500000 duration=600000
    event write process=1 node=2 fh=7 offset=512 size=4096 done=4096 start=5000000 duration=10000000
    event lookup process=2 worker=2 node=3 name=\\x0a error=2 start=6000000 duration=50000
    event fsync process=2 worker=2 node=2 start=7000000 duration=2000000
    event release worker=1 node=2 fh=7 start=14000000 duration=3000000
    event getattr process=2 worker=3 node=2 start=15000000 duration=20000
    event getattr process=2 node=2 start=15000000 duration=20000
    end
'''


@case
def of_a_small_trace():
    golden('slow', tool('slow', from_file('small')) + tool('slow', '--min-lat', '5us', '-S', 'time', from_file('small')))


@case
def with_what_ran_beside():
    golden('slow-beside', tool('slow', '--beside=9', scripted(BESIDE)))
    rows = tool_json('slow', '--beside=2', '--top=1', scripted(BESIDE))['rows']
    golden('slow-beside.json', json.dumps(rows, indent=2) + '\n')
    golden('slow-raw', tool('slow', '--beside=2', '--top=1', '--raw', scripted(BESIDE)))


@case
def only_what_passes_the_filters_but_all_beside_it():
    row, = tool_json('slow', '-e', 'write', scripted(BESIDE))['rows']
    equal((row['op'], row['beside'], row['beside_max_ns']), ('write', 4, 3000000))
    equal(tool_json('slow', '--min-lat', '20ms', scripted(BESIDE))['rows'], [])


@case
def the_slowest_of_many():
    # More than a table keeps while it waits for more.
    lines = [f'event getattr node=1 duration={1000000 + i * 7919 % 10007}' for i in range(5000)]
    trace = scripted('\n'.join(lines + ['end']))
    durations = sorted((1000000 + i * 7919 % 10007 for i in range(5000)), reverse=True)
    equal([row['latency_ns'] for row in tool_json('slow', '--top', '10', trace)['rows']], durations[:10])
    rows = tool_json('slow', '--top', '10', '-S', 'time', trace)['rows']
    equal([row['time_ns'] for row in rows], [i * 1000000 for i in range(1, 11)])


def work(path):
    loops = [subprocess.Popen(['sh', '-c', f'for i in 1 2 3 4 5 6 7 8 9; do mkdir {name}; seq $i 3000 > {name}/n;'
                               f' sort {name}/n > {name}/m; mv {name} {name}x; rm -r {name}x; done'], cwd=path)
             for name in ('a', 'b', 'c')]
    for loop in loops:
        equal(loop.wait(60), 0)


@case
def neighbours_are_those_that_overlap():
    trace = recorded(work)
    rows = tool_json('slow', '--min-lat=0', '--beside=1000', '-S', 'time', trace)['rows']
    equal(len(rows), tool_json('slow', '--min-lat=0', trace)['events'])
    assert sum(row['beside'] for row in rows) > 100
    for row in rows:
        begin, end = row['time_ns'], row['time_ns'] + row['latency_ns']
        beside = [other for other in rows if other['worker'] != row['worker'] and
                  other['time_ns'] < end and other['time_ns'] + other['latency_ns'] > begin]
        equal(row['beside'], len(beside), row)
        equal(row['beside_max_ns'], max((other['latency_ns'] for other in beside), default=0), row)
        listed = [(call['after_ns'] + begin, call['latency_ns'], call['op'], call['path'], call['pid'])
                  for call in row['calls_beside']]
        equal([call[1] for call in listed], sorted((call[1] for call in listed), reverse=True))
        equal(sorted(listed), sorted((other['time_ns'], other['latency_ns'], other['op'], other['path'],
                                      other['pid']) for other in beside))


@case
def misuse_of_slow():
    misuse('slow', '--beside=0', from_file('small'), words=['0', 'beside'])
    misuse('slow', '--beside=many', from_file('small'), words=['many'])
    misuse('slow', '--min-lat', 'long', from_file('small'), words=['long'])
    misuse('slow', '-S', 'colour', from_file('small'), words=['colour', 'latency'])
