/** Why a measurement cannot be made, as a sentence for whoever asked for it. */
export class Fault extends Error {
  override readonly name: string = 'Fault';
}
