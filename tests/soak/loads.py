# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes on in the mounts. A load is a function: one round of it on one mount, which removes at its end all
that it has made, and raises SoakError when something is not as it must be."""
import json
import os
import random
import subprocess
import sys
import time

from mounts import MODES, SoakError, stats_of

HERE = os.path.dirname(os.path.abspath(__file__))
STRESS = os.path.join(HERE, '../mount/stress.py')
ENGINES = ('sync', 'pvsync2', 'mmap', 'libaio', 'io_uring')
VERIFY = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--group_reporting']
PROJECTS = ('nginx', 'redis')
LOADS = {}


def load(function):
    LOADS[function.__name__] = function
    return function


def turn_of(soak, number):
    """How often all mounts have had their turn: what varies from round to round, varies by this."""
    return number // len(soak.mounts)


def remove(soak, path):
    soak.commands.run(['rm', '-r', path])


@load
def build(soak, mount, number):
    """Nginx or Redis: cloned, looked through, built, tried and removed."""
    project = PROJECTS[(turn_of(soak, number) + 1) % len(PROJECTS)]
    log = os.path.join(soak.logs, f'build-{number}')
    command = [soak.tool('workloads/compile-workload'), '-p', project, '--on', f'soak={mount.path}',
               '--work', soak.work, '--memfs', soak.memfs, '--log-dir', log]
    command += ['--source', soak.options.source] if soak.options.source else []
    soak.commands.run(command, 1800)
    subprocess.run(['rm', '-r', log], check=True)


@load
def stress(soak, mount, number):
    """Random operations: what tmpfs answers, memfs answers."""
    seed = soak.seed * 1000 + number
    said = {}
    for name, path in (('tmpfs', soak.tmpfs), ('memfs', mount.path)):
        directory = os.path.join(path, f'stress-{number}')
        os.mkdir(directory)
        said[name] = soak.commands.run([sys.executable, '-B', STRESS, directory, '--seed', str(seed),
                                        '--operations', '20000', '--processes', '2'])
        remove(soak, directory)
    if said['memfs'] != said['tmpfs']:
        raise SoakError(f'{mount.name}: tests/mount/stress.py --seed {seed} --operations 20000 '
                        f'--processes 2: another result than on tmpfs: {said}')


@load
def fio(soak, mount, number):
    """Reads back what it wrote, with each of the ways to write."""
    engine = ENGINES[turn_of(soak, number) % len(ENGINES)]
    direct = 0 if engine == 'mmap' else turn_of(soak, number) // len(ENGINES) % 2
    directory = os.path.join(mount.path, f'fio-{number}')
    os.mkdir(directory)
    soak.commands.run(['fio', '--name=f', f'--directory={directory}', '--size=48m', '--rw=randrw',
                       f'--ioengine={engine}', f'--direct={direct}', '--bsrange=512-128k', '--iodepth=4',
                       '--numjobs=2', f'--randseed={soak.seed + number}'] + VERIFY)
    # One big call for each of the daemon's threads: its buffer is used to the end.
    soak.commands.run(['fio', '--name=big', f'--directory={directory}', '--size=16m', '--rw=write', '--bs=1m',
                       '--ioengine=sync', '--direct=1', f'--numjobs={2 * (os.cpu_count() + 2)}'] + VERIFY)
    remove(soak, directory)


@load
def names(soak, mount, number):
    """Several processes make, rename, link, list and remove names in the same two directories: not more than a round
    of a short run has time for."""
    directory = os.path.join(mount.path, f'names-{number}')
    count = min(10_000, int(soak.options.minutes * 40_000))
    os.mkdir(directory)
    soak.commands.run([sys.executable, '-B', os.path.join(HERE, 'names.py'), directory, '3', str(count)])
    remove(soak, directory)


# --- other mounts ------------------------------------------------------------

def start_another(soak, path, options):
    """A daemon in the foreground, with what it said while it mounted."""
    daemon = subprocess.Popen([soak.memfs, '-f', '-o', options, path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    soak.others[path] = daemon
    if b'mounted on' not in daemon.stdout.readline():
        daemon.kill()
        raise SoakError(f'memfs -o {options}: no mount: {daemon.stderr.read().decode()}')
    return daemon


def use(path):
    for number in range(200):
        with open(f'{path}/f{number}', 'wb') as file:
            file.write(bytes(number * 100))
        os.rename(f'{path}/f{number}', f'{path}/g{number % 50}')
    if sorted(os.listdir(path)) != sorted(f'g{n}' for n in range(50)):
        raise SoakError(f'{path}: other names than were made')
    if os.getxattr(path, 'memfs.check') != b'ok\n':
        raise SoakError(f'{path}: {os.getxattr(path, "memfs.check")}')


def end(soak, path, daemon, how):
    if how == 'umount':
        soak.commands.run(['umount', path])
    else:
        daemon.terminate()
    status, said = daemon.wait(60), daemon.stderr.read().decode(errors='replace')
    if status != 0 or os.path.ismount(path):
        raise SoakError(f'{path}: {how}: status {status}: {said}')


@load
def mounts(soak, _, number):
    """Mounts that come and go; now and then the daemon is killed, and another takes its place."""
    chosen = random.Random(f'{soak.seed}/{number}')
    path = os.path.join(soak.work, f'mounts-{number}')
    trace = path + '.trace'
    options = f'cache={chosen.choice(MODES)},size=64m,trace={trace}'
    os.mkdir(path)
    daemon = start_another(soak, path, options)
    use(path)
    if chosen.random() < 0.3:
        daemon.kill()
        daemon.wait(20)
        daemon.stderr.close()
        daemon = start_another(soak, path, options)  # which removes the dead mount
        use(path)
    end(soak, path, daemon, chosen.choice(('umount', 'SIGTERM')))
    for pipe in (daemon.stdout, daemon.stderr):
        pipe.close()
    soak.commands.run([soak.tool('tools/memfs-trace/memfs-trace'), 'check', trace])
    del soak.others[path]
    os.unlink(trace)
    os.rmdir(path)


# --- the trace ---------------------------------------------------------------

def rotated(mount):
    """Puts the file aside, and says which one that was."""
    os.setxattr(mount.path, 'memfs.trace.rotate', b'now')
    return mount.trace + '.1'


@load
def trace(soak, mount, number):
    """Rotation, looks at the file that is written, recording off and on; what was put aside is whole."""
    tool = soak.tool('tools/memfs-trace/memfs-trace')
    soak.commands.run([tool, 'summary', '--top', '3', mount.path])
    piece = rotated(mount)
    soak.commands.run([tool, 'verify', piece])
    report = json.loads(soak.commands.run([tool, 'info', '--json', piece]))
    if not report['complete']:
        raise SoakError(f'{piece}: not complete: {report}')
    if number % 5 == 4:
        os.setxattr(mount.path, 'memfs.trace.enabled', b'0')
        time.sleep(0.2)
        os.setxattr(mount.path, 'memfs.trace.enabled', b'1')
    if stats_of(mount.path)['trace_error']:
        raise SoakError(f'{mount.name}: trace_error {stats_of(mount.path)["trace_error"]}')
    soak.wait(3)


@load
def caches(soak, mount, number):
    """The kernel drops what it has cached: names and attributes, and pages as well."""
    with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as file:
        file.write('2' if number % 2 else '3')
    soak.wait(10)
