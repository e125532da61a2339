// A process with a pool that is busy with code nothing can interrupt, and is about to be killed.
import { handler, jobOf, testPool } from './sandbox.ts';

const pool = testPool();
await pool.run(jobOf(handler('e => e')));
void pool.run(jobOf(process.argv[2] ?? '', { timeoutMs: 5_000 }));
process.stdout.write('running');
