"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Program, listeningAddress } = require("../src/program");

/**
 * @param {string} code JavaScript that a process of its own runs
 */
function script(code) {
    return [process.execPath, "-e", code];
}

/**
 * A program that is ended after the test, however that goes.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} code
 */
async function started(t, code) {
    const program = await Program.start(script(code));
    t.after(() => program.end(0));
    return program;
}

const STAY = "setInterval(() => {}, 1000);";
const LISTEN = "console.log('listening on 127.0.0.1:4711');";

test("the address is read from the line that tells it", () => {
    assert.deepEqual(listeningAddress("listening on 127.0.0.1:5678\n"), { host: "127.0.0.1", port: 5678 });
    assert.deepEqual(listeningAddress("warning: x\nlistening on ::1:80\n"), { host: "::1", port: 80 });
    assert.equal(listeningAddress("I am listening on 127.0.0.1:5678"), undefined);
    assert.equal(listeningAddress("listening on nothing"), undefined);
});

test("a program is started, tells its address and is ended", async (t) => {
    const program = await started(t, LISTEN + STAY);
    assert.deepEqual(program.address, { host: "127.0.0.1", port: 4711 });
    await program.end(0);
    assert.equal(program.child.signalCode, "SIGTERM");
});

test("a line that comes in two pieces is waited for", async (t) => {
    const pieces = "process.stdout.write('listening on 127.'); setTimeout(() => console.log('0.0.1:4711'), 50);";
    const program = await started(t, pieces + STAY);
    assert.equal(program.address.port, 4711);
});

test("a port number is not taken before its line is complete", async (t) => {
    const pieces = "process.stdout.write('listening on 127.0.0.1:47'); setTimeout(() => console.log('11'), 50);";
    const program = await started(t, pieces + STAY);
    assert.equal(program.address.port, 4711);
});

test("a program that leaves by itself is not ended by force", async (t) => {
    const program = await started(t, LISTEN);
    await program.end(20);
    assert.equal(program.child.exitCode, 0);
});

test("a program that ignores SIGTERM is killed", async () => {
    const program = await Program.start(script(`process.on('SIGTERM', () => {});${LISTEN}${STAY}`));
    await program.end(0);
    assert.equal(program.child.signalCode, "SIGKILL");
});

test("a program that ends before it listens is reported with what it wrote", async () => {
    const failing = script("console.error('error: no such language'); process.exitCode = 2;");
    await assert.rejects(Program.start(failing), /status 2 before it listened\.\nerror: no such language/);
});

test("a program that never listens is ended", async () => {
    const silent = script("console.log('hello');" + STAY);
    await assert.rejects(Program.start(silent, { seconds: 1 }), /did not listen within 1 seconds\./);
});

test("a command that is not there is reported with what to do", async () => {
    await assert.rejects(Program.start(["/no/llmspell", "debug"]), /pip install llmspell-kernel/);
});

test("much output before and after does not block the program", async (t) => {
    const noise = "require('fs').writeSync(2, 'x'.repeat(1e6) + '\\n');";
    const program = await started(t, `${noise}${LISTEN}${noise}`);
    await program.end(20);
    assert.equal(program.child.exitCode, 0);
});
