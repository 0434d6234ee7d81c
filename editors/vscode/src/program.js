"use strict";

const { spawn } = require("node:child_process");

const START_SECONDS = 30;
const LEAVE_SECONDS = 1;
const KEPT_CHARACTERS = 4000;

/** @typedef {{ host: string, port: number }} Address */

/**
 * Where a complete line of `llmspell debug --listen` says that it listens, if it does.
 *
 * @param {string} text one or more lines
 * @returns {Address | undefined}
 */
function listeningAddress(text) {
    const found = /^listening on (\S+):(\d+)\s*\n/m.exec(text);
    return found ? { host: found[1], port: Number(found[2]) } : undefined;
}

/** A Lua program that runs under the debugger and listens for us. */
class Program {
    /**
     * Starts the program and waits until it listens.
     *
     * @param {string[]} command a program and its arguments
     * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, seconds?: number, log?: (line: string) => void }} [options]
     * @returns {Promise<Program>}
     * @throws {Error} with what the program wrote, if it cannot be started, ends, or does not listen in time
     */
    static async start(command, { cwd, env, seconds = START_SECONDS, log = () => {} } = {}) {
        log(`run: ${command.join(" ")}`);
        const child = spawn(command[0], command.slice(1), {
            cwd,
            env,
            stdio: ["ignore", "pipe", "pipe"],
        });
        const program = new Program(child, log);
        try {
            program.address = await program.#listening(command[0], seconds);
        } catch (error) {
            await program.end(0);
            throw error;
        }
        return program;
    }

    /**
     * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} child
     * @param {(line: string) => void} log
     */
    constructor(child, log) {
        this.child = child;
        /** @type {Address} */
        this.address = { host: "", port: 0 };
        this.log = log;
        this.ended = new Promise((resolve) => {
            child.once("close", resolve);
            child.once("error", resolve);
        });
    }

    /**
     * Waits until the program has ended; what is still there after a while is terminated, and then killed.
     *
     * @param {number} [seconds] how long it may take to leave by itself, and again after it was told to
     */
    async end(seconds = LEAVE_SECONDS) {
        for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGTERM", "SIGKILL"])) {
            if (await this.#endedWithin(seconds)) {
                return;
            }
            this.log(`${signal} for process ${this.child.pid}`);
            this.child.kill(signal);
            seconds = LEAVE_SECONDS;
        }
        await this.#endedWithin(seconds);
    }

    /** @param {number} seconds */
    async #endedWithin(seconds) {
        /** @type {NodeJS.Timeout | undefined} */
        let timer;
        const late = new Promise((resolve) => {
            timer = setTimeout(resolve, seconds * 1000, "late");
        });
        const first = await Promise.race([this.ended, late]);
        clearTimeout(timer);
        return first !== "late";
    }

    /**
     * @param {string} name
     * @param {number} seconds
     * @returns {Promise<Address>}
     */
    #listening(name, seconds) {
        const { child } = this;
        let written = "";
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new Error(`${name} did not listen within ${seconds} seconds.\n${written}`)),
                seconds * 1000,
            );
            const finish = (/** @type {() => void} */ how) => {
                clearTimeout(timer);
                how();
            };
            // Both streams are read to the end: a program must not block on a full pipe. Once a client is
            // connected, what the program writes comes as output events too.
            for (const stream of [child.stdout, child.stderr]) {
                let seen = "";
                stream.setEncoding("utf8");
                stream.on("data", (text) => {
                    const address = listeningAddress(seen + text);
                    if (address) {
                        finish(() => resolve(address));
                    }
                    seen = (seen + text).slice(-KEPT_CHARACTERS);
                    written = (written + text).slice(-KEPT_CHARACTERS);
                });
            }
            child.once("error", (error) => finish(() => reject(notStarted(name, error))));
            child.once("close", (status, signal) => {
                const how = signal ? `was ended by ${signal}` : `ended with status ${status}`;
                this.log(`process ${child.pid} ${how}`);
                finish(() => reject(new Error(`${name} ${how} before it listened.\n${written}`.trim())));
            });
        });
    }
}

/**
 * @param {string} name
 * @param {NodeJS.ErrnoException} error
 */
function notStarted(name, error) {
    if (error.code !== "ENOENT") {
        return new Error(`Cannot run ${name}: ${error.message}`);
    }
    return new Error(
        `Cannot run ${name}: there is no such command, or the folder to run it in does not exist. ` +
            "Install it (pip install llmspell-kernel), or say in the settings where it is " +
            "(llmspell.command or llmspell.python).",
    );
}

module.exports = { Program, listeningAddress };
