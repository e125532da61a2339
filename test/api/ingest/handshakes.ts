import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { SourceType } from '../../../src/verification/source-types.ts';
import { mac, PUBLIC_URL, seconds, type Send } from './ingest.ts';

export const SECRET = 'the-secret';
export const auth = { webhook_secret_key: SECRET };
export const get = (query: string): Asked => ({ method: 'GET', path: `?${query}` });
export const post = (json: unknown, headers: Record<string, string> = {}): Asked => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(json),
});
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hex = (text: string) => mac(text, { secret: SECRET });

export type Asked = Send & { path?: string };
/** A provider's question and what it wants to hear. */
export type Case = {
  type: SourceType;
  auth?: object | undefined;
  asked: Asked | ((sourceId: string) => Asked);
  /** JSON where it is an object. */
  says?: string | object | ((sourceId: string) => object);
  headers?: Record<string, string>;
  status?: number;
};

const discord = generateKeyPairSync('ed25519');
export const discordAuth = {
  public_key: discord.publicKey
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('hex'),
};
function discordPing(body: object): Asked {
  const at = seconds();
  const signature = sign(null, Buffer.from(at + JSON.stringify(body)), discord.privateKey);
  const headers = {
    'x-signature-ed25519': signature.toString('hex'),
    'x-signature-timestamp': at,
  };
  return post(body, headers);
}
function twitch(): Asked {
  const body = { challenge: 'c', subscription: {} };
  const at = new Date().toISOString();
  return post(body, {
    'twitch-eventsub-message-type': 'webhook_callback_verification',
    'twitch-eventsub-message-id': 'm-1',
    'twitch-eventsub-message-timestamp': at,
    'twitch-eventsub-message-signature': `sha256=${hex(`m-1${at}${JSON.stringify(body)}`)}`,
  });
}
const options: Asked = {
  method: 'OPTIONS',
  headers: { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' },
};
const origin = { 'webhook-allowed-origin': 'eventgrid.azure.net', 'webhook-allowed-rate': '*' };
const gridEvent = [{ eventType: 'validation', data: { validationCode: 'c' } }];

/** Every question a provider asks before it sends events. */
export const CASES: Case[] = [
  { type: 'SLACK', auth, asked: post({ type: 'url_verification', challenge: 'c' }), says: 'c' },
  {
    type: 'FACEBOOK',
    auth,
    asked: get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c'),
    says: 'c',
  },
  {
    type: 'WHATSAPP',
    auth,
    asked: get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c'),
    says: 'c',
  },
  {
    type: 'STRAVA',
    asked: get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c'),
    says: { 'hub.challenge': 'c' },
  },
  {
    type: 'TWITTER',
    auth: { api_key: SECRET },
    asked: get('crc_token=c'),
    says: { response_token: `sha256=${mac('c', { secret: SECRET, encoding: 'base64' })}` },
  },
  {
    type: 'ZOOM',
    auth,
    asked: post({ event: 'endpoint.url_validation', payload: { plainToken: 'c' } }),
    says: { plainToken: 'c', encryptedToken: hex('c') },
  },
  { type: 'MICROSOFT_GRAPH', auth, asked: { path: '?validationToken=a%20token' }, says: 'a token' },
  {
    type: 'MICROSOFT_SHAREPOINT',
    auth,
    asked: { path: '?validationToken=a%20token' },
    says: 'a token',
  },
  {
    type: 'OKTA',
    auth,
    asked: { method: 'GET', headers: { 'x-okta-verification-challenge': 'c' } },
    says: { verification: 'c' },
  },
  { type: 'MONDAY', auth, asked: post({ challenge: 'c' }), says: { challenge: 'c' } },
  { type: 'TRELLO', auth, asked: { method: 'HEAD' }, says: '' },
  { type: 'TRELLO', auth, asked: { method: 'GET' }, says: '' },
  { type: 'INTERCOM', auth, asked: { method: 'HEAD' }, says: '' },
  { type: 'MAILCHIMP', auth, asked: { method: 'HEAD' }, says: '' },
  {
    type: 'ASANA',
    asked: { headers: { 'x-hook-secret': 's-1' } },
    says: '',
    headers: { 'x-hook-secret': 's-1' },
  },
  {
    type: 'CLIO',
    asked: { headers: { 'x-hook-secret': 's-1' } },
    says: '',
    headers: { 'x-hook-secret': 's-1' },
  },
  { type: 'NOTION', asked: post({ verification_token: 's-1' }), says: '' },
  { type: 'TWITCH', auth, asked: twitch, says: 'c' },
  {
    type: 'EBAY',
    auth: { verification_token: 'v'.repeat(32) },
    asked: get('challenge_code=c'),
    says: (id) => ({ challengeResponse: sha256(`c${'v'.repeat(32)}${PUBLIC_URL}/in/${id}`) }),
  },
  {
    type: 'LINKEDIN',
    auth,
    asked: get('challengeCode=c'),
    says: { challengeCode: 'c', challengeResponse: hex('c') },
  },
  { type: 'NYLAS', auth, asked: get('challenge=c'), says: 'c' },
  { type: 'OURA', auth, asked: get('verification_token=v&challenge=c'), says: { challenge: 'c' } },
  {
    type: 'SMARTCAR',
    auth,
    asked: post({ eventName: 'verify', payload: { challenge: 'c' } }),
    says: { challenge: hex('c') },
  },
  {
    type: 'RING_CENTRAL',
    auth: { token: SECRET },
    asked: { headers: { 'validation-token': 'v-1' } },
    says: '',
    headers: { 'validation-token': 'v-1' },
  },
  { type: 'DISCORD', auth: discordAuth, asked: () => discordPing({ type: 1 }), says: { type: 1 } },
  {
    type: 'DISCORD',
    auth: discordAuth,
    asked: () => discordPing({ type: 0, application_id: '1' }),
    status: 204,
    says: '',
  },
  {
    type: 'DROPBOX',
    auth,
    asked: get('challenge=c'),
    says: 'c',
    headers: { 'x-content-type-options': 'nosniff' },
  },
  { type: 'CLOUDEVENTS', asked: options, says: '', headers: origin },
  { type: 'AZURE_EVENT_GRID', asked: options, says: '', headers: origin },
  {
    type: 'AZURE_EVENT_GRID',
    asked: post(gridEvent, { 'aeg-event-type': 'SubscriptionValidation' }),
    says: { validationResponse: 'c' },
  },
  {
    type: 'VERCEL_LOG_DRAINS',
    auth: { log_drains_secret: 'd-1' },
    asked: { method: 'GET' },
    says: '',
    headers: { 'x-vercel-verify': 'd-1' },
  },
];
