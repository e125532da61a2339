import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { beforeAll, expect, test } from 'vitest';

const folder = new URL('../fixtures/histories/', import.meta.url);
const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).toSorted();
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
let code: string;

beforeAll(async () => {
  const workflowsPath = fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url));
  ({ code } = await bundleWorkflowCode({ workflowsPath, logger: quiet }));
});

async function replay(file: string, change: (text: string) => string = (text) => text) {
  const text = await readFile(new URL(file, folder), 'utf8');
  const history = historyFromJSON(JSON.parse(change(text)));
  await Worker.runReplayHistory({ workflowBundle: { code } }, history);
}

test('histories of every kind have been recorded', () => {
  expect(files).toEqual([
    'control-continued.json',
    'control-counted.json',
    'control-handed-over.json',
    'control-held-and-resumed.json',
    'control-paused-and-resumed.json',
    'delivery-at-once.json',
    'delivery-held-and-woken.json',
    'delivery-paced.json',
    'delivery-waiting.json',
    'delivery-with-retries.json',
    'requests-routed.json',
    'requests-verified.json',
  ]);
});

test.each(files)('%s goes on with the workflows as they are now', async (file) => {
  await expect(replay(file)).resolves.toBeUndefined();
});

test('a history that does not fit is noticed', async () => {
  const change = (text: string) => text.replaceAll('"attemptDeliveries"', '"attemptSomething"');
  await expect(replay('delivery-at-once.json', change)).rejects.toThrow(/[Nn]ondeterminism/);
});
