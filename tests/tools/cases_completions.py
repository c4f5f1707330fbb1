# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions of bash: sourced, and asked."""
import os
import re
import subprocess

from harness import Paths, case, equal, tool

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
COMPLETIONS = os.path.join(SOURCE, 'completions/bash')

# Takes a line apart as readline does, and calls what `complete` has set for its program.
ASK = '''
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


def ask(line):
    """What may follow in place of the last word, or of what stands behind its last =."""
    name = line.split()[0]
    program = {'memfs-trace': Paths.trace, 'memfs': Paths.memfs,
               'compile-workload': os.path.join(Paths.build, 'workloads/compile-workload')}[name]
    done = subprocess.run(['bash', '--norc', '-c', ASK, 'ask', f'{COMPLETIONS}/{name}', line, program],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          cwd=Paths.work)
    equal((done.stderr, done.returncode), ('', 0), line)
    return [word for word in done.stdout.splitlines() if word]


def names_of_operations():
    with open(f'{SOURCE}/include/memfs/trace_ops.h', encoding='ascii') as header:
        return re.findall(r'X\([A-Z_]+, \d+, "(\w+)"\)', header.read())


@case
def commands_of_memfs_trace():
    listed = re.findall(r'^  ([a-z-]+) ', tool('--help').split('Commands:')[1].split('\n\n')[0], re.M)
    equal(sorted(ask('memfs-trace ')), sorted(listed + ['--help', '--version']))
    assert {'assert', 'diff', 'tail', 'top', 'replay'} <= set(listed), listed
    equal(ask('memfs-trace su'), ['summary'])


@case
def options_of_each_command():
    for command in ask('memfs-trace '):
        if command.startswith('-'):
            continue
        text = tool(command, '--help')
        offered = ask(f'memfs-trace {command} -')
        for option in re.findall(r'^ (?: |     )(?:-\w, | {4})?(--[a-z-]+)', text, re.M):
            assert option in [word.rstrip('=') for word in offered], (command, option, offered)
        assert '--help' in offered and '-h' in offered, (command, offered)
    assert '--seed=' in ask('memfs-trace replay --s') and '--force' in ask('memfs-trace replay --f')
    equal(ask('memfs-trace replay --ver'), ['--verify'])
    equal(ask('memfs-trace info --seed'), [])


@case
def operations_and_other_values():
    equal(sorted(ask('memfs-trace show -e ')), sorted(names_of_operations()))
    equal(ask('memfs-trace show -e open,cr'), ['open,create'])
    equal(ask('memfs-trace show --ops=!rea,wri'), ['!rea,write'])
    equal(ask('memfs-trace show --ops=!renam'), ['!rename'])
    equal(ask('memfs-trace show --errno ENOENT,EEX'), ['ENOENT,EEXIST'])
    equal(ask('memfs-trace summary -S perc'), ['percent'])
    equal(ask('memfs-trace diff --sort=errors_d'), ['errors_delta'])
    equal(ask('memfs-trace summary -U op,cal'), ['op,calls'])
    equal(sorted(ask('memfs-trace top --by ')), ['file', 'op', 'process'])
    equal(sorted(ask('memfs-trace diff --by=')), ['command', 'op', 'path'])
    equal(ask('memfs-trace replay --timing=o'), ['original'])
    equal(ask('memfs-trace tail -n '), [])


@case
def files_and_directories():
    os.mkdir(f'{Paths.work}/directory')
    with open(f'{Paths.work}/a file', 'wb'):
        pass
    equal(sorted(ask('memfs-trace show ')), ['a file', 'directory'])
    equal(ask('memfs-trace show --failed dir'), ['directory'])
    equal(ask('memfs '), ['directory'])
    equal(ask('memfs -o trace=a'), ['a file'])
    equal(ask('compile-workload --work d'), ['directory'])


@case
def mount_options_of_memfs():
    help_text = subprocess.run([Paths.memfs, '--help'], stdout=subprocess.PIPE, check=True, text=True,
                               timeout=20).stdout
    options = help_text.split('As in tmpfs:')[1].split('Unmount with')[0]
    offered = ask('memfs -o ')
    for option in set(re.findall(r'\b[a-z_]+=', options)):
        assert option in offered, (option, offered)
    flags = options.split('mount(8):')[1].split() + ['notrace', 'io_uring', 'no_io_uring', 'no_open', 'no_sandbox']
    for flag in flags:
        assert flag.split('=')[0] in [word.rstrip('=') for word in offered], (flag, offered)
    equal(ask('memfs -o size=1g,trace_ma'), ['1g,trace_max='])
    equal(sorted(ask('memfs -o size=1g,cache=')), ['always', 'auto', 'never'])
    equal(ask('memfs -o cache=never,trace_policy=b'), ['block'])
    equal(ask('memfs --options notr'), ['notrace'])
    equal(ask('memfs --f'), ['--foreground'])


@case
def options_of_compile_workload():
    listed = subprocess.run([os.path.join(Paths.build, 'workloads/compile-workload'), '--list'],
                            stdout=subprocess.PIPE, check=True, text=True, timeout=20).stdout
    equal(ask('compile-workload -p '), [line.split()[0] for line in listed.splitlines()])
    equal(ask('compile-workload --on memfs,tm'), ['memfs,tmpfs'])
    equal(ask('compile-workload --from=g'), ['git'])
    assert '--memfs-options' in ask('compile-workload --m')
    assert '--keep' in ask('compile-workload -p nginx --k')
    equal(sorted(ask('compile-workload ')), ['compare', 'plot'])
    with open(f'{Paths.work}/results.csv', 'wb'):
        pass
    equal(ask('compile-workload -o res'), ['results.csv'])
    equal(ask('compile-workload plot r'), ['results.csv'])
    equal(ask('compile-workload --runs '), [])
    equal(ask('compile-workload --output=res'), ['results.csv'])
    equal(ask('compile-workload --work=res'), [])
