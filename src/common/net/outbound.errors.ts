/** Why no answer came that can be used: for logs and metrics. */
export type OutboundFault =
  | 'url_refused'
  | 'address_refused'
  | 'unresolved'
  | 'busy'
  | 'timed_out'
  | 'unreachable'
  | 'certificate_refused'
  | 'redirected'
  | 'encoded'
  | 'too_large';

/** A request that went out and brought nothing to use, or was not let out. It quotes neither the URL nor the answer. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';

  constructor(
    readonly fault: OutboundFault,
    /** The code of the socket or of TLS, where there is one. */
    readonly code?: string,
  ) {
    super(`Outbound request: ${fault}${code === undefined ? '' : ` (${code})`}`);
  }

  /** True when the URL itself is at fault, and asking again would not help. */
  get isRefused(): boolean {
    return this.fault === 'url_refused' || this.fault === 'address_refused';
  }
}
