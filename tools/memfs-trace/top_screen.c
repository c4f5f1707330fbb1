/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_screen.c - a text on the terminal, and keys from it. All texts are plain ASCII by now. */
#include <ncurses.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "top.h"

#define TABLE_HEADER 2 /* titles and rule */

static SCREEN *screen;

static const char *const help_lines[] = {
	" p  f  o    by process, file, operation         ",
	" t  c  b  e sorted by time, calls, bytes, errors",
	" +  -       longer, shorter intervals           ",
	" space      hold the screen, and let it go      ",
	" h  ?       these keys                          ",
	" q          quit                                ",
};

bool top_screen_open(void)
{
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		complain("top", "there is no terminal; see --batch");
		return false;
	}
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		complain("top", "the terminal's kind is not known (TERM); see --batch");
		return false;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	return true;
}

void top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

uint64_t top_screen_rows(void)
{
	int rows = LINES - TOP_HEADER - TABLE_HEADER - 1;

	return rows > 1 ? (uint64_t)rows : 1;
}

static attr_t attribute_of(int line)
{
	return line == TOP_HEADER ? A_REVERSE : line < TOP_HEADER ? A_BOLD : A_NORMAL;
}

static void draw_line(int y, const char *line, size_t length)
{
	attrset(attribute_of(y));
	mvaddnstr(y, 0, line, length < (size_t)COLS ? (int)length : COLS);
	for (int x = (int)length; y == TOP_HEADER && x < COLS; x++)
		mvaddch(y, x, ' ');
	attrset(A_NORMAL);
}

static void draw_help(void)
{
	int count = sizeof(help_lines) / sizeof(help_lines[0]);

	attrset(A_REVERSE);
	for (int i = 0; i < count && TOP_HEADER + 2 + i < LINES; i++)
		mvaddnstr(TOP_HEADER + 2 + i, 2, help_lines[i], COLS > 2 ? COLS - 2 : 0);
	attrset(A_NORMAL);
}

void top_screen_show(const char *text, bool help)
{
	int y = 0;

	erase();
	for (; *text && y < LINES - 1; y++) {
		size_t length = strcspn(text, "\n");

		draw_line(y, text, length);
		text += length + (text[length] == '\n');
	}
	mvaddnstr(LINES - 1, 0, "h: keys  q: quit", COLS);
	if (help)
		draw_help();
	refresh();
}

int top_screen_key(int wait_ms)
{
	int key;

	timeout(wait_ms);
	key = getch();
	/* ^L as everywhere: all of it anew. */
	if (key == ('L' & 0x1f))
		clearok(curscr, TRUE);
	return key == ERR ? -1 : key == KEY_RESIZE ? 'r' : key;
}
