# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that end when the soak test does: each has a process group of its own."""
import os
import signal
import subprocess
import threading

from mounts import SoakError


class Commands:
    """Runs commands from several threads; stop() ends all of them, and lets none begin."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.stopped = False

    def run(self, command, timeout=600, good=(0,), **keywords):
        """Its output; a status that is not good, or no end in time, is an error that has the output."""
        with self.lock:
            if self.stopped:
                raise SoakError('stopped')
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True, **keywords)
            self.running.add(process)
        try:
            output = process.communicate(timeout=timeout)[0].decode(errors='replace')
        except subprocess.TimeoutExpired:
            raise SoakError(f'{" ".join(command)}: not done after {timeout} s') from None
        finally:
            self._kill(process)
            with self.lock:
                self.running.discard(process)
        if process.returncode not in good:
            raise SoakError(f'{" ".join(command)}: status {process.returncode}\n{output[-4000:]}')
        return output

    @staticmethod
    def _kill(process):
        """What it has left behind in its group, too."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.running:
                self._kill(process)
