import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What waits, as it is counted at a scrape. */
export type Waiting = {
  outboxWaiting: number;
  outboxOldestSeconds: number;
  parkedDeliveries: number;
  awaitingKeys: number;
  unroutedRequests: number;
  openCircuits: string[];
  clocks: { process: string; aheadMs: number }[];
};

/** Every counter, gauge and histogram by name, and their text for Prometheus. */
export type Metrics = {
  /** A request to ingest was answered. */
  answered(answer: { status: number; seconds: number }): void;
  /** A request was stored and goes no further. */
  rejected(cause: string): void;
  /** The text of the exposition format, with its content type. */
  text(): Promise<{ contentType: string; body: string }>;
};

const ACK_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** `backlog` is asked at every scrape: what waits lies in PostgreSQL, whichever process counts it. */
export function createMetrics(backlog: () => Promise<Waiting>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'sluice_ingest_requests_total',
    help: 'Requests to ingest by the status they were answered with',
    labelNames: ['status'],
    registers,
  });
  const rejections = new Counter({
    name: 'sluice_ingest_rejected_total',
    help: 'Requests that were rejected when they came, by cause; also those no longer kept',
    labelNames: ['cause'],
    registers,
  });
  const ack = new Histogram({
    name: 'sluice_ingest_ack_seconds',
    help: 'From the first byte of a request to its answer',
    buckets: ACK_SECONDS,
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const waiting = gauge('sluice_outbox_waiting', 'Requests that wait to be routed');
  const oldest = gauge('sluice_outbox_oldest_seconds', 'Age of the oldest request that waits');
  const parked = gauge('sluice_parked_deliveries', 'Deliveries that wait for a paused destination');
  const awaiting = gauge(
    'sluice_requests_awaiting_keys',
    'Requests that wait for a key server that is away',
  );
  const unrouted = gauge(
    'sluice_unrouted_requests',
    'Requests that could not be routed (ROUTING_FAILED) and have not been retried',
  );
  const circuits = new Gauge({
    name: 'sluice_circuit_open',
    help: '1 for each destination that a worker has stopped sending to',
    labelNames: ['destination'],
    registers,
  });
  const clocks = new Gauge({
    name: 'sluice_clock_ahead_seconds',
    help: "How far a process's clock is ahead of PostgreSQL's, where it is off by a minute or more",
    labelNames: ['process'],
    registers,
  });
  return {
    answered({ status, seconds }) {
      requests.inc({ status });
      ack.observe(seconds);
    },
    rejected: (cause) => rejections.inc({ cause }),
    async text() {
      const now = await backlog();
      waiting.set(now.outboxWaiting);
      oldest.set(now.outboxOldestSeconds);
      parked.set(now.parkedDeliveries);
      awaiting.set(now.awaitingKeys);
      unrouted.set(now.unroutedRequests);
      circuits.reset();
      for (const destination of now.openCircuits) circuits.set({ destination }, 1);
      clocks.reset();
      for (const { process, aheadMs } of now.clocks) clocks.set({ process }, aheadMs / 1_000);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
