#compdef llmspell
# Completion of the `llmspell` command for zsh.

_llmspell() {
    local -a answer plain described
    local kind value help
    answer=("${(@f)$(_LLMSPELL_COMPLETE=zsh COMP_LINE="${(j: :)words[1,CURRENT]}" ${words[1]} 2> /dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P '*='
    for kind value help in "${answer[@]}"; do
        case $kind in
            plain)
                if [[ $help == _ ]]; then plain+=("$value"); else described+=("$value:$help"); fi
                ;;
            file) _files ;;
            dir) _files -/ ;;
        esac
    done
    (( $#described )) && _describe -V llmspell described
    (( $#plain )) && compadd -V llmspell-values -a plain
}

if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _llmspell "$@"  # a file of the function path
else
    compdef _llmspell llmspell
fi
