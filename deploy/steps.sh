# shellcheck shell=bash
# steps.sh: functions that script/deploy and script/train-job share; sourced, never run.
#
# say TEXT …       prints to stderr; stdout is for the result alone
# fail TEXT …      prints one sentence and exits; for the main shell, not inside $( )
# act COMMAND …    a command that changes an account: prints it, and runs it unless this is
#                  a dry run
# get COMMAND …    a command that only reads; a dry run prints it and outputs "…"
#
# aws is called with AWS_PAGER empty and with --region and --profile as the user gave them.
# Inside $( ) bash does not stop at the first failure, so each $( ) has one command only.

say() { echo "$program: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

dry_run='' wanted_region=''
: "${program:=deploy}" "${stack:=}" # set by the script that sources this
aws_options=()
export AWS_PAGER=

# with_options COMMAND …: sets command_line to the command, with the user's options after aws.
with_options() {
    command_line=("$@")
    [ "$1" != aws ] || command_line+=(${aws_options[@]+"${aws_options[@]}"})
}

print_command() {
    local word line=
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:=@,+-]* | '') word="'$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
        esac
        line="$line $word"
    done
    echo "+$line" >&2
}

act() {
    local command_line
    with_options "$@"
    print_command "${command_line[@]}"
    [ -n "$dry_run" ] || "${command_line[@]}"
}

get() {
    local command_line
    with_options "$@"
    if [ -n "$dry_run" ]; then
        print_command "${command_line[@]}"
        echo "…"
    else
        "${command_line[@]}"
    fi
}

# looked_for WORDS COMMAND …: false when the error message matches WORDS, which means that there
# is no such thing. Every other error ends the script. The output is in $scratch/response.
looked_for() {
    local words=$1
    shift
    if get "$@" >"$scratch/response" 2>"$scratch/error"; then
        [ -z "$dry_run" ] || cat "$scratch/error" >&2
        return 0
    fi
    grep -Eq "$words" "$scratch/error" && return 1
    cat "$scratch/error" >&2
    fail "the command \"$1 $2 $3\" failed, see above"
}

# need PROGRAM PURPOSE: fails unless it is installed. A dry run needs nothing.
need() {
    [ -n "$dry_run" ] || command -v "$1" >/dev/null || fail "$1 is not installed, or not on PATH; it is needed to $2"
}

# usage FILE: prints its opening comment.
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$1"; }

# who_am_i: sets region and account, or fails with what is missing.
who_am_i() {
    region=${wanted_region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
    [[ -z $region || $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || fail "the region is \"$region\": expected a name such as eu-central-1"
    if [ -n "$dry_run" ]; then
        region=${region:-REGION} account=ACCOUNT
        return
    fi
    [ -n "$region" ] || region=$(get aws configure get region 2>/dev/null) || region=
    [ -n "$region" ] || fail "no region: give --region, set AWS_REGION, or run: aws configure set region …"
    export AWS_DEFAULT_REGION=$region AWS_REGION=$region
    account=$(get aws sts get-caller-identity --query Account --output text 2>"$scratch/error") || account=
    [[ $account =~ ^[0-9]{12}$ ]] ||
        fail "the aws CLI has no working credentials in $region ($(grep . "$scratch/error" | tail -n 1)); run: aws configure, or aws sso login"
}

# outputs: reads the outputs of the stack for output(); false when there is no stack.
outputs() {
    looked_for 'does not exist' aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' || return 1
    mv "$scratch/response" "$scratch/outputs"
}

# output NAME: prints it; nothing when there is no such output.
output() {
    if [ -n "$dry_run" ]; then
        echo "$1"
    else
        awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$scratch/outputs"
    fi
}

scratch=$(mktemp -d)
trap 'status=$?; rm -rf "$scratch"; exit $((status > 0))' EXIT # 0 or 1, never a status of the aws CLI
