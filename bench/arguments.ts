import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { Fault } from './fault.ts';

/** Which scenario runs; without a flag of its own it is the standard one. */
const SCENARIOS = [
  'idle',
  'sustained',
  'outage',
  'noisy',
  'pause',
  'rate-limit',
  'ordered',
  'hang',
  'verified',
  'spike',
] as const;
export type ScenarioName = 'standard' | (typeof SCENARIOS)[number];

/** What was asked for; a number that is undefined takes the scenario's own default. */
export type Options = {
  scenario: ScenarioName;
  rate?: number;
  seconds?: number;
  /** Events parked a second. */
  parking?: number;
  destinations: number;
  bodyBytes: number;
  preload: number;
  warmupSeconds: number;
  drainSeconds: number;
  json: boolean;
  help: boolean;
  /** A running gateway to measure instead of one of our own. */
  running: { url: string; apiKey: string; dataDir: string | null } | null;
  /** Folder for CPU profiles of the gateway's threads. */
  profileDir: string | null;
};

export class ArgumentError extends Fault {
  override readonly name = 'ArgumentError';
}

export const USAGE = `npm run bench -- [scenario] [options]

Scenarios (none: a plain run of --rate for --seconds)
  --idle          CPU and memory of a gateway that has nothing to do
  --sustained     the highest rate with an end-to-end p99 below 2 s
  --outage        one of ten destinations is down for a while
  --hang          one of ten destinations does not answer for a while
  --noisy         a hostile transformation beside well-behaved sources
  --pause         events parked on a paused destination, then resumed
  --rate-limit    a backlog on a destination with a rate limit
  --ordered       ordered delivery with failures in between
  --verified      acknowledgements of a source that verifies beside one that does not
  --spike         3,000 requests/s for 10 s: acknowledgements meanwhile, and the backlog afterwards

Options
  --rate R          requests per second
  --seconds S       length of the run, or of its bad phase
  --parking R       events parked a second (--pause), default 1000; half as many are let go
  --destinations D  destinations of the one source (plain run), default 1
  --body-bytes B    bytes of a request body, default 1000
  --preload N       finished requests, events and attempts to put into the tables before
  --warmup S        seconds of load that are not measured, default 5
  --drain S         longest wait for the last deliveries, default 60
  --json            print the JSON line alone
  --gateway URL --api-key K [--data-dir D]
                    measure a running gateway; its data directory tells its processes and database
  --profile DIR     write CPU profiles of our own gateway there`;

const flags = {
  rate: { type: 'string' },
  seconds: { type: 'string' },
  parking: { type: 'string' },
  destinations: { type: 'string' },
  'body-bytes': { type: 'string' },
  preload: { type: 'string' },
  warmup: { type: 'string' },
  drain: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
  gateway: { type: 'string' },
  'api-key': { type: 'string' },
  'data-dir': { type: 'string' },
  profile: { type: 'string' },
  idle: { type: 'boolean' },
  sustained: { type: 'boolean' },
  outage: { type: 'boolean' },
  noisy: { type: 'boolean' },
  pause: { type: 'boolean' },
  'rate-limit': { type: 'boolean' },
  ordered: { type: 'boolean' },
  hang: { type: 'boolean' },
  verified: { type: 'boolean' },
  spike: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

type Values = { [Name in keyof typeof flags]?: string | boolean };

/** Reads the command line; throws ArgumentError with a sentence for what is wrong. */
export function parseArguments(args: string[]): Options {
  const values = readFlags(args);
  const { rate, seconds, parking } = {
    parking: whole(values, { name: 'parking', min: 2, max: 10_000 }),
    rate: whole(values, { name: 'rate', min: 1, max: 100_000 }),
    seconds: whole(values, { name: 'seconds', min: 1, max: 86_400 }),
  };
  return {
    scenario: scenarioOf(values),
    ...(rate === undefined ? {} : { rate }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(parking === undefined ? {} : { parking }),
    destinations: whole(values, { name: 'destinations', min: 1, max: 1_000 }) ?? 1,
    bodyBytes: whole(values, { name: 'body-bytes', min: 150, max: 10_485_760 }) ?? 1_000,
    preload: whole(values, { name: 'preload', min: 0, max: 100_000_000 }) ?? 0,
    warmupSeconds: whole(values, { name: 'warmup', min: 0, max: 3_600 }) ?? 5,
    drainSeconds: whole(values, { name: 'drain', min: 1, max: 86_400 }) ?? 60,
    json: values.json === true,
    help: values.help === true,
    ...gatewayOf(values),
  };
}

function readFlags(args: string[]): Values {
  try {
    return parseArgs({ args, options: flags, strict: true }).values;
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.\s|\n/);
    throw new ArgumentError(`${sentence}. --help lists all options.`);
  }
}

function scenarioOf(values: Values): ScenarioName {
  const [chosen, second] = SCENARIOS.filter((name) => values[name] === true);
  if (second) throw new ArgumentError(`Choose one scenario: --${chosen} or --${second}, not both.`);
  return chosen ?? 'standard';
}

function whole(
  values: Values,
  { name, min, max }: { name: keyof Values; min: number; max: number },
): number | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  const value = /^\d+$/.test(String(given)) ? Number(given) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ArgumentError(
    `--${name} must be a whole number between ${min} and ${max}, and is ${JSON.stringify(given)}.`,
  );
}

function gatewayOf(values: Values): Pick<Options, 'running' | 'profileDir'> {
  const { gateway: url, 'api-key': apiKey, 'data-dir': dataDir, profile } = values;
  if (url === undefined) {
    for (const name of ['api-key', 'data-dir'] as const) {
      if (values[name] !== undefined) {
        throw new ArgumentError(`--${name} belongs to --gateway URL, which is missing.`);
      }
    }
    return { running: null, profileDir: profile === undefined ? null : String(profile) };
  }
  if (!/^https?:$/.test(URL.parse(String(url))?.protocol ?? '')) {
    throw new ArgumentError(`--gateway must be a URL like http://127.0.0.1:8300, and is "${url}".`);
  }
  if (apiKey === undefined) {
    throw new ArgumentError('--gateway needs --api-key: sources and destinations are made there.');
  }
  if (profile !== undefined) {
    throw new ArgumentError('--profile works only on a gateway of our own, without --gateway.');
  }
  for (const name of ['preload', 'idle'] as const) {
    if (values[name] !== undefined && dataDir === undefined) {
      throw new ArgumentError(`--${name} on a running gateway needs its --data-dir.`);
    }
  }
  const folder = dataDir === undefined ? null : String(dataDir);
  const base = String(url).replace(/\/+$/, '');
  return { running: { url: base, apiKey: String(apiKey), dataDir: folder }, profileDir: null };
}
