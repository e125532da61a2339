// What a guest isolate holds before user code runs. One function comes out of it, called twice with
// strings only: `start` evaluates the code and calls the handler, the isolate then drains its
// microtasks, and `finish` says how it ended. Intrinsics are captured here, before the guest can change them.
import { answerText } from './answer.ts';
import type { Origin } from './answer.ts';
import { captureConsole } from './console.ts';
import { describeThrown } from './describe.ts';
import { hideOwnFrames } from './stack.ts';
import { prepareJson, readInput } from './written-json.ts';

const { parse, stringify } = JSON;
const { defineProperty } = Object;
const { defineProperty: setOwn } = Reflect;
const NativePromise = Promise;
const toText = String;
const Failure = TypeError;
const root = globalThis as unknown as Record<string, unknown>;
const evaluate = root['eval'] as (code: string) => unknown;

type Handler = (request: unknown, context: unknown) => unknown;
type Limits = {
  readonly logLines: number;
  readonly logBytes: number;
  readonly outputBytes: number;
  readonly splitParts: number;
};
type State =
  | { readonly kind: 'pending' }
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'thrown'; readonly value: unknown };

// Each of these escapes the memory or the time limit, or needs threads we do not give.
for (const name of [
  'WebAssembly',
  'SharedArrayBuffer',
  'Atomics',
  'WeakRef',
  'FinalizationRegistry',
]) {
  delete root[name];
}
for (const name of ['resize', 'transfer', 'transferToFixedLength']) {
  Reflect.deleteProperty(ArrayBuffer.prototype, name);
}

hideOwnFrames();

let state: State = { kind: 'pending' };
let handler: Handler | undefined;
let dropReason: string | undefined;
let origin: Origin = { path: '/', query: '' };
let limits: Limits = { logLines: 0, logBytes: 0, outputBytes: 0, splitParts: 0 };
let captured = captureConsole({ lines: 0, characters: 0 });

function defineGlobal(name: string, value: unknown): void {
  defineProperty(root, name, { value, writable: true, configurable: true, enumerable: false });
}

defineGlobal('addHandler', (name: unknown, given: unknown): void => {
  if (name !== 'transform')
    throw new Failure(`There is no handler "${toText(name)}", only "transform".`);
  if (typeof given !== 'function') throw new Failure('addHandler needs a function.');
  handler = given as Handler;
});

// `await` follows any thenable. A promise that names its constructor itself is awaited without a
// call to a `then` or a constructor the guest may have replaced.
async function follow(result: unknown): Promise<void> {
  try {
    if (result instanceof NativePromise) setOwn(result, 'constructor', { value: NativePromise });
    state = { kind: 'returned', value: await result };
  } catch (error) {
    state = { kind: 'thrown', value: error };
  }
}

function isThenable(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

type Input = { request: Origin; context: Record<string, unknown> };

function callHandler(input: Input | null): void {
  if (handler === undefined) {
    throw new Failure(
      'No handler was registered: call addHandler("transform", (request, context) => request).',
    );
  }
  // A check at save time brings no input: there is no request that would suit every handler.
  if (input === null) {
    state = { kind: 'returned', value: null };
    return;
  }
  const { request, context } = input;
  origin = { path: request.path, query: request.query };
  context['drop'] = (reason: unknown): void => {
    dropReason = reason === undefined ? '' : toText(reason);
  };
  const result = handler(request, context);
  if (isThenable(result)) void follow(result);
  else state = { kind: 'returned', value: result };
}

function start(code: string, inputText: string, envText: string): void {
  try {
    const input = inputText === '' ? null : (readInput(inputText) as Input);
    captured = captureConsole({ lines: limits.logLines, characters: limits.logBytes });
    defineGlobal('console', captured.console);
    defineGlobal('process', { env: parse(envText) });
    evaluate(`${code}\n//# sourceURL=transformation.js`);
    callHandler(input);
  } catch (error) {
    state = { kind: 'thrown', value: error };
  }
}

function returnedText(value: unknown): string {
  const isNothing = value === null || value === undefined;
  if (dropReason !== undefined) {
    if (isNothing) return `"kind":"drop","reason":${stringify(dropReason)}`;
    return '"kind":"result_error","message":"context.drop was called and yet something was returned; after it, return null."';
  }
  if (isNothing) {
    const message = `A transformation must return a request object, this one returned ${toText(value)}. Is \`return request;\` missing at the end of the handler?`;
    return `"kind":"result_error","message":${stringify(message)}`;
  }
  return answerText(value, {
    origin,
    limits: { outputCharacters: limits.outputBytes, parts: limits.splitParts },
    note: captured.note,
  });
}

function finish(): string {
  const ended = state;
  let text =
    '"kind":"async_hang","message":"The handler returned a promise that nothing can settle."';
  if (ended.kind === 'returned') text = returnedText(ended.value);
  if (ended.kind === 'thrown') {
    const { message, stack } = describeThrown(ended.value);
    text = `"kind":"user_error","message":${stringify(message)},"stack":${stringify(stack)}`;
  }
  return `{${text},${captured.linesText()}}`;
}

/** The one function the child calls: first `start` (`start-written` where numbers of the input are unusual) with code, input, env and limits, then `finish`. */
export function run(phase: string, code: string, input: string, env: string, own: string): string {
  if (phase === 'finish') return finish();
  limits = parse(own) as Limits;
  prepareJson(phase === 'start-written');
  start(code, input, env);
  return '';
}
