# shellcheck shell=bash
# progress.bash: what a long command does, in few words and never ten seconds without one.
#
#   show_progress TITLE COMMAND …
#
# runs the command and shows how far it is: ninja's steps with the time that is left, apt's percent and
# what apt installs. In a terminal that is one line that changes, elsewhere a line every few seconds.
# The rest of the command's output is printed when it fails. The status is that of the command.

show_progress() {
    local title=$1 line status='' text='' kept='' code done_steps steps began=$SECONDS told=$SECONDS fd
    shift
    exec {fd}< <("$@" 2>&1 </dev/null && echo 0 || echo $?)
    while :; do
        code=0
        IFS= read -r -t 2 line <&"$fd" || code=$?
        if [ "$code" -eq 0 ]; then
            case "$status" in
            '['*/*']'*)
                steps=${status#[} steps=${steps%%]*}
                done_steps=${steps%/*} steps=${steps#*/}
                text="$done_steps of $steps steps"
                if [ "$done_steps" -ge 10 ]; then
                    text+=", about $(((SECONDS - began) * (steps - done_steps) / done_steps + 1)) s left"
                fi
                ;;
            dlstatus:* | pmstatus:*)
                text=${status#*:*:} text=${text%%:*}
                case "$status" in
                d*) text="downloading, ${text%%.*} %" ;;
                *) text="installing, ${text%%.*} %" ;;
                esac
                ;;
            *' newly installed'* | 'Need to get '* | 'After this operation'*)
                [ ! -t 1 ] || printf '\r\e[K'
                echo "  $status"
                ;;
            '') ;;
            *) kept+=$status$'\n' ;;
            esac
            status=$line
        elif [ "$code" -le 128 ]; then
            break # the end; the last line is the status
        fi
        if [ -t 1 ]; then
            printf '\r\e[K%s: %s' "$title" "${text:-$((SECONDS - began)) s so far}"
        elif [ $((SECONDS - told)) -ge 5 ]; then
            told=$SECONDS
            echo "$title: ${text:+$text, }$((SECONDS - began)) s so far"
        fi
    done
    exec {fd}<&-
    [ ! -t 1 ] || printf '\r\e[K'
    if [ "$status" != 0 ]; then
        printf '%s' "$kept" >&2
        return "$status"
    fi
    [ "$SECONDS" -eq "$began" ] || echo "$title: done in $((SECONDS - began)) s"
}
