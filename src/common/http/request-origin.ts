/** Where a request came from, as far as the node knows. */
export interface RequestOrigin {
  /** The address of the client, behind trusted proxies. */
  readonly address: string | undefined;
  /** The id that the answer carries as `X-Request-Id`. */
  readonly requestId: string | undefined;
  /** The `User-Agent` header, as the client sent it. It may say anything. */
  readonly userAgent: string | undefined;
}
