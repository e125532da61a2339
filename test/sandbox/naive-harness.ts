// How user code must not be run, in a process thrown away afterwards: isolated-vm with a time limit, but
// with errors converted by the host and no one outside who could kill. Prints how the program ended.
import ivm from 'isolated-vm';

const isolate = new ivm.Isolate({ memoryLimit: 32 });
const context = isolate.createContextSync();
const [, , program = ''] = process.argv;
try {
  const run: ivm.Reference<(event: string) => unknown> = context.evalSync(`(${program})`, {
    reference: true,
    timeout: 250,
  });
  run.applySync(undefined, ['{}'], { timeout: 250 });
  process.stdout.write('ok');
} catch (error) {
  process.stdout.write(`caught ${String(error)}`);
}
