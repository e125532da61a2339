export { deliverEvents } from './deliver-events.ts';
export { processRequests } from './process-requests.ts';
