import { expect, it } from 'vitest';
import { createCircuit } from '../../src/sandbox/circuit.ts';

it('opens after five kills in ten minutes and closes when the first is that long ago', () => {
  const circuit = createCircuit({ kills: 5, windowMs: 600_000 });
  for (let kill = 0; kill < 4; kill++) circuit.recordKill('v', kill * 1_000);
  expect(circuit.openUntil('v', 5_000)).toBeUndefined();
  circuit.recordKill('v', 5_000);
  expect(circuit.openUntil('v', 5_000)).toBe(600_000);
  expect(circuit.openUntil('other', 5_000)).toBeUndefined();
  expect(circuit.openUntil('v', 600_000)).toBeUndefined();
});

it('five kills spread over more than ten minutes do not open it', () => {
  const circuit = createCircuit({ kills: 5, windowMs: 600_000 });
  for (let kill = 0; kill < 20; kill++) circuit.recordKill('v', kill * 150_000);
  expect(circuit.openUntil('v', 19 * 150_000)).toBeUndefined();
});
