/* recommend: the Lambda function between two streams.
 *
 *     {"user_id":123,"top_n":20,"request_id":"7d0c…"}
 *     → {"request_id":"7d0c…","recommendations":[…],…}
 *
 * Settings come from the environment (settings.h), events from the Runtime API. */
#include "lambda/recommend/function.h"
#include "lambda/runtime/runtime.h"

int main(void)
{
    static mf_recommend_function recommend;
    return mf_lambda_run(&(mf_lambda_function){
        .name = "recommend",
        .start = mf_recommend_start,
        .handle = mf_recommend_event,
        .finish = mf_recommend_finish,
        .context = &recommend,
    });
}
