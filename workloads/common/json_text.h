/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a JSON string. */
#ifndef WORKLOADS_JSON_TEXT_H
#define WORKLOADS_JSON_TEXT_H

#include <jansson.h>

/*
 * JSON is UTF-8, and names are bytes: what is UTF-8 stays as it is, else the whole is as
 * text_visible() shows it. To be released by the caller.
 */
json_t *json_text(const char *text);

#endif
