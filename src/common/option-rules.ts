/** A rule for a value: returns its faults, each a sentence that begins with the name of the value. */
export type OptionRule = (name: string, value: unknown) => string[];

/** One row of a table of options: the rule, and the default if the option may be left out. */
type Option<Value> = undefined extends Value
  ? { readonly rule: OptionRule; readonly default: Exclude<Value, undefined> | undefined }
  : { readonly rule: OptionRule };

/** Every option of an interface, each with its rule and default. One without a default must be given. */
export type OptionTable<Options> = { readonly [Name in keyof Options]-?: Option<Options[Name]> };

type AnyTable = Readonly<Record<string, { readonly rule: OptionRule; readonly default?: unknown }>>;

/** A rule with one sentence for every value that does not pass. */
export function must(be: string, isSo: (value: unknown) => boolean): OptionRule {
  return (name, value) => (isSo(value) ? [] : [`${name} must ${be}`]);
}

/** A rule about whole numbers. It says its range, so that an environment variable can have the same. */
export interface WholeRule extends OptionRule {
  readonly min: number;
  readonly max: number;
}

/** @param unit what is counted, such as `seconds`; the sentence then says so. */
export function whole(min: number, max: number, unit = ''): WholeRule {
  const rule = must(`be a whole number${unit && ` of ${unit}`} from ${min} to ${max}`, (value) =>
    isWholeWithin(value, min, max),
  );
  return Object.assign(rule, { min, max });
}

function isWholeWithin(value: unknown, min: number, max: number): boolean {
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

/** All faults of some options. They name options and never quote a value. An option given as undefined counts as left out. */
export function faultsOf(table: AnyTable, options: object, prefix = ''): string[] {
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(table, name));
  return [
    ...Object.entries(table).flatMap(([name, option]) => {
      const value = (options as Record<string, unknown>)[name];
      return value === undefined && 'default' in option ? [] : option.rule(`${prefix}${name}`, value);
    }),
    ...unknown.map((name) => `${prefix}${name} is not an option of Latchkey`),
  ];
}

/** The options with the default of each that is left out. */
export function withDefaults<Options extends object>(table: OptionTable<Options>, options: Options): Required<Options> {
  const given = options as Record<string, unknown>;
  const valueOf = (name: string, byDefault: unknown) => (given[name] === undefined ? byDefault : given[name]);
  const entries = Object.entries(table as AnyTable).map(([name, option]) => [name, valueOf(name, option.default)]);
  return Object.fromEntries(entries) as Required<Options>;
}

/** Whether a value is an object with names: not a list, date or buffer. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
