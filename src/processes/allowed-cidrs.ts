import type { Config } from '../config.ts';
import type { Platform } from './platform.ts';

/** What was set, and what runs because of it. */
export type Opened = { config: Config; platform: Platform };

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** Private networks that deliveries may enter; the embedded default opens loopback, so that a first try works. */
export function allowedCidrs({ config, platform }: Opened): string[] {
  return config.egressAllowCidrs ?? (platform.embedded.postgres ? LOOPBACK : []);
}
