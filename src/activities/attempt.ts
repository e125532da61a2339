import type { AttemptOutcome } from '../domain/outcome.ts';
import { AttemptErrorCode } from '../domain/outcome.ts';
import type { RetryRule } from '../domain/retry.ts';
import { settle, willRetryAtMs } from '../domain/settle.ts';
import { validSecrets } from '../domain/signing-secrets.ts';
import type { DestinationAuth } from '../domain/schema/destination-auth.ts';
import { AttemptStatus, DestinationType } from '../domain/status.ts';
import { withdrawAttempts, type BegunAttempt, type FinishedAttempt } from '../db/attempts.ts';
import { gatewayNow } from '../db/clock.ts';
import { timeOfId } from '../db/ids.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import type { Connection, Destination, Project, Source } from '../db/configuration.ts';
import type { Database } from '../db/pool.ts';
import { buildRequest } from '../egress/outgoing.ts';
import type { AuthenticatedSender } from '../egress/authentication.ts';
import type { OutgoingRequest } from '../egress/send.ts';
import type { Log } from '../log.ts';
import type { Answered } from './answered.ts';
import type { AttemptOnce } from './delivery.ts';
import type { Circuits } from './circuit.ts';
import type { DestinationPace } from './destination-pace.ts';
import { Stopping, type Flights } from './flights.ts';
import { createOutcomes } from './outcomes.ts';
import { retryRuleOf } from './retry-rule.ts';

type Dependencies = {
  db: Database;
  configuration: Configuration;
  sender: AuthenticatedSender;
  pace: DestinationPace;
  circuits: Pick<Circuits, 'record'>;
  answered: Answered;
  flights: Flights;
  log: Log;
  eventUrl: (eventId: string) => string | null;
  random: () => number;
  /** How long after its arrival an event may still be sent. */
  sendableMs?: number;
};

/** Everything in memory that an attempt is about; missing when something was deleted meanwhile. */
type Parties = {
  project: Project;
  source: Source;
  destination: Destination;
  connection: Connection;
};

const MOCK_URL = 'https://mock.invalid';
const DEFAULT_TIMEOUT_MS = 60_000;

/** Makes the one way an attempt is carried out: build, send, decide, record. */
export function createAttemptOnce(deps: Dependencies): AttemptOnce {
  const outcomes = createOutcomes(deps);
  async function attemptOnce(attempt: BegunAttempt, destinationId: string): Promise<number | null> {
    if (deps.flights.isStopping()) {
      await withdrawAttempts(deps.db, [attempt.attemptId]);
      throw new Stopping();
    }
    const parties = partiesOf(deps.configuration, { attempt, destinationId });
    const leftMs = timeOfId(attempt.eventId) + (deps.sendableMs ?? Infinity) - gatewayNow();
    const rule = parties ? retryRuleOf(parties.connection, { leftMs }) : null;
    const request = parties ? outgoing(deps, { attempt, parties, rule }) : GONE;
    const raw =
      !parties || 'kind' in request
        ? (request as AttemptOutcome)
        : await deps.flights.watch(send(deps.sender, { request, ...parties }));
    const outcome = parties ? deps.answered.meant(raw, parties.destination) : raw;
    deps.circuits.record(destinationId, outcome);
    if (parties) {
      const { destination } = parties;
      await deps.answered.obey(outcome, { destination, id: attempt.attemptId });
    }
    if (outcome.kind !== 'refused') {
      deps.pace.record(destinationId, {
        delivered: outcome.kind === 'delivered',
        latencyMs: outcome.latencyMs,
      });
    }
    const finished = finish({ attempt, outcome, rule, random: deps.random(), request });
    await outcomes.add(finished);
    deps.log.debug(
      {
        event: attempt.eventId,
        destination: destinationId,
        number: attempt.number,
        status: finished.responseStatus,
        error: finished.errorCode,
        ms: finished.latencyMs,
        next: finished.nextAttemptAtMs,
      },
      'Attempt',
    );
    return finished.nextAttemptAtMs;
  }
  return async (attempt, destinationId) => {
    const over = deps.pace.begin(destinationId);
    try {
      return await attemptOnce(attempt, destinationId);
    } finally {
      over();
      deps.flights.leave([attempt.eventId]);
    }
  };
}

const GONE = {
  kind: 'refused' as const,
  errorCode: AttemptErrorCode.Cancelled,
  message: 'The connection, its source or its destination was deleted.',
};

function send(
  sender: AuthenticatedSender,
  { request, destination }: { request: OutgoingRequest; destination: Destination },
): Promise<AttemptOutcome> {
  if (destination.type === DestinationType.MockApi) return Promise.resolve(mockAnswer());
  const { auth_type: type } = destination.config;
  // What is stored was checked against the same schema when it was saved.
  const auth = type ? ({ auth_type: type, auth: destination.auth ?? {} } as DestinationAuth) : null;
  return sender.send(request, auth);
}

/** A destination of type MOCK_API takes everything, at once, without a network. */
function mockAnswer(): AttemptOutcome {
  const nowMs = gatewayNow();
  return {
    kind: 'delivered',
    responseStatus: 200,
    responseHeaders: [['content-type', 'application/json']],
    responseBody: Buffer.from('{"mock":true}'),
    bodyTruncated: false,
    errorCode: null,
    message: null,
    startedAtMs: nowMs,
    deliveredAtMs: nowMs,
    respondedAtMs: nowMs,
    latencyMs: 0,
    retryAfter: null,
    location: null,
  };
}

function partiesOf(
  configuration: Configuration,
  { attempt, destinationId }: { attempt: BegunAttempt; destinationId: string },
): Parties | null {
  const project = configuration.project(attempt.projectId);
  const source = configuration.source(attempt.sourceId);
  const destination = configuration.destination(destinationId);
  const connection = configuration.connection(attempt.connectionId);
  return project && source && destination && connection
    ? { project, source, destination, connection }
    : null;
}

function outgoing(
  { eventUrl, random }: Dependencies,
  { attempt, parties, rule }: { attempt: BegunAttempt; parties: Parties; rule: RetryRule | null },
): OutgoingRequest | AttemptOutcome {
  const { project, source, destination, connection } = parties;
  const nowMs = gatewayNow();
  return buildRequest({
    project: {
      id: project.id,
      headersPrefix: project.headersPrefix,
    },
    source,
    connection,
    destination: {
      id: destination.id,
      name: destination.name,
      url: destination.type === DestinationType.MockApi ? MOCK_URL : (destination.config.url ?? ''),
      pathForwardingDisabled: destination.config.path_forwarding_disabled ?? false,
      httpMethod: destination.config.http_method ?? null,
      timeoutMs: (destination.config.delivery_timeout ?? 0) * 1000 || DEFAULT_TIMEOUT_MS,
      signingSecrets: validSecrets(destination.signingSecrets ?? project.signingSecrets, nowMs).map(
        ({ secret }) => secret,
      ),
      internalHeaders: destination.config.internal_headers ?? [],
    },
    event: { id: attempt.eventId, url: eventUrl(attempt.eventId) },
    request: {
      id: attempt.requestId,
      method: attempt.method,
      path: attempt.path,
      query: attempt.query,
      headers: attempt.headers,
      body: attempt.body,
      sourceIp: attempt.remoteAddress,
      verified: attempt.verified ?? false,
    },
    attempt: {
      number: attempt.number,
      trigger: attempt.trigger,
      willRetryAfterSeconds: willRetryAfterSeconds({ attempt, rule, nowMs, random: random() }),
    },
    nowMs,
  });
}

function willRetryAfterSeconds({
  attempt,
  rule,
  nowMs,
  random,
}: {
  attempt: BegunAttempt;
  rule: RetryRule | null;
  nowMs: number;
  random: number;
}): number | null {
  const { trigger, automaticAttempts, automaticAtMs } = attempt;
  const standing = { trigger, automaticAttempts, automaticAtMs };
  const atMs = willRetryAtMs({ ...standing, rule, nowMs, random });
  return atMs === null ? null : Math.round((atMs - nowMs) / 1000);
}

function finish({
  attempt,
  outcome,
  rule,
  random,
  request,
}: {
  attempt: BegunAttempt;
  outcome: AttemptOutcome;
  rule: RetryRule | null;
  random: number;
  request: OutgoingRequest | AttemptOutcome;
}): FinishedAttempt {
  const nowMs = gatewayNow();
  const { trigger, automaticAttempts, automaticAtMs } = attempt;
  const settlement = settle({
    outcome,
    rule,
    trigger,
    automaticAttempts,
    automaticAtMs,
    nowMs,
    random,
  });
  const sent = outcome.kind === 'refused' ? null : outcome;
  return {
    attemptId: attempt.attemptId,
    eventId: attempt.eventId,
    number: attempt.number,
    status: outcome.kind === 'delivered' ? AttemptStatus.Successful : AttemptStatus.Failed,
    responseStatus: sent?.responseStatus ?? null,
    errorCode: outcome.errorCode,
    message: outcome.message,
    requestedUrl: 'url' in request ? request.url : null,
    httpMethod: 'method' in request ? request.method : null,
    responseHeaders: sent?.responseHeaders ?? null,
    responseBody: sent?.responseBody ?? Buffer.alloc(0),
    bodyTruncated: sent?.bodyTruncated ?? false,
    deliveredAtMs: sent?.deliveredAtMs ?? null,
    respondedAtMs: sent?.respondedAtMs ?? nowMs,
    latencyMs: sent ? Math.round(sent.latencyMs) : null,
    ...settlement,
  };
}
