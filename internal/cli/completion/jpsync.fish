# fish completion for jpsync

function __jpsync_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command $words[1] __complete fish -- $words[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l kind $lines[-1]
    set -e lines[-1]
    test (count $lines) -gt 0; and printf '%s\n' $lines
    switch $kind
        case :file :dir
            set -l prefix (string match -r -- '^(?:--[^=]*=)?(?:template=)?' $current)
            set -l path (string replace -r -- '^(?:--[^=]*=)?(?:template=)?' '' $current)
            if test $kind = :file
                __fish_complete_path "$path" | string replace -r -- '^' "$prefix"
            else
                __fish_complete_directories "$path" '' | string replace -r -- '^' "$prefix"
            end
    end
end

complete -c jpsync -e
complete -c jpsync -f -a '(__jpsync_complete)'
