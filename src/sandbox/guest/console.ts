// The guest's console: kept up to a number of lines and characters, counted beyond. Lines are joined
// to JSON text as they come, because a guest may put setters on Array.prototype.
import { showValue } from './describe.ts';

const { stringify } = JSON;
const LEVELS = { debug: 0, log: 1, info: 1, warn: 2, error: 3 };

export type ConsoleLimits = { readonly lines: number; readonly characters: number };
export type CapturedConsole = {
  readonly console: Record<string, (...values: unknown[]) => void>;
  /** A warning of our own, kept whatever the code has logged. */
  readonly note: (message: string) => void;
  readonly linesText: () => string;
};

export function captureConsole(limits: ConsoleLimits): CapturedConsole {
  let text = '';
  let kept = 0;
  let characters = 0;
  let dropped = 0;
  let highest = -1;

  const keep = (type: keyof typeof LEVELS, message: string): void => {
    if (LEVELS[type] > highest) highest = LEVELS[type];
    text += `${text === '' ? '' : ','}{"type":"${type}","message":${stringify(message)}}`;
    kept++;
  };

  const write = (type: keyof typeof LEVELS, values: unknown[]): void => {
    if (LEVELS[type] > highest) highest = LEVELS[type];
    if (kept >= limits.lines || characters >= limits.characters) {
      dropped++;
      return;
    }
    let message = '';
    for (let index = 0; index < values.length; index++) {
      message += (index === 0 ? '' : ' ') + showValue(values[index]);
    }
    const room = limits.characters - characters;
    if (message.length > room) message = `${message.slice(0, room)}…`;
    characters += message.length + 1;
    keep(type, message);
  };

  return {
    console: {
      debug: (...values) => write('debug', values),
      log: (...values) => write('log', values),
      info: (...values) => write('info', values),
      warn: (...values) => write('warn', values),
      error: (...values) => write('error', values),
    },
    note: (message) => keep('warn', message),
    linesText: () => `"logs":[${text}],"logsDropped":${dropped},"logLevel":${highest}`,
  };
}
