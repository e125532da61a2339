import { describe, expect, test } from 'vitest';
import { ArgumentError, parseArguments } from '../../bench/arguments.ts';

test('without arguments it is a plain run whose rate the scenario chooses', () => {
  const options = parseArguments([]);
  expect(options).toMatchObject({ scenario: 'standard', destinations: 1, bodyBytes: 1_000 });
  expect(options).toMatchObject({ running: null, json: false, preload: 0 });
  expect(options.rate).toBeUndefined();
});

test('rate, length and the rest are read as numbers', () => {
  const args = ['--rate', '300', '--seconds=60', '--destinations', '10', '--preload', '1000000'];
  expect(parseArguments(args)).toMatchObject({
    rate: 300,
    seconds: 60,
    destinations: 10,
    preload: 1_000_000,
  });
});

test('a flag chooses its scenario', () => {
  expect(parseArguments(['--outage']).scenario).toBe('outage');
  expect(parseArguments(['--rate-limit', '--rate', '50']).scenario).toBe('rate-limit');
});

test('a running gateway is named by URL, key and data directory', () => {
  const args = ['--gateway', 'http://127.0.0.1:8300/', '--api-key', 'k', '--data-dir', '.data'];
  expect(parseArguments(args).running).toEqual({
    url: 'http://127.0.0.1:8300',
    apiKey: 'k',
    dataDir: '.data',
  });
});

describe('a wrong argument is told in a sentence that names it', () => {
  test.each([
    [['--rate', 'fast'], '--rate must be a whole number between 1 and 100000, and is "fast".'],
    [['--rate', '0'], '--rate must be a whole number between 1 and 100000, and is "0".'],
    [['--body-bytes', '1.5'], '--body-bytes must be a whole number between 150 and'],
    [['--idle', '--outage'], 'Choose one scenario: --idle or --outage, not both.'],
    [['--speed', '3'], "Unknown option '--speed'. --help lists all options."],
    [['--rate'], "Option '--rate <value>' argument missing. --help lists all options."],
    [['fast'], "Unexpected argument 'fast'. --help lists all options."],
    [['--api-key', 'k'], '--api-key belongs to --gateway URL, which is missing.'],
    [['--gateway', 'localhost', '--api-key', 'k'], '--gateway must be a URL like'],
    [['--gateway', 'http://a'], '--gateway needs --api-key'],
    [['--gateway', 'http://a', '--api-key', 'k', '--preload', '5'], 'needs its --data-dir'],
    [['--gateway', 'http://a', '--api-key', 'k', '--idle'], '--idle on a running gateway needs'],
    [['--gateway', 'http://a', '--api-key', 'k', '--profile', 'p'], '--profile works only on'],
  ])('%j', (args, sentence) => {
    expect(() => parseArguments(args)).toThrow(ArgumentError);
    expect(() => parseArguments(args)).toThrow(sentence);
  });
});
