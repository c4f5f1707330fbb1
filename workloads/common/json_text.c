/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/json_text.h"

#include <stdlib.h>

#include "common/text.h"

json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *shown;

	if (string)
		return string;
	shown = text_visible(text);
	string = json_string(shown);
	free(shown);
	return string;
}
