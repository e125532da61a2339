// From the text a guest reported to a typed result. The guest may have forged it: it is judged by
// shape alone, and decides nothing beyond this one event.
import { checkGuestRequest, isRecord } from './guest-request.ts';
import type { GuestRequest, LogLine, TransformResult } from './job.ts';
import { LogLevel, LogType } from './job.ts';
import { positionInCode, userStack } from './position.ts';

export type GuestReport = {
  readonly result: TransformResult;
  readonly logs: readonly LogLine[];
  readonly logLevel: LogLevel;
};

const UNREADABLE = 'The transformation reported something that cannot be read.';
const LEVELS = [LogLevel.Debug, LogLevel.Info, LogLevel.Warn, LogLevel.Error];
const PLAIN_FAILURES = ['result_error', 'async_hang', 'too_large'] as const;

function failed(kind: 'result_error' | 'too_large', message: string): TransformResult {
  return { kind, message };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 10_000) : '';
}

// Number() would call a method the guest may have chosen.
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : -1;
}

function requestsResult(report: Record<string, unknown>, outputBytes: number): TransformResult {
  if (!Array.isArray(report['requests'])) return failed('result_error', UNREADABLE);
  const requests: GuestRequest[] = [];
  let bytes = 0;
  for (const value of report['requests'] as unknown[]) {
    const checked = checkGuestRequest(value);
    if ('problem' in checked) return failed('result_error', checked.problem);
    bytes += Buffer.byteLength(checked.request.body);
    requests.push(checked.request);
  }
  if (bytes > outputBytes) {
    return failed('too_large', `The result has ${bytes} bytes; the limit is ${outputBytes}.`);
  }
  if (requests.length === 0) return failed('result_error', UNREADABLE);
  return { kind: 'ok', requests, split: report['split'] === true };
}

function resultOf(report: Record<string, unknown>, outputBytes: number): TransformResult {
  const kind = report['kind'];
  if (kind === 'ok') return requestsResult(report, outputBytes);
  if (kind === 'drop') return { kind, reason: textOf(report['reason']) };
  if (kind === 'user_error') return userError(textOf(report['message']), textOf(report['stack']));
  const plain = PLAIN_FAILURES.find((known) => known === kind);
  if (plain === undefined) return failed('result_error', UNREADABLE);
  return { kind: plain, message: textOf(report['message']) };
}

/** An error of the user's code with its place in that code. */
export function userError(message: string, stack: string): TransformResult {
  const shown = userStack(stack);
  return {
    kind: 'user_error',
    message,
    ...(shown === '' ? {} : { stack: shown }),
    ...positionInCode({ message, stack }),
  };
}

function logsOf(report: Record<string, unknown>): LogLine[] {
  const given: unknown[] = Array.isArray(report['logs']) ? report['logs'] : [];
  const lines = given.filter(isRecord).map((line): LogLine => {
    const type = Object.values(LogType).find((known) => known === line['type']) ?? LogType.Log;
    return { type, message: typeof line['message'] === 'string' ? line['message'] : '' };
  });
  const dropped = numberOf(report['logsDropped']);
  if (!(dropped > 0)) return lines;
  return [...lines, { type: LogType.Info, message: `… ${dropped} more lines were not kept.` }];
}

/** Reads a guest's report. */
export function readReport(text: string, { outputBytes }: { outputBytes: number }): GuestReport {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    report = undefined;
  }
  if (!isRecord(report)) {
    return { result: failed('result_error', UNREADABLE), logs: [], logLevel: LogLevel.Fatal };
  }
  const result = resultOf(report, outputBytes);
  const isFine = result.kind === 'ok' || result.kind === 'drop';
  const highest = LEVELS[numberOf(report['logLevel'])] ?? LogLevel.Info;
  return { result, logs: logsOf(report), logLevel: isFine ? highest : LogLevel.Fatal };
}
