import type { Socket } from 'node:net';
import { senderOf, type Trust } from './addresses.ts';

export type Slots = {
  /** False where there is no room for this connection. */
  take(socket: Socket, address: string | null): boolean;
};

/** Counts connections: so many in all, and half of them for one sender. Behind a proxy of ours there are many senders. */
export function createSlots({ max, trust }: { max: number; trust: Trust }): Slots {
  const perSender = Math.ceil(max / 2);
  const held = new Map<string, number>();
  let total = 0;
  return {
    take(socket, address) {
      const sender = trust(address) ? null : senderOf(address);
      const own = () => (sender === null ? 0 : (held.get(sender) ?? 0));
      if (total >= max || own() >= perSender) return false;
      total++;
      if (sender !== null) held.set(sender, own() + 1);
      socket.once('close', () => {
        total--;
        if (sender === null) return;
        if (own() > 1) held.set(sender, own() - 1);
        else held.delete(sender);
      });
      return true;
    },
  };
}
