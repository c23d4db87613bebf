# shellcheck shell=bash
# steps.sh: what script/deploy and script/train-job share; sourced, never run.
#
# say TEXT …       to the user, on stderr: stdout is for the result alone
# fail TEXT …      one plain sentence, then the end
# act COMMAND …    something that changes an account: says the command, and runs it unless
#                  this is a dry run
# ask COMMAND …    something that only looks; in a dry run it is said and answers "…"
#
# aws is called with AWS_PAGER empty and with --region and --profile as the user gave them.

say() { echo "$program: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

dry_run=
aws_options=()
export AWS_PAGER=

# whole COMMAND …: the command with the user's options behind aws, in the array `whole`.
whole() {
    whole=("$@")
    [ "$1" != aws ] || whole+=(${aws_options[@]+"${aws_options[@]}"})
}

spell() {
    local word line=
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:=@,+-]* | '') word="'${word//\'/\'\\\'\'}'" ;;
        esac
        line+="$word "
    done
    echo "+ ${line% }" >&2
}

act() {
    local whole
    whole "$@"
    spell "${whole[@]}"
    [ -n "$dry_run" ] || "${whole[@]}"
}

ask() {
    local whole
    whole "$@"
    if [ -n "$dry_run" ]; then
        spell "${whole[@]}"
        echo "…"
    else
        "${whole[@]}"
    fi
}

# need PROGRAM WHY: it is installed.
need() {
    command -v "$1" >/dev/null || fail "$1 is not installed; it is needed to $2"
}

# value OPTION …: what follows an option; fails when nothing does.
value() {
    [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value; see --help"
    echo "$2"
}

# usage FILE: its opening comment.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }

# who_am_i: the account and, with no region in the environment or the profile, a sentence.
who_am_i() {
    local message
    region=$(ask aws configure get region 2>/dev/null || true)
    region=${wanted_region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}}
    [ -n "$region" ] || fail "no region: give --region, set AWS_REGION, or run: aws configure"
    export AWS_DEFAULT_REGION=$region AWS_REGION=$region
    if ! account=$(ask aws sts get-caller-identity --query Account --output text 2>"$scratch/error"); then
        message=$(tail -n 1 "$scratch/error")
        fail "the aws CLI has no working credentials (${message:-no message}); run: aws configure, or aws sso login"
    fi
    [ -z "$dry_run" ] || cat "$scratch/error" >&2
}

# output NAME: an output of the stack; empty when it is not there.
output() {
    local text
    text=$(ask aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]") || return 1
    [ "$text" = None ] || echo "$text"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
