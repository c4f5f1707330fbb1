# SPDX-License-Identifier: GPL-2.0-or-later
"""memfs-trace verify and recover, on traces with every kind of damage."""
import glob
import os
import random
import struct
import subprocess

import blocks
from harness import (SECONDS, Paths, case, equal, from_file, golden, misuse, recorded, scripted, tool,
                     tool_json)

# Six blocks: facts, a process and a directory; then a file each, and the end.
SCRIPT = '''
meta cache never
process 1 pid=100 comm=sh
event mkdir process=1 node=1 name=d mode=040755 result=2
block
''' + ''.join(f'''
event create process=1 node=2 name=f{i} result={i + 3} fh={i + 1} flags=0101 mode=0100644
event write process=1 node={i + 3} fh={i + 1} size=100 done=100
event release node={i + 3} fh={i + 1}
block
''' for i in range(4)) + 'end\n'


def target(name):
    return os.path.join(Paths.work, name)


def damaged(change, name='damaged', script=SCRIPT):
    """A trace of six blocks after change(data, blocks), which may also return other data."""
    data = blocks.read(scripted(script))
    changed = change(data, blocks.blocks(data))
    return blocks.write(target(name), data if changed is None else changed)


def verify(path, status):
    return tool_json('verify', path, status=status)


def places(found):
    return [(row['offset'], row['length'], row['sequence'], row['state']) for row in found['rows']]


def recover(path, name='recovered'):
    """The recovered trace, and what recover said. Its blocks must all be good."""
    out = target(name)
    before = blocks.read(path)
    said = tool_json('recover', '--force', path, out)
    equal(blocks.read(path), before, 'the damaged trace')
    found = verify(out, 1 if said['gaps'] else 0)
    equal([found[key] for key in ('damaged', 'missing', 'out_of_order', 'torn_bytes', 'counts')],
          [0, 0, 0, 0, 'agree'])
    equal(found['good'], len(blocks.blocks(blocks.read(out))))
    assert found['good'] >= said['blocks'], found
    equal(found['complete'], not said['gaps'])
    return out, said


def shown(path):
    done = subprocess.run([Paths.trace, 'show', path], stdout=subprocess.PIPE, check=True,
                          stderr=subprocess.DEVNULL, text=True, timeout=SECONDS)
    return done.stdout.splitlines()


@case
def a_whole_trace():
    path = scripted(SCRIPT)
    found = verify(path, 0)
    equal((found['whole'], found['good'], found['totals'], found['rows']), (True, 6, 'agree', []))
    listed = tool_json('verify', '-v', path)['rows']
    equal([(row['offset'], row['length'], row['sequence'], row['count']) for row in listed],
          [tuple(block) for block in blocks.blocks(blocks.read(path))])
    golden('verify', tool('verify', '--verbose', path))


@case
def a_recorded_trace_is_whole():
    def work(path):
        subprocess.run(f'cd {path} && for i in $(seq 300); do echo $i > f$i; done && rm f1*',
                       shell=True, check=True, timeout=SECONDS)
        found = verify(path, 1)  # nobody has closed it
        equal((found['complete'], found['damaged'], found['missing']), (False, 0, 0))
    found = verify(recorded(work), 0)
    equal((found['totals'], found['counts']), ('agree', 'agree'))


@case
def a_bit_flipped_anywhere():
    original = blocks.read(scripted(SCRIPT))
    listed = blocks.blocks(original)
    for number, block in enumerate(listed):
        for at, state in ((0, 'magic'), (6, 'length'), (16, 'checksum'), (51, 'checksum'),
                          (block.length - 1, 'checksum')):
            path = target('flipped')
            data = bytearray(original)
            data[block.offset + at] ^= 0x10
            blocks.write(path, data)
            found = verify(path, 1)
            equal(places(found), [(block.offset, block.length, number, state)], (number, at))
            equal((found['good'], found['damaged'], found['missing'], found['gaps']), (5, 1, 0, 1))
            _, said = recover(path)
            equal((said['blocks'], said['gaps'], said['gap_bytes']), (5, 1, block.length))


@case
def what_only_looks_like_a_block():
    """The mark of a block's beginning within a damaged one, and a length that is not to be believed."""
    script = SCRIPT.replace('name=f1', 'name=TBLKxTBLK').replace('name=f2', 'name=TBLK')
    data = blocks.read(scripted(script))
    listed = blocks.blocks(data)
    data[listed[2].offset + 16] ^= 1
    data[listed[3].offset + 16] ^= 1
    path = blocks.write(target('looks'), data)
    equal(places(verify(path, 1)), [(b.offset, b.length, b.sequence, 'checksum') for b in listed[2:4]])
    equal(recover(path)[1]['blocks'], 4)
    data = blocks.read(scripted(SCRIPT))
    listed = blocks.blocks(data)
    data[listed[2].offset + 4] ^= 0x40  # ends within the next one, says its header
    data[listed[3].offset + 16] ^= 1
    path = blocks.write(target('looks'), data)
    equal(places(verify(path, 1)), [(b.offset, b.length, b.sequence, 'checksum') for b in listed[2:4]])


@case
def a_block_that_is_gone():
    def remove(data, listed):
        del data[listed[2].offset:listed[2].offset + listed[2].length]
    path = damaged(remove)
    found = verify(path, 1)
    offset = blocks.blocks(blocks.read(scripted(SCRIPT)))[2].offset
    equal(places(found), [(offset, 0, 2, 'missing')])
    equal((found['good'], found['missing'], found['damaged']), (5, 1, 0))
    out, said = recover(path)
    equal((said['blocks'], said['gaps'], said['gap_bytes'], said['missing']), (5, 1, 0, 1))
    done = subprocess.run([Paths.trace, 'export', '-f', 'csv', out], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=True, timeout=SECONDS)
    assert 'recovered from damage' in done.stderr, done.stderr
    # The closing record's totals are those of all that there was.
    assert 'TOTALS DISAGREE' in tool('check', out, status=1)
    golden('verify-recovered', tool('info', out, status=1))


@case
def blocks_in_another_order():
    def swap(data, listed):
        a, b = listed[2], listed[3]
        return (data[:a.offset] + data[b.offset:b.offset + b.length] +
                data[a.offset:a.offset + a.length] + data[b.offset + b.length:])
    found = verify(damaged(swap), 1)
    equal((found['good'], found['out_of_order']), (6, 1))
    assert 'order' in [row['state'] for row in found['rows']]


@case
def a_file_that_was_cut_off():
    whole = blocks.read(scripted(SCRIPT))
    listed = blocks.blocks(whole)
    last = listed[-1]
    for kept in (1, 3, 4, 55, 56, last.length - 1):
        path = blocks.write(target('cut'), whole[:last.offset + kept])
        found = verify(path, 1)
        equal(places(found), [(last.offset, kept, 5, 'torn')], kept)
        equal((found['good'], found['torn_bytes'], found['complete']), (5, kept, False))
        _, said = recover(path)
        equal((said['blocks'], said['gaps'], said['gap_bytes']), (5, 1, kept))
    path = blocks.write(target('cut'), whole[:last.offset])
    found = verify(path, 1)
    equal((found['rows'], found['complete'], found['good']), ([], False, 5))
    # Nothing was damaged; but complete it is not.
    out = target('copied')
    equal(tool_json('recover', path, out)['gaps'], 0)
    equal(blocks.read(out), blocks.read(path))


@case
def rubbish_between_and_behind():
    rubbish = b'TBLK' + bytes(range(200))

    def insert(data, listed):
        data[listed[3].offset:listed[3].offset] = rubbish
        data += b'\0' * 1000
    path = damaged(insert)
    found = verify(path, 1)
    equal([(row['length'], row['state']) for row in found['rows']],
          [(len(rubbish), 'length'), (1000, 'magic')])
    equal((found['good'], found['damaged']), (6, 2))
    out, said = recover(path)
    equal((said['blocks'], said['gaps'], said['gap_bytes']), (6, 2, len(rubbish) + 1000))
    equal(shown(out), shown(scripted(SCRIPT)))


@case
def a_block_that_was_written_wrong():
    def lengthen(data, listed):
        """The last record but one (a write) is longer than what is left."""
        block = listed[2]
        at = block.offset + blocks.HEADER.size
        starts = []
        while at < block.offset + block.length:
            starts.append(at)
            at += 2 + data[at + 1]
        data[starts[-2] + 1] = 0x7f
        blocks.seal(data, block)
        return None
    path = damaged(lengthen)
    found = verify(path, 1)
    block = blocks.blocks(blocks.read(path))[2]
    equal(places(found), [(block.offset, block.length, 2, 'records')])
    equal((found['gaps'], found['damaged'], found['events']), (0, 1, 11))
    out, said = recover(path)
    equal((said['blocks'], said['gaps'], said['missing']), (6, 1, 0))
    equal(shown(out), shown(path))


@case
def a_whole_trace_is_only_copied():
    path = scripted(SCRIPT)
    out, said = recover(path)
    equal((said['gaps'], blocks.read(out)), (0, blocks.read(path)))
    assert 'nothing was damaged' in tool('recover', '--force', path, out)


@case
def a_damaged_file_header():
    whole = scripted(SCRIPT)
    for at in (0, 7, 12, 15):
        data = blocks.read(whole)
        data[at] ^= 0x40
        path = blocks.write(target('header'), data)
        if at == 12:
            continue  # 80 bytes: that may be a newer minor version's
        misuse('verify', path, words=['no memfs trace'])
        out, said = recover(path)
        equal((said['header_damaged'], said['blocks'], said['gaps']), (True, 6, 1))
        equal(shown(out), shown(whole))


@case
def events_of_good_blocks_are_all_there():
    path = recorded(lambda mnt: subprocess.run(
        f'cd {mnt} && mkdir a b && for i in $(seq 2000); do echo $i > a/file$i; done && mv a/*9 b',
        shell=True, check=True, timeout=SECONDS))
    whole = blocks.read(path)
    listed = blocks.blocks(whole)
    seed = random.randrange(1 << 32)
    print(f'# seed {seed}')
    chance = random.Random(seed)
    for _ in range(10):
        data = bytearray(whole)
        # Not the first: without facts and clocks it would be another test.
        # And no two side by side, which cannot always be told apart.
        odd = range(1, len(listed), 2)
        hit = sorted(chance.sample(odd, min(3, len(odd))))
        for number in hit:
            block = listed[number]
            data[block.offset + chance.randrange(block.length)] ^= 1 << chance.randrange(8)
        bad = blocks.write(target('bad'), data)
        found = verify(bad, 1)
        equal(sorted(row['sequence'] for row in found['rows']), hit, f'seed {seed}')
        out, said = recover(bad)
        equal(said['blocks'], len(listed) - len(hit), f'seed {seed}')
        events = sum(block.events for number, block in enumerate(listed) if number not in hit)
        equal(tool_json('info', out, status=1)['events'], events, f'seed {seed}')
        equal(len(shown(out)), events, f'seed {seed}')


@case
def lost_definitions_are_question_marks():
    script = '''
process 1 pid=100 comm=sh
event mkdir process=1 node=1 name=d mode=040755 result=2
block
process 2 pid=101 comm=cc1
event lookup process=2 node=2 name=lost error=2
block
event lookup process=2 node=2 name=lost error=2
event lookup process=1 node=2 name=kept error=2
event create process=2 node=2 name=made result=3 fh=1
event release node=3 fh=1
end
'''

    def remove(data, listed):
        del data[listed[1].offset:listed[1].offset + listed[1].length]
    path = damaged(remove, script=script)
    for trace in path, recover(path)[0]:
        lines = [' '.join(line.split()[1:]) for line in shown(trace)]
        equal(lines[1:], ['?/0 lookup("/d/?") = -1 ENOENT (No such file or directory) <1.00us>',
                          'sh/100 lookup("/d/kept") = -1 ENOENT (No such file or directory) <1.00us>',
                          '?/0 create("/d/made", O_RDONLY, 0) = 0 <1.00us>',
                          '~?/0 release("/d/made") = 0 <1.00us>'])


@case
def names_of_another_time_are_not_mistaken():
    # The block in which names begin anew is lost; `b` gets the number that `a` had.
    script = '''
process 1 pid=100 comm=sh
event lookup process=1 node=1 name=a error=2
event lookup process=1 node=1 name=old error=2
block
reset
event lookup process=1 node=1 name=b error=2
block
event lookup process=1 node=1 name=b error=2
event lookup process=1 node=1 name=c error=2
block
event lookup process=1 node=1 name=b error=2
end
'''

    def remove(data, listed):
        del data[listed[1].offset:listed[1].offset + listed[1].length]

    def names(trace):
        return [line.split('"')[1] for line in shown(trace)]
    path = damaged(remove, script=script)
    # What stands between the gap and the next definition cannot be known at once.
    equal(names(path)[3:], ['/c', '/?'])
    equal(names(recover(path)[0]), ['/a', '/old', '/?', '/c', '/?'])


@case
def misuse_of_recover_is_one_line():
    path, other = scripted(SCRIPT), target('other')
    blocks.write(other, b'something')
    os.link(path, target('link'))
    for arguments, words in (
            ([path], ['missing']),
            ([path, path], ['the damaged trace itself']),
            (['--force', path, target('link')], ['the damaged trace itself']),
            ([path, other], [other, 'exists']),
            ([other, target('new')], [other, 'no memfs trace']),
            ([target('absent'), target('new')], ['absent', 'No such file']),
            ([path, '/nonsense/x'], ['/nonsense/x']),
            ([path, Paths.work], ['directory'])):
        misuse('recover', *arguments, words=words)
    assert not glob.glob(target('new*'))
    equal(blocks.read(other), b'something')
    future = blocks.read(path)
    struct.pack_into('<H', future, 8, 2)
    misuse('recover', blocks.write(target('future'), future), target('new'), words=['major version'])


@case
def no_good_block_at_all():
    def destroy(data, listed):
        for block in listed:
            data[block.offset + 60] ^= 1
    path = damaged(destroy)
    found = verify(path, 1)
    equal((found['good'], found['damaged']), (0, 6))
    misuse('recover', path, target('new'), words=['no good block'])
    assert not glob.glob(target('new*'))


@case
def a_full_disk_while_recovering():
    path, small = from_file('small'), target('small-disk')
    os.mkdir(small)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', small], check=True, timeout=20)
    blocks.write(small + '/filler', b'x' * 4096)
    misuse('recover', path, small + '/out', words=[small + '/out', 'No space'])
    equal(os.listdir(small), ['filler'])
    subprocess.run(['umount', small], check=True, timeout=20)
