# Completion of the `llmspell` command for fish.

function __llmspell_complete
    set -l option (string match --regex -- '^--[^=]+=' (commandline --current-token))
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    for answer in (_LLMSPELL_COMPLETE=fish COMP_LINE="$line" llmspell 2> /dev/null)
        set -l parts (string split --max 1 , -- $answer)
        switch $parts[1]
            case plain
                echo "$option$parts[2]"
            case file
                for path in (__fish_complete_path "$parts[2]")
                    echo "$option$path"
                end
            case dir
                for path in (__fish_complete_directories "$parts[2]")
                    echo "$option$path"
                end
        end
    end
end

complete --command llmspell --no-files --keep-order --arguments '(__llmspell_complete)'
