# SPDX-License-Identifier: GPL-2.0-or-later
"""memfs-trace report: a page that is well-formed, stands for itself, and has the numbers of summary."""
import html.parser
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

from harness import (SECONDS, Paths, Skip, case, equal, from_file, misuse, recorded, scripted, tool,
                     tool_json)

VOID = {'meta', 'br', 'hr'}
TAGS = {'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'h1', 'h2', 'h3', 'p', 'div', 'b', 'span', 'section',
        'figure', 'table', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td',
        'svg', 'g', 'text', 'path', 'rect', 'polygon'}


class Page(html.parser.HTMLParser):
    """What is in a page; anything that is not well-formed, or not of ours, is an AssertionError."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.sections, self.texts = [], [], {}, []
        self.row = self.section = None
        self.classes = set()
        self.feed(text)
        self.close()
        equal(self.open, [], 'tags that are never closed')
        equal(len(self.ids), len(set(self.ids)), f'ids that are there twice: {self.ids}')

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, f'<{tag}> at {self.getpos()}'
        for name, value in attrs:
            assert not name.startswith('on') and name not in ('src', 'href', 'xlink:href', 'style'), (tag, name)
            assert 'url(' not in (value or '') and '://' not in (value or ''), (tag, name, value)
            if name == 'id':
                self.ids.append(value)
            if name == 'class':
                self.classes.update(value.split())
        if tag in ('section', 'figure'):
            self.section = dict(attrs)['id']
            self.sections[self.section] = []
        if tag == 'tr':
            self.row = []
            self.sections[self.section].append(self.row)
        if tag in ('th', 'td'):
            self.row.append('')
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        equal(self.open.pop(), tag, f'closed at {self.getpos()}')

    def handle_data(self, data):
        if 'td' in self.open or 'th' in self.open:
            self.row[-1] += data
        elif 'style' not in self.open and data.strip():
            self.texts.append(data.strip())

    def handle_comment(self, data):
        raise AssertionError(f'a comment: {data}')


def report(*arguments):
    path = os.path.join(Paths.work, 'report.html')
    tool('report', '-o', path, *arguments)
    with open(path, encoding='utf-8') as file:
        return Page(file.read())


def build(path):
    """A little of what builds do."""
    os.setxattr(path, 'memfs.trace.mark', b'begin <1>')
    subprocess.run(f'''cd {path} && mkdir src out && for i in $(seq 60); do
        head -c $((i * 300)) /dev/zero >src/f$i.c; cat src/f$i.c >out/f$i.o; done; cat out/*.o >all; rm out/f1*.o
        cat missing.h; ls -lR . >/dev/null; mv all 'all & <more>' ''',
                   shell=True, check=True, timeout=SECONDS, stderr=subprocess.DEVNULL)
    os.setxattr(path, 'memfs.trace.mark', b'end')


@case
def a_page_has_the_numbers_of_summary():
    trace = recorded(build)
    page = report(trace)
    table = page.sections['summary']
    equal(table[0][:5], ['operation', '% time', 'time', 'calls', 'failed'])
    equal({row[0]: (int(row[3]), int(row[4] or 0)) for row in table[1:]},
          {row['op']: (row['calls'], row['errors']) for row in tool_json('summary', trace)['rows']})
    commands = page.sections['command-table'][1:]
    equal(sum(int(row[4]) for row in commands), tool_json('info', trace)['events'])
    moved = report('-c', 'mv', trace)
    assert '/all & <more>' in [row[0] for row in moved.sections['file-table']], moved.sections
    equal(report('-P', 'missing.h', trace).sections['absent'][1][0], '/missing.h')
    equal([row[1] for row in page.sections['marks'][1:]], ['begin <1>', 'end'])
    assert ['lookup', 'ENOENT'] in [row[:2] for row in page.sections['failures']]
    assert 'whole' in page.classes and 'broken' not in page.classes
    for figure in 'operations', 'bytes', 'latency', 'sizes', 'files', 'commands':
        assert figure in page.sections, page.sections.keys()
    assert 'mv' in moved.texts, 'the label of a bar'


@case
def with_filters_it_says_so():
    trace = recorded(build)
    page = report('-e', 'write', trace)
    calls = next(row['calls'] for row in tool_json('summary', trace)['rows'] if row['op'] == 'write')
    equal([row[3] for row in page.sections['summary'][1:]], [str(calls)])
    assert any('that pass the filters' in text for text in page.texts)
    assert 'slowest' in page.sections and 'absent' not in page.sections
    equal(report('-e', 'fsync', trace).sections.keys(), {'facts'})


@case
def files_that_are_gone_after_the_filter_have_their_paths():
    page = report('--between', 'build', 'build end', from_file('small'))
    paths = [row[0] for row in page.sections['file-table'][1:]]
    assert {'/src/a.c', '/src/a.o'} <= set(paths) and not [path for path in paths if path.startswith('#')], paths
    trace = scripted('''
        process 1 pid=5 comm=sh
        event mkdir process=1 node=1 name=before mode=040755 result=2
        event create process=1 node=2 name=a result=3 fh=1 mode=0100644
        event write process=1 node=3 fh=1 size=9 done=9
        event rename process=1 node=2 name=a node2=1 name2=b result=3
        event create process=1 node=1 name=c result=4 fh=2 mode=0100644
        event write process=1 node=4 fh=2 size=9 done=9
        event rename process=1 node=1 name=c node2=1 name2=b result=4 replaced=3
        event forget node=3 size=1
        event unlink process=1 node=1 name=b result=4
        event write process=1 node=4 fh=2 offset=9 size=1 done=1
        event forget node=4 size=1
        event mkdir process=1 node=2 name=d mode=040755 result=5
        event getattr process=1 node=5
        event rmdir process=1 node=2 name=d result=5
        event forget node=5 size=1
        end''')
    equal(sorted(row[0] for row in report('-e', 'write', trace).sections['file-table'][1:]), ['/b', '/b'])


@case
def findings_are_those_of_findings():
    lines = ''.join(f'event lookup process=1 node=1 name=<b>{i % 3} error=2\n' for i in range(90))
    trace = scripted('process 1 pid=5 comm=<i>\n' + lines + 'end\n')
    found = tool_json('findings', trace)['findings']
    equal([one['kind'] for one in found], ['absent-names'])
    page = report(trace)
    assert 'findings' in page.sections
    text = '\n'.join(page.texts)
    for part in (found[0]['what'], found[0]['do'], 'absent-names: ', f'<i> ({found[0]["who"][0]["count"]})'):
        assert part in text, (part, text)
    assert 'findings' not in report(from_file('small')).sections


@case
def hostile_names_are_only_text():
    page = report(from_file('hostile'))
    cells = [cell for rows in page.sections.values() for row in rows for cell in row]
    for text in ("/<script>alert('1')</a,b\"c\\x0a\\x0d\\x09;\\\\d", '</script>', '/</title></style></script><!--',
                 '</text><script>\\xff', '/&lt;x>\'"/', '/mnt/\\xff"<b>', "/<script>alert('1')</grüße😀"):
        assert text in cells, (text, cells)
    assert any('&lt;x>' in text for text in page.texts), page.texts


@case
def what_turns_the_direction_of_text_is_escaped():
    trace = scripted('process 1 pid=7 comm=a\n'
                     'event create process=1 node=1 name=\\xe2\\x80\\xaecod.exe result=2 mode=0100644\nend\n')
    page = report(trace)
    equal(page.sections['file-table'][1][0], '/\\xe2\\x80\\xaecod.exe')


@case
def damage_is_in_the_first_line():
    trace = scripted('event mkdir node=1 name=a mode=040755 result=2\nlost 7\n')
    page = report(trace)
    assert 'broken' in page.classes and 'whole' not in page.classes
    assert any('7 lost' in text and 'incomplete' in text for text in page.texts), page.texts


@case
def an_empty_trace_has_a_report():
    page = report(scripted('meta cache never\nend\n'))
    equal(page.sections.keys(), {'facts'})


@case
def times_that_cannot_be_do_no_harm():
    lines = ''.join(f'event read node={1 << i} start={1 << i} duration={(1 << 64) - (1 << i)} size=1 done={1 << i}\n'
                    for i in range(64))
    page = report(scripted(lines + 'end\n'))
    equal(page.sections['summary'][1][3], '64')
    report('--since', '5s', scripted('event open node=1\nend\n'))


@case
def a_growing_trace_has_one_too():
    def look(path):
        build(path)
        page = report(path)
        assert 'broken' in page.classes, page.texts
        assert int(dict((row[0], row[3]) for row in page.sections['summary'])['create']) > 120
    recorded(look)


@case
def pictures_alone():
    trace, directory = recorded(build), os.path.join(Paths.work, 'pictures')
    names = {'operations', 'bytes', 'latency', 'sizes', 'files', 'commands'}
    equal(tool('report', '--svg', directory, '--png', directory, trace), '')
    equal(set(os.listdir(directory)), {f'{name}.{kind}' for name in names for kind in ('svg', 'png')})
    for name in names:
        root = xml.etree.ElementTree.parse(f'{directory}/{name}.svg').getroot()
        equal(root.tag, '{http://www.w3.org/2000/svg}svg')
        with open(f'{directory}/{name}.png', 'rb') as file:
            equal(file.read(8), b'\x89PNG\r\n\x1a\n')
    # Nothing was read or written: two pictures less.
    directory = os.path.join(Paths.work, 'few')
    tool('report', '--svg', directory, '-e', 'getattr', trace)
    equal(set(os.listdir(directory)), {f'{name}.svg' for name in names - {'bytes', 'sizes'}})


@case
def misuse_of_report_is_one_line():
    trace = from_file('small')
    occupied = os.path.join(Paths.work, 'occupied')
    with open(occupied, 'w', encoding='ascii'):
        pass
    for arguments, words in (
            (['-o', '/nonsense/x', trace], ['/nonsense/x']),
            (['-o', '/dev/full', trace], ['/dev/full', 'No space']),
            (['--svg', '/nonsense/x', trace], ['/nonsense/x']),
            (['--png', occupied, trace], [occupied]),
            (['--between', 'no', 'nonsense', '-o', occupied, trace], ['no such mark']),
            ([], ['no trace'])):
        misuse('report', *arguments, words=words)
    equal(os.path.getsize(occupied), 0)
    done = subprocess.run([Paths.trace, 'report', '-o', occupied, trace], env={'PATH': Paths.work},
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    equal((done.returncode, done.stderr.count('\n')), (2, 1), done.stderr)
    assert 'gnuplot' in done.stderr, done.stderr
    equal(os.path.getsize(occupied), 0)


@case
def a_terminal_is_spared():
    ours, theirs = os.openpty()
    try:
        done = subprocess.run([Paths.trace, 'report', from_file('small')], stdout=theirs, text=True,
                              stderr=subprocess.PIPE, timeout=SECONDS)
    finally:
        os.close(theirs)
        os.close(ours)
    equal((done.returncode, done.stderr.count('\n')), (2, 1), done.stderr)
    assert '-o FILE' in done.stderr, done.stderr


@case
def a_browser_has_nothing_to_complain_of():
    browser = shutil.which('chromium')
    if not browser:
        raise Skip('no chromium')
    page = os.path.join(Paths.work, 'page.html')
    tool('report', '-o', page, from_file('hostile'))
    done = subprocess.run([browser, '--headless=new', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr',
                           f'--user-data-dir={Paths.work}/profile', '--dump-dom', f'file://{page}'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
    equal(re.findall(r'.*CONSOLE.*', done.stderr), [])
    # What the browser makes of it has no more in it than what we wrote.
    equal(re.findall(r'<(?:script|link|img|iframe|object)\b', done.stdout), [])
    equal(done.stdout.count('<section'), open(page, encoding='utf-8').read().count('<section'))
