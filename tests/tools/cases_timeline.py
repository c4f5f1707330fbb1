# SPDX-License-Identifier: GPL-2.0-or-later
"""timeline: how much happened when; and pictures of it."""
import json
import os
import subprocess
import time
import xml.dom.minidom

import harness
from harness import case, equal, from_file, golden, misuse, mounted, scripted, tool, tool_json

UTF8 = {'LC_ALL': 'C.UTF-8'}
ASCII = {'LC_ALL': 'C'}


def busy():
    """For 3 s: more and more reads, then writes, some of which fail; marks."""
    lines = ['meta cache never']
    for tenth in range(30):
        start = tenth * 100000000 + 50000000
        if tenth == 10:
            lines.append(f'event setxattr node=1 name=memfs.trace.mark name2=writes start={start - 1}')
        if tenth in (20, 21):
            lines.append(f'event setxattr node=1 name=memfs.trace.mark name2=\\x0a`touch\\x20pwned`\\x27"&< start={start - 1}')
        for call in range(tenth if tenth < 10 else 30 - tenth):
            if tenth < 10:
                lines.append(f'event read node=2 size=9 done=1000 start={start + call} duration={2000 + call * 1000}')
            else:
                lines.append(f'event write node=2 size=9 done={call * 100000} start={start + call} '
                             f'duration=5000000 error={28 if call == 7 else 0}')
    return scripted('\n'.join(lines + ['end']))


@case
def bars():
    golden('timeline', tool('timeline', busy(), env=UTF8))
    text = tool('timeline', '--raw', busy(), env=ASCII)
    assert '# a column is 50000000,' in text and 'written/s      380000000 ' in text, text
    golden('timeline-ascii', tool('timeline', '--interval=40ms', busy(), env=ASCII))


@case
def a_table_and_json():
    golden('timeline-table', tool('timeline', '--table', '--interval=500ms', busy()))
    whole = tool_json('timeline', '--interval=1s', busy())
    golden('timeline.json', json.dumps([whole['interval_ns'], whole['rows'], whole['marks']], indent=2) + '\n')
    equal(tool('timeline', '-U', 'time,calls', '-S', 'calls', '--top=1', '--interval=1s', busy()).splitlines()[-1].split(),
          ['1.000000', '156'])


@case
def the_interval_is_a_round_one():
    for length, step in ((1, 1), (59, 1), (60, 2), (300, 10), (6000, 200), (59999, 1000), (10 ** 6, 20000),
                         (6 * 10 ** 9 - 1, 10 ** 8), (10 ** 13, 2 * 10 ** 11)):
        lines = [f'event getattr node=1 start={i * length * 1000 // 99} duration=5' for i in range(100)]
        text = tool_json('timeline', scripted('\n'.join(lines + ['end'])))
        equal(text['interval_ns'], max(step, 1) * 1000, length)
        equal(sum(row['calls'] for row in text['rows']), 100)
        assert len(text['rows']) <= 60, len(text['rows'])
        for row in text['rows']:
            first = row['time_ns']
            inside = [i for i in range(100) if first <= i * length * 1000 // 99 < first + text['interval_ns']]
            equal(row['calls'], len(inside), (length, row))


@case
def intervals_that_grew_are_as_those_that_did_not():
    # Very many calls at first, so that there are big histograms among those that are added up.
    lines = [f'event getattr node=1 start={i * 50} duration={i * 30011 % 70001 + 1}' for i in range(70000)]
    lines += [f'event read node=1 start={4000000 + i * i * 977} duration={i * 7919 % 100003} done={i} error={i % 3 // 2}'
              for i in range(6000)]
    trace = scripted('\n'.join(lines + ['end']))
    grown = tool_json('timeline', trace)
    equal(grown['interval_ns'], 10 ** 9)
    assert grown['rows'][0]['calls'] > 70000
    equal(tool_json('timeline', f'--interval={grown["interval_ns"]}ns', trace)['rows'], grown['rows'])


@case
def nothing_at_all():
    text = tool('timeline', scripted('end\n'))
    equal(text.count('\n'), 1)
    equal(tool_json('timeline', scripted('end\n'))['rows'], [])
    misuse('timeline', '--svg', os.path.join(harness.Paths.work, 'x.svg'), scripted('end\n'), words=['nothing'])


@case
def filters_choose_the_part():
    trace = busy()
    part = tool_json('timeline', '--between', 'writes', '\n`touch pwned`\'"&<', '--interval=100ms', trace)
    equal(part['rows'][0]['time_ns'], 1049999999)
    equal([mark['time_ns'] for mark in part['marks']], [1049999999, 2049999999])
    equal(sum(row['calls'] for row in part['rows']), part['passed'])
    equal(sum(row['read_bytes'] for row in part['rows']), 0)
    part = tool_json('timeline', '--since=1s', '--until=2s', '--interval=100ms', trace)
    equal((part['rows'][0]['time_ns'], len(part['marks'])), (1000000000, 1))
    equal(sum(row['calls'] for row in part['rows']), part['passed'])
    # One operation, but the time of all: they can be compared.
    equal([row['time_ns'] for row in tool_json('timeline', '-e', 'read', trace)['rows']],
          [row['time_ns'] for row in tool_json('timeline', '-e', 'write', trace)['rows']])


@case
def what_was_recorded_adds_up():
    with mounted('cache=never') as mount:
        for number in range(5):
            with open(os.path.join(mount.path, 'f'), 'wb', buffering=0) as out:
                for _ in range(20):
                    out.write(bytes(1000))
            time.sleep(0.02)
            os.setxattr(mount.path, 'memfs.trace.mark', f'mark {number}'.encode())
            # One that still grows is good, too.
            assert tool_json('timeline', mount.path)['rows']
    whole = tool_json('timeline', mount.trace)
    ops = tool_json('summary', mount.trace)['rows']
    for column in 'calls', 'errors', 'read_bytes', 'written_bytes':
        equal(sum(row[column] for row in whole['rows']), sum(row[column] for row in ops), column)
    equal([mark['mark'] for mark in whole['marks']], [f'mark {number}' for number in range(5)])
    equal(max(row['max_ns'] for row in whole['rows']), max(row['max_ns'] for row in ops))


def gnuplot_is_there():
    if subprocess.run(['gnuplot', '--version'], stdout=subprocess.DEVNULL, check=False).returncode:
        raise harness.Skip('no gnuplot')


@case
def pictures():
    gnuplot_is_there()
    trace, work = busy(), harness.Paths.work
    # A script could be made to do things by what stands in a name.
    name = os.path.join(work, "`touch pwned`'\"&<.trace")
    os.rename(trace, name)
    here = os.getcwd()
    os.chdir(work)
    try:
        equal(tool('timeline', '--svg=a.svg', '--png=a.png', name), '')
    finally:
        os.chdir(here)
    assert not os.path.exists(os.path.join(work, 'pwned'))
    with open(os.path.join(work, 'a.png'), 'rb') as file:
        assert file.read(24).startswith(b'\x89PNG\r\n\x1a\n')
    svg = xml.dom.minidom.parse(os.path.join(work, 'a.svg'))
    texts = [''.join(node.data for node in text.childNodes if node.nodeType == node.TEXT_NODE).strip()
             for text in svg.getElementsByTagName('text')]
    for wanted in 'writes', '\\n`touch pwned`\'\\"&<', 'calls', 'seconds since the trace began', 'of these, failed':
        assert wanted in texts, (wanted, texts)
    assert any(text.startswith('`touch pwned`') for text in texts), texts
    equal(svg.getElementsByTagName('script').length, 0)


@case
def pictures_that_cannot_be_made():
    gnuplot_is_there()
    misuse('timeline', '--png=/nonsense/x.png', busy(), words=['/nonsense/x.png'])
    trace, work = busy(), harness.Paths.work
    picture = os.path.join(work, 'x.png')
    path, os.environ['PATH'] = os.environ['PATH'], work
    try:
        misuse('timeline', '--png', picture, trace, words=['gnuplot: not found'])
        with open(os.path.join(work, 'gnuplot'), 'w', encoding='ascii') as script:
            script.write('#!/bin/sh\necho one >&2\necho "   no terminal" >&2\nexit 1\n')
        os.chmod(script.name, 0o755)
        misuse('timeline', '--png', picture, trace, words=['gnuplot: no terminal'])
    finally:
        os.environ['PATH'] = path
    assert not os.path.exists(picture)


@case
def misuse_of_timeline():
    for arguments, words in (
            (['--interval=0'], ['0']),
            (['--interval', 'long'], ['long']),
            (['--interval=1ns'], ['--interval', '1,000,000']),
            (['-S', 'colour'], ['colour', 'calls'])):
        misuse('timeline', *arguments, busy(), words=words)
