import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads a small secret kept in the data directory, making it on first use. Readable by the gateway's user alone. */
export async function keepSecret(
  dataDir: string,
  { name, make }: { name: string; make: () => string },
): Promise<string> {
  const folder = join(dataDir, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const file = join(folder, name);
  const kept = await readIfThere(file);
  if (kept) return kept;

  // A rename happens whole or not at all, so a start cut short leaves no half-written secret.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, make(), { mode: 0o600, flush: true });
  await rename(draft, file);
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
