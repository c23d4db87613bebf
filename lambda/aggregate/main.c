/* aggregate: the Lambda function that turns a stream of events into totals per key and window.
 *
 *     {"movieId":"2959","rating":4.5}, …  ─▶  movieRatings: 2959, 12:00 to 12:05, 2 ratings, 4.25
 *
 * Settings come from the environment (settings.h), events from the Runtime API. */
#include "lambda/aggregate/function.h"
#include "lambda/runtime/runtime.h"

int main(void)
{
    static mf_aggregate_function aggregate;
    return mf_lambda_run(&(mf_lambda_function){
        .name = "aggregate",
        .start = mf_aggregate_start,
        .handle = mf_aggregate_event,
        .finish = mf_aggregate_finish,
        .context = &aggregate,
    });
}
