/* data_warning.c: the events and sentences lie in the report, whose memory is all there. */
#include "data_warning.h"

#include <stdarg.h>
#include <stdio.h>

void mf_data_report_warn(mf_data_report *report, const char *event, const char *format, ...)
{
    if (report->n_warnings == MF_REPORT_WARNINGS)
        return;
    mf_report_warning *warning = &report->warning[report->n_warnings++];
    va_list arguments;
    snprintf(warning->event, sizeof warning->event, "%s", event);
    va_start(arguments, format);
    vsnprintf(warning->text, sizeof warning->text, format, arguments);
    va_end(arguments);
}
