import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can fall silent as a network does: nothing is closed, and nothing comes through. */
export type Relay = {
  port: number;
  fallSilent(): void;
  /** What is open stays silent; who connects anew is heard. */
  speakToNewcomers(): void;
  speak(): void;
  close(): Promise<void>;
};

export async function openRelay(toPort: number): Promise<Relay> {
  let silent = false;
  let open: { near: Socket; far: Socket }[] = [];
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    const pair = { near, far };
    open.push(pair);
    for (const socket of [near, far]) {
      socket.on('error', () => {});
      socket.once('close', () => {
        near.destroy();
        far.destroy();
        open = open.filter((each) => each !== pair);
      });
    }
    if (!silent) join(pair);
  });
  const join = ({ near, far }: { near: Socket; far: Socket }) => {
    near.pipe(far);
    far.pipe(near);
  };
  const cut = ({ near, far }: { near: Socket; far: Socket }) => {
    near.unpipe(far).pause();
    far.unpipe(near).pause();
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as { port: number }).port,
    fallSilent() {
      silent = true;
      open.forEach(cut);
    },
    speakToNewcomers: () => void (silent = false),
    speak() {
      silent = false;
      open.forEach(join);
    },
    close() {
      for (const { near, far } of open) {
        near.destroy();
        far.destroy();
      }
      return new Promise((done) => server.close(() => done()));
    },
  };
}
