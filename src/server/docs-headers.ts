/**
 * The headers of the API documentation's pages. Swagger UI runs only from files of this server, calls only this server, and
 * cannot stand in a frame; its styles are partly inline.
 *
 * @param publicUrl the address of its calls, if that is not where the page is.
 */
export function docsHeaders(publicUrl: string | undefined): Readonly<Record<string, string>> {
  const elsewhere = publicUrl === undefined ? '' : ` ${new URL(publicUrl).origin}`;
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      `connect-src 'self'${elsewhere}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  };
}
