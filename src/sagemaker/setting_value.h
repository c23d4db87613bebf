/* setting_value.h: one setting's text to its field and back (inside settings).
 *
 * Every function takes the table entry for the type, the range and the size of
 * the field. Promises (1) to (3) of settings.h are kept here. */
#ifndef MF_SAGEMAKER_SETTING_VALUE_H
#define MF_SAGEMAKER_SETTING_VALUE_H

#include "sagemaker/settings.h"

/* Enough for "a number above -1.7976931348623157e+308 and …" and long choices. */
enum { MF_SETTING_ALLOWED_BYTES = 320 };

/* Integer bounds beyond this would not be exact in the table's doubles. */
#define MF_SETTING_INTEGER_MAX 0x1p53

/* Reads text[0..n) into field. False when it is not allowed; field is then
 * untouched. */
bool mf_setting_value_read(const mf_setting *setting, const char *text, size_t n, void *field);

/* The field as text. */
char *mf_setting_value_write(const mf_setting *setting, const void *field,
                             char text[MF_SETTING_TEXT_BYTES]);

/* "a whole number from 1 to 4096": what belongs after "expected". */
char *mf_setting_value_allowed(const mf_setting *setting, char text[MF_SETTING_ALLOWED_BYTES]);

/* The word of `words` (separated by one space) after *position, which starts at
 * 0; NULL after the last. */
const char *mf_setting_word(const char *words, size_t *position, size_t *n_bytes);

#endif
