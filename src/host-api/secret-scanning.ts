import { BODY_LENGTH, isKeyPrefix } from '../access-tokens/issuing/short-key';

/** Rules by which scanners find short keys in source code, logs and messages. */
export interface SecretScanningRules {
  /** A regular expression for one key, without anchors: the secret format of a custom pattern of GitHub. */
  readonly pattern: string;
  /** A rule for `gitleaks.toml`. */
  readonly gitleaks: string;
  /** A custom detector for the configuration of trufflehog, in YAML. */
  readonly trufflehog: string;
}

/**
 * The rules for keys with a prefix. A scanner that can call code tells typos apart by the last six characters, which are the
 * CRC-32 of the thirty before them in base 62, as in GitHub's tokens.
 *
 * @param prefix as in the option `keys`, such as `acme_live_`.
 * @throws TypeError for a text that cannot be a prefix.
 */
export function secretScanningRules(prefix: string): SecretScanningRules {
  if (!isKeyPrefix(prefix)) throw new TypeError('prefix must be one that the option keys allows, such as acme_live_');
  const pattern = `${prefix}[0-9A-Za-z]{${BODY_LENGTH}}`;
  const id = `${prefix.replaceAll('_', '-')}key`;
  return {
    pattern,
    gitleaks: [
      '[[rules]]',
      `id = "${id}"`,
      `description = "A key that begins with ${prefix}"`,
      `regex = '''\\b(${pattern})\\b'''`,
      'secretGroup = 1',
      `keywords = ["${prefix}"]`,
      '',
    ].join('\n'),
    trufflehog: [
      'detectors:',
      `  - name: ${id}`,
      `    keywords: ['${prefix}']`,
      '    regex:',
      `      key: '\\b(${pattern})\\b'`,
      '',
    ].join('\n'),
  };
}
