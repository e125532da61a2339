// Runs npm scripts at the same time, each one's output in one piece, and exits with 0 only when all of them did.
// Usage: node .ci/side-by-side.ts <script>...
import { spawn } from 'node:child_process';

async function run(script: string): Promise<boolean> {
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const isGood = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
  console.log(`${isGood ? 'ok' : 'FAILED'}: ${script}\n${output}`);
  return isGood;
}

const all = await Promise.all(process.argv.slice(2).map(run));
process.exit(all.every(Boolean) ? 0 : 1);
