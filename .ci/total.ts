// Prints the total of a vitest report, like "12 passed, 0 failed, 1 skipped", and exits with 0 only when tests ran
// and all of them passed. A file that did not load counts as one failure: none of its tests was counted.
import { readFileSync } from 'node:fs';

type Report = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
};

const report = read(process.argv[2] ?? '');
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + unloaded.length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(passed > 0 && failed === 0 ? 0 : 1);

function read(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch (error) {
    console.error(`ci: no test report: ${error instanceof Error ? error.message : String(error)}`);
    console.log('0 passed, 0 failed');
    return process.exit(1);
  }
}
