import { isIP } from 'node:net';
import { z } from 'zod';
import { parseNetwork } from '../network.ts';

export const wholeNumber = ({ min, max }: { min: number; max: number }) =>
  z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max));

export const webUrl = z
  .url({ protocol: /^https?$/ })
  .transform((url) => url.replace(/\/+$/, ''))
  .optional();

export const list = (isItem: (item: string) => boolean) =>
  z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .pipe(z.array(z.string().refine(isItem)))
    .optional();

export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== null || isIP(text) !== 0;
}

export function isHostPattern(text: string): boolean {
  return text === '*' || /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text);
}

export function isKeyOf32Bytes(key: string): boolean {
  if (/^[0-9a-f]{64}$/i.test(key)) return true;
  return /^[\w+/-]{43}=?$/.test(key) && Buffer.from(key, 'base64').length === 32;
}
