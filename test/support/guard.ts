import { rmSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { killAll, processesOf } from './processes.ts';

// Reads files and folders, a line each. When its input ends, whoever wrote them has ended, in whatever way: what still
// runs in the folders is ended too, and they are removed.
const paths: string[] = [];
const lines = createInterface({ input: process.stdin });
lines.on('line', (path) => paths.push(path));
lines.once('close', () => {
  for (const path of paths) {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isFolder) killAll(processesOf(path).map(({ pid }) => pid));
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
});
