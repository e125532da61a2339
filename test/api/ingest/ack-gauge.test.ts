import { expect, test } from 'vitest';
import { createAckGauge } from '../../../src/api/ingest/ack-gauge.ts';

/** A gauge on a clock that the test moves: `pass` lets its looks come due, `late` ms after their time. */
function gaugeOnClock() {
  let nowMs = 0;
  let slow = 0;
  let due: { look: () => void; atMs: number } | null = null;
  const gauge = createAckGauge({
    onSlow: () => slow++,
    now: () => nowMs,
    later(look, ms) {
      due = { look, atMs: nowMs + ms };
    },
  });
  return {
    ...gauge,
    slow: () => slow,
    isLooking: () => due !== null,
    pass(ms: number, { late = 0 } = {}) {
      const untilMs = nowMs + ms;
      while (due !== null && due.atMs + late <= untilMs) {
        const { look, atMs } = due;
        due = null;
        nowMs = atMs + late;
        look();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
  };
}

type Gauge = ReturnType<typeof gaugeOnClock>;

function steady(gauge: Gauge, { ackMs, forMs }: { ackMs: number; forMs: number }): void {
  for (let ms = 0; ms < forMs; ms += 10) {
    gauge.acknowledged(ackMs);
    gauge.pass(10);
  }
}

test('quick acknowledgements are no pressure, however many', () => {
  const gauge = gaugeOnClock();
  steady(gauge, { ackMs: 20, forMs: 5_000 });
  expect(gauge.slow()).toBe(0);
});

test('slow ones are told of within a quarter of a second, and ten times a second', () => {
  const gauge = gaugeOnClock();
  steady(gauge, { ackMs: 200, forMs: 250 });
  expect(gauge.slow()).toBe(1);
  steady(gauge, { ackMs: 200, forMs: 1_000 });
  expect(gauge.slow()).toBe(11);
  steady(gauge, { ackMs: 5, forMs: 1_000 });
  expect(gauge.slow()).toBeLessThanOrEqual(12);
});

test('one moment in which the disk stood still is none', () => {
  const gauge = gaugeOnClock();
  steady(gauge, { ackMs: 5, forMs: 500 });
  for (let n = 0; n < 100; n++) gauge.acknowledged(400);
  steady(gauge, { ackMs: 5, forMs: 500 });
  expect(gauge.slow()).toBe(0);
});

test('a process that comes late to everything is slow, although it stores at once', () => {
  const gauge = gaugeOnClock();
  for (let n = 0; n < 10; n++) {
    gauge.acknowledged(3);
    gauge.pass(250, { late: 150 });
  }
  expect(gauge.slow()).toBeGreaterThan(5);
});

test('while nothing comes in it does not even look', () => {
  const gauge = gaugeOnClock();
  expect(gauge.isLooking()).toBe(false);
  gauge.acknowledged(3);
  expect(gauge.isLooking()).toBe(true);
  gauge.pass(1_000);
  expect(gauge.isLooking()).toBe(false);
  steady(gauge, { ackMs: 200, forMs: 500 });
  expect(gauge.slow()).toBeGreaterThan(0);
});
