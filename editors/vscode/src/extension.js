"use strict";

const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const vscode = require("vscode");

const { commandLine } = require("./commandLine");
const { completed, environment, problemOf } = require("./configuration");
const { expressionAt, functionStart, variablesIn } = require("./expressions");
const { listeningKernels, readConnectionFile, runtimeFolder } = require("./kernels");
const { Program } = require("./program");

const TYPE = "llmspell";

/** Session id -> the program that the session has launched last; a restarted session keeps its id. */
/** @type {Map<string, Program>} */
const programs = new Map();

/** @type {vscode.LogOutputChannel} */
let log;

/** @param {vscode.ExtensionContext} context */
function activate(context) {
    log = vscode.window.createOutputChannel("LLMSpell", { log: true });
    context.subscriptions.push(
        log,
        vscode.commands.registerCommand("llmspell.attachToKernel", attachToKernel),
        vscode.commands.registerCommand("llmspell.pickKernel", pickKernel),
        vscode.commands.registerCommand("llmspell.debugFile", debugFile),
        vscode.debug.registerDebugConfigurationProvider(TYPE, {
            resolveDebugConfiguration,
            resolveDebugConfigurationWithSubstitutedVariables,
        }),
        vscode.debug.registerDebugConfigurationProvider(
            TYPE,
            { provideDebugConfigurations },
            vscode.DebugConfigurationProviderTriggerKind.Dynamic,
        ),
        vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, { createDebugAdapterDescriptor }),
        vscode.debug.registerDebugAdapterTrackerFactory(TYPE, { createDebugAdapterTracker }),
        vscode.languages.registerEvaluatableExpressionProvider("lua", { provideEvaluatableExpression }),
        vscode.languages.registerInlineValuesProvider("lua", { provideInlineValues }),
    );
}

async function deactivate() {
    await Promise.all([...programs.values()].map((program) => program.end(0)));
}

/** @param {vscode.Uri} [uri] */
async function debugFile(uri) {
    const file = uri?.fsPath ?? activeLuaFile();
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file ?? ""));
    await vscode.debug.startDebugging(folder, {
        type: TYPE,
        request: "launch",
        name: "Lua: this file",
        program: file,
    });
}

async function attachToKernel() {
    const connectionFile = await pickKernel();
    if (connectionFile) {
        const name = "Lua: running kernel";
        const folder = vscode.workspace.workspaceFolders?.[0];
        await vscode.debug.startDebugging(folder, { type: TYPE, request: "attach", name, connectionFile });
    }
}

/**
 * Asks which kernel.
 *
 * @returns {Promise<string | undefined>} the path of its connection file
 */
async function pickKernel() {
    const settings = vscode.workspace.getConfiguration("llmspell");
    const folder =
        settings.get("runtimeFolder", "") || runtimeFolder(process.env, os.homedir(), process.platform);
    const kernels = await listeningKernels(folder);
    if (kernels.length === 0) {
        vscode.window.showErrorMessage(
            `No kernel of ${folder} listens for debuggers. ` +
                "Start one with: llmspell kernel start -- --dap-port=0",
        );
        return undefined;
    }
    const items = kernels.map(({ file, name, port, started }) => ({
        label: name,
        description: `port ${port}, since ${new Date(started).toLocaleTimeString()}`,
        detail: file,
    }));
    const chosen = await vscode.window.showQuickPick(items, {
        title: "Attach to Running Kernel",
        placeHolder: "Kernels that listen for debuggers",
        matchOnDetail: true,
    });
    return chosen?.detail;
}

function provideDebugConfigurations() {
    return [{ type: TYPE, request: "launch", name: "Lua: this file", program: "${file}" }];
}

/**
 * @param {vscode.WorkspaceFolder | undefined} folder
 * @param {vscode.DebugConfiguration} configuration
 */
function resolveDebugConfiguration(folder, configuration) {
    const place = { file: activeLuaFile(), folder: folder?.uri.fsPath };
    return /** @type {vscode.DebugConfiguration} */ (completed(configuration, place));
}

/**
 * @param {vscode.WorkspaceFolder | undefined} _folder
 * @param {vscode.DebugConfiguration} configuration
 */
async function resolveDebugConfigurationWithSubstitutedVariables(_folder, configuration) {
    const problem = problemOf(configuration, fs.existsSync);
    if (problem) {
        vscode.window.showErrorMessage(problem);
        return undefined;
    }
    if (configuration.request === "launch") {
        // Other users of this machine can reach the program's port, too.
        return { ...configuration, token: randomUUID() };
    }
    if (!configuration.connectionFile) {
        return configuration;
    }
    try {
        const { host, port, token } = await readConnectionFile(configuration.connectionFile);
        return { ...configuration, host, port, token: configuration.token ?? token };
    } catch (error) {
        vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
        return undefined;
    }
}

/** @param {vscode.DebugSession} session */
async function createDebugAdapterDescriptor({ id, configuration, workspaceFolder }) {
    if (configuration.request === "attach") {
        return new vscode.DebugAdapterServer(configuration.port, configuration.host);
    }
    await programs.get(id)?.end(0);
    const settings = vscode.workspace.getConfiguration("llmspell", workspaceFolder);
    const place = {
        command: settings.get("command", ""),
        python: settings.get("python", ""),
        folder: workspaceFolder?.uri.fsPath,
    };
    const launch = /** @type {any} */ (configuration);
    const program = await Program.start(commandLine(launch, place, fs.existsSync), {
        cwd: configuration.cwd,
        env: environment(process.env, { ...configuration.env, LLMSPELL_DEBUG_TOKEN: configuration.token }),
        log: (line) => log.info(line),
    });
    programs.set(id, program);
    const { host, port } = program.address;
    return new vscode.DebugAdapterServer(port, host);
}

/**
 * One for each connection of a session, made after its descriptor.
 *
 * @param {vscode.DebugSession} session
 * @returns {vscode.DebugAdapterTracker}
 */
function createDebugAdapterTracker({ id }) {
    const program = programs.get(id);
    return {
        onWillStopSession: async () => {
            await program?.end();
            if (programs.get(id) === program) {
                programs.delete(id);
            }
        },
    };
}

/**
 * @param {vscode.TextDocument} document
 * @param {vscode.Position} position
 */
function provideEvaluatableExpression(document, position) {
    const span = expressionAt(document.lineAt(position).text, position.character);
    return span && new vscode.EvaluatableExpression(rangeOf(position.line, span), span.text);
}

/**
 * @param {vscode.TextDocument} document
 * @param {vscode.Range} viewPort
 * @param {vscode.InlineValueContext} context
 */
function provideInlineValues(document, viewPort, context) {
    const stopped = context.stoppedLocation.end.line;
    const lineAt = (/** @type {number} */ line) => document.lineAt(line).text;
    const first = Math.max(functionStart(lineAt, stopped), viewPort.start.line);
    const values = [];
    for (let line = first; line <= stopped; line += 1) {
        for (const span of variablesIn(lineAt(line))) {
            values.push(new vscode.InlineValueVariableLookup(rangeOf(line, span), span.text, true));
        }
    }
    return values;
}

/**
 * @param {number} line
 * @param {import("./expressions").Span} span
 */
function rangeOf(line, { start, end }) {
    return new vscode.Range(line, start, line, end);
}

/** @returns {string | undefined} */
function activeLuaFile() {
    const document = vscode.window.activeTextEditor?.document;
    return document?.languageId === "lua" && !document.isUntitled ? document.uri.fsPath : undefined;
}

module.exports = { activate, deactivate };
