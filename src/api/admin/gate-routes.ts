import type { z } from 'zod';
import { countHeld } from '../../db/gates.ts';
import type { GateKind } from '../../domain/control.ts';
import { pauseInput } from '../../domain/schema/gate.ts';
import type { ApiDeps } from '../deps.ts';
import { type Route, route } from '../route.ts';

type Key = { projectId: string; id: string };

type Paused<Model extends z.ZodType> = {
  kind: GateKind;
  plural: 'destinations' | 'connections';
  model: Model;
  /** What the API shows of one; throws where there is none. */
  show(key: Key, shown?: { heldCount: number }): Promise<z.input<Model>>;
};

/** The routes that pause and resume what can be paused; `unpause` is the dialect's name, `resume` the signal's. */
export function gateRoutes<Model extends z.ZodType>(
  { db, commands }: ApiDeps,
  { kind, plural, model, show }: Paused<Model>,
): Route[] {
  const shown = async (key: Key) => {
    const heldCount = await countHeld(db, { kind, id: key.id });
    return show(key, { heldCount });
  };
  const described = { method: 'put', tag: plural, id: kind, response: model } as const;
  const pause = route({
    ...described,
    path: `/${plural}/:id/pause`,
    summary: `Pause a ${kind}: its events wait as HOLD`,
    body: pauseInput,
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
      summary: `Resume a ${kind}: its events are delivered`,
      async handle({ projectId, id }) {
        await show({ projectId, id });
        await commands.resume({ projectId, gate: { kind, id } });
        return shown({ projectId, id });
      },
    }),
  );
  return [pause, ...resumes];
}
