import { existsSync, globSync } from 'node:fs';

/** The environment of a process whose clock is off: `+31.5d`, `-20s`. All that it calls a time is, of this one process. */
export function shiftedClock(by: `${'+' | '-'}${number}${'s' | 'm' | 'h' | 'd'}`) {
  const [library] = [
    ...globSync('/usr/lib/*/faketime/libfaketimeMT.so.1'),
    ...globSync('/usr/lib{,64}/faketime/libfaketimeMT.so.1'),
  ];
  if (!library || !existsSync(library)) {
    throw new Error('Install the package faketime: these tests set the clock of single processes');
  }
  return {
    LD_PRELOAD: library,
    FAKETIME: by,
    // Only the time of day: how long something takes is what it is.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}
