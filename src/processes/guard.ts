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
    platform.temporalAddress,
    ...(platform.temporalUiUrl === null ? [] : [endpointOf(platform.temporalUiUrl)]),
  ];
}

function endpointOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
