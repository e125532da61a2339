import type { z } from 'zod';
import { countHeld } from '../../db/gates.ts';
import type { GateKind } from '../../domain/control.ts';
import { pauseInput } from '../../domain/schema/gate.ts';
import type { ApiDeps } from '../deps.ts';
import { EXAMPLE_TIME } from '../examples/ids.ts';
import { type Route, route } from '../route.ts';

type Key = { projectId: string; id: string };

type Gated = { paused_at: string | null; paused_reason: string | null; held_count: number };

type Paused<Model extends z.ZodType> = {
  kind: GateKind;
  plural: 'destinations' | 'connections';
  model: Model;
  /** Descriptions of what happens to its events. */
  words: Record<'pause' | 'resume', string>;
  /** One that is paused, or is not. */
  example(gate: Gated): z.input<Model>;
  /** What the API shows of one; throws where there is none. */
  show(key: Key, shown?: { heldCount: number }): Promise<z.input<Model>>;
};

const REASON = 'The receiver is being updated';
const PAUSED: Gated = { paused_at: EXAMPLE_TIME, paused_reason: REASON, held_count: 12 };
const OPEN: Gated = { paused_at: null, paused_reason: null, held_count: 0 };

/** The routes that pause and resume what can be paused; `unpause` is the dialect's name, `resume` the signal's. */
export function gateRoutes<Model extends z.ZodType>(
  { db, commands }: ApiDeps,
  { kind, plural, model, words, example, show }: Paused<Model>,
): Route[] {
  const shown = async (key: Key) => {
    const heldCount = await countHeld(db, { kind, id: key.id });
    return show(key, { heldCount });
  };
  const described = { method: 'put', tag: plural, id: kind, response: model } as const;
  const pause = route({
    ...described,
    path: `/${plural}/:id/pause`,
    summary: `Pause a ${kind}`,
    description: `${words.pause} \`reason\` may say why. Pausing again replaces the reason; the time stays.`,
    body: pauseInput,
    example: { body: { reason: REASON }, answer: example(PAUSED) },
    async handle({ projectId, id, body: { reason = null } }) {
      await show({ projectId, id });
      await commands.pause({ projectId, gate: { kind, id }, reason });
      return shown({ projectId, id });
    },
  });
  const resumes = (['unpause', 'resume'] as const).map((word) =>
    route({
      ...described,
      path: `/${plural}/:id/${word}`,
      summary: `Resume a ${kind}`,
      description: word === 'unpause' ? words.resume : 'The same as unpause.',
      example: { answer: example(OPEN) },
      async handle({ projectId, id }) {
        await show({ projectId, id });
        await commands.resume({ projectId, gate: { kind, id } });
        return shown({ projectId, id });
      },
    }),
  );
  return [pause, ...resumes];
}
