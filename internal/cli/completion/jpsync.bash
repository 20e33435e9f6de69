# bash completion for jpsync; works from bash 3.2 on, with or without bash-completion

_jpsync() {
    local line=${COMP_LINE:0:COMP_POINT} words=() n=0 i word prefix="" kind="" reply
    COMPREPLY=()

    # bash cuts words at = and : as well; here they are put together again as they stand
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $line != [[:space:]]* ]]; then
            words[n - 1]+=${line:0:${#word}}
        else
            while [[ $line == [[:space:]]* ]]; do line=${line:1}; done
            words[n]=${line:0:${#word}}
            n=$((n + 1))
        fi
        line=${line:${#word}}
    done
    word=${words[n - 1]}

    # readline replaces what stands behind the last of these, and nothing before it
    if [[ $COMP_WORDBREAKS == *=* && $word == *=* ]]; then prefix=${word%"${word##*=}"}; fi
    if [[ $COMP_WORDBREAKS == *:* && ${word#"$prefix"} == *:* ]]; then prefix=${word%"${word##*:}"}; fi

    while IFS= read -r reply; do
        case $reply in
            :file | :dir | :open | :done) kind=$reply ;;
            *) reply=${reply%%$'\t'*} && COMPREPLY+=("${reply#"$prefix"}") ;;
        esac
    done < <("${words[0]}" __complete bash -- "${words[@]:1}" 2>/dev/null)

    word=${word#"$prefix"}
    case $kind in
        :file | :dir)
            local action=-f
            [[ $kind == :dir ]] && action=-d
            while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen "$action" -- "$word")
            type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
            ;;
        :open) type compopt >/dev/null 2>&1 && compopt -o nospace 2>/dev/null ;;
    esac
    return 0
}

complete -F _jpsync jpsync
