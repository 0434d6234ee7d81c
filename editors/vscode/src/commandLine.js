"use strict";

const path = require("node:path");

/** Runs the `llmspell` command of an interpreter, wherever pip has put the command's file. */
const RUN_COMMAND = "import sys; from llmspell_kernel.cli import main; sys.exit(main())";

/**
 * @typedef {object} Launch What a launch configuration says.
 * @property {string} program
 * @property {string[]} [args]
 * @property {boolean} [stopOnEntry]
 * @property {string} [language]
 * @property {string} [command]
 * @property {string} [python]
 */

/**
 * @typedef {object} Place What the settings and the workspace say.
 * @property {string} [command]
 * @property {string} [python]
 * @property {string} [folder] the workspace folder
 */

/**
 * The command that runs the program of a launch configuration and listens for us.
 *
 * The configuration comes before the settings, those before the workspace's `.venv`, and that before the PATH.
 *
 * @param {Launch} launch
 * @param {Place} place
 * @param {(file: string) => boolean} exists
 * @returns {string[]} a program and its arguments
 */
function commandLine(launch, place, exists) {
    const options = ["--listen", "127.0.0.1:0", "--wait"];
    if (launch.stopOnEntry) {
        options.push("--stop-on-entry");
    }
    if (launch.language) {
        options.push("--language", launch.language);
    }
    const given = launch.args?.length ? ["--", ...launch.args] : [];
    return [...llmspell(launch, place, exists), "debug", ...options, launch.program, ...given];
}

/**
 * @param {Launch} launch
 * @param {Place} place
 * @param {(file: string) => boolean} exists
 * @returns {string[]}
 */
function llmspell(launch, place, exists) {
    for (const { command, python } of [launch, place]) {
        if (command) {
            return [command];
        }
        if (python) {
            // -P: a json.py in the program's folder must not take the place of Python's own.
            return [python, "-P", "-c", RUN_COMMAND];
        }
    }
    const local = place.folder && path.join(place.folder, ".venv", "bin", "llmspell");
    return [local && exists(local) ? local : "llmspell"];
}

module.exports = { commandLine };
