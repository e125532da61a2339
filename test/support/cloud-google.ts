import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { optionOf, type Cloud } from './cloud.ts';

/** Google Pub/Sub with one topic and one subscription, and the commands of `gcloud pubsub` that a page needs. */
export async function createGoogle(): Promise<Cloud> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'g1', alg: 'RS256' };
  let subscription = { endpoint: '', email: '', audience: '' };

  async function push(data: string): Promise<void> {
    const { endpoint, email, audience } = subscription;
    const token = await new SignJWT({ email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid: 'g1' })
      .setIssuer('https://accounts.google.com')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
    const message = { data: Buffer.from(data).toString('base64'), messageId: randomUUID() };
    const name = 'projects/your-project/subscriptions/orders-to-sluice';
    await fetch(endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message, subscription: name }),
    });
  }

  async function command(words: string[]): Promise<string> {
    const name = words.slice(0, 3).join(' ');
    switch (name) {
      case 'pubsub topics create':
        return 'Created topic [projects/your-project/topics/orders].';
      case 'pubsub subscriptions create':
        subscription = {
          endpoint: optionOf(words, '--push-endpoint'),
          email: optionOf(words, '--push-auth-service-account'),
          audience: optionOf(words, '--push-auth-token-audience'),
        };
        return 'Created subscription [projects/your-project/subscriptions/orders-to-sluice].';
      case 'pubsub topics publish':
        await push(optionOf(words, '--message'));
        return 'messageIds: 1';
      default:
        throw new Error(`gcloud ${name} is not known here`);
    }
  }

  return {
    host: 'www.googleapis.com',
    answer: () => JSON.stringify({ keys: [jwk] }),
    command,
  };
}
