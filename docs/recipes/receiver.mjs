// A receiver to try the recipes with. It answers each delivery and prints one line for it.
//
//   node docs/recipes/receiver.mjs <port> [--status 503] [--after 1500] [--answer '{"ok":true}'] [--secret whsec_…]
//
// --status  the status of its answers
// --after   how many milliseconds each answer takes
// --answer  the body of its answers
// --secret  verify each delivery with this signing secret, and answer 401 to a forged one
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { verify } from './verify/verify.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    status: { type: 'string', default: '200' },
    after: { type: 'string', default: '0' },
    answer: { type: 'string', default: '' },
    secret: { type: 'string' },
  },
});
const port = Number(positionals[0]);
let open = 0;

createServer(async (request, response) => {
  open += 1;
  const openNow = open;
  const body = await buffer(request);
  const isForged =
    values.secret !== undefined &&
    !verify({ secret: values.secret, headers: request.headers, body });
  const status = isForged ? 401 : Number(values.status);
  const signature = values.secret === undefined ? '' : isForged ? ' FORGED' : ' signature valid';
  const time = new Date().toISOString();
  console.log(
    `${time} ${request.method} ${request.url} open=${openNow} ${status}${signature} ${body}`,
  );
  setTimeout(() => {
    open -= 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(values.answer);
  }, Number(values.after));
}).listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
