import { expect, test } from 'vitest';
import { isRedirect, redirectMessage } from '../../src/domain/redirect.ts';

test('a redirect names the new address and what to do', () => {
  expect(redirectMessage('https://new.example/hooks')).toBe(
    'The receiver redirects to https://new.example/hooks. Sluice does not follow redirects: set the URL of the destination to the address that takes the events.',
  );
  expect(redirectMessage(null)).toMatch(/^The receiver redirects\. Sluice does not follow/);
});

test.each([
  ['https://user:secret@new.example/hooks', 'https://new.example/hooks'],
  ['//user:secret@new.example/hooks', '//new.example/hooks'],
  ['https://new.example/hooks?token=secret', 'https://new.example/hooks'],
  ['/hooks#secret', '/hooks'],
  ['/ho\u0000oks\u001b[31m', '/hooks[31m'],
])(
  'of the address %j a message shows %j: no credentials, nothing unprintable',
  (location, shown) => {
    expect(redirectMessage(location)).toContain(`redirects to ${shown}. `);
  },
);

test('a long address is cut', () => {
  expect(redirectMessage(`/${'x'.repeat(5_000)}`).length).toBeLessThan(400);
});

test.each([
  [301, true],
  [307, true],
  [304, false],
  [200, false],
  [404, false],
  [null, false],
])('the status %s is a redirect: %s', (status, is) => {
  expect(isRedirect(status)).toBe(is);
});
