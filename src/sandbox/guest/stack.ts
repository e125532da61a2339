// What the stack of an error shows: where the user's code was. Frames of our own programs say nothing to the user, so V8
// is given a formatter that leaves them out. A formatter that the code sets itself gets the code's own frames.

const { defineProperty } = Object;
const { apply } = Reflect;
const { includes } = String.prototype;
const BaseError = Error;
const errorText = Error.prototype.toString;

/** A call site as V8 hands it out: its text is a line of the stack. */
type Frame = { toString(): string };
type Frames = readonly Frame[];
type Formatter = (error: unknown, frames: Frames) => unknown;

/** Leaves our own frames out of every stack from now on. */
export function hideOwnFrames(): void {
  let given: unknown;
  const format: Formatter = (error, frames) => {
    const kept = framesOfUser(frames);
    if (typeof given === 'function') return apply(given, BaseError, [error, kept]) as unknown;
    return stackText(error, kept);
  };
  defineProperty(BaseError, 'prepareStackTrace', {
    get: () => format,
    set(value: unknown) {
      given = value === format ? undefined : value;
    },
    configurable: true,
  });
}

function framesOfUser(frames: Frames): Frames {
  const kept: Frame[] = [];
  for (let index = 0; index < frames.length; index++) {
    const frame = frames[index];
    if (frame !== undefined && !isOurs(frame.toString())) kept[kept.length] = frame;
  }
  return kept;
}

function isOurs(frame: string): boolean {
  return (
    frame === 'eval (<anonymous>)' ||
    apply(includes, frame, ['sluice:']) ||
    apply(includes, frame, ['<isolated-vm'])
  );
}

function stackText(error: unknown, frames: Frames): string {
  let text = headOf(error);
  for (let index = 0; index < frames.length; index++) {
    text += `\n    at ${frames[index]?.toString()}`;
  }
  return text;
}

function headOf(error: unknown): string {
  try {
    return apply(errorText, error, []);
  } catch {
    return '<error>';
  }
}
