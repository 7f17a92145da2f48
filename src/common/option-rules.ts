/** What a value must be: says what is at fault with one, each sentence beginning with the name it is given under. */
export type OptionRule = (name: string, value: unknown) => string[];

/** Names and what the values must be. A value left out is never at fault, unless its rule is `required`. */
export type OptionRules<Options> = Readonly<Record<keyof Options, OptionRule>>;

/** A rule that is a sentence for all that does not pass. */
export function must(be: string, isSo: (value: unknown) => boolean): OptionRule {
  return (name, value) => (isSo(value) ? [] : [`${name} must ${be}`]);
}

export function whole(min: number, max: number): OptionRule {
  return must(`be a whole number from ${min} to ${max}`, (value) => isWholeWithin(value, min, max));
}

export function isWholeWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

export function flag(): OptionRule {
  return must('be true or false', (value) => typeof value === 'boolean');
}

export function listOf(rule: OptionRule): OptionRule {
  return (name, value) =>
    Array.isArray(value)
      ? value.flatMap((entry: unknown, index) => rule(`${name}[${index}]`, entry))
      : [`${name} must be a list`];
}

/** Everything at fault with some options, by their names and never by a value. */
export function faultsOf<Options>(rules: OptionRules<Options>, options: object, prefix = ''): string[] {
  const names = Object.keys(rules) as (keyof Options & string)[];
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(rules, name));
  return [
    ...names.flatMap((name) => {
      const value = (options as Record<string, unknown>)[name];
      return value === undefined && !required.has(rules[name]) ? [] : rules[name](`${prefix}${name}`, value);
    }),
    ...unknown.map((name) => `${prefix}${name} is no option of Latchkey`),
  ];
}

const required = new WeakSet<OptionRule>();

/** A rule that is asked about a value left out, too. */
export function needed(rule: OptionRule): OptionRule {
  const asked: OptionRule = (name, value) => rule(name, value);
  required.add(asked);
  return asked;
}

/** Whether it is an object to look names up in: no list, date or buffer. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
