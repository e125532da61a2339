import { serve } from '../child.ts';
import { openDestination, type Behaviour, type Destination } from './destination.ts';
import { createRecorder } from './recorder.ts';

const recorder = createRecorder();
const destinations = new Map<number, Destination>();
let lastId = -1;

const methods = {
  /** Opens so many destinations more; returns their ids and ports. */
  async open({ count }: { count: number }): Promise<{ id: number; port: number }[]> {
    const opened: { id: number; port: number }[] = [];
    for (let i = 0; i < count; i++) {
      // Taken before anything is waited for: several may open at once.
      const id = ++lastId;
      const destination = await openDestination(recorder, id);
      destinations.set(id, destination);
      opened.push({ id, port: destination.port });
    }
    return opened;
  },
  behave: ({ id, behaviour }: { id: number; behaviour: Behaviour }) =>
    destinations.get(id)?.behave(behaviour),
  begin: ({ run }: { run: number }) => recorder.begin(run),
  progress: () => recorder.progress(),
  report: () => recorder.report(),
  mostOpen: ({ id }: { id: number }) => destinations.get(id)?.mostOpen() ?? 0,
};

export type ReceiverMethods = typeof methods;

serve(methods);
