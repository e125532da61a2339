import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from './compose-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-total-'));
afterAll(() => rmSync(folder, { recursive: true }));

const passed = { status: 'passed', assertionResults: [{ status: 'passed' }] };
const nothing = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };

function total(report: string): { line: string; status: number | null } {
  const path = join(folder, 'report.json');
  writeFileSync(path, report);
  const args = [join(root, '.ci', 'total.ts'), path];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { line: stdout.trimEnd(), status };
}

test('all passed is a success, skipped ones counted apart', () => {
  const report = { ...nothing, numPassedTests: 12, testResults: [passed] };
  expect(total(JSON.stringify(report))).toEqual({ line: '12 passed, 0 failed', status: 0 });
  const skipped = { ...report, numPendingTests: 2, numTodoTests: 1 };
  expect(total(JSON.stringify(skipped))).toEqual({
    line: '12 passed, 0 failed, 3 skipped',
    status: 0,
  });
});

test('one failed test is no success', () => {
  const failed = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  const report = { ...nothing, numPassedTests: 3, numFailedTests: 1, testResults: [failed] };
  expect(total(JSON.stringify(report))).toEqual({ line: '3 passed, 1 failed', status: 1 });
});

test('a file that did not load counts as a failure', () => {
  const unloaded = { status: 'failed', assertionResults: [] };
  const report = { ...nothing, numPassedTests: 3, testResults: [passed, unloaded] };
  expect(total(JSON.stringify(report))).toEqual({ line: '3 passed, 1 failed', status: 1 });
});

test('no test at all, and no report at all, are no success', () => {
  const empty = { ...nothing, testResults: [] };
  expect(total(JSON.stringify(empty))).toEqual({ line: '0 passed, 0 failed', status: 1 });
  expect(total('{')).toEqual({ line: '0 passed, 0 failed', status: 1 });
});

test('the gate is a script that its shell can read', () => {
  const { status, stderr } = spawnSync('bash', ['-n', join(root, '.ci', 'run')], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
