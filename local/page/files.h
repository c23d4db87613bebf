/* files.h: the page's own files; the build makes arrays of them (mf_embed). page.css is a part of
 * mf_local_page_html, which mf_local_page_html_style allows in a Content-Security-Policy. */
#ifndef MF_LOCAL_PAGE_FILES_H
#define MF_LOCAL_PAGE_FILES_H

#include <stddef.h>

extern const char mf_local_page_html[];
extern const size_t mf_local_page_html_bytes;
extern const char mf_local_page_html_style[];
extern const char mf_local_page_js[];
extern const size_t mf_local_page_js_bytes;

#endif
