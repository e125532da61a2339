/** A cloud, as far as gateways and the people who use it see it. */
export type Cloud = {
  host: string;
  /** What its host answers to a GET. */
  answer(url: string): string;
  /** What its program prints. */
  command(words: string[]): Promise<string>;
};

/** The value behind an option, as `--name value` or `--name=value`. */
export function optionOf(words: string[], name: string): string {
  const joined = words.find((word) => word.startsWith(`${name}=`));
  const index = words.indexOf(name);
  const value = joined?.slice(name.length + 1) ?? (index < 0 ? undefined : words[index + 1]);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
