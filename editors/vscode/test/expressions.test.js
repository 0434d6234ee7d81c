"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { expressionAt, functionStart, variablesIn } = require("../src/expressions");

/**
 * @param {string} marked a line in which | stands before the character under the mouse
 */
function hovered(marked) {
    const column = marked.indexOf("|");
    return expressionAt(marked.replace("|", ""), column)?.text;
}

test("hovering shows the chain up to the name under the mouse", () => {
    assert.equal(hovered("local to|tal = 1"), "total");
    assert.equal(hovered("print(shop.ite|ms.count)"), "shop.items");
    assert.equal(hovered("print(sh|op.items.count)"), "shop");
    assert.equal(hovered("return rows[i].na|me"), "rows[i].name");
    assert.equal(hovered("x = rows[|10] + 1"), "rows[10]");
    assert.equal(hovered("account:dep|osit(5)"), "account.deposit");
});

test("two names that are joined by .. are not one expression", () => {
    assert.equal(hovered('print(first|..second)'), "first");
    assert.equal(hovered('print(first..sec|ond)'), "second");
});

test("keywords, strings and comments have no value", () => {
    assert.equal(hovered("fo|r i = 1, 3 do"), undefined);
    assert.equal(hovered('print("to|tal")'), undefined);
    assert.equal(hovered("x = 1 -- to|tal"), undefined);
});

test("variables of a line are its names, but not its keywords and fields", () => {
    const names = (/** @type {string} */ line) => variablesIn(line).map((span) => span.text);
    assert.deepEqual(names("local total = price * item.count -- tax"), ["total", "price", "item"]);
    assert.deepEqual(names("if done then return 'a \\' b', list:len() end"), ["done", "list"]);
    assert.deepEqual(names("x = a..b"), ["x", "a", "b"]);
    assert.deepEqual(variablesIn('f("x", y)').at(-1), { text: "y", start: 7, end: 8 });
});

test("the function around a line is found by its indentation", () => {
    const lines = [
        "local function other()",
        "    local hidden = 1",
        "end",
        "local function area(w, h)",
        "    if w then",
        "",
        "        return w * h",
        "    end",
        "end",
        "print(area(1, 2))",
    ];
    const lineAt = (/** @type {number} */ line) => lines[line];
    assert.equal(functionStart(lineAt, 6), 3);
    assert.equal(functionStart(lineAt, 1), 0);
    assert.equal(functionStart(lineAt, 9), 0);
});
