/* fuzz_lambda_event.c: any bytes as an event.
 *
 * What is accepted is an object that, written and read again, is equal. What is refused
 * has a reason that begins with the place, and makes a report that is JSON. */
#include "lambda/runtime/invocation.h"
#include "lambda/runtime/response.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_report(const mf_error *err)
{
    require(err->code == MF_ERR_PARSE && strncmp(err->text, "event:", 6) == 0);
    mf_text text = MF_TEXT_EMPTY;
    mf_lambda_error_write(&text, mf_lambda_error_type(err->code), err->text);
    json_t *report = json_loadb(text.bytes, text.n_bytes, 0, NULL);
    require(json_object_size(report) == 3);
    require(strcmp(json_string_value(json_object_get(report, "errorMessage")), err->text) == 0);
    json_decref(report);
    mf_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    mf_error err = {0};
    json_object_seed(1);
    json_t *event = mf_lambda_event_parse((const char *)bytes, n_bytes, &err);
    if (event == NULL) {
        check_report(&err);
        return 0;
    }
    require(err.code == MF_OK && json_is_object(event));
    char *written = json_dumps(event, JSON_REAL_PRECISION(17));
    require(written != NULL);
    json_t *again = mf_lambda_event_parse(written, strlen(written), &err);
    require(again != NULL && json_equal(event, again));
    json_decref(again);
    json_decref(event);
    free(written);
    return 0;
}
