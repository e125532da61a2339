import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = ['../workflows/', '../domain/'].map((folder) => new URL(folder, import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/sluice/', import.meta.url));
const BUNDLER = fileURLToPath(new URL('./bundle-workflows.ts', import.meta.url));

/**
 * The workflows as one file for Temporal's isolate, made once per state of their sources. A process of its own makes
 * it: the bundler leaves hundreds of megabytes behind. Null where nothing can be written: then the worker bundles.
 */
export async function workflowBundle(): Promise<string | null> {
  const file = join(CACHE, `workflows-${await fingerprint()}.js`);
  if (await exists(file)) return file;
  try {
    await mkdir(dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}`;
    await runBundler(draft);
    // Two gateways that start together both make it; either is whole.
    await rename(draft, file);
    return file;
  } catch {
    return null;
  }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256');
  const sdk = import.meta.resolve('@temporalio/worker/package.json');
  const files = [fileURLToPath(sdk), BUNDLER];
  for (const folder of SOURCES) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.ts')).toSorted();
    files.push(...names.map((name) => fileURLToPath(new URL(name, folder))));
  }
  for (const file of files) hash.update(await readFile(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}

function runBundler(out: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BUNDLER, out], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The workflows could not be bundled (exit code ${code})`));
    });
  });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
