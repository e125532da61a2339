import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { buildConnector } from 'undici';
import type { AddressGuard } from './address-guard.ts';

// Node gives up an address when it tries the next: its 250 ms are too short for a far or busy one.
const NEXT_ADDRESS_MS = 2_000;

export type ConnectorOptions = {
  guard: AddressGuard;
  port: number;
  connectTimeoutMs: number;
  /** PEM certificates trusted beside the usual roots. There is no switch that trusts everything. */
  extraCertificates: readonly string[];
};

/**
 * Opens connections for undici, none to an address the guard denies. Literals are judged here, since
 * node never calls `lookup` for them; names in `lookup`, where all their addresses are judged and the
 * connection then goes to those that are allowed, one after the other, so that a second answer of the DNS cannot move it.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { guard, port, connectTimeoutMs, extraCertificates } = options;
  const trusted = extraCertificates.length > 0 ? [...rootCertificates, ...extraCertificates] : null;
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
    lookup: guardedLookup(guard, port),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(trusted === null ? {} : { ca: trusted }),
  });

  const open: buildConnector.connector = (target, callback) =>
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && guard.allows(remoteAddress, port)) {
        return callback(null, socket);
      }
      socket.destroy();
      callback(remoteAddress === undefined ? closedAtOnce() : guard.denial(remoteAddress), null);
    });

  return (target, callback) => {
    if (isIP(target.hostname) === 0) return open(target, callback);
    // Not in the same tick, either: undici is still in the middle of dispatching.
    guard.refresh(target.hostname).then(
      () => {
        if (guard.allows(target.hostname, port)) open(target, callback);
        else callback(guard.denial(target.hostname), null);
      },
      (error: Error) => callback(error, null),
    );
  };
}

function guardedLookup(guard: AddressGuard, port: number): LookupFunction {
  return (hostname, { all }, callback) => {
    guard.resolve(hostname, port).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first] = found;
        if (all === true) callback(null, found);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: Error) => callback(error, []),
    );
  };
}

function closedAtOnce(): Error {
  return Object.assign(new Error('closed'), { code: 'ECONNRESET' });
}
