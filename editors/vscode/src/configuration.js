"use strict";

const path = require("node:path");

/**
 * A configuration with what may be left out of it.
 *
 * @param {Record<string, any>} configuration
 * @param {{ file?: string, folder?: string }} place the Lua file in the editor; the workspace folder
 * @returns {Record<string, any>}
 */
function completed(configuration, { file, folder }) {
    if (!configuration.request) {
        // F5 without a launch.json: an empty configuration.
        configuration = { ...configuration, type: "llmspell", request: "launch", name: "Lua: this file" };
        configuration.program = file;
    }
    if (configuration.request === "attach") {
        return { host: "127.0.0.1", ...configuration };
    }
    const program = configuration.program;
    const cwd = folder ?? (program && path.isAbsolute(program) ? path.dirname(program) : undefined);
    return { cwd, args: [], env: {}, stopOnEntry: false, ...configuration };
}

/**
 * What is wrong with a configuration, in words for its author; undefined if nothing is.
 *
 * @param {Record<string, any>} configuration
 * @param {(file: string) => boolean} exists
 * @returns {string | undefined}
 */
function problemOf(configuration, exists) {
    return configuration.request === "attach" ? attachProblem(configuration) : launchProblem(configuration, exists);
}

/**
 * @param {Record<string, any>} configuration
 * @param {(file: string) => boolean} exists
 */
function launchProblem({ program, args }, exists) {
    if (!program) {
        return 'There is no Lua file to debug: open one, or set "program" in launch.json.';
    }
    if (!path.isAbsolute(program)) {
        return `"program" is ${program}; it must be absolute, such as \${workspaceFolder}/${program}.`;
    }
    if (!exists(program)) {
        return `There is no file ${program}; look at "program" in launch.json.`;
    }
    if (!Array.isArray(args) || args.some((one) => typeof one !== "string")) {
        return `"args" is ${JSON.stringify(args)}; it must be a list of strings, such as ["one", "two"].`;
    }
    return undefined;
}

/** @param {Record<string, any>} configuration */
function attachProblem({ connectionFile, port }) {
    if (connectionFile || (Number.isInteger(port) && port > 0 && port < 65536)) {
        return undefined;
    }
    if (port === undefined) {
        return 'Attach needs "port", or "connectionFile" of a kernel; add one of them in launch.json.';
    }
    return `"port" is ${JSON.stringify(port)}; it must be a number from 1 to 65535.`;
}

/**
 * The environment of a program: ours, with that of the configuration over it.
 *
 * @param {NodeJS.ProcessEnv} ours
 * @param {Record<string, string | null>} theirs null takes a variable away
 * @returns {NodeJS.ProcessEnv}
 */
function environment(ours, theirs) {
    const merged = { ...ours, ...theirs };
    const kept = Object.entries(merged).filter(([, value]) => value !== null && value !== undefined);
    return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

module.exports = { completed, environment, problemOf };
