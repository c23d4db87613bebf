# shellcheck shell=bash
# streams.bash: what script/run --streams adds: Redis, stand-ins for Kinesis, DynamoDB and Data
# Firehose, the functions that read the streams, and a demonstration of all.
#
# script/run sources it. It uses free_port, tagged and processes and reads folder, endpoint and api.
# shellcheck disable=SC2154

need() {
    if ! command -v "$1" >/dev/null; then
        echo "run: --streams needs $1, the Debian package $2" >&2
        exit 1
    fi
}

# stand_in NAME: starts a server of tests/node/peer.js, which runs as long as its standard input
# is open. Sets NAME_url.
stand_in() {
    local line port=
    : >"$folder/$1.port"
    # shellcheck disable=SC2034 # held open, not written to
    exec {stand_in_input}> >(exec node tests/node/peer.js "$1" >"$folder/$1.port" 2>&1)
    processes+=($!)
    until read -r line <"$folder/$1.port" 2>/dev/null && port=${line//[^0-9]/}; do
        if ! kill -0 "${processes[-1]}" 2>/dev/null; then
            echo "run: the stand-in for $1 did not start: $(cat "$folder/$1.port")" >&2
            exit 1
        fi
        sleep 0.05
    done
    printf -v "$1_url" 'http://127.0.0.1:%s' "$port"
}

# --streams needs Node 20 or later with npm. Without them it ends at once, before anything is installed
# or built, unless the system's package is new enough (script/bootstrap installs that one).
need_node() {
    local found candidate
    found=$(node --version 2>/dev/null) || found=none
    if [[ "$found" =~ ^v([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 20 ] && command -v npm >/dev/null; then
        return
    fi
    candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9]*\)\..*/\2/p')
    if [ "$found" = none ] && [ "${candidate:-0}" -ge 20 ]; then
        return
    fi
    echo "run: --streams needs Node.js 20 or later, with npm. Found: $found$(command -v npm >/dev/null || echo ', no npm');" \
        "Debian's package here: ${candidate:-none}. Debian 13 has a newer one; for other systems see the Node.js" \
        "project's downloads. Everything else runs without it: script/run" >&2
    exit 1
}

start_stand_ins() {
    script/bootstrap --streams
    need redis-server redis-server
    need redis-cli redis-tools
    need node nodejs
    if ! [ -f tests/node/node_modules/.installed ]; then
        echo "run: --streams needs the packages of tests/node, and they cannot be installed" >&2
        exit 1
    fi
    redis=$(free_port "${REDIS_PORT:-6379}")
    tagged redis 31 redis-server --bind 127.0.0.1 --port "$redis" --save '' --appendonly no \
        --dir "$folder" --loglevel warning
    until [ "$(redis-cli -p "$redis" ping 2>/dev/null)" = PONG ]; do
        if ! kill -0 "${processes[-1]}" 2>/dev/null; then
            echo "run: redis-server ended, see above" >&2
            exit 1
        fi
        sleep 0.05
    done
    stand_in kinesis
    stand_in dynamodb
    cache=(REDIS_ENABLED=true REDIS_ENDPOINT=127.0.0.1 "REDIS_PORT=$redis"
        REDIS_COMMAND_MS=500)
    show prepare
}

# Arguments for local-cloud.
stream_words() {
    local keys=(AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local METRICS=false)
    words=(--kinesis "$kinesis_url" --poll-seconds 0.2
        --function recommend=build/release/bin/recommend --timeout 30 --processes 2 --start early)
    local variable
    for variable in "${cache[@]}"; do cache_words+=(--variable "$variable"); done
    for variable in "${keys[@]}" "${cache[@]}" "RECOMMEND_SERVICE_URL=http://127.0.0.1:$endpoint" \
        PREDICTIONS_STREAM_NAME=recommendations; do
        words+=(--variable "$variable")
    done
    words+=(--function aggregate=build/release/bin/aggregate --timeout 30 --processes 2 --start early)
    for variable in "${keys[@]}" "AWS_ENDPOINT_URL_DYNAMODB=$dynamodb_url"; do
        words+=(--variable "$variable")
    done
    words+=(--function feedback=build/release/bin/feedback --timeout 30 --processes 2 --start early)
    for variable in "${keys[@]}" "${cache[@]}"; do
        words+=(--variable "$variable")
    done
    words+=(--mapping requests=recommend --StartingPosition TRIM_HORIZON --BatchSize 100
        --MaximumBatchingWindowInSeconds 1 --MaximumRetryAttempts 3
        --FunctionResponseTypes ReportBatchItemFailures --OnFailure "$folder/requests-given-up.jsonl"
        --mapping ratings=aggregate --StartingPosition TRIM_HORIZON --BatchSize 1000
        --TumblingWindowInSeconds 5 --FunctionResponseTypes ReportBatchItemFailures
        --OnFailure "$folder/ratings-given-up.jsonl"
        --mapping ratings=feedback --StartingPosition TRIM_HORIZON --BatchSize 100
        --MaximumBatchingWindowInSeconds 0 --FunctionResponseTypes ReportBatchItemFailures
        --OnFailure "$folder/feedback-given-up.jsonl")
}

# show COMMAND: runs that command of streams.js.
show() {
    NODE_NO_WARNINGS=1 AWS_ENDPOINT_URL_KINESIS=$kinesis_url AWS_ENDPOINT_URL_DYNAMODB=$dynamodb_url \
        API_URL=http://127.0.0.1:${api-}/predict ARCHIVE=$folder/next/input/data/train \
        node script/streams.js "$1"
}

# The next training: on what the first one had and what came since, with the model in service as
# the channel current. Prints what the gate decides.
train_again() {
    local next=$folder/next
    rm -rf "$next"
    mkdir -p "$next/input/data/current"
    cp -R "$folder/input" "$next/"
    cp "$folder/model/model.bin" "$next/input/data/current/"
    show archive
    echo "Training on them and data/, with the model in service to compare with …"
    build/release/bin/train --prefix "$next" >"$next/train.log" 2>&1 || { cat "$next/train.log" >&2 && return 1; }
    sed -n 's/^gate_promote=1 .* reason="\(.*\)"$/The gate promotes the new model: \1/p
            s/^gate_promote=0 .* reason="\(.*\)"$/The gate keeps the model in service: \1/p' "$next/train.log"
}
