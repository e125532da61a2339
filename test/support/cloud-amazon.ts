import { randomUUID } from 'node:crypto';
import { CERTIFICATE_PEM, SNS_HOST, snsMessage, snsRequest } from '../api/ingest/sns.ts';
import { optionOf, type Cloud } from './cloud.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:orders';

/** Amazon SNS with one topic, and the commands of `aws sns` that a page needs. */
export function createAmazon(): Cloud {
  let endpoint = '';
  let token = '';
  let isConfirmed = false;

  async function post(changes: Record<string, string>): Promise<void> {
    const message = snsMessage({ MessageId: randomUUID(), TopicArn: TOPIC, ...changes });
    const type = { 'x-amz-sns-message-type': message['Type']! };
    const { headers, body } = snsRequest(message);
    await fetch(endpoint, { method: 'POST', headers: { ...headers, ...type }, body: String(body) });
  }

  async function command([service = '', name = '', ...words]: string[]): Promise<string> {
    if (service !== 'sns') throw new Error(`aws ${service} is not known here`);
    switch (name) {
      case 'create-topic':
        return TOPIC;
      case 'subscribe':
        endpoint = optionOf(words, '--notification-endpoint');
        token = randomUUID();
        await post({
          Type: 'SubscriptionConfirmation',
          Message: 'You have chosen to subscribe to the topic.',
          Token: token,
          SubscribeURL: `https://${SNS_HOST}/?Action=ConfirmSubscription&Token=${token}`,
        });
        return 'pending confirmation';
      case 'list-subscriptions-by-topic':
        return isConfirmed ? `${TOPIC}:${randomUUID()}` : 'PendingConfirmation';
      case 'publish':
        if (isConfirmed) await post({ Message: optionOf(words, '--message') });
        return randomUUID();
      default:
        throw new Error(`aws sns ${name} is not known here`);
    }
  }

  return {
    host: SNS_HOST,
    answer(url) {
      if (url.endsWith('.pem')) return CERTIFICATE_PEM;
      isConfirmed ||= url.includes('Action=ConfirmSubscription') && url.endsWith(token);
      return '<ConfirmSubscriptionResponse/>';
    },
    command,
  };
}
