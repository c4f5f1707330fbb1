/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/text.h"

static int descriptor = -1;
static bool has_come;
static sigset_t mask_before;

void interrupt_init(void)
{
	struct sigaction hangup;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	/*
	 * An ignored SIGHUP is nohup's, and is meant. An ignored SIGINT is only what shells
	 * give to whatever they start in the background, so that one is taken all the same.
	 */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &mask, &mask_before) == 0)
		descriptor = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (descriptor < 0) {
		complain("signals: %s", strerror(errno));
		exit(1);
	}
}

bool interrupted(void)
{
	struct signalfd_siginfo info;

	if (!has_come && read(descriptor, &info, sizeof(info)) == sizeof(info))
		has_come = true;
	return has_come;
}

int interrupt_fd(void)
{
	return descriptor;
}

void interrupt_restore(void)
{
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}
