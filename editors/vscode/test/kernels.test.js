"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs/promises");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");

const { listeningKernels, readConnectionFile, runtimeFolder } = require("../src/kernels");

/** @typedef {import("node:test").TestContext} TestContext */

/**
 * A folder with connection files.
 *
 * @param {TestContext} t
 * @param {Record<string, object | string>} files
 */
async function folderWith(t, files) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "llmspell-kernels-"));
    t.after(() => fs.rm(folder, { recursive: true }));
    for (const [name, content] of Object.entries(files)) {
        await fs.writeFile(
            path.join(folder, name),
            typeof content === "string" ? content : JSON.stringify(content),
        );
    }
    return folder;
}

/**
 * A port that answers for as long as the test runs.
 *
 * @param {TestContext} t
 * @returns {Promise<number>}
 */
async function listeningPort(t) {
    const server = net.createServer((socket) => socket.end());
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    t.after(() => server.close());
    return /** @type {net.AddressInfo} */ (server.address()).port;
}

test("a connection file tells port and token", async (t) => {
    const folder = await folderWith(t, {
        "kernel-1.json": { kernel_name: "llmspell", llmspell_dap_port: 4711, llmspell_dap_token: "secret" },
    });
    const kernel = await readConnectionFile(path.join(folder, "kernel-1.json"));
    assert.equal(kernel.name, "llmspell");
    assert.equal(kernel.port, 4711);
    assert.equal(kernel.token, "secret");
});

test("a kernel that does not listen is told how to", async (t) => {
    const folder = await folderWith(t, { "kernel-1.json": { kernel_name: "llmspell" } });
    await assert.rejects(readConnectionFile(path.join(folder, "kernel-1.json")), /--dap-port=0/);
});

test("a connection file that is missing or broken is named", async (t) => {
    const folder = await folderWith(t, { "kernel-1.json": "{" });
    await assert.rejects(readConnectionFile(path.join(folder, "kernel-1.json")), /Cannot read .*kernel-1\.json/);
    await assert.rejects(readConnectionFile(path.join(folder, "gone.json")), /Cannot read .*gone\.json/);
});

test("only kernels that listen now are offered, with their notebook's name", async (t) => {
    const port = await listeningPort(t);
    const folder = await folderWith(t, {
        "kernel-a.json": { kernel_name: "llmspell", jupyter_session: "/n/tour.ipynb", llmspell_dap_port: port },
        "kernel-dead.json": { kernel_name: "llmspell", llmspell_dap_port: 1 },
        "kernel-python.json": { kernel_name: "python3" },
        "kernel-broken.json": "not JSON",
        "other.json": { llmspell_dap_port: port },
    });
    const kernels = await listeningKernels(folder);
    assert.deepEqual(
        kernels.map((kernel) => kernel.name),
        ["/n/tour.ipynb"],
    );
    assert.deepEqual(await listeningKernels(path.join(folder, "nowhere")), []);
});

test("the runtime folder is Jupyter's", () => {
    assert.equal(runtimeFolder({ JUPYTER_RUNTIME_DIR: "/r" }, "/home/u", "linux"), "/r");
    assert.equal(runtimeFolder({ JUPYTER_DATA_DIR: "/d" }, "/home/u", "linux"), "/d/runtime");
    assert.equal(runtimeFolder({ XDG_DATA_HOME: "/x" }, "/home/u", "linux"), "/x/jupyter/runtime");
    assert.equal(runtimeFolder({}, "/home/u", "linux"), "/home/u/.local/share/jupyter/runtime");
    assert.equal(runtimeFolder({}, "/Users/u", "darwin"), "/Users/u/Library/Jupyter/runtime");
});
