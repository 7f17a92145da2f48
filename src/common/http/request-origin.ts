/** Where a request came from, as far as the node knows. */
export interface RequestOrigin {
  /** The address of the client, behind trusted proxies. */
  readonly address: string | undefined;
  /** What the answer carries as `X-Request-Id`. */
  readonly requestId: string | undefined;
  /** What the client calls itself. It may say anything. */
  readonly userAgent: string | undefined;
}
