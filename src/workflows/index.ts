export { controlConnection } from './control-connection.ts';
export { controlDestination } from './control-destination.ts';
export { deliverEvents } from './deliver-events.ts';
export { deliverInOrder } from './deliver-in-order.ts';
export { processRequests } from './process-requests.ts';
