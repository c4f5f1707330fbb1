# SPDX-License-Identifier: GPL-2.0-or-later
"""Is it flat? From samples, each a dictionary: mount, state (load or empty), seconds, and the fields of mounts.py.
The first empty sample of a mount comes after the first part of the load: by then threads have been started, rings,
buffers and tables have been used to their ends."""

GROWTH_KIB = 2048  # of PSS or RSS in the empty state: what an allocator may keep
GROWTH_PART = 0.05


def empties(samples, mount):
    return [s for s in samples if s['mount'] == mount and s['state'] == 'empty']


def mounts_of(samples):
    return list(dict.fromkeys(s['mount'] for s in samples))


def allowed(kib):
    return max(GROWTH_KIB, int(kib * GROWTH_PART))


def floor(states, field):
    """What an allocator has not given back yet is no leak: a leak raises the least."""
    return min(state[field] for state in states)


def judge_mount(name, states):
    """What is wrong with a mount, a line each."""
    first, last = states[0], states[-1]
    half = len(states) // 2
    wrong = []
    for field in ('pss_kib', 'rss_kib'):
        before, after = floor(states[:half], field), floor(states[half:], field)
        if after - before > allowed(before):
            wrong.append(f'{name}: {field} has grown by {after - before}, from {before} to {after}; '
                         f'{allowed(before)} are allowed')
    for field in ('fds', 'threads'):
        if last[field] != first[field]:
            wrong.append(f'{name}: {field}: {first[field]} at first, {last[field]} at last')
    for state in states:
        for field in ('bytes', 'nodes'):
            if state[field] != first[field]:
                wrong.append(f'{name}: {field} of the empty mount after {state["seconds"]} s: '
                             f'{state[field]}, at first {first[field]}')
        if state['trace_error']:
            wrong.append(f'{name}: trace_error {state["trace_error"]}')
    return wrong


def judge(samples):
    """All that is wrong, a line each; an empty list if all is flat."""
    wrong = []
    for name in mounts_of(samples):
        states = empties(samples, name)
        if len(states) < 2:
            wrong.append(f'{name}: the empty state was not seen twice')
        else:
            wrong += judge_mount(name, states)
    return wrong or ([] if samples else ['there are no samples'])


# --- tables --------------------------------------------------------------------

def table(head, rows):
    """Markdown."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + ' --- |' * len(head)]
    return lines + ['| ' + ' | '.join(str(cell) for cell in row) + ' |' for row in rows]


def clock(seconds):
    return f'{int(seconds) // 60}:{int(seconds) % 60:02}'


def empty_rows(samples):
    for name in mounts_of(samples):
        for s in empties(samples, name):
            yield (name, clock(s['seconds']), s['pss_kib'], s['rss_kib'], s['fds'], s['threads'], s['bytes'],
                   s['nodes'], f'{s["trace_recorded"]:,}', s['trace_lost'])


def load_rows(samples):
    """Least and most of each mount under load."""
    for name in mounts_of(samples):
        busy = [s for s in samples if s['mount'] == name and s['state'] == 'load']
        if busy:
            yield (name, len(busy)) + tuple(
                f'{min(s[f] for s in busy):,} to {max(s[f] for s in busy):,}'
                for f in ('pss_kib', 'rss_kib', 'fds', 'threads', 'bytes', 'nodes'))


def markdown(facts, samples, rounds, wrong):
    """The report: verdict first. facts: {name: text}, rounds: {load: number}."""
    lines = [f'# Soak test: {"failed" if wrong else "passed"}', '']
    lines += [f'- {line}' for text in wrong for line in text.splitlines()[:40]] + ([''] if wrong else [])
    lines += table(('fact', ''), facts.items())
    lines += ['', '## Empty', '',
              'After each part of the load: all removed, memory given back. Of memory the least of the later '
              'half is compared with that of the earlier half.', '']
    lines += table(('mount', 'after', 'PSS KiB', 'RSS KiB', 'descriptors', 'threads', 'bytes', 'nodes',
                    'calls recorded', 'lost'), empty_rows(samples))
    lines += ['', '## Under load', '', 'Least and most of the samples.', '']
    lines += table(('mount', 'samples', 'PSS KiB', 'RSS KiB', 'descriptors', 'threads', 'bytes', 'nodes'),
                   load_rows(samples))
    lines += ['', '## Loads', ''] + table(('load', 'rounds'), rounds.items())
    return '\n'.join(lines) + '\n'
