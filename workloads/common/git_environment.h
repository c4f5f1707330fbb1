/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What git finds in the environment: settings of the workload that runs it, none of the user's. */
#ifndef WORKLOADS_GIT_ENVIRONMENT_H
#define WORKLOADS_GIT_ENVIRONMENT_H

#include <stdbool.h>

/*
 * Unsets all variables of git's but GIT_EXEC_PATH, where its programs are. Also those by which a
 * network is reached: not for who fetches something.
 */
void git_forget_variables(void);

/*
 * Writes `config` to a new file, and has git read no other settings, ask nothing and speak
 * English. False after a complaint.
 */
bool git_use_config(const char *path, const char *config);

#endif
