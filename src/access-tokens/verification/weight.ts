import type { TrustedIp } from '../../common/net/trusted-ips';
import type { TokenPermissions } from '../issuing/token-permissions';

const BYTES_OF_NETWORK = 400;
const BYTES_OF_LABEL = 64;

/** Facts, as far as their size differs. */
interface Weighed {
  readonly metadata: Readonly<Record<string, string>>;
  readonly method: { readonly trustedIps: readonly TrustedIp[] } | null;
  readonly tokenMetadata?: Readonly<Record<string, string>>;
  readonly permissions?: TokenPermissions | null;
  readonly trustedIps?: readonly TrustedIp[] | null;
}

/**
 * The weight of facts in the cache, in entries: one, plus one for each kilobyte of labels, permissions and trusted networks.
 * Facts that tokens of one identity share count for each of them.
 */
export function weightOf({ metadata, method, tokenMetadata, permissions, trustedIps }: Weighed): number {
  const networks = (method?.trustedIps.length ?? 0) + (trustedIps?.length ?? 0);
  const bytes = bytesOf(metadata) + bytesOf(tokenMetadata ?? {}) + bytesOf(permissions ?? {});
  return 1 + Math.floor((networks * BYTES_OF_NETWORK + bytes) / 1_024);
}

function bytesOf(texts: Readonly<Record<string, string | readonly string[]>>): number {
  let bytes = 0;
  for (const key in texts) {
    const values = texts[key]!;
    bytes += BYTES_OF_LABEL + 2 * key.length;
    if (typeof values === 'string') bytes += 2 * values.length;
    else for (const value of values) bytes += BYTES_OF_LABEL + 2 * value.length;
  }
  return bytes;
}
