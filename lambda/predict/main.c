/* predict: the Lambda function behind POST /predict.
 *
 *     {"userId":"2","movieId":"2959"}  ─▶  {"predicted_rating": 4.4, "movie_title": "Fight Club …"}
 *
 * Settings come from the environment (settings.h), events from the Runtime API. */
#include "lambda/predict/function.h"
#include "lambda/runtime/runtime.h"

int main(void)
{
    static mf_predict_function predict;
    return mf_lambda_run(&(mf_lambda_function){
        .name = "predict",
        .start = mf_predict_start,
        .handle = mf_predict_event,
        .finish = mf_predict_finish,
        .context = &predict,
    });
}
