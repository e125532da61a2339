import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { killAll, processesOf } from './processes.ts';

// Reads folders, a line each. When its input ends, whoever wrote them has ended, in whatever way: what still runs in
// them is ended too, and they are removed.
const folders: string[] = [];
const lines = createInterface({ input: process.stdin });
lines.on('line', (folder) => folders.push(folder));
lines.once('close', () => {
  for (const folder of folders) {
    killAll(processesOf(folder).map(({ pid }) => pid));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
