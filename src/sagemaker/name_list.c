/* name_list.c: promises in name_list.h. */
#include "sagemaker/name_list.h"

#include <stdio.h>
#include <string.h>

void mf_name_list_add(char list[MF_NAME_LIST_BYTES], const char *name)
{
    static const char more[] = "…";
    const size_t used = strlen(list);
    const size_t room = MF_NAME_LIST_BYTES - used;
    const char *comma = used > 0 ? ", " : "";
    if (used >= strlen(more) && strcmp(list + used - strlen(more), more) == 0)
        return;
    if (strlen(name) + sizeof ", , …" > room)
        snprintf(list + used, room, "%s%s", comma, more);
    else
        snprintf(list + used, room, "%s%s", comma, name);
}
