#compdef jpsync
# zsh completion for jpsync: a file named _jpsync in a directory of $fpath, or sourced

_jpsync() {
    local -a lines values shown
    local line kind
    lines=("${(@f)$("${(Q)words[1]}" __complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    kind=$lines[-1]
    lines[-1]=()
    for line in $lines; do
        values+=("${line%%$'\t'*}")
        if [[ $line == *$'\t' ]]; then
            shown+=("${line%$'\t'}")
        else
            shown+=("${line/$'\t'/  -- }")
        fi
    done
    case $kind in
        :open) (( $#values )) && compadd -l -S '' -d shown -a values ;;
        *) (( $#values )) && compadd -l -d shown -a values ;;
    esac
    case $kind in
        :file) [[ $PREFIX == (--*|template)=* ]] && compset -P '*='; _files ;;
        :dir) [[ $PREFIX == (--*|template)=* ]] && compset -P '*='; _files -/ ;;
    esac
}

if [[ $funcstack[1] == _jpsync ]]; then
    _jpsync "$@"
else
    compdef _jpsync jpsync
fi
