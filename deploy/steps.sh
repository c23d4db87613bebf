# shellcheck shell=bash
# steps.sh: what script/deploy and script/train-job share; sourced, never run.
#
# say TEXT …       to the user, on stderr: stdout is for the result alone
# fail TEXT …      one plain sentence, then the end; for the main shell, not inside of $( )
# act COMMAND …    something that changes an account: says the command, and runs it unless
#                  this is a dry run
# ask COMMAND …    something that only looks; a dry run says it, and the answer is "…"
#
# aws is called with AWS_PAGER empty and with --region and --profile as the user gave them.
# Inside of $( ) bash does not stop at the first failure, so nothing is done there that
# takes more than one command.

say() { echo "$program: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

dry_run='' wanted_region=''
: "${program:=deploy}" "${stack:=}" # set by who sources this
aws_options=()
export AWS_PAGER=

# with_options COMMAND …: the command, with the user's options behind aws, in `command_line`.
with_options() {
    command_line=("$@")
    [ "$1" != aws ] || command_line+=(${aws_options[@]+"${aws_options[@]}"})
}

spell() {
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
    spell "${command_line[@]}"
    [ -n "$dry_run" ] || "${command_line[@]}"
}

ask() {
    local command_line
    with_options "$@"
    if [ -n "$dry_run" ]; then
        spell "${command_line[@]}"
        echo "…"
    else
        "${command_line[@]}"
    fi
}

# looked_for WORDS COMMAND …: false when AWS says WORDS, that there is no such thing; every
# other failure is the end. The answer is in $scratch/answer.
looked_for() {
    local words=$1
    shift
    if ask "$@" >"$scratch/answer" 2>"$scratch/error"; then
        [ -z "$dry_run" ] || cat "$scratch/error" >&2
        return 0
    fi
    grep -Eq "$words" "$scratch/error" && return 1
    cat "$scratch/error" >&2
    fail "AWS did not answer \"$1 $2 $3\", see above"
}

# need PROGRAM WHY: it is installed. A dry run needs nothing.
need() {
    [ -n "$dry_run" ] || command -v "$1" >/dev/null || fail "$1 is not installed, or not on PATH; it is needed to $2"
}

# usage FILE: its opening comment.
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$1"; }

# who_am_i: sets region and account, or says what is missing.
who_am_i() {
    region=${wanted_region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
    [[ -z $region || $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || fail "the region is \"$region\": expected a name such as eu-central-1"
    if [ -n "$dry_run" ]; then
        region=${region:-REGION} account=ACCOUNT
        return
    fi
    [ -n "$region" ] || region=$(ask aws configure get region 2>/dev/null) || region=
    [ -n "$region" ] || fail "no region: give --region, set AWS_REGION, or run: aws configure set region …"
    export AWS_DEFAULT_REGION=$region AWS_REGION=$region
    account=$(ask aws sts get-caller-identity --query Account --output text 2>"$scratch/error") || account=
    [[ $account =~ ^[0-9]{12}$ ]] ||
        fail "the aws CLI has no working credentials in $region ($(grep . "$scratch/error" | tail -n 1)); run: aws configure, or aws sso login"
}

# outputs: the outputs of the stack, a line each, for output(); false when there is no stack.
outputs() {
    looked_for 'does not exist' aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' || return 1
    mv "$scratch/answer" "$scratch/outputs"
}

# output NAME: empty when there is no such output.
output() {
    if [ -n "$dry_run" ]; then
        echo "$1"
    else
        awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$scratch/outputs"
    fi
}

scratch=$(mktemp -d)
trap 'status=$?; rm -rf "$scratch"; exit $((status > 0))' EXIT # a status of the aws CLI is nobody's
