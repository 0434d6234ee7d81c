"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { completed, environment, problemOf } = require("../src/configuration");

const everywhere = () => true;

test("without a launch.json the file in the editor is launched in the workspace", () => {
    const found = completed({}, { file: "/w/src/a.lua", folder: "/w" });
    assert.equal(found.request, "launch");
    assert.equal(found.program, "/w/src/a.lua");
    assert.equal(found.cwd, "/w");
    assert.equal(problemOf(found, everywhere), undefined);
});

test("without a workspace the program runs in its own folder", () => {
    assert.equal(completed({}, { file: "/w/src/a.lua" }).cwd, "/w/src");
});

test("what a configuration says is kept", () => {
    const said = { request: "launch", program: "/p.lua", cwd: "/tmp", args: ["1"], stopOnEntry: true };
    const found = completed(said, { file: "/w/a.lua", folder: "/w" });
    assert.deepEqual({ ...found, env: undefined }, { ...said, env: undefined });
});

test("attach is to this machine unless told otherwise", () => {
    assert.equal(completed({ request: "attach", port: 1 }, {}).host, "127.0.0.1");
    assert.equal(completed({ request: "attach", port: 1, host: "farm" }, {}).host, "farm");
});

test("problems name the value and what to do", () => {
    const launch = (/** @type {object} */ more) => completed({ request: "launch", ...more }, {});
    assert.match(problemOf(launch({}), everywhere) ?? "", /open one, or set "program"/);
    assert.match(problemOf(launch({ program: "a.lua" }), everywhere) ?? "", /\$\{workspaceFolder\}\/a\.lua/);
    assert.match(problemOf(launch({ program: "/no.lua" }), () => false) ?? "", /no file \/no\.lua/);
    assert.match(problemOf(launch({ program: "/a.lua", args: "x" }), everywhere) ?? "", /"args" is "x"/);
    assert.match(problemOf({ request: "attach" }, everywhere) ?? "", /needs "port"/);
    assert.match(problemOf({ request: "attach", port: "5678" }, everywhere) ?? "", /"port" is "5678"/);
    assert.match(problemOf({ request: "attach", port: 70000 }, everywhere) ?? "", /from 1 to 65535/);
    assert.equal(problemOf({ request: "attach", connectionFile: "/k.json" }, everywhere), undefined);
});

test("env adds, replaces and takes away", () => {
    const merged = environment({ PATH: "/bin", HOME: "/root", LUA_INIT: "x" }, { HOME: "/home", LUA_INIT: null, NEW: "1" });
    assert.deepEqual(merged, { PATH: "/bin", HOME: "/home", NEW: "1" });
});
