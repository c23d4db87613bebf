/* s3.c: promises in s3.h. */
#include "lambda/aws/s3.h"

#include <stdio.h>
#include <string.h>

/* SHA-256 of nothing. S3 refuses a signed request without this header. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static bool fetch(mf_aws_client *client, const mf_s3_get *get, const mf_aws_call *call,
                  mf_s3_object *object, mf_aws_failure *failure)
{
    const mf_aws_answer *answer;
    if (!mf_aws_call_run(client, call, &answer, failure))
        return false;
    const bool is_conditional = call->n_headers > 1;
    if (answer->status != 200 && !(answer->status == 304 && is_conditional)) {
        failure->status = answer->status;
        return mf_aws_fail(failure, MF_ERR_IO, "%s: S3 answered %d, which says nothing of it",
                           call->subject, answer->status);
    }
    const char *etag = mf_aws_answer_header(answer, "ETag");
    *object =
        (mf_s3_object){.is_not_modified = answer->status == 304, .n_bytes = answer->n_received};
    if (strlen(etag) < sizeof object->etag)
        memcpy(object->etag, etag, strlen(etag) + 1);
    else if (object->is_not_modified)
        snprintf(object->etag, sizeof object->etag, "%s", get->if_none_match);
    return true;
}

bool mf_s3_get_object(mf_aws_client *client, const mf_s3_get *get, mf_s3_object *object,
                      mf_aws_failure *failure)
{
    char uri[MF_S3_URI_BYTES];
    snprintf(uri, sizeof uri, "s3://%s/%s", get->location->bucket, get->location->key);
    const mf_aws_header headers[] = {
        {"x-amz-content-sha256", EMPTY_HASH},
        {"If-None-Match", get->if_none_match},
    };
    mf_text path = MF_TEXT_EMPTY;
    mf_aws_call call = {
        .subject = uri,
        .host_prefix = mf_s3_path(mf_aws_client_endpoint(client), get->location, &path),
        .headers = headers,
        .n_headers = get->if_none_match != NULL && get->if_none_match[0] != '\0' ? 2 : 1,
        .sink = &get->sink,
        .max_answer_bytes = get->max_bytes,
        .deadline_ms = get->deadline_ms,
    };
    mf_text_append(&path, "", 1);
    call.path = path.bytes;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    const bool ok = path.failed ? mf_aws_fail(failure, MF_ERR_MEMORY, "no memory for a URL")
                                : fetch(client, get, &call, object, failure);
    mf_text_free(&path);
    return ok;
}
