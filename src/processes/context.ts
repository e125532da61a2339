import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Shutdown } from './shutdown.ts';

/** What every command of `sluice` that runs for long is given. */
export type Context = { config: Config; log: Log; shutdown: Shutdown };
