"use strict";

const NAME = "[A-Za-z_][A-Za-z0-9_]*";

const KEYWORDS = new Set(
    ("and break do else elseif end false for function global goto if in local nil not or repeat return " +
        "then true until while").split(" "),
);

/** Comments and strings of one line, blanked so that columns stay; then chains such as a.b[1]:c. */
const HIDDEN = /--.*|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?/g;
/** A name that is no field: not behind a colon or a dot, unless that is the second dot of `..`. */
const VARIABLE = new RegExp(`(?<![\\w:]|(?<!\\.)\\.)${NAME}`, "g");
const CHAIN = new RegExp(`${NAME}(?:\\s*[.:]\\s*${NAME}|\\[(?:\\d+|${NAME})\\])*`, "g");

/**
 * @typedef {object} Span
 * @property {string} text
 * @property {number} start
 * @property {number} end after the last character
 */

/** @param {string} line */
function visible(line) {
    return line.replace(HIDDEN, (hidden) => " ".repeat(hidden.length));
}

/**
 * The expression whose value is shown for the name at a column: up to that name, without what follows.
 *
 * @param {string} line
 * @param {number} column counted from 0
 * @returns {Span | undefined}
 */
function expressionAt(line, column) {
    for (const chain of visible(line).matchAll(CHAIN)) {
        const start = chain.index ?? 0;
        if (start <= column && column <= start + chain[0].length) {
            const rest = /^[A-Za-z0-9_]*\]?/.exec(chain[0].slice(column - start));
            const end = column + (rest ? rest[0].length : 0);
            const text = line.slice(start, end).replaceAll(":", ".");
            return KEYWORDS.has(text) || /[^\w\]]$/.test(text) ? undefined : { text, start, end };
        }
    }
    return undefined;
}

/**
 * The names of variables in a line: no keywords, no fields, nothing in strings and comments.
 *
 * @param {string} line
 * @returns {Span[]}
 */
function variablesIn(line) {
    const spans = [];
    for (const found of visible(line).matchAll(VARIABLE)) {
        const start = found.index ?? 0;
        if (!KEYWORDS.has(found[0])) {
            spans.push({ text: found[0], start, end: start + found[0].length });
        }
    }
    return spans;
}

/**
 * The line where the function around a line begins, as its indentation tells; 0 if it is in none.
 *
 * @param {(line: number) => string} lineAt
 * @param {number} stopped
 * @returns {number}
 */
function functionStart(lineAt, stopped) {
    let indentation = indentationOf(lineAt(stopped));
    for (let line = stopped - 1; line >= 0; line -= 1) {
        const text = lineAt(line);
        if (text.trim() !== "" && indentationOf(text) < indentation) {
            if (/\bfunction\b/.test(visible(text))) {
                return line;
            }
            indentation = indentationOf(text);
        }
    }
    return 0;
}

/** @param {string} line */
function indentationOf(line) {
    return line.length - line.trimStart().length;
}

module.exports = { expressionAt, functionStart, variablesIn };
