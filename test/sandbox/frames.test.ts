import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFrameReader, encodeFrame } from '../../src/sandbox/frames.ts';

it('strings arrive as they were sent, however the bytes are cut', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.array(fc.array(text)), fc.integer({ min: 1, max: 50 }), (frames, step) => {
      const bytes = Buffer.concat(frames.map(encodeFrame));
      const read = createFrameReader(1_000_000);
      const received: string[][] = [];
      for (let at = 0; at < bytes.length; at += step)
        received.push(...read(bytes.subarray(at, at + step)));
      expect(received).toEqual(frames);
    }),
  );
});

it('refuses a frame longer than allowed, and one whose lengths do not add up', () => {
  expect(() => createFrameReader(10)(encodeFrame(['x'.repeat(20)]))).toThrow('longer than allowed');
  const forged = encodeFrame(['abc']);
  forged.writeUInt32LE(1_000, 8);
  expect(() => createFrameReader(1_000)(forged)).toThrow('shorter than it says');
});
