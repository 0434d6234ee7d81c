"use strict";

const fs = require("node:fs/promises");
const net = require("node:net");
const path = require("node:path");

const CONNECT_MILLISECONDS = 500;

/**
 * @typedef {object} Kernel A kernel that listens for debuggers.
 * @property {string} file its connection file
 * @property {string} name `llmspell`, or the notebook's path where Jupyter tells it
 * @property {number} started when its connection file was written, in milliseconds
 * @property {string} host
 * @property {number} port
 * @property {string | undefined} token
 */

/**
 * The folder of Jupyter's connection files, as `jupyter --runtime-dir` tells it by default.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} home
 * @param {NodeJS.Platform} platform
 */
function runtimeFolder(env, home, platform) {
    if (env.JUPYTER_RUNTIME_DIR) {
        return env.JUPYTER_RUNTIME_DIR;
    }
    return path.join(env.JUPYTER_DATA_DIR || dataFolder(env, home, platform), "runtime");
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} home
 * @param {NodeJS.Platform} platform
 */
function dataFolder(env, home, platform) {
    if (platform === "darwin") {
        return path.join(home, "Library", "Jupyter");
    }
    return path.join(env.XDG_DATA_HOME || path.join(home, ".local", "share"), "jupyter");
}

/**
 * What the connection file of a kernel says.
 *
 * @param {string} file
 * @returns {Promise<Kernel>}
 * @throws {Error} that says what to do, if the file cannot be read or its kernel does not listen
 */
async function readConnectionFile(file) {
    let content;
    let started;
    try {
        content = JSON.parse(await fs.readFile(file, "utf8"));
        started = (await fs.stat(file)).mtimeMs;
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`Cannot read the connection file ${file}: ${reason}`);
    }
    const port = content?.llmspell_dap_port;
    if (!Number.isInteger(port) || port <= 0) {
        throw new Error(
            `The kernel of ${file} does not listen for debuggers. ` +
                "Start it with --dap-port=0, for example: llmspell kernel start -- --dap-port=0",
        );
    }
    return {
        file,
        name: content.jupyter_session || content.kernel_name || path.basename(file, ".json"),
        started,
        host: "127.0.0.1",
        port,
        token: content.llmspell_dap_token || undefined,
    };
}

/**
 * The kernels that listen now, the youngest first.
 *
 * @param {string} folder with connection files
 * @returns {Promise<Kernel[]>}
 */
async function listeningKernels(folder) {
    /** @type {string[]} */
    const names = await fs.readdir(folder).catch(() => []);
    const files = names.filter((name) => name.startsWith("kernel-") && name.endsWith(".json"));
    const found = await Promise.all(files.map((name) => listening(path.join(folder, name))));
    return found.filter((kernel) => kernel !== undefined).sort((a, b) => b.started - a.started);
}

/**
 * @param {string} file
 * @returns {Promise<Kernel | undefined>}
 */
async function listening(file) {
    try {
        const kernel = await readConnectionFile(file);
        // Kernels that were killed leave their files behind.
        return (await answers(kernel.host, kernel.port)) ? kernel : undefined;
    } catch {
        return undefined;
    }
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answers(host, port) {
    return new Promise((resolve) => {
        const socket = net.connect({ host, port });
        const finish = (/** @type {boolean} */ answer) => {
            socket.destroy();
            resolve(answer);
        };
        socket.setTimeout(CONNECT_MILLISECONDS, () => finish(false));
        socket.once("connect", () => finish(true));
        socket.once("error", () => finish(false));
    });
}

module.exports = { listeningKernels, readConnectionFile, runtimeFolder };
