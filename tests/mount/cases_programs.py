# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs as people use them."""
import errno
import os

from harness import Paths, case, equal, fails, sh, write


@case
def a_compiled_program_runs(_):
    write('x.c', 'int puts(const char *);\nint main(void) { return puts("hello") < 0; }\n')
    equal(sh('gcc x.c -o x; ./x'), 'hello\n')


@case
def a_running_program_is_not_overwritten_but_replaced(_):
    sh('cp /bin/sleep s; cp /bin/true t')
    pid = os.posix_spawn('./s', ['s', '30'], {})
    try:
        fails(errno.ETXTBSY, os.open, 's', os.O_WRONLY)
        os.rename('t', 's')
        sh('./s')
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@case
def programs_start_by_hundreds(_):
    sh('cp /bin/true t; for i in $(seq 300); do ./t & done; wait')


@case
def scripts_run(_):
    write('s', '#!/bin/sh\necho "$0 $1"\n')
    os.chmod('s', 0o755)
    equal(sh('./s one'), './s one\n')
    os.chmod('s', 0o644)
    equal(sh('./s 2>&1 || echo $?').splitlines()[-1], '126')


@case
def git_works(_):
    sh(f'''
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
    git init -q a
    cp -r {Paths.build}/../src a/
    git -C a add .
    git -C a -c user.name=a -c user.email=a@b commit -qm one
    git clone -q a b
    git -C b fsck --strict
    diff -r a/src b/src
    git -C b rm -rq src/store
    git -C b -c user.name=a -c user.email=a@b commit -qm two
    git -C b checkout -q HEAD~1
    diff -r a/src b/src
    git -C b gc -q --prune=now
    git -C b fsck --strict
    [ -z "$(git -C b status --porcelain)" ]
    ''')


@case
def tar_keeps_trees(_):
    sh(f'''
    cp -a {Paths.build}/../src a
    ln -s a/memfs.c a/link
    ln a/memfs.c a/hard
    mkfifo a/pipe
    touch -d '1999-12-31 23:59:59.123456789' a/memfs.c
    tar cf t.tar a
    mkdir b
    tar xf t.tar -C b
    (cd a && find . -printf '%p %y %m %s %n %l\\n' | sed 's/^\\(.* d .*\\) [0-9]* [0-9]* $/\\1/' | sort) >1
    (cd b/a && find . -printf '%p %y %m %s %n %l\\n' | sed 's/^\\(.* d .*\\) [0-9]* [0-9]* $/\\1/' | sort) >2
    diff 1 2
    diff -r --no-dereference --exclude=pipe a b/a
    ''')


@case
def editors_save(_):
    write('f', 'one\ntwo\n')
    sh("sed -i 's/two/three/' f; printf 'one\\nthree\\n' | cmp - f")
    sh('install -m 640 f g; cmp f g; [ "$(stat -c %a g)" = 640 ]; truncate -s 1M g; cp --sparse=always g h; cmp g h')


@case
def python_compiles_and_imports(_):
    write('module.py', 'value = 42\n')
    equal(sh('env -u PYTHONDONTWRITEBYTECODE python3 -c "import module; print(module.value)"; ls __pycache__ | wc -l'),
          '42\n1\n')
