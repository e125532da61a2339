import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

type Methods = Record<string, (input: never) => unknown>;
type Question = { id: number; name: string; input: unknown };
type Answer = { id: number; value?: unknown; fault?: string };

/** A helper process whose methods are called over its pipe; typed arrays travel as they are. */
export type Remote<Served extends Methods> = {
  pid: number;
  call<Name extends keyof Served & string>(
    name: Name,
    ...input: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>>;
  close(): void;
};

/** Starts the TypeScript file as a process of its own that ends with us. */
export function openChild<Served extends Methods>(file: URL): Remote<Served> {
  const child = fork(fileURLToPath(file), { serialization: 'advanced' });
  const open = new Map<number, (answer: Answer) => void>();
  let last = 0;
  child.on('message', (message) => {
    const answer = message as Answer;
    open.get(answer.id)?.(answer);
    open.delete(answer.id);
  });
  child.on('exit', () => {
    for (const settle of open.values()) settle({ id: 0, fault: `${file.pathname} ended` });
  });
  return {
    pid: child.pid ?? -1,
    call: (name, ...[input]) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        open.set(id, ({ value, fault }) =>
          fault === undefined ? resolve(value as never) : reject(new Error(fault)),
        );
        child.send({ id, name, input } satisfies Question);
      }),
    close: () => child.disconnect(),
  };
}

/** The other side: answers with these methods until the parent is gone. */
export function serve(methods: Methods): void {
  const answer = async ({ id, name, input }: Question): Promise<Answer> => {
    try {
      return { id, value: await methods[name]?.(input as never) };
    } catch (error) {
      return { id, fault: error instanceof Error ? error.message : String(error) };
    }
  };
  process.on('message', (message) => {
    void answer(message as Question).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit(0));
  // A Ctrl-C reaches the whole group; the parent decides when we end.
  process.on('SIGINT', () => {});
}
