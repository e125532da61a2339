declare module 'sns-validator' {
  export default class MessageValidator {
    validate(message: Record<string, unknown>, callback: (error: Error | null) => void): void;
  }
}
