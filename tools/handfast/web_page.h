/* The lab's page, made of web/ when the command is built (web/embed.py). */
#ifndef HANDFAST_TOOL_WEB_PAGE_H
#define HANDFAST_TOOL_WEB_PAGE_H

#include <stddef.h>

extern const unsigned char web_page[]; /* HTML, UTF-8                                         */
extern const size_t web_page_size;
extern const char web_page_script[]; /* the sum of its script, for Content-Security-Policy    */

#endif
