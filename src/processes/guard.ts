import { endpointsOf } from '../db/address.ts';
import { createAddressGuard, type AddressGuard } from '../egress/address-guard.ts';
import { endpointAt } from './address.ts';
import { allowedCidrs } from './allowed-cidrs.ts';
import type { Foundation } from './foundation.ts';
import { ownListeners } from './own-listeners.ts';

/** What guards everything that leaves: no server of this gateway is reached, wherever it listens. */
export function openGuard(foundation: Foundation): AddressGuard {
  return createAddressGuard({
    allowCidrs: allowedCidrs(foundation),
    denyEndpoints: ownEndpoints(foundation),
    ownListeners: ownListeners(foundation),
  });
}

function ownEndpoints({ config, platform }: Foundation): string[] {
  return [
    endpointAt(config.host, config.port),
    ...endpointsOf(platform.databaseUrl),
    ...temporalEndpoints(platform),
    ...(platform.temporalUiUrl === null ? [] : [endpointOf(platform.temporalUiUrl)]),
  ];
}

// Where Temporal's servers listen beside their frontend's gRPC, unless told otherwise: its HTTP, and their services.
const TEMPORAL_PORTS = [7243, 7234, 7235, 7239, 6933, 6934, 6935, 6939];

/** A Temporal of our own is asked where it listens; of another its usual ports are known. */
export function temporalEndpoints({
  temporalAddress: address,
  embedded,
}: Pick<Foundation['platform'], 'temporalAddress' | 'embedded'>): string[] {
  if (embedded.temporal) return [address];
  const host = address.replace(/:\d+$/, '');
  return [address, ...TEMPORAL_PORTS.map((port) => `${host}:${port}`)];
}

function endpointOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
