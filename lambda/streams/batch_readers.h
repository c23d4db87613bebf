/* batch_readers.h: the two ways to read an event, and what they share. Of this room only.
 *
 * Both fill in what the event says and leave NULL in a view of what it does not. */
#ifndef MF_LAMBDA_STREAMS_BATCH_READERS_H
#define MF_LAMBDA_STREAMS_BATCH_READERS_H

#include "lambda/streams/batch.h"

/* batch_plain.c. False: it is not plain, or nothing that it should be, or there is no memory;
 * what was filled in is void. */
bool mf_stream_batch_read_plain(mf_stream_batch *batch, const char *event, size_t n_event);

/* batch_json.c. False: *err says what is wrong, and where. */
bool mf_stream_batch_read_json(mf_stream_batch *batch, const char *event, size_t n_event,
                               mf_error *err);

#define MF_STREAM_SOURCE "aws:kinesis"

void mf_stream_batch_clear(mf_stream_batch *batch);

bool mf_stream_batch_push_record(mf_stream_batch *batch, const mf_stream_record *record,
                                 mf_error *err);

bool mf_stream_batch_push_state(mf_stream_batch *batch, mf_id name, mf_id value, mf_error *err);

/* approximateArrivalTimestamp in milliseconds; 0 for one that cannot be. */
int64_t mf_stream_batch_ms(double seconds);

#endif
