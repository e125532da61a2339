import { openChild, type Remote } from './child.ts';
import { createAdmin, type Admin } from './gateway/admin.ts';
import { attachGateway } from './gateway/attach.ts';
import type { Gateway } from './gateway/gateway.ts';
import { prepareProfileDir, startGateway } from './gateway/own.ts';
import type { Options } from './arguments.ts';
import type { LoadMethods } from './load/main.ts';
import type { ReceiverMethods } from './receiver/main.ts';

/** Everything a scenario plays on: the gateway, and the two processes that measure it. */
export type Stage = {
  options: Options;
  gateway: Gateway;
  admin: Admin;
  receiver: Remote<ReceiverMethods>;
  load: Remote<LoadMethods>;
  /** A line for whoever watches; standard output is for results. */
  say(line: string): void;
  /** Called before the stage closes, the last one first. */
  atEnd(step: () => Promise<unknown>): void;
  close(): Promise<void>;
};

export async function openStage(options: Options): Promise<Stage> {
  const { running, profileDir } = options;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  await prepareProfileDir(profileDir);
  say(running ? `Measuring ${running.url}` : 'Starting a gateway');
  const gateway = running ? await attachGateway(running) : await startGateway({ profileDir });
  const receiver = openChild<ReceiverMethods>(new URL('./receiver/main.ts', import.meta.url));
  const load = openChild<LoadMethods>(new URL('./load/main.ts', import.meta.url));
  const steps: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  const close = async () => {
    for (const step of steps.toReversed())
      await step().catch((error: unknown) => say(String(error)));
    receiver.close();
    load.close();
    await gateway.stop();
  };
  return {
    options,
    gateway,
    admin: createAdmin(gateway),
    receiver,
    load,
    say,
    atEnd: (step) => void steps.push(step),
    close: () => (closing ??= close()),
  };
}
