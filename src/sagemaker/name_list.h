/* name_list.h: "a, b, c" for an error's text: what was there instead of what was expected.
 * Closed with "…" when there is no room for all of them.
 *
 * Threads: one a list. */
#ifndef MF_SAGEMAKER_NAME_LIST_H
#define MF_SAGEMAKER_NAME_LIST_H

enum { MF_NAME_LIST_BYTES = 512 };

/* The list is "" at first, and zero-terminated always. */
void mf_name_list_add(char list[MF_NAME_LIST_BYTES], const char *name);

#endif
