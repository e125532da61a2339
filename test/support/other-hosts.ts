// Loaded into a gateway before its own code (NODE_OPTIONS=--import=…): hosts of others, such as Amazon's, that lie on
// this machine for a test. OTHER_HOSTS says which, and at which port each answers: {"sns.eu-west-1.amazonaws.com":5001}
import { Resolver } from 'node:dns/promises';
import tls from 'node:tls';

const ports = JSON.parse(process.env['OTHER_HOSTS'] ?? '{}') as Record<string, number>;
const isHere = (name: unknown): name is string => typeof name === 'string' && name in ports;
const { resolve4, resolve6 } = Resolver.prototype;
const { connect } = tls;

Object.assign(Resolver.prototype, {
  resolve4(this: Resolver, ...asked: Parameters<typeof resolve4>) {
    return isHere(asked[0]) ? Promise.resolve(['127.0.0.1']) : resolve4.apply(this, asked);
  },
  resolve6(this: Resolver, ...asked: Parameters<typeof resolve6>) {
    return isHere(asked[0]) ? Promise.resolve([]) : resolve6.apply(this, asked);
  },
});

Object.assign(tls, {
  connect(options: tls.ConnectionOptions, ...rest: [() => void]) {
    const { host } = options;
    return connect(isHere(host) ? { ...options, port: ports[host]! } : options, ...rest);
  },
});
