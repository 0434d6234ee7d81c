"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { commandLine } = require("../src/commandLine");

const LISTEN = ["debug", "--listen", "127.0.0.1:0", "--wait"];
const nowhere = () => false;

test("the command on the PATH runs the program", () => {
    assert.deepEqual(commandLine({ program: "/w/a.lua" }, {}, nowhere), ["llmspell", ...LISTEN, "/w/a.lua"]);
});

test("arguments of the program come after --, so that none is taken for an option", () => {
    const line = commandLine({ program: "/w/a.lua", args: ["--wait", "-x"] }, {}, nowhere);
    assert.deepEqual(line.slice(-4), ["/w/a.lua", "--", "--wait", "-x"]);
});

test("stopOnEntry and language become options", () => {
    const line = commandLine({ program: "/w/a.lua", stopOnEntry: true, language: "luajit" }, {}, nowhere);
    assert.deepEqual(line.slice(5), ["--stop-on-entry", "--language", "luajit", "/w/a.lua"]);
});

test("the workspace's .venv comes before the PATH", () => {
    const line = commandLine({ program: "/w/a.lua" }, { folder: "/w" }, (file) => file === "/w/.venv/bin/llmspell");
    assert.equal(line[0], "/w/.venv/bin/llmspell");
});

test("settings come before the workspace's .venv, the configuration before the settings", () => {
    const place = { command: "/opt/llmspell", folder: "/w" };
    assert.equal(commandLine({ program: "/w/a.lua" }, place, () => true)[0], "/opt/llmspell");
    const launch = { program: "/w/a.lua", python: "/py/bin/python" };
    assert.equal(commandLine(launch, place, () => true)[0], "/py/bin/python");
});

test("an interpreter runs the command of its package", () => {
    const line = commandLine({ program: "/w/a.lua" }, { python: "/py/bin/python" }, nowhere);
    assert.deepEqual(line.slice(0, 3), ["/py/bin/python", "-P", "-c"]);
    assert.match(line[3], /llmspell_kernel/);
    assert.deepEqual(line.slice(4), [...LISTEN, "/w/a.lua"]);
});
