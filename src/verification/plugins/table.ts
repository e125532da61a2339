import { adyen } from './adyen.ts';
import { alipay } from './alipay.ts';
import { exactOnline, paymob, treezor } from './bodies.ts';
import { circle, paypal, sns } from './certificates.ts';
import { ebay } from './ebay.ts';
import { formSignature } from './form-signatures.ts';
import { mailgun } from './mailgun.ts';
import { microsoftGraph } from './microsoft-graph.ts';
import { paddleClassic } from './paddle-classic.ts';
import { plaid } from './plaid.ts';
import type { Plugin } from './plugin.ts';
import { fireblocks, neon, wix } from './signed-bodies.ts';
import { fusionauth, jwt, monday, pubsub } from './tokens.ts';

/** Schemes that data cannot describe, by the name the provider tables use. */
export const plugins: Readonly<Record<string, Plugin>> = {
  adyen,
  alipay,
  circle,
  ebay,
  'exact-online': exactOnline,
  fireblocks,
  'form-signature': formSignature,
  fusionauth,
  jwt,
  mailgun,
  'microsoft-graph': microsoftGraph,
  monday,
  neon,
  'paddle-classic': paddleClassic,
  paymob,
  paypal,
  plaid,
  pubsub,
  sns,
  treezor,
  wix,
};
