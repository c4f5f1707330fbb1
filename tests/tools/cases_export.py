# SPDX-License-Identifier: GPL-2.0-or-later
"""memfs-trace export: what other programs read must be what memfs-trace itself says."""
import csv
import glob
import io
import json
import os
import resource
import signal
import sqlite3
import subprocess
import time

from harness import (SECONDS, Paths, case, equal, from_file, golden, misuse, recorded, scripted, tool,
                     tool_json)

KEYS = ('calls', 'errors', 'bytes', 'time_ns')
WHOLE = 1 << 64


def target(name):
    return os.path.join(Paths.work, name)


def summary(*arguments):
    """What `summary` says: operation -> calls, errors, bytes, ns."""
    rows = tool_json('summary', *arguments)['rows']
    return {row['op']: tuple(row[key] for key in KEYS) for row in rows}


def sums(events):
    """The same of (op, failed, bytes, ns)."""
    found = {}
    for op, failed, done, ns in events:
        calls, errors, total, time_ns = found.get(op, (0, 0, 0, 0))
        found[op] = (calls + 1, errors + bool(failed), total + done, (time_ns + ns) % WHOLE)
    return found


def jsonl(*arguments):
    text = tool('export', '-f', 'jsonl', *arguments, text=False)
    return [json.loads(line) for line in text.split(b'\n')[:-1]]


def rows(*arguments):
    text = tool('export', '-f', 'csv', *arguments, text=False).decode('utf-8')
    return list(csv.DictReader(io.StringIO(text, newline=''), strict=True))


def database(*arguments):
    path = target('out.sqlite')
    tool('export', '-f', 'sqlite', '--force', '-o', path, *arguments)
    return sqlite3.connect(path)


def chrome(*arguments):
    trace = json.loads(tool('export', '-f', 'chrome', *arguments))
    check_chrome(trace)
    return trace


def check_chrome(trace):
    """What Perfetto wants: required keys of each phase, and on a track nothing that overlaps."""
    tracks, named = {}, set()
    for event in trace['traceEvents']:
        assert isinstance(event['pid'], int) and isinstance(event['tid'], int), event
        assert isinstance(event['name'], str), event
        if event['ph'] == 'M':
            assert event['name'] in ('process_name', 'thread_name', 'thread_sort_index'), event
            assert event['args'], event
            if event['name'] == 'thread_name':
                named.add(event['tid'])
            continue
        assert event['ph'] in 'Xi', event
        assert isinstance(event['ts'], (int, float)), event
        if event['ph'] == 'i':
            continue
        assert event['dur'] >= 0, event
        assert {'caller', 'result', 'id'} <= event['args'].keys(), event
        begin = round(event['ts'] * 1000)
        tracks.setdefault(event['tid'], []).append((begin, begin + round(event['dur'] * 1000)))
    equal(set(tracks) - named, set(), 'tracks without a name')
    for tid, spans in tracks.items():
        spans.sort()
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            assert begin >= end, f'calls overlap on track {tid}'


def folded(*arguments):
    """Stacks with their weights; each line must look as flame graphs want it."""
    stacks = {}
    for line in tool('export', '-f', 'folded', *arguments).splitlines():
        stack, weight = line.rsplit(' ', 1)
        frames = stack.split(';')
        assert len(frames) >= 2 and all(frames) and stack not in stacks, line
        assert stack.isprintable() and stack.isascii(), line
        stacks[tuple(frames)] = int(weight)
    return stacks


def work_in(path):
    """Something of everything."""
    for directory in range(5):
        os.makedirs(f'{path}/d{directory}/e')
        for number in range(40):
            with open(f'{path}/d{directory}/f{number}', 'wb') as file:
                file.write(b'x' * number * 100)
    subprocess.run(['cp', '-r', f'{path}/d0', f'{path}/copy'], check=True, timeout=SECONDS)
    os.rename(f'{path}/d1', f'{path}/d2/e/d1')
    os.symlink('nowhere', f'{path}/link')
    os.link(f'{path}/d3/f3', f'{path}/hard')
    for number in range(30):
        os.unlink(f'{path}/d4/f{number}')
    subprocess.run(['cat', f'{path}/missing'], check=False, timeout=SECONDS,
                   stderr=subprocess.DEVNULL)
    os.setxattr(path, 'memfs.trace.mark', b'middle')
    subprocess.run(f'cat {path}/d2/f* | wc -c; ls -lR {path}', shell=True, check=True,
                   timeout=SECONDS, stdout=subprocess.DEVNULL)


def same_sums(trace, *filters):
    """All formats say what summary says."""
    wanted = summary(*filters, trace)
    events = jsonl(*filters, trace)
    equal(sums((e['op'], e.get('error', 0), e.get('done', 0), e['duration_ns']) for e in events),
          wanted, 'jsonl')
    equal(sums((r['op'], int(r['error']), int(r['done']), int(r['duration_ns']))
               for r in rows(*filters, trace)), wanted, 'csv')
    db = database(*filters, trace)
    equal({r[0]: r[1:] for r in db.execute('SELECT op, calls, errors, bytes, time_ns FROM v_summary')},
          wanted, 'sqlite')
    equal(db.execute('PRAGMA foreign_key_check').fetchall(), [], 'foreign keys')
    equal(db.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
    calls = [e for e in chrome(*filters, trace)['traceEvents'] if e['ph'] == 'X']
    equal(sums((e['name'], e['args']['result'] != 'ok', e['args'].get('done', 0),
                round(e['dur'] * 1000)) for e in calls), wanted, 'chrome')
    for weight, column in ('ns', 3), ('calls', 0), ('bytes', 2):
        stacks = folded('--weight', weight, *filters, trace)
        totals = {op: 0 for op in wanted}
        for frames, value in stacks.items():
            totals[frames[1]] += value
        equal(totals, {op: values[column] for op, values in wanted.items()}, f'folded {weight}')
    return db


@case
def a_small_trace_as_jsonl():
    golden('export.jsonl', tool('export', '--format=jsonl', from_file('small')))


@case
def a_small_trace_as_csv():
    text = tool('export', '--format=csv', from_file('small'), text=False).decode()
    equal(text.count('\r\n'), text.count('\n'))
    golden('export.csv', text.replace('\r\n', '\n'))


@case
def a_small_trace_for_perfetto():
    golden('export.chrome', tool('export', '--format=chrome', from_file('small')))


@case
def a_small_trace_for_flame_graphs():
    golden('export.folded', tool('export', '--format=folded', from_file('small')))
    golden('export.folded-bytes', tool('export', '--format=folded', '--weight=bytes', from_file('small')))


@case
def a_small_trace_as_a_database():
    db = database(from_file('small'))
    names = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    text = ''
    for name in sorted(names):
        cursor = db.execute(f'SELECT * FROM {name}')
        text += f'{name}: {", ".join(column[0] for column in cursor.description)}\n'
        text += ''.join(f'  {row}\n' for row in cursor if row[0] != 'memfs.version')
    golden('export.sqlite', text)
    equal(db.execute('PRAGMA user_version').fetchone(), (1,))


@case
def all_formats_have_the_same_sums():
    trace = recorded(work_in)
    db = same_sums(trace)
    # The recorder counts by itself.
    equal(db.execute('SELECT op, calls, errors, bytes, ns FROM totals ORDER BY op').fetchall(),
          db.execute('SELECT op, count(*), sum(error <> 0), sum(done), sum(duration_ns) '
                     'FROM events GROUP BY op ORDER BY op').fetchall())
    check = tool_json('check', trace)
    equal(db.execute('SELECT sum(bytes_written), sum(bytes_read) FROM v_files').fetchone(),
          (check['bytes_written'], check['bytes_read']))
    equal(db.execute('SELECT sum(bytes_written), sum(bytes_read) FROM v_processes').fetchone(),
          (check['bytes_written'], check['bytes_read']))
    made = {kind: counts['made'] for kind, counts in check['names'].items()}
    for kind, kinds in ('file', 'files'), ('directory', 'directories'), ('symlink', 'symlinks'):
        equal(db.execute('SELECT count(*) FROM nodes WHERE type = ? AND made IS NOT NULL',
                         (kind,)).fetchone(), (made[kinds],), kind)
    equal(db.execute("SELECT value FROM meta WHERE key = 'trace.events'").fetchone(),
          (check['events'],))
    equal(db.execute('SELECT mark FROM v_marks').fetchall(), [('middle',)])
    assert ('/missing',) in db.execute('SELECT path FROM v_absent_lookups').fetchall()
    # Paths of the moment, and the last one.
    moved = db.execute("SELECT paths.path FROM nodes JOIN paths ON paths.id = nodes.path "
                       "WHERE nodes.id = (SELECT result FROM v_events WHERE path = '/d1/f7' "
                       "AND op = 'create')").fetchone()
    equal(moved, ('/d2/e/d1/f7',))


@case
def with_filters_too():
    trace = recorded(work_in)
    same_sums(trace, '-e', 'lookup,create,write')
    same_sums(trace, '-P', '/d2', '-c', 'cat')
    same_sums(trace, '--failed')


@case
def the_same_of_a_trace_that_grows():
    def look(path):
        work_in(path)
        events = jsonl('-P', '/d4', path)
        equal(sum(e['op'] == 'unlink' for e in events), 30)
    recorded(look)


def _hostile_events():
    """(path, name) as bytes, from each format that has both."""
    trace = from_file('hostile')
    events = jsonl(trace)

    def raw(row, key):
        if row.get(key + '_hex'):
            return bytes.fromhex(row[key + '_hex'])
        return row.get(key, '').encode()

    def unescaped(row, key):
        text = raw(row, key)
        if row[key + '_hex']:
            return text
        return text.decode('utf-8').encode('latin1', 'backslashreplace').decode(
            'unicode_escape').encode('latin1') if b'\\' in text and text.isascii() else text

    from_json = [(raw(e, 'path'), raw(e, 'name')) for e in events]
    from_csv = [(unescaped(r, 'path'), unescaped(r, 'name')) for r in rows(trace)]
    db = database(trace)
    encode = (lambda value: value if isinstance(value, bytes) else (value or '').encode())
    from_sql = [(encode(p), encode(n)) for p, n in
                db.execute('SELECT path, name FROM v_events ORDER BY id')]
    return from_json, from_csv, from_sql


@case
def names_come_back_byte_for_byte():
    from_json, from_csv, from_sql = _hostile_events()
    equal(from_csv, from_json)
    equal(from_sql, from_json)
    names = [name for _, name in from_json]
    for name in (b'a,b"c\n\r\t;\\\\d', b'\xff\xc3\x28\xed\xa0\x80', 'grüße😀'.encode(),
                 b"<script>alert('1')<", b'</title></style></script><!--'):
        assert name in names, (name, names)


@case
def hostile_names_break_no_format():
    trace = from_file('hostile')
    wanted = summary(trace)
    # Durations wrap: so only what can be counted.
    for events in (sums((e['op'], e.get('error', 0), e.get('done', 0), 0) for e in jsonl(trace)),
                   sums((r['op'], int(r['error']), int(r['done']), 0) for r in rows(trace))):
        equal({op: s[:3] for op, s in events.items()}, {op: s[:3] for op, s in wanted.items()})
    db = database(trace)
    equal(db.execute('PRAGMA foreign_key_check').fetchall(), [])
    equal(db.execute('SELECT count(*), sum(done) FROM events').fetchone(),
          (sum(s[0] for s in wanted.values()), sum(s[2] for s in wanted.values())))
    equal(db.execute("SELECT typeof(comm) FROM processes ORDER BY pid").fetchall(),
          [('text',), ('blob',), ('text',), ('text',)])
    # What would overlap stands on another track; what has no end is an instant.
    events = chrome(trace)['traceEvents']
    labels = [e['args']['name'] for e in events if e['name'] == 'thread_name']
    assert 'worker 0 (overlap 2)' in labels, labels
    equal([e['args']['id'] for e in events if e['ph'] == 'i' and 'args' in e], [18])
    stacks = folded('--weight=calls', trace)
    equal(sum(stacks.values()), sum(s[0] for s in wanted.values()))
    assert ('a\\x3bb "c"\\xfe', 'write', "<script>alert('1')<",
            'a,b"c\\x0a\\x0d\\x09\\x3b\\x5c\\x5cd') in stacks, stacks.keys()
    assert ('?', 'statfs') in stacks, stacks.keys()


@case
def inferred_callers_are_marked():
    trace = from_file('small')
    equal([e['op'] for e in jsonl(trace) if e.get('inferred')], ['release'] * 3)
    equal([r['op'] for r in rows(trace) if r['inferred'] == '1'], ['release'] * 3)
    callers = [e['args']['caller'] for e in chrome(trace)['traceEvents'] if e['name'] == 'release']
    equal(callers, ['~sh/100', '~cc1/101', '~as/102'])


@case
def nothing_is_written_over():
    trace, path = from_file('small'), target('kept')
    for name in 'jsonl', 'csv', 'sqlite', 'chrome', 'folded':
        with open(path, 'w', encoding='ascii') as out:
            out.write('kept')
        misuse('export', '-f', name, '-o', path, trace, words=[path, 'exists', '--force'])
        with open(path, encoding='ascii') as kept:
            equal(kept.read(), 'kept')
        tool('export', '-f', name, '--force', '-o', path, trace)
        assert os.path.getsize(path) > 100
        mask = os.umask(0)
        os.umask(mask)
        equal(os.stat(path).st_mode & 0o777, 0o666 & ~mask)
    equal(glob.glob(path + '.*'), [])


@case
def misuse_of_export_is_one_line():
    trace = from_file('small')
    for arguments, words in (
            ([trace], ['--format']),
            (['-f', 'xml', trace], ['xml', 'jsonl']),
            (['-f', 'sqlite', trace], ['-o']),
            (['-f', 'csv', '--weight=ns', trace], ['--weight']),
            (['-f', 'folded', '--weight=tons', trace], ['tons']),
            (['-f', 'csv', '-o', '/nonsense/x', trace], ['/nonsense/x']),
            (['-f', 'csv', '-o', Paths.work, trace], ['directory']),
            (['-f', 'sqlite', '-o', '/dev/null', trace], ['/dev/null']),
            (['-f', 'csv', '-o', target('x'), '--between', 'no', 'nonsense', trace], ['no such mark']),
            (['-f', 'sqlite', '-o', target('x'), '--between', 'no', 'nonsense', trace], ['no such mark'])):
        misuse('export', *arguments, words=words)
    assert not glob.glob(target('x*'))


@case
def a_full_disk_leaves_nothing_behind():
    trace = recorded(work_in)
    small = target('small-disk')
    os.mkdir(small)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], check=True, timeout=20)
    for name in 'jsonl', 'csv', 'sqlite', 'chrome':
        misuse('export', '-f', name, '-o', small + '/out', trace, words=[small + '/out', 'full'
               if name == 'sqlite' else 'No space'])
        equal(os.listdir(small), [], name)
    subprocess.run(['umount', small], check=True, timeout=20)
    misuse('export', '-f', 'csv', '-o', '/dev/full', trace, words=['/dev/full', 'No space'])
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([Paths.trace, 'export', '-f', 'csv', trace], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    equal((done.returncode, done.stderr), (2, 'memfs-trace: standard output: No space left on device\n'))


@case
def nor_does_a_limit_of_file_size():
    trace, path = recorded(work_in), target('out')

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    done = subprocess.run([Paths.trace, 'export', '-f', 'csv', '-o', path, trace], text=True,
                          stderr=subprocess.PIPE, timeout=SECONDS, preexec_fn=limit)
    equal((done.returncode, done.stderr), (2, f'memfs-trace: {path}: File too large\n'))
    equal(glob.glob(path + '*'), [])


@case
def nor_does_an_end_by_a_signal():
    lines = ''.join(f'event create node=1 name=f{i % 4000} result={i + 2}\n' for i in range(60000))
    trace, path = scripted(lines + 'end\n'), target('out')
    process = subprocess.Popen([Paths.trace, 'export', '-f', 'sqlite', '-o', path, trace])
    deadline = time.monotonic() + SECONDS
    while not glob.glob(path + '*') and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    # It may have been faster; but what is there is whole, or nothing is.
    status = process.wait(SECONDS)
    assert status in (0, -signal.SIGTERM), status
    left = glob.glob(path + '*')
    assert left in ([], [path]) and (left or status), (left, status)
    if left:
        equal(sqlite3.connect(path).execute('SELECT count(*) FROM events').fetchone(), (60000,))


@case
def a_pipe_that_nobody_reads_is_no_error():
    trace = recorded(work_in)
    done = subprocess.run(f'{Paths.trace} export -f jsonl {trace} | head -n 1', shell=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
    equal((done.stdout.count(b'\n'), done.stderr), (1, b''))


@case
def loss_is_said():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2\nlost 7\nend\n')
    done = subprocess.run([Paths.trace, 'export', '-f', 'csv', trace], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    equal(done.returncode, 0)
    assert '7 events lost' in done.stderr, done.stderr
    equal(json.loads(subprocess.run([Paths.trace, 'export', '-f', 'chrome', trace],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                                    timeout=SECONDS).stdout)['otherData']['lost'], 7)
