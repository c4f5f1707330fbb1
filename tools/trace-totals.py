#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""trace-totals.py FILE - a reader of traces in another language, made from docs/trace-format.md.

Prints what it found as JSON: for each operation calls, errors and bytes, counted from the events;
whether the recorder's own totals agree; and what is known of the whole. Checksums are checked where
Python's xxhash is installed. Exit status 1 if the trace is damaged, incomplete or has lost events.
"""
import json
import struct
import sys

try:
    import xxhash
except ImportError:
    xxhash = None

META, NAME, PROCESS, EVENT, WATERMARK, NAMES_RESET, END = range(1, 8)
BLOCK = struct.Struct('<IIQQQQIIQ')  # magic, size, sequence, first, last, lost, events, 0, checksum


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return number, at


class Trace:
    def __init__(self):
        self.meta, self.ops, self.fields = {}, {}, {}
        self.counted, self.said = {}, None
        self.events = self.lost = self.gaps = 0

    def read(self, path):
        with open(path, 'rb') as file:
            magic, major, _, header_size = struct.unpack('<8sHHI', file.read(16))
            if magic != b'MEMFSTRC' or major != 1:
                sys.exit(f'{path}: no trace of format 1')
            file.seek(header_size)
            expected = 0
            while len(header := file.read(BLOCK.size)) == BLOCK.size:
                magic, size, sequence, _, _, lost, _, _, checksum = BLOCK.unpack(header)
                payload = file.read(size)
                if magic != 0x4b4c4254 or len(payload) != size or not sums_up(header, payload,
                                                                              checksum):
                    self.gaps += 1  # a careful reader would look for the next good block
                    return
                self.gaps += sequence != expected
                expected = sequence + 1
                self.lost = lost
                self.read_block(payload)

    def read_block(self, data):
        at = 0
        while at < len(data):
            kind = data[at]
            length, at = varint(data, at + 1)
            body = data[at:at + length]
            at += length
            if kind == META:
                key, _, value = body.partition(b'\0')
                self.read_meta(key.decode(), value.decode(errors='replace'))
            elif kind == EVENT:
                self.read_event(body)
            elif kind == END:
                self.read_end(body)

    def read_meta(self, key, value):
        table, _, number = key.partition('.')
        if table == 'op':
            self.ops[int(number)] = value
        elif table == 'field':
            self.fields[int(number)] = value
        else:
            self.meta[key] = value

    def read_event(self, body):
        mask, at = varint(body, 1)
        _, at = varint(body, at)  # start
        fields = {}
        for bit in range(mask.bit_length()):
            if mask >> bit & 1:
                fields[self.fields.get(bit)], at = varint(body, at)
        entry = self.counted.setdefault(self.ops[body[0]], {'calls': 0, 'errors': 0, 'bytes': 0})
        entry['calls'] += 1
        entry['errors'] += 'error' in fields
        entry['bytes'] += fields.get('done', 0)
        self.events += 1

    def read_end(self, body):
        self.lost, at = varint(body, 0)
        self.said = {}
        while at < len(body):
            op = self.ops[body[at]]
            calls, at = varint(body, at + 1)
            errors, at = varint(body, at)
            done, at = varint(body, at)
            _, at = varint(body, at)  # ns
            self.said[op] = {'calls': calls, 'errors': errors, 'bytes': done}


def sums_up(header, payload, checksum):
    if not xxhash:
        return True
    return xxhash.xxh3_64_intdigest(header[:-8] + bytes(8) + payload) == checksum


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trace = Trace()
    trace.read(sys.argv[1])
    json.dump({'meta': trace.meta, 'events': trace.events, 'lost': trace.lost, 'gaps': trace.gaps,
               'complete': trace.said is not None, 'totals_agree': trace.said == trace.counted,
               'operations': trace.counted, 'said': trace.said}, sys.stdout, indent=1, sort_keys=True)
    print()
    return 0 if trace.said == trace.counted and not trace.gaps else 1


sys.exit(main())
