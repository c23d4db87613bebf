#!/usr/bin/env bash
# Builds an image of this project and puts it into Amazon ECR, ready for SageMaker or Lambda.
#
#   ./build_and_push.sh [options] IMAGE-NAME [TAG]
#
#   IMAGE-NAME          the repository in ECR; created when there is none, with scan on push and
#                       immutable tags
#   TAG                 default: the git revision, with a suffix for uncommitted files and options
#
#   --region REGION     default: AWS_REGION, AWS_DEFAULT_REGION, then the configuration of
#                       the aws CLI
#   --profile PROFILE   a profile of the aws CLI; default: as the CLI chooses
#   --function NAME     the image of the Lambda function lambda/NAME, not that for SageMaker
#   --file FILE         another Dockerfile, relative to the top of the repository
#   --target STAGE      a stage of it
#   --context FOLDER    the build context in place of the repository; needs a TAG or a build
#                       argument, because the default tag does not depend on the folder
#   --platform P        linux/amd64 (default), or linux/arm64 for functions
#   --build-arg X[=Y]   a build argument; may be repeated
#   --dry-run           prints the commands on stdout and runs none of them
#   -h, --help          this text
#
# The image has a Docker schema 2 manifest and is for linux/amd64 by default, as SageMaker
# requires; the script checks the manifest that arrived. Uncommitted files get a tag of their
# own. A default tag that exists already is not built again.
#
# The only line on stdout is the image's URI with its digest; all else is on stderr.
# Exit status: 0, 1 when something failed, 2 when the arguments were wrong.
#
# Runs with the bash 3.2 of macOS, too.
set -euo pipefail
export AWS_PAGER='' # or the CLI of version 2 may wait for a key

readonly MANIFEST=application/vnd.docker.distribution.manifest.v2+json

say() {
    printf 'build_and_push: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

misused() {
    say "$*; see ./build_and_push.sh --help"
    exit 2
}

# --- arguments ---------------------------------------------------------------

image='' tag='' region='' profile='' function='' file=Dockerfile target='' dry_run=''
context=. platform=linux/amd64
build_args=() options=''

value_of() { # value_of OPTION COUNT: fails unless a value follows the option
    [ "$2" -gt 1 ] || misused "$1 needs a value"
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '2,/^set -/{s/^# \{0,1\}//p;}' "$0"
        exit 0
        ;;
    --dry-run) dry_run=yes ;;
    --region=* | --profile=* | --function=* | --file=* | --target=* | --context=* | --platform=* | --build-arg=*)
        option=${1%%=*} value=${1#*=}
        shift
        set -- "$option" "$value" "$@"
        continue
        ;;
    --region | --profile | --function | --file | --target | --context | --platform | --build-arg)
        value_of "$1" $#
        [ -n "$2" ] || misused "$1 needs a value"
        case $1 in
        --region) region=$2 ;;
        --profile) profile=$2 ;;
        --function) function=$2 ;;
        --file) file=$2 options="$options file=$2" ;;
        --target) target=$2 options="$options target=$2" ;;
        --context) context=$2 ;;
        --platform) platform=$2 ;;
        --build-arg)
            build_args+=(--build-arg "$2")
            options="$options build-arg=$2"
            ;;
        esac
        shift
        ;;
    -*) misused "there is no option $1" ;;
    *)
        if [ -z "$image" ]; then
            image=$1
        elif [ -z "$tag" ]; then
            tag=$1
        else
            misused "an image name and a tag, and then \"$1\": one word too many"
        fi
        ;;
    esac
    shift
done

cd "$(dirname "$0")"
[ -n "$image" ] || misused "how is the image to be called?"
# ECR's rule for names of repositories, and the registries' rule for tags.
name_part='[a-z0-9]+([._-][a-z0-9]+)*'
if ! [[ $image =~ ^$name_part(/$name_part)*$ ]] || [ ${#image} -lt 2 ]; then
    misused "\"$image\" cannot be a repository: small letters and digits, with single . _ - / between them, two at least"
fi
[ -z "$tag" ] || [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$ ]] ||
    misused "\"$tag\" cannot be a tag: letters, digits, . _ -, at most 128 of them, none of . - first"
if [ -n "$function" ]; then
    [ "$file" = Dockerfile ] || misused "--function or --file, not both"
    [[ $function =~ ^[a-z][a-z0-9_-]*$ ]] || misused "\"$function\" cannot be a function's name"
    grep -qs "^add_executable($function " "lambda/$function/CMakeLists.txt" ||
        misused "there is no function \"$function\" below lambda/"
    file=lambda/Dockerfile
    build_args+=(--build-arg "FUNCTION=$function")
fi
[ -f "$file" ] || misused "there is no $file here"
[ -d "$context" ] || misused "--context: there is no folder $context"
[ "$context" = . ] || [ -n "$tag" ] || [[ $options = *build-arg=* ]] ||
    misused "--context needs a TAG or a --build-arg that tells what is in it, or an older image would be taken"
case $platform in
linux/amd64 | linux/arm64) ;;
*) misused "--platform is \"$platform\": linux/amd64 or linux/arm64" ;;
esac

# --- environment -------------------------------------------------------------

command -v aws >/dev/null || fail "the aws CLI is not installed, or not on PATH"
command -v docker >/dev/null || fail "docker is not installed, or not on PATH"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

in_profile=(aws)
[ -z "$profile" ] || in_profile+=(--profile "$profile")

# The last line on the CLI's stderr; its messages begin with an empty line.
last_words() {
    local words
    words=$(grep -v '^[[:space:]]*$' "$scratch/stderr" | tail -n 1)
    printf '%s' "${words:-it gave no reason}"
}

# explain DOING ACTION: fails with the reason why the CLI did not do it, in one sentence.
explain() {
    local words
    words=$(last_words)
    case $words in
    *'Unable to locate credentials'* | *'Partial credentials found'*)
        fail "the aws CLI has no credentials; \"aws configure\" or \"aws sso login\" gives it some, --profile names others ($words)"
        ;;
    *ExpiredToken* | *'is expired'* | *'has expired'* | *'Error loading SSO Token'*)
        fail "the credentials have expired; log in again ($words)"
        ;;
    *InvalidClientTokenId* | *UnrecognizedClientException* | *SignatureDoesNotMatch* | *InvalidSignatureException*)
        fail "AWS does not know these credentials in $region ($words)"
        ;;
    *AccessDenied* | *'not authorized'*) fail "not allowed to $1: that takes $2 ($words)" ;;
    *'config profile'*'could not be found'*) fail "the aws CLI has no profile \"${profile:-${AWS_PROFILE-}}\"" ;;
    *'Could not connect'* | *'Connect timeout'* | *EndpointConnectionError*)
        fail "AWS cannot be reached in $region: is there a network, and such a region? ($words)"
        ;;
    *) fail "cannot $1: $words" ;;
    esac
}

# The region, in the order of the help text.
: "${region:=${AWS_REGION:-${AWS_DEFAULT_REGION-}}}"
if [ -z "$region" ]; then
    region=$("${in_profile[@]}" configure get region 2>"$scratch/stderr") || {
        ! grep -q . "$scratch/stderr" || explain "read the CLI's configuration" "a valid one"
    }
fi
[ -n "$region" ] || fail "no region: give --region, set AWS_REGION, or \"aws configure set region …\""
[[ $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || fail "\"$region\" is not a region; one looks like eu-central-1"
case $region in
cn-*) suffix=amazonaws.com.cn ;;
eusc-*) suffix=amazonaws.eu ;;
us-iso-*) suffix=c2s.ic.gov ;;
us-isob-*) suffix=sc2s.sgov.gov ;;
us-isof-*) suffix=csp.hci.ic.gov ;;
eu-isoe-*) suffix=cloud.adc-e.uk ;;
*) suffix=amazonaws.com ;; # us-gov- as well
esac
in_region=("${in_profile[@]}" --region "$region")

# --- the tag -------------------------------------------------------------------

# The git tree of all files as they are now, without adding it to the repository: a changed
# file and a new file both change it.
state_of_files() (
    objects=$(git rev-parse --path-format=absolute --git-path objects)
    mkdir "$scratch/objects"
    export GIT_INDEX_FILE=$scratch/index GIT_OBJECT_DIRECTORY=$scratch/objects
    export GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects
    git read-tree HEAD
    git add --all .
    git write-tree
)

revision='' made_tag=''
if git ls-files --error-unmatch build_and_push.sh >/dev/null 2>&1 && git rev-parse -q --verify HEAD >/dev/null; then
    revision=$(git rev-parse HEAD)
    dirty=$(git status --porcelain .)
    if [ -z "$tag" ]; then
        made_tag=yes
        tag=$(git rev-parse --short=12 HEAD)
        if [ -n "$dirty" ]; then
            tag=$tag-dirty-$(state_of_files | cut -c 1-12)
            say "files here are not committed: the tag is $tag"
        fi
        [ -z "$function" ] || tag=$tag-$function
        [ "$platform" = linux/amd64 ] || tag=$tag-${platform#*/}
        # Another Dockerfile or argument makes another image.
        [ -z "$options" ] || tag=$tag-$(printf '%s' "$options" | git hash-object --stdin | cut -c 1-8)
    fi
    [ -z "$dirty" ] || revision=$revision-dirty
    build_args+=(--build-arg "REVISION=$revision")
    build_args+=(--build-arg "SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}")
    # Without credentials in the address.
    origin=$(git remote get-url origin 2>/dev/null | sed 's#//[^/@]*@#//#') || origin=''
    [ -z "$origin" ] || build_args+=(--build-arg "SOURCE=$origin")
elif [ -z "$tag" ]; then
    fail "this is no git checkout, so there is no revision to make a tag from: give one"
fi
build_args+=(--build-arg "TARGETARCH=${platform#*/}")
# amd64 images are compiled by amd64 programs, on an arm64 machine in an emulator. arm64 images
# are compiled by the machine's own programs.
[ "$platform" != linux/amd64 ] || build_args+=(--build-arg "BUILDER=$platform")

# --- the commands ----------------------------------------------------------------

in_dollars="\$account" # a dry run does not know the account
account=''
who=("${in_region[@]}" sts get-caller-identity --query Account --output text)
find_repository=("${in_region[@]}" ecr describe-repositories --repository-names "$image"
    --query 'repositories[0].imageTagMutability' --output text)
make_repository=("${in_region[@]}" ecr create-repository --repository-name "$image"
    --image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE
    --query repository.imageTagMutability --output text)
find_image=("${in_region[@]}" ecr describe-images --repository-name "$image" --image-ids "imageTag=$tag"
    --query 'imageDetails[0].[imageDigest,imageManifestMediaType,imageSizeInBytes]' --output text)
password=("${in_region[@]}" ecr get-login-password)

# The commands that contain the registry, once the account is known.
name_commands() {
    registry=$1.dkr.ecr.$region.$suffix
    login=(docker login --username AWS --password-stdin "$registry")
    push=(docker push "$registry/$image:$tag")
    build=(build --platform "$platform" --file "$file")
    [ -z "$target" ] || build+=(--target "$target")
    build+=("${build_args[@]}")
    # By default buildx adds an attestation, which makes the image an index, and uses OCI's types
    # (docs/sagemaker.md, 6.3). It has to push the image too, or the types are not kept.
    if docker buildx version >/dev/null 2>&1; then
        build=(docker buildx "${build[@]}" --provenance=false --sbom=false
            --output "type=image,name=$registry/$image:$tag,push=true,oci-mediatypes=false,compression=gzip" "$context")
        push=()
    else
        build=(docker "${build[@]}" --tag "$registry/$image:$tag" "$context")
    fi
}

# The arguments, quoted for a shell.
quoted() {
    local word line=''
    for word in "$@"; do
        case $word in
        *"$in_dollars"*) word=\"$word\" ;;
        '' | *[!A-Za-z0-9_./:=@%+,-]*) word="'$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
        esac
        line="$line $word"
    done
    printf '%s' "${line# }"
}

if [ -n "$dry_run" ]; then
    name_commands "$in_dollars"
    printf '%s\n' \
        "account=\$($(quoted "${who[@]}"))" \
        "$(quoted "${find_repository[@]}") ||" \
        "    $(quoted "${make_repository[@]}")" \
        "$(quoted "${find_image[@]}") # does the tag exist?" \
        "$(quoted "${password[@]}") |" \
        "    $(quoted "${login[@]}")" \
        "$(quoted "${build[@]}")"
    [ ${#push[@]} -eq 0 ] || printf '%s\n' "$(quoted "${push[@]}")"
    printf '%s\n' \
        "set -- \$($(quoted "${find_image[@]}"))" \
        "[ \"\$2\" = $MANIFEST ] &&" \
        "    echo \"$registry/$image@\$1\""
    exit 0
fi

# --- the work ----------------------------------------------------------------------

docker version --format '{{.Server.Version}}' >/dev/null 2>"$scratch/stderr" ||
    fail "the Docker engine does not respond: $(last_words)"

account=$("${who[@]}" 2>"$scratch/stderr") || explain "find out the account" sts:GetCallerIdentity
[[ $account =~ ^[0-9]{12}$ ]] || fail "AWS says that the account is \"$account\", which is not twelve digits"
name_commands "$account"
# SageMaker's limit for an image's URI; a digest has 71 characters.
[ $((${#registry} + ${#image} + 73)) -le 255 ] ||
    misused "\"$image\" is too long: SageMaker takes 255 characters of registry, name and digest together"

refuse_latest() {
    [ "$tag" != latest ] ||
        fail "\"latest\" cannot be pushed to $image: tags of that repository are immutable; leave the tag out"
}

if mutability=$("${find_repository[@]}" 2>"$scratch/stderr"); then
    [ "$mutability" != IMMUTABLE ] || refuse_latest
elif grep -q RepositoryNotFoundException "$scratch/stderr"; then
    refuse_latest
    say "creating the repository $image in $region"
    mutability=$("${make_repository[@]}" 2>"$scratch/stderr") || {
        # Another process created it in between.
        grep -q RepositoryAlreadyExistsException "$scratch/stderr" ||
            explain "create the repository $image" ecr:CreateRepository
        mutability=$("${find_repository[@]}" 2>"$scratch/stderr") ||
            explain "look for the repository $image" ecr:DescribeRepositories
    }
else
    explain "look for the repository $image" ecr:DescribeRepositories
fi

digest='' kind='' n_bytes=''
# look: sets digest, kind and n_bytes of the tag; false when there is no such tag.
look() {
    local found
    if found=$("${find_image[@]}" 2>"$scratch/stderr"); then
        read -r digest kind n_bytes <<<"$found"
        [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "ECR says that the digest of $image:$tag is \"$digest\""
        return 0
    fi
    grep -q ImageNotFoundException "$scratch/stderr" || explain "look for $image:$tag" ecr:DescribeImages
    return 1
}

if look && [ -n "$made_tag" ]; then
    say "$image:$tag is there already; nothing to build"
else
    if [ -n "$digest" ] && [ "$mutability" = IMMUTABLE ]; then
        fail "$image:$tag is there already and tags are immutable: give another tag, or none"
    fi

    # The password is piped from one program to the other and appears nowhere else.
    : >"$scratch/docker"
    if ! "${password[@]}" 2>"$scratch/stderr" | "${login[@]}" >"$scratch/docker" 2>&1; then
        ! grep -q '[^[:space:]]' "$scratch/stderr" || explain "get a password for $registry" ecr:GetAuthorizationToken
        mv "$scratch/docker" "$scratch/stderr"
        fail "docker cannot log in to $registry: $(last_words)"
    fi

    say "building $image:$tag for $platform"
    "${build[@]}" >&2 || fail "the image could not be built or pushed: docker's lines above say why"
    if [ ${#push[@]} -gt 0 ]; then
        say "pushing $registry/$image:$tag"
        "${push[@]}" >&2 || fail "the image could not be pushed: docker's lines above say why"
    fi
    look || fail "docker pushed $image:$tag without complaint, but ECR has no such image"
fi

[ "$kind" = "$MANIFEST" ] ||
    fail "$image:$tag arrived as \"$kind\", and SageMaker takes only $MANIFEST: switch the engine's containerd image store off, or install docker buildx"
say "$image:$tag has $((n_bytes / 1000000)) MB as it is stored"
printf '%s\n' "$registry/$image@$digest"
