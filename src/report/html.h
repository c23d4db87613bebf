/* html.h: a page of HTML that is complete in itself.
 *
 *     mf_text page = MF_TEXT_EMPTY;
 *     mf_html_begin(&page, "Training report");
 *     mf_html_section(&page, "data", "Data");
 *     mf_html_table_begin(&page, (const char *const[]){"file", "rows"}, 2);
 *     mf_text_literal(&page, "<tr>");
 *     mf_html_cell(&page, file_name);
 *     mf_html_number(&page, "%llu", n_rows);
 *     mf_text_literal(&page, "</tr>");
 *     mf_html_table_end(&page);
 *     mf_html_end(&page);
 *     if (page.failed) …
 *
 * (1) The page needs nothing else: no script, font, image or style from elsewhere. Its Content
 *     Security Policy forbids every request.
 * (2) Text from data goes through mf_html_text, which escapes it for elements and for attributes in
 *     quotes. Control characters and bytes that are not UTF-8 become U+FFFD.
 * (3) It follows the reader's light or dark scheme, and is light on paper.
 *
 * Threads: one page per thread. */
#ifndef MF_REPORT_HTML_H
#define MF_REPORT_HTML_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* The head of the page with its styles, and <main>; the title is escaped. */
void mf_html_begin(mf_text *page, const char *title);

/* Closes the last section and the page. */
void mf_html_end(mf_text *page);

/* A part of the page with a heading, after the one before; id and title are literals. */
void mf_html_section(mf_text *page, const char *id, const char *title);

/* Text from data, escaped. */
void mf_html_text(mf_text *page, const char *bytes, size_t n_bytes);

/* The same, cut behind n_most bytes at a character, with "…". */
void mf_html_short_text(mf_text *page, const char *bytes, size_t n_bytes, size_t n_most);

/* A count with separators: 100,004. */
void mf_html_count(mf_text *page, uint64_t n);

/* A table with its head, in a box that scrolls where it is too wide. Heads are escaped. */
void mf_html_table_begin(mf_text *page, const char *const *heads, size_t n_heads);
void mf_html_table_end(mf_text *page);

/* A cell of text, escaped. */
void mf_html_cell(mf_text *page, const char *text);

/* A cell of a number, to the right. */
__attribute__((format(printf, 2, 3))) void mf_html_number(mf_text *page, const char *format, ...);

/* The same with separators. */
void mf_html_count_cell(mf_text *page, uint64_t n);

#endif
