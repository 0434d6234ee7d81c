# Completion of the `llmspell` command for bash 4.4 and newer.

_llmspell() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain)
                [[ $value == *[[:space:]\'\"\\\$\`\&\;\(\)\<\>\|\*\?]* ]] && printf -v value %q "$value"
                COMPREPLY+=("$value")
                ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(_LLMSPELL_COMPLETE=bash COMP_LINE="${COMP_LINE:0:COMP_POINT}" "$1" 2> /dev/null)
}

complete -o nosort -F _llmspell llmspell
