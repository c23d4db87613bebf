/* hex.h: hexadecimal digits, in chunk sizes and behind percent signs. */
#ifndef MF_HTTP_HEX_H
#define MF_HTTP_HEX_H

/* 0 … 15, or -1 when it is no such digit. */
static inline int mf_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
