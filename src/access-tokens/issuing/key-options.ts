import { faultsOf, isObject, listOf, must, type OptionTable, withDefaults } from '../../common/option-rules';
import { isKeyPrefix } from './short-key';

/** The options of short keys. */
export interface KeyOptions {
  /** How keys begin: `acme_live_`. 2 to 20 lower-case letters, digits and underscores, the last an underscore. */
  readonly prefix: string;
  /**
   * Earlier prefixes, whose keys still work.
   *
   * @default []
   */
  readonly previousPrefixes?: readonly string[];
  /**
   * How imported keys begin, each 0 to 64 visible characters; an empty text for any. Only such texts are looked up among the
   * imported keys. They have 16 to 255 visible characters and do not begin with `eyJ`, as JWTs do.
   *
   * @default []
   */
  readonly imported?: readonly string[];
}

const keyPrefix = must(
  'be 2 to 20 lower-case letters, digits and underscores, begin with a letter and end with an underscore',
  isKeyPrefix,
);

const startOfImported = must(
  'be at most 64 visible characters and not begin with eyJ',
  (text) => typeof text === 'string' && /^(?!eyJ)[\x21-\x7e]{0,64}$/.test(text),
);

const KEY_OPTIONS = {
  prefix: { rule: keyPrefix },
  previousPrefixes: { default: [], rule: listOf(keyPrefix) },
  imported: { default: [], rule: listOf(startOfImported) },
} satisfies OptionTable<KeyOptions>;

export function withKeyDefaults(keys: KeyOptions): Required<KeyOptions> {
  return withDefaults<KeyOptions>(KEY_OPTIONS, keys);
}

/** The faults of the option `keys`. */
export function faultsOfKeys(keys: unknown): string[] {
  return isObject(keys) ? faultsOf(KEY_OPTIONS, keys, 'keys.') : ['keys must be an object with a prefix'];
}
