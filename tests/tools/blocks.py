# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocks of a trace, for those who damage them: see docs/trace-format.md."""
import collections
import ctypes
import ctypes.util
import struct

HEADER = struct.Struct('<IIQQQQIIQ')
FILE_HEADER = 16

Block = collections.namedtuple('Block', 'offset length sequence events')


def read(path):
    with open(path, 'rb') as file:
        return bytearray(file.read())


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)
    return path


def blocks(data):
    """All blocks of an undamaged trace."""
    found, offset = [], struct.unpack_from('<I', data, 12)[0]
    while offset < len(data):
        magic, size, sequence, _, _, _, events, _, _ = HEADER.unpack_from(data, offset)
        assert magic == 0x4b4c4254, hex(magic)
        found.append(Block(offset, HEADER.size + size, sequence, events))
        offset += HEADER.size + size
    return found


def seal(data, block):
    """Gives a changed block the checksum of what is in it now."""
    xxhash = ctypes.CDLL(ctypes.util.find_library('xxhash'))
    xxhash.XXH3_64bits.restype = ctypes.c_uint64
    xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    struct.pack_into('<Q', data, block.offset + 48, 0)
    whole = bytes(data[block.offset:block.offset + block.length])
    struct.pack_into('<Q', data, block.offset + 48, xxhash.XXH3_64bits(whole, len(whole)))
