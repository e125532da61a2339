/** Characters of an address that a message shows. */
const MAX_CHARACTERS = 200;

/** What to tell about a redirect to this `Location`, which may hold credentials and be of any length. */
export function redirectMessage(location: string | null): string {
  const target = location === null ? '' : ` to ${shownTarget(location)}`;
  return `The receiver redirects${target}. Sluice does not follow redirects: set the URL of the destination to the address that takes the events.`;
}

/** Whether a status sends the client to another address. */
export function isRedirect(status: number | null): boolean {
  return status !== null && status >= 300 && status < 400 && status !== 304;
}

/** The address without user, password, query and fragment. */
function shownTarget(location: string): string {
  const [address = ''] = location.split(/[?#]/, 1);
  const anonymous = address.replace(/^([a-z][a-z\d+.-]*:)?([/\\]{2,})[^/\\]*@/i, '$1$2');
  const printable = anonymous.replaceAll(/[^\x21-\x7e]+/g, '');
  return printable.length > MAX_CHARACTERS ? `${printable.slice(0, MAX_CHARACTERS)}…` : printable;
}
