/* files.h: the page's own files, as they are in this folder; the build makes arrays of them
 * (mf_embed). */
#ifndef MF_LOCAL_PAGE_FILES_H
#define MF_LOCAL_PAGE_FILES_H

#include <stddef.h>

extern const char mf_local_page_html[];
extern const size_t mf_local_page_html_bytes;
extern const char mf_local_page_css[];
extern const size_t mf_local_page_css_bytes;
extern const char mf_local_page_js[];
extern const size_t mf_local_page_js_bytes;

#endif
