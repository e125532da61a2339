/** The guest libraries, and the words in user code that ask for one. */
export const GUEST_LIBRARIES = {
  crypto: ['crypto'],
  text: ['TextEncoder', 'TextDecoder'],
  base64: ['atob', 'btoa'],
  url: ['URL'],
} as const;
export type GuestLibrary = keyof typeof GUEST_LIBRARIES;

/** Everything a child runs, as text: its own program, the guest prelude and the guest libraries. */
export type Programs = {
  readonly child: string;
  readonly prelude: string;
  readonly libraries: Readonly<Record<GuestLibrary, string>>;
};

/**
 * The guest libraries a piece of code can see: those it names anywhere in its text. A new isolate
 * stays cheap for the many transformations that need none; a name put together at run time is not found.
 */
export function librariesFor(code: string): GuestLibrary[] {
  const names = Object.keys(GUEST_LIBRARIES) as GuestLibrary[];
  return names.filter((name) => GUEST_LIBRARIES[name].some((word) => code.includes(word)));
}
