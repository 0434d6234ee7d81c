// Debugs a script through VS Code's own test client for debug adapters.
// Usage: node scenarios.js SCENARIO PORT PROGRAM LINE; exits with 0 if everything was as it should be.
"use strict";

const assert = require("node:assert");
const { DebugClient } = require("@vscode/debugadapter-testsupport");

const TIMEOUT = 60000;

async function variablesOf(client, frameId, scopeName) {
  const { scopes } = (await client.scopesRequest({ frameId })).body;
  const scope = scopes.find(({ name }) => name === scopeName);
  assert(scope, `no scope ${scopeName} among ${scopes.map(({ name }) => name)}`);
  const { variables } = (await client.variablesRequest({ variablesReference: scope.variablesReference })).body;
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

const scenarios = {
  async attach(client, path, line) {
    const initialized = client.waitForEvent("initialized", TIMEOUT);
    const { body: capabilities } = await client.initializeRequest();
    assert.strictEqual(capabilities.supportsConfigurationDoneRequest, true);
    const attached = client.attachRequest({});
    await initialized;
    const { body } = await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] });
    assert.deepStrictEqual(
      body.breakpoints.map(({ verified, line }) => [verified, line]),
      [[true, line]],
    );
    const output = client.assertOutput("stdout", "area 12\n", TIMEOUT);
    const stopped = client.assertStoppedLocation("breakpoint", { path, line });
    await client.configurationDoneRequest();
    await attached;
    const frame = (await stopped).body.stackFrames[0];
    assert.strictEqual(frame.name.includes("area"), true, `the frame is called ${frame.name}`);
    assert.deepStrictEqual(await variablesOf(client, frame.id, "Locals"), { w: "3", h: "4" });
    const { result } = (await client.evaluateRequest({ expression: "w + h", frameId: frame.id, context: "watch" })).body;
    assert.strictEqual(result, "7");
    await Promise.all([
      client.assertStoppedLocation("step", { path, line: line + 1 }),
      client.nextRequest({ threadId: 1 }),
    ]);
    const terminated = client.waitForEvent("terminated", TIMEOUT);
    await client.continueRequest({ threadId: 1 });
    await output;
    await terminated;
  },

  async launch(client, path, line) {
    await client.hitBreakpoint({ program: path }, { path, line });
    const { threads } = (await client.threadsRequest()).body;
    assert.strictEqual(threads[0].id, 1);
    const terminated = client.waitForEvent("terminated", TIMEOUT);
    await client.continueRequest({ threadId: 1 });
    await terminated;
  },

  async pauseAndDisconnect(client, path) {
    const busy = client.assertOutput("stdout", "busy\n", TIMEOUT);
    await Promise.all([client.launch({ program: path }), client.configurationSequence()]);
    await busy;
    const stopped = client.waitForEvent("stopped", TIMEOUT);
    await client.pauseRequest({ threadId: 1 });
    assert.strictEqual((await stopped).body.reason, "pause");
    await client.disconnectRequest({ terminateDebuggee: true });
  },
};

async function main([name, port, program, line]) {
  const client = new DebugClient("", "", "llmspell");
  client.defaultTimeout = TIMEOUT;
  await client.start(Number(port));
  await scenarios[name](client, program, Number(line));
  await client.stop();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
