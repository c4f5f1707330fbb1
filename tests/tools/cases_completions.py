# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions of bash and zsh: loaded by a real shell, and asked."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

from harness import Paths, Skip, case, equal, tool

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
WORKLOADS = ('compile-workload', 'op-bench', 'git-ops', 'write-calls')
SECONDS = 60


def program_of(name):
    return {'memfs': Paths.memfs, 'memfs-trace': Paths.trace}.get(name, os.path.join(Paths.build, 'workloads', name))


class Bash:
    """bash without its readline: what that does before it calls a completion is done here."""
    name = 'bash'

    # Takes a line apart as readline does, and calls what `complete` has set for its program.
    SCRIPT = '''
set -u
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
read -r -a words <<< "$2"
for word in "${words[@]}"; do
    while [[ $word == *=* ]]; do
        [ -z "${word%%=*}" ] || COMP_WORDS+=("${word%%=*}")
        COMP_WORDS+=('=')
        word=${word#*=}
    done
    [ -z "$word" ] || COMP_WORDS+=("$word")
done
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
name=${COMP_WORDS[0]}
function=$(complete -p "$name" | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS[0]=$3
"$function" "$name" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
'''

    @classmethod
    def ask_all(cls, lines):
        """Of each line what may follow in place of the last word, or of what stands behind its last =; without a = or / at its end."""
        return [cls._ask(line) for line in lines]

    @classmethod
    def _ask(cls, line):
        name = line.split()[0]
        path = os.path.join(SOURCE, 'completions/bash', 'compile-workload' if name in WORKLOADS else name)
        done = subprocess.run(['bash', '--norc', '-c', cls.SCRIPT, 'ask', path, line, program_of(name)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
                              cwd=Paths.work)
        equal((done.stderr, done.returncode), ('', 0), line)
        return [word.rstrip('=') for word in done.stdout.splitlines() if word]


class Zsh:
    """zsh as one has it at a terminal: with the completions of its own system around ours."""
    name = 'zsh'

    # At each prompt it asks for the next line by itself, and writes down what is offered.
    STARTUP = '''
unsetopt beep list_beep
LISTMAX=9999
fpath=($MEMFS_COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u -D
typeset -ga offered lines=(${(f)"$(<$MEMFS_LINES)"})
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
        local -a hits
        builtin compadd -A hits "$@"
        offered+=("${IPREFIX}${(Q)^hits[@]}")
    fi
    builtin compadd "$@"
}
zle -C ask complete-word _main_complete
zle-line-init() {
    (( $#lines )) || exit
    offered=()
    BUFFER=$lines[1]
    CURSOR=$#BUFFER
    zle ask
    print -rl -- $lines[1] $offered '' >>$MEMFS_OUT
    shift lines
    BUFFER=''
    zle .accept-line
}
zle -N zle-line-init
'''

    @classmethod
    def _talk(cls, environment):
        """Runs it at a terminal to its end; returns what it showed."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(Paths.work)
            os.execvpe('zsh', ['zsh', '-d', '-i'], environment)
        shown, end = b'', time.monotonic() + SECONDS
        try:
            while select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                shown += os.read(terminal, 4096)
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f'not done after {SECONDS} s: {shown}')
        except OSError:  # the other end is closed
            return shown.decode(errors='replace')
        finally:
            os.waitpid(pid, 0)
            os.close(terminal)

    @staticmethod
    def _words(line, words):
        """What stands before the last = of a line is offered again; and a word in each group that it belongs to."""
        word = line.rsplit(' ', 1)[1]
        before = word[:word.rindex('=') + 1] if '=' in word else ''
        return list(dict.fromkeys(w.removeprefix(before).rstrip('=/') for w in words))

    @classmethod
    def ask_all(cls, lines):
        """As above. One shell for all of them: it takes a while to start."""
        if not shutil.which('zsh'):
            raise Skip('zsh is not installed')
        with tempfile.TemporaryDirectory() as home:
            write(f'{home}/.zshrc', cls.STARTUP)
            write(f'{home}/lines', '\n'.join(lines))
            programs = {os.path.dirname(program_of(line.split()[0])) for line in lines}
            shown = cls._talk({
                'HOME': home, 'ZDOTDIR': home, 'TERM': 'dumb', 'LC_ALL': 'C.UTF-8',
                'PATH': ':'.join([*programs, os.environ['PATH']]), 'MEMFS_COMPLETIONS': f'{SOURCE}/completions/zsh',
                'MEMFS_LINES': f'{home}/lines', 'MEMFS_OUT': f'{home}/offered'})
            assert os.path.exists(f'{home}/offered') and not re.search(r'\b_[\w-]+:\d+: |not found', shown), (lines, shown)
            with open(f'{home}/offered', encoding='utf-8') as offered:
                answers = [part.split('\n') for part in offered.read().split('\n\n')[:-1]]
        equal([line for line, *_ in answers], list(lines), shown)
        return [cls._words(line, words) for line, *words in answers]


def write(path, text=''):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def in_each_shell(function):
    """Decorator: a case for each, called with its class."""
    for shell in Bash, Zsh:
        def run(shell=shell):
            function(shell)
        run.__name__, run.__module__ = f'{function.__name__}_in_{shell.name}', function.__module__
        case(run)
    return function


def help_of(name, *words):
    return subprocess.run([program_of(name), *words, '--help'], stdout=subprocess.PIPE, check=True, text=True,
                          timeout=SECONDS).stdout


def options_of(text):
    """Those that a help tells of, in all their forms."""
    found = re.findall(r'^ {2}(-\w), (--[a-z-]+)|^ {6}(--[a-z-]+)|^ {2}(-\w) ', text, re.M)
    return {option for forms in found for option in forms if option}


def commands_of_trace():
    return re.findall(r'^  ([a-z-]+) ', tool('--help').split('Commands:')[1].split('\n\n')[0], re.M)


def names_of_operations():
    with open(f'{SOURCE}/include/memfs/trace_ops.h', encoding='ascii') as header:
        return re.findall(r'X\([A-Z_]+, \d+, "(\w+)"\)', header.read())


def check(shell, wanted):
    """{line: what it must offer}"""
    for (line, words), offered in zip(wanted.items(), shell.ask_all(wanted), strict=True):
        equal(sorted(offered), sorted(words), line)


@in_each_shell
def commands_of_memfs_trace(shell):
    offered, = shell.ask_all(['memfs-trace '])
    equal(sorted(word for word in offered if word[0] != '-'), sorted(commands_of_trace()))
    assert {'--help', '--version'} <= set(offered), offered
    assert {'assert', 'diff', 'tail', 'top', 'replay'} <= set(offered), offered
    check(shell, {'memfs-trace su': ['summary']})


@in_each_shell
def every_option_of_every_program(shell):
    """What the help tells of is offered, and nothing else."""
    asked = [('memfs',)] + [('memfs-trace', command) for command in commands_of_trace()]
    asked += [(name,) for name in WORKLOADS] + [('compile-workload', 'plot'), ('compile-workload', 'compare')]
    known = [options_of(help_of(*words)) for words in asked]
    for words, options in zip(asked, known, strict=True):
        assert {'-h', '--help'} <= options, (words, options)
    check(shell, {' '.join(words) + ' -': options for words, options in zip(asked, known, strict=True)})


@in_each_shell
def options_by_their_beginnings(shell):
    check(shell, {
        'memfs-trace replay --f': ['--force'],
        'memfs-trace replay --se': ['--seed'],
        'memfs-trace replay --ver': ['--verify'],
        'memfs-trace info --seed': [],
        'memfs --f': ['--foreground'],
        'compile-workload -p nginx --kee': ['--keep'],
    })


@case
def options_with_values_get_their_sign_in_bash():
    done = subprocess.run(['bash', '--norc', '-c', Bash.SCRIPT, 'ask', f'{SOURCE}/completions/bash/memfs-trace',
                           'memfs-trace replay --', Paths.trace], stdout=subprocess.PIPE, text=True, timeout=SECONDS)
    offered = done.stdout.splitlines()
    assert '--seed=' in offered and '--force' in offered and '--verify' in offered, offered


@in_each_shell
def operations_and_other_values(shell):
    check(shell, {
        'memfs-trace show -e ': names_of_operations(),
        'memfs-trace show -e open,cr': ['open,create'],
        'memfs-trace show --ops=!rea,wri': ['!rea,write'],
        'memfs-trace show --ops=!renam': ['!rename'],
        'memfs-trace show --errno ENOENT,EEX': ['ENOENT,EEXIST'],
        'memfs-trace summary -S perc': ['percent'],
        'memfs-trace diff --sort=errors_d': ['errors_delta'],
        'memfs-trace summary -U op,cal': ['op,calls'],
        'memfs-trace replay --timing=o': ['original'],
        'memfs-trace replay --threads r': ['recorded'],
        'memfs-trace tail -n ': [],
    })


def known_values(command, option):
    """Those that a command names to who asks for one that there is not."""
    more = {'--weight': ['--format=sqlite']}.get(option, [])
    traces = ['a', 'b'] if command in ('diff', 'replay') else ['a']
    done = subprocess.run([Paths.trace, command, *more, f'{option}=?', *traces], stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS)
    equal((done.returncode, done.stderr.count('\n')), (2, 1), (command, option))
    said = done.stderr.split('?: ')[1]
    return re.findall(r'\w+', re.sub(r'^is (none|neither) |.* (by|are|is) |.*there are ', '', said).replace('none of ', ''))


@in_each_shell
def values_that_a_command_knows(shell):
    asked = ['summary --by', 'dist --by', 'dist --of', 'files --by', 'procs --by', 'diff --by', 'top --by',
             'export --format', 'export --weight', 'replay --timing']
    known = [set(known_values(*words.split())) - {'or', 'nor', 'of'} for words in asked]
    assert {'op', 'worker'} < known[0] and {'original', 'fast'} == known[-1], known
    check(shell, {f'memfs-trace {words}=': values for words, values in zip(asked, known, strict=True)})


@in_each_shell
def files_and_directories(shell):
    os.mkdir(f'{Paths.work}/directory')
    write(f'{Paths.work}/a file')
    check(shell, {
        'memfs-trace show ': ['a file', 'directory'],
        'memfs-trace show --failed dir': ['directory'],
        'memfs-trace recover directory ': ['a file', 'directory'],
        'memfs ': ['directory'],
        'memfs -o trace=a': ['a file'],
        'compile-workload --work d': ['directory'],
        'op-bench --runs 3 ': ['directory'],
    })


@in_each_shell
def mount_options_of_memfs(shell):
    options = help_of('memfs').split('As in tmpfs:')[1].split('Unmount with')[0]
    known = set(re.findall(r'\b([a-z_]+)=', options)) | set(options.split('mount(8):')[1].split())
    known |= set(re.findall(r'^  ([a-z_]+) ', options, re.M)) | {'no_io_uring'}
    check(shell, {
        'memfs -o ': known - {'fsname=NAME'},
        'memfs -o size=1g,trace_ma': ['1g,trace_max'],
        'memfs -o size=1g,cache=': ['always', 'auto', 'never'],
        'memfs -o cache=never,trace_policy=b': ['block'],
        'memfs --options notr': ['notrace'],
    })


def first_words(name):
    listed = subprocess.run([program_of(name), '--list'], stdout=subprocess.PIPE, check=True, text=True,
                            timeout=SECONDS).stdout
    return [line.split()[0] for line in listed.splitlines()]


@in_each_shell
def values_of_compile_workload(shell):
    check(shell, {'compile-workload -p ': first_words('compile-workload')})
    write(f'{Paths.work}/results.csv')
    check(shell, {
        'compile-workload --on memfs,tm': ['memfs,tmpfs'],
        'compile-workload --from=g': ['git'],
        'compile-workload ': ['compare', 'plot'],
        'compile-workload -o res': ['results.csv'],
        'compile-workload plot r': ['results.csv'],
        'compile-workload --runs ': [],
        'compile-workload --output=res': ['results.csv'],
    })


@in_each_shell
def values_of_other_workloads(shell):
    methods = first_words('write-calls')
    check(shell, {
        'op-bench -e ': first_words('op-bench'),
        'op-bench -e !create,mkd': ['!create,mkdir'],
        'write-calls -m ': [*methods, 'all', 'syscalls', 'programs'],
        'write-calls --method=rename,whole-': [f'rename,{m}' for m in methods if m.startswith('whole-')],
        'write-calls --cache auto,n': ['auto,never'],
        'git-ops --on=tmpfs,nat': ['tmpfs,native'],
        'git-ops --files ': [],
    })
