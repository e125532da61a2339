import { jsonProblem, readJson, type JsonValues } from '../body/json.ts';
import { notDecodable, signedBody, type Received } from '../received.ts';
import type { Refused } from '../verdict.ts';

/** What stands at paths of the JSON body, of whatever size; a refusal, in words, where it cannot be read. */
export function jsonIn(received: Received, paths: readonly string[]): JsonValues | Refused {
  const body = signedBody(received, { over: 'decoded' });
  if (body === null) return notDecodable(received);
  const json = readJson(received, { body, paths });
  return 'problem' in json ? jsonProblem(json.problem) : json;
}
